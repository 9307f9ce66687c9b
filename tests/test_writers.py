"""No old file is lost: every writer against a full disk, a program that dies, and what is read-only."""

import functools
import os
import re
import shutil
import signal
import stat

import pytest

from tests.faults import DRAFTS, FULL, KILLED, alike, in_child, look, opened
from tests.writers import WRITERS

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="forks, limits and signals of POSIX"),
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # imageio_ffmpeg leaves its pipes open
]

ADDING = {"no room at all", "room for a part", "killed in the middle"}  # nothing is put in place
WORDS = re.compile(
    r"must (lie on a disk with room for it|be a file that the system can write|be made whole .*), got '/"
)
CELLS = [
    (name, fault)
    for name, writer in WRITERS.items()
    for fault in (*FULL, *KILLED)
    if fault in ADDING or not writer.adds
]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """For each writer, when first asked for: a folder with the old file, its content, and that after writing."""

    @functools.cache
    def begin(name):
        writer = WRITERS[name]
        folder = tmp_path_factory.mktemp("begun")
        writer.old(folder / writer.file)
        kept = folder.with_name(f"{folder.name}-old")
        shutil.copytree(folder, kept)
        writer.write(folder / writer.file)
        return kept, look(kept), look(folder)

    return begin


@pytest.mark.parametrize(("name", "fault"), CELLS)
def test_a_fault_leaves_the_old_files_or_the_new_ones(begun, tmp_path, name, fault):
    writer, (begin, old, new) = WRITERS[name], begun(name)
    folder = tmp_path / "folder"
    shutil.copytree(begin, folder)
    path, start = folder / writer.file, len(old[writer.file]) if writer.adds else 0
    size = start + len(new[writer.file])  # of which half is in the middle of what is written

    said, ended = in_child(lambda: (FULL | KILLED)[fault](size) or bool(writer.write(path)))

    found = look(folder)
    drafts = {file for file in found if file.endswith(".draft")}
    if fault in KILLED and not (writer.children and "NotWritten" in said.get("error", ())):
        assert ended in (signal.SIGKILL, signal.SIGXFSZ), said
    else:
        assert (ended, "NotWritten" in said["error"], drafts) == (0, True, set()), said
        assert WORDS.search(said["text"])
    for file in (found.keys() | old.keys()) - drafts:
        torn = writer.adds and ended and found[file].startswith(old[file])
        assert torn or found[file] == old.get(file) or alike(found[file], new[file]), file
    if drafts or writer.adds:
        writer.write(path)
        again = look(folder)
        assert again.keys() == new.keys()
        assert [file for file in new if not alike(again[file], new[file])] == []


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_read_only_is_refused(begun, tmp_path, name, what):
    writer, (begin, old, _) = WRITERS[name], begun(name)
    folder = tmp_path / "folder"
    shutil.copytree(begin, folder)
    path = folder / writer.file
    locked = path if what == "file" else folder
    locked.chmod(0o555 if what == "folder" else 0o444)
    try:
        with pytest.raises(PermissionError, match=r"must (be|lie in) a (file|folder) that .*, got .* is read-only\."):
            writer.write(path)
    finally:
        locked.chmod(0o755)
    assert look(folder) == old


@pytest.mark.parametrize("name", WRITERS)
def test_a_link_stays_and_a_private_file_stays_private(begun, tmp_path, name):
    writer, (begin, _, new) = WRITERS[name], begun(name)
    folder, target = tmp_path / "folder", tmp_path / "target"
    shutil.copytree(begin, folder)
    path = folder / writer.file
    path.rename(target)
    target.chmod(0o600)
    path.symlink_to(target)
    writer.write(path)
    assert path.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert alike(target.read_bytes(), new[writer.file])


@pytest.mark.parametrize("name", WRITERS)
def test_every_file_is_opened_by_the_door(begun, tmp_path, name):
    writer, (begin, _, _) = WRITERS[name], begun(name)
    folder = tmp_path / "folder"
    shutil.copytree(begin, folder)
    said, _ = in_child(lambda: opened(lambda: writer.write(folder / writer.file), folder))
    assert said["returned"], said
    assert [file for file, modules in said["returned"] if DRAFTS not in modules] == []
    assert any(f"latent_widgets.{writer.module}" in modules for _, modules in said["returned"])
