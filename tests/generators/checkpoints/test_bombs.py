"""Files that ask for more than their size: refused in words, before the memory is taken and the work is done."""

import tracemalloc

import pytest

from latent_widgets.core import budget
from latent_widgets.generators.checkpoints._strangers import HarmfulError
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import open_file, read_network
from tests.generators.checkpoints.bombs import BOMBS, COLLISIONS, PROTOCOL


@pytest.fixture
def low_floor(monkeypatch):
    monkeypatch.setattr(budget, "FLOOR", 2**20)


@pytest.mark.usefixtures("low_floor")
@pytest.mark.parametrize("name", BOMBS)
def test_what_asks_for_far_more_than_its_size_is_refused(tmp_path, name):
    path = tmp_path / "x.pkl"
    path.write_bytes(BOMBS[name])
    with pytest.raises(CheckpointError, match=WORDS.get(name, "must need memory and work in proportion to its")):
        read_network(path)


WORDS = {
    "sizes without end": "a tensor must have a storage, sizes and as many strides",
}


@pytest.mark.usefixtures("low_floor")
@pytest.mark.parametrize("name", ["a path that doubles", "text encoded again", "strangers", "long names"])
def test_what_is_refused_took_little(tmp_path, name):
    path = tmp_path / "x.pkl"
    path.write_bytes(BOMBS[name])
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        open_file(path)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2 * (budget.FLOOR + budget.TIMES * len(BOMBS[name]))


@pytest.mark.parametrize("where", ["dict", "set", "call"])
@pytest.mark.parametrize("kind", COLLISIONS)
def test_keys_that_collide_are_taken_by_their_text(tmp_path, kind, where):
    keys = COLLISIONS[kind]
    each = b"N" if where == "dict" else b"N\x86" if where == "call" else b""
    inner = b"(" + b"".join(key + each for key in keys)
    made = {"dict": b"}%bu", "set": b"\x8f%b\x90", "call": b"ccollections\nOrderedDict\n]%be\x85R"}[where] % inner
    path = tmp_path / "x.pkl"
    path.write_bytes(PROTOCOL + made + b".")
    found = open_file(path).value
    assert len(found) == len(keys)
    assert all(type(key) is str for key in found)


def test_keys_of_honest_files_stay_what_they_are(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(PROTOCOL + b"}(K\x01NJ\xff\xff\xff\xffNNNC\x01aNX\x01\0\0\0aNu.")
    found = open_file(path).value
    assert [(type(key), key) for key in found] == [(int, 1), (int, -1), (type(None), None), (bytes, b"a"), (str, "a")]
    path.write_bytes(PROTOCOL + b"}(G?\xe0\0\0\0\0\0\0NK\x01X\x01\0\0\0a\x86Nu.")
    assert [*open_file(path).value] == ["0.5", "(1, 'a')"]


def test_what_means_harm_is_told_from_what_is_damaged(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(PROTOCOL + b"cos\nsystem\n.")
    with pytest.raises(HarmfulError):
        open_file(path)
