"""Everything that the explorer saves can be read again and is what was shown."""

import errno
import json
import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import latent_widgets as lw
from latent_widgets.edits.edit import Edit
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.pages.save import KINDS
from latent_widgets.widgets.kit.encode import strip, to_uint8


@pytest.fixture
def explorer(tiny):
    """An explorer with a move and a kept direction."""
    with LatentExplorer(tiny, seed=3, k=3, executor="inline") as made:
        made.pages["walk"].count.value = 3
        made.set_alpha(1, 2.0)
        made.sliders.rows[2].keep.value = True
        yield made


@pytest.fixture
def save(explorer, tmp_path):
    """Saves from the page and returns the path."""

    def click(kind, name):
        page = explorer.pages["save"]
        page.kind.value = kind
        page.path.value = str(tmp_path / name)
        page.press.click()
        return tmp_path / name

    return click


def test_picture_has_the_pixels_shown(explorer, tmp_path):
    path = explorer.save(tmp_path / "face.png")
    assert (np.array(Image.open(path)) == to_uint8(explorer.edit.apply(explorer.generator))).all()


def test_edit_replays(explorer, tmp_path):
    path = explorer.save(tmp_path / "edit.json")
    assert json.loads(path.read_text())["generator"] == "tiny"
    assert torch.equal(Edit.load(path).apply(explorer.generator), explorer.edit.apply(explorer.generator))


def test_kept_directions_are_a_file(explorer, tmp_path):
    loaded = lw.Directions.load(explorer.save(tmp_path / "kept.safetensors"))
    assert loaded.names == (explorer.directions.names[2],)
    assert torch.equal(loaded.vectors, explorer.directions.vectors[2:])


def test_nothing_kept_is_said(explorer, tmp_path):
    explorer.sliders.rows[2].keep.value = False
    with pytest.raises(ValueError, match=r"kept directions must be at least one, got none\. Mark one"):
        explorer.save(tmp_path / "kept.safetensors")


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_animation_runs_to_and_fro(explorer, tmp_path, format):
    path = explorer.save(tmp_path / f"walk.{format}")
    with Image.open(path) as file:
        frames = [np.array(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(file)]
    assert len(frames) == 62
    first = to_uint8(explorer.walk(2).images(explorer.generator)[:1])
    assert np.abs(frames[0] - first).mean() < np.abs(frames[31] - first).mean()


def test_mp4_or_its_fix(explorer, tmp_path):
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match=r"pip install latent_widgets\[video\]"):
            explorer.save(tmp_path / "walk.mp4")
    else:
        assert explorer.save(tmp_path / "walk.mp4").read_bytes()[4:8] == b"ftyp"


def test_missing_mp4_writer_shows_its_fix(explorer, save, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    path = save("animation, MP4", "walk.mp4")
    assert "pip install 'latent_widgets[video]'" in str(explorer.error)
    assert not path.exists()


def test_pdf_is_a_figure(explorer, tmp_path):
    assert explorer.save(tmp_path / "face.pdf").read_bytes().startswith(b"%PDF")


def test_refused_file_is_said_until_another_is_saved(explorer, save):
    save("picture", "face.gif")
    assert "file must end in .png for picture" in str(explorer.error)
    assert save("picture", "face.png").exists()
    assert explorer.error is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_the_page_writes_its_file(explorer, save, kind):
    path = save(kind, "some file")
    assert explorer.error is None
    written = path.with_suffix(f".{KINDS[kind]}")
    assert written.stat().st_size > 0
    assert explorer.status == f"saved {written}"


def test_strip_of_the_page_has_full_pictures(explorer, save):
    path = save("strip of the walk", "strip.png")
    expected = strip(explorer.walk().images(explorer.generator))
    assert (np.array(Image.open(path)) == expected).all()


def test_page_suggests_the_ending(explorer):
    page = explorer.pages["save"]
    for kind, ending in KINDS.items():
        page.kind.value = kind
        assert page.path.value == f"latent.{ending}"
    page.path.value = "faces/smile.safetensors"
    page.kind.value = "animation, GIF"
    assert page.path.value == "faces/smile.gif"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("picture", " ", "file must name a file or folder, got"),
        ("edit", "face.png", "file must end in .json for edit, got 'face.png'"),
        ("picture", "face.gif", "file must end in .png for picture, got 'face.gif'"),
        ("picture", "nowhere/face.png", "file must lie in a folder that exists, got"),
    ],
)
def test_wrong_paths_are_said_in_the_panel(explorer, tmp_path, monkeypatch, kind, name, message):
    monkeypatch.chdir(tmp_path)
    page = explorer.pages["save"]
    page.kind.value = kind
    page.path.value = name
    page.press.click()
    assert message in str(explorer.error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["picture", "edit", "kept directions"])
def test_a_full_disk_is_said_in_the_panel(explorer, save, monkeypatch, kind):
    def sync(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    name = f"a.{KINDS[kind]}"
    path = save(kind, name)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        explorer.set_alpha(1, -1.0)
        save(kind, name)
    assert str(explorer.error).endswith("The file that was there is as it was. Make room, or choose another disk.")
    assert (path.read_bytes(), os.listdir(path.parent)) == (before, [name])
    save(kind, name)
    assert explorer.error is None


def test_cancelled_animation_writes_nothing(explorer, tmp_path):
    with pytest.raises(lw.Cancelled, match=r"walk\.gif must be drawn whole"):
        explorer.save(tmp_path / "walk.gif", on_step=lambda step: step.index < 3)
    assert list(tmp_path.iterdir()) == []


def test_progress_of_an_animation_is_told(explorer, tmp_path):
    shares = []
    explorer.save(tmp_path / "walk.webp", on_step=lambda step: shares.append(step.fraction))
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_code_page_shows_a_program_that_draws_the_picture(explorer, monkeypatch):
    explorer.controls.page = "code"
    text = explorer.pages["code"].text.value
    program = explorer.edit.to_python()
    assert program.splitlines()[0] in text
    explorer.set_alpha(0, 1.25)
    assert "1.25" in explorer.pages["code"].text.value
    monkeypatch.setattr(lw, "load", lambda name: explorer.generator)
    scope = {}
    exec(explorer.edit.to_python(), scope)  # noqa: S102
    assert torch.allclose(scope["image"], explorer.edit.apply(explorer.generator))


@pytest.mark.parametrize("kind", ["picture", "strip of the walk", "edit", "animation, GIF"])
def test_page_saves_into_the_home_and_over_a_link(explorer, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    page, ending = explorer.pages["save"], KINDS[kind]
    page.kind.value, page.path.value = kind, f"~/there.{ending}"
    page.press.click()
    assert explorer.error is None
    there, link = tmp_path / f"there.{ending}", tmp_path / f"link.{ending}"
    first = there.read_bytes()
    there.write_bytes(b"old")
    link.symlink_to(there)
    page.path.value = str(link)
    page.press.click()
    assert link.is_symlink()
    assert there.read_bytes() == first


@pytest.mark.parametrize("name", ["none/walk.gif", "folder.webp", "strip.png/"])
def test_place_of_an_animation_is_asked_for_before_it_is_drawn(explorer, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.webp").mkdir()
    seen = []
    with pytest.raises(ValueError, match=r"path must (lie in a folder that exists|be a file), got"):
        explorer.save(name, on_step=seen.append)
    assert seen == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.webp"]
