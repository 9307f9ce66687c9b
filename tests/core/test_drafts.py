"""What is written lies beside its place until all of it is safe, and nothing of it stays where that fails."""

import errno
import io
import os
import stat
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.core import drafts, paths
from tests.faults import FULL, in_child

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, locks, limits and file modes of POSIX")


@pytest.fixture
def old(tmp_path):
    """A file that is there already, alone in its folder."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    return path


@POSIX
@pytest.mark.parametrize("room", ["no room at all", "room for a part"])
def test_what_a_library_makes_of_a_full_disk_is_said_in_words(old, room):
    def write():
        with paths.drafted(old, "checkpoint") as draft:
            torch.save({"a": torch.ones(50_000)}, draft)  # which says "unexpected pos"

    said, _ = in_child(lambda: FULL[room](200_000) or write())
    assert said["text"] == (
        f"checkpoint must be a file that the system can write, got {str(old)!r}: File too large. The file that was "
        "there is as it was."
    )
    assert said["errno"] == errno.EFBIG
    assert "NotWritten" in said["error"]
    assert "ValueError" not in said["error"]
    assert os.listdir(old.parent) == ["a.bin"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_is_said_with_what_to_do(old, monkeypatch, number):
    def sync(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", sync)
    for path, kept in ((old, "The file that was there is as it was."), (old.with_name("new"), "Nothing was written.")):
        with pytest.raises(paths.NotWritten, match=r"^path must lie on a disk with room for it, got '.*': ") as told:
            paths.write_whole(path, b"new")
        assert str(told.value).endswith(f"{os.strerror(number)}. {kept} Make room, or choose another disk.")
        assert told.value.errno == number
    assert (old.read_bytes(), os.listdir(old.parent)) == (b"old", ["a.bin"])


def test_a_fault_that_a_library_keeps_to_itself_is_said(old):
    with pytest.raises(paths.NotWritten, match="No space left on device"), paths.drafted(old) as draft:
        draft.raw.fault = OSError(errno.ENOSPC, "No space left on device")  # and nothing is raised
    assert (old.read_bytes(), os.listdir(old.parent)) == (b"old", ["a.bin"])


def test_what_the_system_did_not_refuse_stays_as_it_is(old):
    def write(path, error):
        with paths.drafted(path) as draft:
            draft.write(b"half")
            raise error

    for error in (KeyError("x"), FileNotFoundError("another file"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as told:
            write(old, error)
        assert told.value is error
    assert (old.read_bytes(), os.listdir(old.parent)) == (b"old", ["a.bin"])


def test_all_that_libraries_write_is_seen(old):
    with paths.drafted(old) as draft:
        Image.new("RGB", (9, 7), "red").save(draft, "JPEG")  # would write through the number of the file
    with Image.open(old) as image:
        assert image.size == (9, 7)
    with paths.drafted(old) as draft:
        np.save(draft, np.arange(5))  # so would this
        with pytest.raises(io.UnsupportedOperation):
            draft.fileno()
    assert np.load(old).tolist() == [0, 1, 2, 3, 4]


def test_what_is_put_in_place_is_on_the_disk(old, monkeypatch):
    done, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(("sync", os.fstat(handle).st_size)) or sync(handle))
    monkeypatch.setattr(os, "replace", lambda *names: done.append(("replace",)) or replace(*names))
    paths.write_whole(old, b"x" * 12345)
    assert done[:2] == [("sync", 12345), ("replace",)]
    done.clear()
    with paths.open_part(old) as part:
        part.write(b"y" * 54321)
    paths.complete(old)
    assert done[:2] == [("sync", 54321), ("replace",)]


def test_many_threads_write_one_file(old):
    def write(data):
        for _ in range(10):
            paths.write_whole(old, data)

    contents = [bytes([65 + i]) * 100_000 for i in range(6)]
    threads = [threading.Thread(target=write, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert old.read_bytes() in contents
    assert os.listdir(old.parent) == ["a.bin"]


@POSIX
def test_a_draft_that_was_left_goes_with_the_next(old):
    for number in (0, 1, 2):
        old.with_name(f".a.bin.{number}.draft").write_bytes(b"left by a crash")
    others = [old.with_name(name) for name in (".a.bin.x.draft", ".b.bin.0.draft", "a.bin.0.draft")]
    for path in others:
        path.write_bytes(b"somebody's")
    paths.write_whole(old, b"new")
    assert old.read_bytes() == b"new"
    assert sorted(os.listdir(old.parent)) == sorted(path.name for path in [old, *others])


@POSIX
def test_a_draft_that_is_being_written_stays(old):
    with paths.drafted(old) as one:
        one.write(b"one")
        with paths.drafted(old) as other:
            other.write(b"other")
            assert sorted(os.listdir(old.parent)) == [".a.bin.0.draft", ".a.bin.1.draft", "a.bin"]
        assert old.read_bytes() == b"other"
    assert old.read_bytes() == b"one"
    assert os.listdir(old.parent) == ["a.bin"]


@POSIX
def test_what_is_no_draft_of_ours_is_left_alone(old, tmp_path):
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    elsewhere.write_bytes(b"somebody's")
    old.with_name(".a.bin.0.draft").symlink_to(elsewhere)
    os.mkfifo(old.with_name(".a.bin.1.draft"))
    old.with_name(".a.bin.2.draft").mkdir()
    paths.write_whole(old, b"new")
    assert (old.read_bytes(), elsewhere.read_bytes()) == (b"new", b"somebody's")
    assert len(os.listdir(old.parent)) == 4


@POSIX
def test_a_disk_without_locks_keeps_what_may_be_in_use(old, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(drafts.fcntl, "flock", flock)
    left = old.with_name(".a.bin.0.draft")
    left.write_bytes(b"perhaps in use")
    paths.write_whole(old, b"new")
    assert (old.read_bytes(), left.read_bytes()) == (b"new", b"perhaps in use")
    assert sorted(os.listdir(old.parent)) == [left.name, "a.bin"]


def test_a_system_without_locks_of_posix_writes_too(old, monkeypatch):
    monkeypatch.setattr(drafts, "fcntl", None)
    left = old.with_name(".a.bin.0.draft")
    left.write_bytes(b"perhaps in use")
    paths.write_whole(old, b"new")
    assert old.read_bytes() == b"new"
    assert sorted(os.listdir(old.parent)) == [left.name, "a.bin"]


def test_too_many_drafts_are_said(old, monkeypatch):
    monkeypatch.setattr(drafts, "_DRAFTS", 2)
    monkeypatch.setattr(drafts, "fcntl", None)
    for number in (0, 1):
        old.with_name(f".a.bin.{number}.draft").write_bytes(b"")
    with pytest.raises(paths.NotWritten, match=r"2 drafts are in the way, such as '.*a.bin.1.draft'\. The file that"):
        paths.write_whole(old, b"new")
    assert old.read_bytes() == b"old"


@POSIX
def test_a_private_file_is_private_while_it_is_written(old):
    old.chmod(0o600)
    with paths.drafted(old) as draft:
        draft.write(b"secret")
        (left,) = (path for path in old.parent.iterdir() if path != old)
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only a superuser gives files away")
def test_the_owner_stays(old):
    os.chown(old, 1234, 2345)
    paths.write_whole(old, b"new")
    there = old.stat()
    assert (there.st_uid, there.st_gid) == (1234, 2345)


@POSIX
def test_rights_of_another_are_not_lent_to_a_file_of_ours(old, monkeypatch):
    def chown(*_):
        raise PermissionError(errno.EPERM, "no")

    old.chmod(0o4755)
    monkeypatch.setattr(os, "chown", chown)
    paths.write_whole(old, b"new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o755


@POSIX
def test_another_name_of_the_file_keeps_what_was_in_it(old):
    other = old.with_name("other")
    other.hardlink_to(old)
    paths.write_whole(old, b"new")
    assert (old.read_bytes(), other.read_bytes()) == (b"new", b"old")


@POSIX
def test_pipes_and_what_a_program_has_open_are_no_files(old):
    pipe = old.with_name("pipe")
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="which is a device or a pipe"):
        paths.write_whole(pipe, b"new")
    with old.open("r+b") as file:
        for path in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            with pytest.raises(ValueError, match=r"which (a program has open\. Name the file|is a device)"):
                paths.write_whole(path, b"new")
    assert old.read_bytes() == b"old"


@POSIX
@pytest.mark.parametrize("room", ["no room at all", "room for a part"])
def test_what_is_added_is_added_whole(old, room):
    old.write_bytes(b"old" * 100)
    said, _ = in_child(lambda: FULL[room](700) or paths.add_whole(old, b"new" * 100, "log"))
    assert "NotWritten" in said["error"]
    assert said["text"].startswith(f"log must be a file that the system can write, got {str(old)!r}: File too large.")
    assert old.read_bytes() == b"old" * 100
    assert paths.add_whole(old, b"new", kept=3) == old
    assert old.read_bytes() == b"oldnew"
    assert paths.add_whole(old, b"er").read_bytes() == b"oldnewer"
    paths.add_whole(old.with_name("fresh"), b"1")
    assert old.with_name("fresh").read_bytes() == b"1"


@POSIX
def test_a_part_takes_the_place_that_a_link_leads_to(old, tmp_path):
    link = tmp_path / "folder" / "link.bin"
    link.parent.mkdir()
    link.symlink_to(old)
    old.chmod(0o640)

    def interrupted():
        with paths.open_part(link) as part:
            part.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with paths.open_part(link) as part:
        part.write(b"w")
    paths.complete(link)
    assert link.is_symlink()
    assert (old.read_bytes(), stat.S_IMODE(old.stat().st_mode)) == (b"new", 0o640)
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "folder"]


@POSIX
def test_what_came_of_a_part_is_kept_on_a_full_disk(old):
    def write():
        with paths.open_part(old, "the cache") as part:
            part.write(b"n" * 100_000)
            part.write(b"e" * 100_000)

    said, _ = in_child(lambda: FULL["room for a part"](300_000) or write())
    assert said["text"].endswith("File too large. What came so far is kept for the next time.")
    assert paths.part_of(old).read_bytes() == b"n" * 100_000 + b"e" * 50_000
    assert old.read_bytes() == b"old"


@POSIX
def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match=r"folder must be a folder that can be made, got '.*b': '.*' is read"):
            paths.make_folder(tmp_path / "a" / "b")
    finally:
        tmp_path.chmod(0o755)
    assert os.listdir(tmp_path) == []

    def mkdir(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(paths.NotWritten, match=r"folder must lie on a disk with room for it, got .* It was not made"):
        paths.make_folder(tmp_path / "a")
