"""A download on a disk without room, or in a program that dies: what was in the cache stays, the next one goes on."""

import hashlib
import os
import signal

import pytest

import latent_widgets as lw
from tests.faults import FULL, KILLED, in_child, only_at
from tests.generators.checkpoints.standins import write_nvidia

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks, limits and signals of POSIX")

FAULTS = [*FULL, *KILLED.keys() - {"killed before a draft"}]


@pytest.fixture
def bodies(tmp_path, make_variant):
    """The bytes of two checkpoints: the one in the cache, and the one that replaces it."""
    return [write_nvidia(tmp_path / f"{seed}.pkl", make_variant(seed=seed)).read_bytes() for seed in (0, 1)]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_cache_keeps_what_it_has_until_the_new_file_is_whole(web, bodies, kept, fault):
    old, new = bodies
    url = web.put("/network.pkl", old)
    before = lw.load(url).weights_hash
    wanted = hashlib.sha256(new).hexdigest()
    web.put("/network.pkl", new, tag='"two"')

    def load():
        (FULL | KILLED)[fault](len(new))
        only_at(".pkl")
        return lw.load(url, sha256=wanted).weights_hash

    said, ended = in_child(load)

    if fault in FULL:
        assert "NotWritten" in said["error"], said
        assert ended == 0
    else:
        assert ended in (signal.SIGKILL, signal.SIGXFSZ), said
    assert kept()["network.pkl"] == (new if fault == "killed after" else old)
    after = lw.load(url, sha256=wanted).weights_hash
    assert after != before
    note = (
        {"network.pkl.part.json"} if fault == "killed after" else set()
    )  # on what came; the next download has another
    assert kept().keys() - note == {"network.pkl"}
    assert kept()["network.pkl"] == new
