"""Hostile files to every reader: nothing in them runs, none takes much, and each is read or refused in words."""

import pytest

from tests.hostile import replay
from tests.hostile.client import WarmReaders
from tests.hostile.corpus import CLASSES
from tests.hostile.misdeeds import MISDEEDS
from tests.hostile.readers import READERS
from tests.hostile.targets import TARGETS


@pytest.fixture(scope="module")
def warm():
    """A process that has everything imported."""
    readers = WarmReaders()
    yield readers
    readers.close()


def test_there_are_many_classes():
    assert len(CLASSES) >= 50
    assert {reader for hostile in CLASSES.values() for reader in hostile.readers} <= set(READERS)


@pytest.mark.parametrize("name", CLASSES)
def test_hostile_files(warm, tmp_path, name):
    ends = warm.read_class(CLASSES[name], tmp_path)
    assert len(ends) >= len(READERS)
    wrong = {f"{file}: {reader}": end["wrong"] for file, _, reader, end in ends if end["wrong"]}
    assert wrong == {}


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_found(warm, tmp_path, target):
    pairs = replay.pairs(target, tmp_path)
    ends = warm.read(pairs)
    wrong = {
        f"{path.name}: {end['ended']}": end["wrong"] for (path, _), end in zip(pairs, ends, strict=True) if end["wrong"]
    }
    assert wrong == {}


def test_the_watch_and_the_limits_see_each_misdeed(warm, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "file"
    path.write_bytes(b"abc")
    ends = warm.read([(path, name) for name in MISDEEDS])
    for (name, (_, said)), end in zip(MISDEEDS.items(), ends, strict=True):
        assert any(said in one for one in end["wrong"]), (name, end)
