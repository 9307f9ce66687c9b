"""Every function that takes a path from a user takes it through one door: what is said of one holds for all."""

import os
import stat
import subprocess
import sys

import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.edits.edit import Edit
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.inversion.photos import load_photo
from latent_widgets.widgets.kit.panel import Panel
from tests.architecture import ROOT
from tests.savers import DIRECTIONS, LOADERS, SAVERS, small_glo, small_panel

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and file modes of POSIX")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder that is the home, and another in which the program runs."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


@pytest.mark.parametrize("kind", SAVERS)
def test_saver_writes_into_the_home(home, kind):
    ending, save = SAVERS[kind]
    save(f"~/a{ending}")
    found = [name for name in os.listdir(home) if not name.startswith(".")]  # matplotlib may keep its fonts there
    assert found == [f"a{ending}"]
    assert os.listdir() == []


@POSIX
@pytest.mark.parametrize("kind", SAVERS)
def test_saver_follows_a_link_and_keeps_the_mode(home, kind):
    ending, save = SAVERS[kind]
    save(home / f"fresh{ending}")
    target, link = home / f"a{ending}", home / f"b{ending}"
    target.write_bytes((home / f"fresh{ending}").read_bytes())
    before = target.stat()
    target.chmod(0o640)
    link.symlink_to(target.name)
    save(str(link))
    assert link.is_symlink()
    assert (target.stat().st_ino, stat.S_IMODE(target.stat().st_mode)) != (before.st_ino, stat.S_IMODE(before.st_mode))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@POSIX
@pytest.mark.parametrize("kind", SAVERS)
def test_saver_refuses_what_it_cannot_write_and_leaves_nothing(home, kind):
    ending, save = SAVERS[kind]
    locked = home / f"locked{ending}"
    locked.write_bytes(b"old")
    locked.chmod(0o444)
    with pytest.raises(FileNotFoundError, match=rf"must lie in a folder that exists, got 'none.a\{ending}'\. Make the"):
        save(f"none/a{ending}")
    with pytest.raises(PermissionError, match="which is read-only"):
        save(locked)
    with pytest.raises(TypeError, match="must be a path as text, got the bytes"):
        save(os.fsencode(f"a{ending}"))
    (home / f"folder{ending}").mkdir()
    with pytest.raises(IsADirectoryError, match="must be a file, got the folder"):
        save(home / f"folder{ending}")
    assert locked.read_bytes() == b"old"
    assert os.listdir() == []


@pytest.mark.parametrize("kind", LOADERS)
def test_loader_looks_in_the_home_and_says_what_is_missing(home, kind):
    load = LOADERS[kind]
    with pytest.raises(FileNotFoundError, match=r"must be a file that exists, got '.*home.none\.safetensors'") as told:
        load("~/none.safetensors")
    assert isinstance(told.value, ValueError)
    (home / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="must be a file, got the folder"):
        load(home / "folder")
    with pytest.raises(TypeError, match=r"must be a path as text, got the bytes|must be a path, bytes"):
        load(b"x.safetensors" if kind != "photo" else 3)


def test_what_was_saved_in_the_home_is_loaded_from_there(home):
    DIRECTIONS.save("~/d.safetensors")
    assert torch.equal(lw.Directions.load("~/d.safetensors").vectors, DIRECTIONS.vectors)
    edit = Edit(lw.Base(seed=3))
    edit.save("~/e.json")
    assert Edit.load("~/e.json").to_json() == edit.to_json()
    Image.new("RGB", (9, 7), "red").save(home / "p.png")
    assert load_photo("~/p.png", 4).shape == (1, 3, 4, 4)
    small_glo().save("~/g.safetensors")
    assert lw.GLO.load("~/g.safetensors").codes.shape == (3, 2)


def test_file_that_is_no_text_is_no_edit(tmp_path):
    (tmp_path / "e.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(ValueError, match="the text of an edit must be JSON, got something else"):
        Edit.load(tmp_path / "e.json")


def test_place_is_asked_for_before_the_work(home):
    seen = []
    with pytest.raises(ValueError, match="checkpoint must lie in a folder that exists"):
        small_glo(steps=3, checkpoint="none/c.pt", on_step=seen.append)
    with pytest.raises(ValueError, match="target must lie in a folder that exists"):
        convert("none.pkl", "none/c.safetensors")
    for ending in (".png", ".svg"):
        with pytest.raises(ValueError, match="path must lie in a folder that exists"):
            Panel(executor="inline").save(f"none/a{ending}")  # it has no picture, and would say so
    assert seen == []


def test_checkpoint_does_not_write_on_other_files(home):
    (home / "c.tmp").write_bytes(b"somebody's")
    small_glo(checkpoint=home / "c.pt")
    assert (home / "c.tmp").read_bytes() == b"somebody's"
    assert sorted(os.listdir(home)) == ["c.pt", "c.tmp"]


@pytest.mark.parametrize("name", ["a", "a.xyz", "a.exe"])
def test_panel_says_which_endings_it_knows(home, name):
    with pytest.raises(ValueError, match=r"the ending of path must be one of '\.png', .*'\.svg'.*, got"):
        small_panel().save(name)
    assert os.listdir() == []


def test_command_of_a_training_says_what_is_wrong_with_its_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    command = [
        sys.executable,
        "-m",
        "latent_widgets.training",
        "glo",
        str(tmp_path),
        "--folder",
        str(tmp_path / "file"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "folder must be a folder, got" in done.stderr
