import os
import stat
from pathlib import Path, PurePath

import pytest

from latent_widgets.core import paths

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and file modes of POSIX")


class Named:
    """Something else with a path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.fixture
def mode():
    return lambda path: stat.S_IMODE(path.stat().st_mode)


def test_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        paths.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_draft_that_is_not_finished_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match="bytes-like"), paths.drafted(path) as file:
        file.writelines([b"half of the n", "text"])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


@POSIX
def test_new_file_has_the_mode_that_open_would_give(tmp_path, mode):
    paths.write_whole(tmp_path / "a", b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert mode(tmp_path / "a") == mode(tmp_path / "b")


@POSIX
@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755, 0o666])
def test_old_file_keeps_its_mode(tmp_path, mode, bits):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(bits)
    paths.write_whole(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", bits)


@pytest.mark.parametrize("length", [250, 255])
def test_longest_name_that_the_system_takes_can_be_written(tmp_path, length):
    path = tmp_path / ("a" * length)
    paths.write_whole(path, b"1")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("kind", [str, Path, PurePath, Named])
def test_home_is_written_out_for_every_kind_of_path(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert paths.write_whole(kind("~/face.bin"), b"1") == tmp_path / "face.bin"
    assert paths.to_read(kind("~/face.bin")).read_bytes() == b"1"
    assert paths.make_folder(kind("~/a/b")) == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


@POSIX
@pytest.mark.parametrize("steps", [1, 3])
def test_link_stays_and_its_target_is_written(tmp_path, mode, steps):
    target = tmp_path / "elsewhere" / "real.json"
    target.parent.mkdir()
    target.write_bytes(b"old")
    target.chmod(0o640)
    link = target
    for i in range(steps):
        link, before = tmp_path / f"link{i}.json", link
        link.symlink_to(before)
    assert paths.write_whole(link, b"new") == link
    assert link.is_symlink()
    assert not target.is_symlink()
    assert (target.read_bytes(), mode(target)) == (b"new", 0o640)


@POSIX
def test_link_to_nothing_makes_its_target(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("real")  # beside the link, wherever the program runs
    paths.write_whole(link, b"1")
    assert link.is_symlink()
    assert (tmp_path / "real").read_bytes() == b"1"


@POSIX
def test_links_that_lead_nowhere_are_said(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "far").symlink_to(tmp_path / "none" / "file")
    for ask in (paths.to_read, paths.to_write):
        with pytest.raises(ValueError, match=r"path must lead to a file, got '.*a', a link that leads to itself\."):
            ask(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"got '.*far', a link to '.*none/file'\. Make the folder '.*none'"):
        paths.to_write(tmp_path / "far")
    with pytest.raises(FileNotFoundError, match=r"must be a file that exists, got '.*far', a link to '.*file'\."):
        paths.to_read(tmp_path / "far")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (b"x.json", TypeError, r"path must be a path as text, got the bytes b'x\.json'\. Use os\.fsdecode\(path\)\."),
        (Named(b"x.json"), TypeError, "path must be a path as text, got the bytes"),
        (3, TypeError, r"path must be a path \(str or os\.PathLike\), got int\."),
        (None, TypeError, r"path must be a path \(str or os\.PathLike\), got NoneType\."),
        ("", ValueError, "path must name a file or folder, got ''"),
        ("  ", ValueError, "path must name a file or folder, got '  '"),
        ("a\0b", ValueError, r"path must name a file or folder, got 'a\\x00b'"),
        ("~nobody-of-this-name/x", ValueError, "path must begin with the home of somebody, got '~nobody"),
        ("x" * 3000, ValueError, "path must be a path that the system knows, got 'xxx"),
    ],
)
def test_what_is_no_path_is_said_by_every_door(tmp_path, monkeypatch, value, error, message):
    monkeypatch.chdir(tmp_path)
    for ask in (paths.to_read, paths.to_write, lambda path: paths.write_whole(path, b"1")):
        with pytest.raises(error, match=message):
            ask(value)
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written_are_said(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "folder").mkdir()
    cases = {
        tmp_path / "none" / "a": r"path must lie in a folder that exists, got '.*a'\. Make the folder '.*none' first\.",
        tmp_path / "file" / "a": r"path must lie in a folder that exists, got '.*a'\. '.*file' is a file: choose",
        tmp_path / "folder": r"path must be a file, got the folder '.*folder'\. Add a file name\.",
        f"{tmp_path / 'new'}{os.sep}": r"path must be a file, got the folder '.*new.'\. Add a file name\.",
        f"{tmp_path / 'file'}{os.sep}": r"path must be a file, got '.*file' written as a folder\.",
        os.devnull: "path must be a file on a disk, got '.*', which is a device or a pipe",
    }
    for path, message in cases.items():
        with pytest.raises(ValueError, match=message) as told:
            paths.write_whole(path, b"2")
        assert isinstance(told.value, OSError)
    assert (tmp_path / "file").read_bytes() == b"1"
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_ending_is_asked_for(tmp_path):
    assert paths.to_write(tmp_path / "a.JSON", endings=(".json",)).name == "a.JSON"
    for name in ("a.png", "json", ".json"):
        with pytest.raises(ValueError, match=r"target must end in \.json or \.npy, got "):
            paths.to_write(tmp_path / name, "target", (".json", ".npy"))


@POSIX
def test_what_is_read_only_stays_as_it_is(tmp_path, mode):
    path, folder = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"old")
    path.chmod(0o444)
    folder.mkdir()
    folder.chmod(0o555)
    link = tmp_path / "link"
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(PermissionError, match=r"file that may be written, got '.*', which is read-only\. Choose"):
            paths.write_whole(name, b"new")
    with pytest.raises(PermissionError, match=r"folder that may be written, got '.*c': '.*b' is read-only\."):
        paths.write_whole(folder / "c", b"new")
    folder.chmod(0o755)
    assert (path.read_bytes(), mode(path), os.listdir(folder)) == (b"old", 0o444, [])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="a superuser may read everything")
def test_file_that_may_not_be_read_is_said(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"path must be a file that may be read, got '.*a'"):
        paths.to_read(path)


def test_folder_and_device_are_no_files_to_read(tmp_path):
    for path in (tmp_path, os.devnull):
        with pytest.raises(IsADirectoryError, match="source must be a file"):
            paths.to_read(path, "source")
    with pytest.raises(FileNotFoundError, match=r"source must be a file that exists, got '.*none'\."):
        paths.to_read(tmp_path / "none", "source")


def test_folder_in_the_place_of_a_file_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match=r"folder must be a folder, got '.*', which is or lies in a file\."):
            paths.make_folder(path)


def test_a_part_grows_and_takes_its_place(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    for data, anew in ((b"x", False), (b"ab", True), (b"cd", False)):
        with paths.open_part(target, anew=anew) as file:
            file.write(data)
    assert paths.part_of(target) == tmp_path / "a.bin.part"
    assert target.read_bytes() == b"old"
    assert paths.complete(target) == target
    assert target.read_bytes() == b"abcd"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    with (
        pytest.raises(FileNotFoundError, match=r"the cache must lie in a folder that exists, got .*x.a.part'"),
        paths.open_part(tmp_path / "x" / "a", "the cache"),
    ):
        pass
