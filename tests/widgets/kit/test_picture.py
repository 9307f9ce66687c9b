"""Pictures arrive as they are: the right pixels, the right format, in the right order."""

import io
import os
import re
import sys
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.widgets.jobs import settle
from latent_widgets.widgets.jobs.job import Job
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.kit.encode import animation, colourise, difference, encode, sheet, strip, to_uint8
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.picture import Picture
from tests.faults import FULL, in_child
from tests.widgets.conftest import PATIENCE


@pytest.fixture
def image():
    """A picture, higher than wide, with values beyond [-1, 1]."""
    return 1.5 * torch.randn(3, 10, 7, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)


@pytest.fixture
def frames():
    """Five smooth pictures with odd sides."""
    ramp = torch.linspace(-1, 1, 15 * 17).reshape(15, 17)
    return torch.stack([torch.stack([ramp, shift * ramp, -ramp]) for shift in (0.0, 0.25, 0.5, 0.75, 1.0)])


@pytest.fixture
def picture():
    """A picture on the screen."""
    made = Picture(caption="words")
    yield made
    made.close()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_pixels_are_those_of_the_tensor(image, dtype):
    pixels = to_uint8(image.to(dtype))
    twin = np.clip(np.round((image.to(dtype).float().numpy() + 1) * 127.5), 0, 255).transpose(1, 2, 0)
    assert pixels.shape == (10, 7, 3)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, twin)
    assert np.array_equal(to_uint8(image[None].to(dtype).requires_grad_()), pixels)
    assert to_uint8(pixels) is pixels


def test_256_grey_values_survive():
    values = torch.arange(256) / 127.5 - 1
    assert to_uint8(values.expand(3, 1, 256))[0, :, 0].tolist() == list(range(256))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.zeros(4, 4), ValueError, r"image must have shape \(3, H, W\) or \(1, 3, H, W\), got \(4, 4\)\."),
        (torch.zeros(2, 3, 4, 4), ValueError, r"got \(2, 3, 4, 4\)\."),
        (
            torch.full((3, 2, 2), float("nan")),
            ValueError,
            r"image must be finite, got 12 NaN or infinite of 12 numbers\.",
        ),
        (torch.full((3, 2, 2), float("inf")), ValueError, r"image must be finite"),
        (np.zeros((4, 4, 3)), ValueError, r"image must be an \(H, W, 3\) uint8 array, got \(4, 4, 3\) float64\."),
        ([[0]], TypeError, r"image must be a torch tensor, got list\."),
    ],
)
def test_what_is_no_picture_is_refused(bad, error, message):
    with pytest.raises(error, match=message):
        to_uint8(bad)


def test_png_keeps_every_pixel_and_jpeg_comes_close(frames):
    data, format = encode(frames[1], lossless=True)
    assert format == "png"
    assert np.array_equal(np.array(Image.open(io.BytesIO(data))), to_uint8(frames[1]))
    data, format = encode(frames[1], lossless=False)
    read = Image.open(io.BytesIO(data))
    assert (format, read.format, read.size) == ("jpeg", "JPEG", (17, 15))
    assert np.abs(np.array(read).astype(int) - to_uint8(frames[1])).mean() < 6
    assert len(encode(frames[1], lossless=False, quality=20)[0]) < len(data)
    with pytest.raises(ValueError, match=r"quality must be between 1 and 95, got 100\."):
        encode(frames[1], lossless=False, quality=100)


def test_sheet_puts_each_picture_in_its_place(frames):
    page = sheet(frames, columns=2, gap=3, paper=7)
    assert page.shape == (3 * 15 + 2 * 3, 2 * 17 + 3, 3)
    assert np.array_equal(page[18:33, 20:37], to_uint8(frames[3]))
    assert (page[15:18] == 7).all()
    assert (page[36:, 20:] == 7).all()
    assert sheet(frames).shape == (2 * 15 + 2, 3 * 17 + 4, 3)
    assert np.array_equal(strip(frames, gap=0), np.concatenate([to_uint8(frame) for frame in frames], axis=1))
    assert np.array_equal(sheet([to_uint8(frame) for frame in frames], 2, 3, 7), page)


def test_sheet_refuses_nothing_and_mixed_sizes(frames):
    with pytest.raises(ValueError, match=r"images must be at least one and of one size, got none\."):
        sheet([])
    with pytest.raises(ValueError, match=r"images must be at least one and of one size, got 17 x 15, 15 x 17\."):
        strip([frames[0], frames[0].mT])
    with pytest.raises(ValueError, match=r"columns must be at least 1, got -1\."):
        sheet(frames, columns=-1)


def test_colours_run_from_low_to_high():
    values = torch.tensor([[0.0, 1.0, 2.0]])
    pixels = colourise(values, "gray", 0.0, 2.0)
    assert pixels[0, :, 0].tolist() == [0, 128, 255]
    assert np.array_equal(colourise(values.numpy(), "gray"), pixels)
    assert colourise(torch.ones(2, 3), "gray")[..., 0].tolist() == [[128] * 3] * 2
    with pytest.raises(ValueError, match=r"cmap must be one of .*Did you mean 'viridis'"):
        colourise(values, "viridi")
    with pytest.raises(ValueError, match=r"values must be finite"):
        colourise(values / 0)


def test_difference_tells_brighter_from_darker_and_nothing():
    before = torch.zeros(3, 2, 5)
    after = before.clone()
    after[:, 0, 0], after[:, 1, 4] = 0.5, -0.5
    pixels = difference(before, after).astype(int)
    purple, orange, white = pixels[0, 0], pixels[1, 4], pixels[0, 2]
    assert purple[2] > purple[1]
    assert orange[0] > orange[2]
    assert white.min() > 240
    assert np.array_equal(difference(before, before), np.broadcast_to(difference(before, after)[0, 2], (2, 5, 3)))


def test_difference_with_a_limit_compares_maps():
    before = torch.zeros(3, 2, 5)
    small, large = before + 0.1, before + 0.8
    assert np.array_equal(difference(before, small), difference(before, large))
    assert not np.array_equal(difference(before, small, limit=1), difference(before, large, limit=1))


def test_magnitude_sees_a_change_of_colour_alone():
    before, after = torch.zeros(3, 2, 5), torch.zeros(3, 2, 5)
    after[0, 0, 0] = 0.5
    pixels = difference(before, after, mode="magnitude").astype(int)
    assert pixels[0, 0].sum() > 500
    assert pixels[1].sum() < 5 * 3 * 10
    with pytest.raises(ValueError, match=r"mode must be one of 'signed', 'magnitude', got 'sign'"):
        difference(before, after, mode="sign")
    with pytest.raises(ValueError, match=r"a and b must have one size, got 5 x 2 and 2 x 5\."):
        difference(before, after.mT)


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_animation_runs_there_and_back(frames, format, tmp_path):
    with Image.open(io.BytesIO(animation(frames, format=format, fps=10))) as moving:
        assert moving.n_frames == 8
        moving.seek(1)
        moving.load()
        assert moving.info["duration"] == 100
        assert np.abs(np.array(moving.convert("RGB")).astype(int) - to_uint8(frames[1])).mean() < 12
    path = tmp_path / f"walk.{format}"
    assert animation(frames, path, bounce=False) == path
    with Image.open(path) as moving:
        assert moving.n_frames == 5


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio_ffmpeg leaves its pipes to the collector
def test_mp4_has_even_sides(frames, tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = animation(frames, tmp_path / "walk.mp4", fps=10)
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 8
    about, *pictures = imageio_ffmpeg.read_frames(str(path))  # to the end, where the reader closes its files
    assert about["size"] == (18, 16)
    assert len(pictures) == 8


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("room", ["no room at all", "room for a part"])
def test_mp4_that_was_stopped_is_not_saved(frames, tmp_path, room):
    pytest.importorskip("imageio_ffmpeg")
    size = len(animation(frames, format="mp4"))
    said, _ = in_child(lambda: FULL[room](size) or animation(frames, tmp_path / "walk.mp4"))
    assert said["text"] == (
        f"the video must be made whole among the temporary files, got {tempfile.gettempdir()!r}, where ffmpeg was "
        "stopped. Make room there, or set TMPDIR to a folder on another disk."
    )
    assert list(tmp_path.iterdir()) == []


def test_mp4_without_the_extra_names_it(frames, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match=r"pip install 'latent_widgets\[video\]'"):
        animation(frames, format="mp4")


def test_animation_refuses_what_it_cannot_write(frames, tmp_path):
    with pytest.raises(ValueError, match=r"format must be one of 'gif', 'webp', 'mp4', got 'avi'"):
        animation(frames, tmp_path / "walk.avi")
    with pytest.raises(ValueError, match=r"fps must be between 0\.1 and 100, got 0\."):
        animation(frames, fps=0)
    assert list(tmp_path.iterdir()) == []


def test_picture_shows_what_it_is_given(picture, frames):
    assert (picture.data, picture.to_pil()) == (b"", None)
    picture.show(frames[2], caption="third")
    assert np.array_equal(np.array(picture.to_pil()), to_uint8(frames[2]))
    _, words = picture.children
    assert (picture.format, picture.caption, words.value) == ("png", "third", "third")
    picture.show(frames[2], lossless=False)
    assert picture.format == "jpeg"
    picture.show_bytes(*encode(frames[3], lossless=True))
    assert np.array_equal(np.array(picture.to_pil()), to_uint8(frames[3]))
    picture.clear()
    assert picture.data == b""


def test_strip_keeps_its_place_free_while_it_is_empty(frames):
    film = Filmstrip(430)
    image, _ = film.children
    kept = r'<img alt="[^"]*" width="(\d+)" height="(\d+)"'
    empty = [int(side) for side in re.match(kept, image.value).groups()]
    film.show(strip([to_uint8(frame) for frame in frames[[0, 1, 2, 3, 4, 0, 1]]]))
    full = film.to_pil().size
    assert empty[0] / empty[1] == pytest.approx(full[0] / full[1], rel=0.2)  # it does not push down what is below
    assert [int(side) for side in re.match(kept, image.value).groups()] == [*full]
    film.clear()
    assert [int(side) for side in re.match(kept, image.value).groups()] == empty
    film.close()


def test_failure_keeps_the_last_good_picture(picture, frames):
    picture.show(frames[2], caption="good")
    kept = picture.data
    with pytest.raises(ValueError, match="image must be finite"):
        picture.show(frames[3] / 0, caption="bad")
    assert (picture.data, picture.caption, picture.format) == (kept, "good", "png")


def test_bytes_and_their_format_go_in_one_message(picture, frames, monkeypatch):
    sent, (image, _) = [], picture.children
    monkeypatch.setattr(image, "_send", lambda message, buffers=None: sent.append((message, buffers)))
    monkeypatch.setattr(type(image.comm), "kernel", True, raising=False)
    picture.show(frames[0], lossless=False)
    assert len(sent) == 1
    assert sent[0][0]["state"]["format"] == "jpeg"
    assert bytes(sent[0][1][0]) == picture.data


def test_traits_of_a_picture_lay_it_out(picture):
    picture.width, picture.pixelated, picture.caption = 200, True, ""
    image, words = picture.children
    assert image.layout.width == "200px"
    assert "lw-pixelated" in image._dom_classes
    assert words.layout.display == "none"
    picture.pixelated = False
    assert "lw-pixelated" not in image._dom_classes
    assert repr(picture) == "<Picture '': empty, 200 px wide>"


def test_move_shows_a_preview_and_rest_the_exact_picture():
    shown = []
    with Job(executor="thread") as job:
        settle = Settle(job, delay=0.001)
        settle.change(lambda on_step: "exact", lambda *what: shown.append(what), preview=lambda on_step: "fast")
        assert job.wait(PATIENCE)
    assert shown == [("fast", False), ("exact", True)]


def test_rest_gives_the_exact_picture_of_the_last_move_alone(gate):
    shown = []
    with Job(executor="thread") as job:
        settle, held = Settle(job, delay=0.001), gate("first")
        settle.now(held, lambda *what: shown.append(what))
        held.await_begin()
        for number in range(3):
            settle.rest(lambda on_step, number=number: number, lambda *what: shown.append(what), delay=0.001)
        held.opened.set()
        assert job.wait(PATIENCE)
        with pytest.raises(ValueError, match="delay must be at least 0, got -1"):
            settle.rest(lambda on_step: 0, print, delay=-1)
    assert shown == [("first", True), (2, True)]


def test_without_a_preview_the_exact_picture_is_made_once():
    made, shown = [], []
    for executor in ("thread", "inline"):
        with Job(executor=executor) as job:
            Settle(job, delay=0.001).change(lambda on_step: made.append(1) or "exact", lambda *what: shown.append(what))
            assert job.wait(PATIENCE)
    assert shown == 2 * [("exact", False), ("exact", True)]
    assert len(made) == 2


def test_time_told_is_that_of_making_the_picture(monkeypatch, seen):
    clock = iter([1.0, 3.5])
    monkeypatch.setattr(settle, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with Job(executor="inline") as job:
        Settle(job).change(lambda on_step: 0, lambda picture, at_rest: seen.append((at_rest, job.elapsed_ms)))
    assert seen[-1] == (True, 2500.0)


def test_moves_supersede_the_exact_picture_to_come(gate):
    shown = []
    with Job(executor="thread") as job:
        settle = Settle(job, delay=0.001)
        first = gate("fast 0")
        settle.change(lambda on_step: "exact 0", lambda *what: shown.append(what), preview=first)
        first.await_begin()
        for number in range(1, 300):
            settle.change(
                lambda on_step, number=number: f"exact {number}",
                lambda *what: shown.append(what),
                preview=lambda on_step, number=number: f"fast {number}",
            )
        first.open()
        assert job.wait(PATIENCE)
    assert shown == [("fast 0", False), ("fast 299", False), ("exact 299", True)]


def test_preview_in_flight_never_overwrites_an_exact_picture(gate):
    shown = []
    with Job(executor="thread") as job:
        settle = Settle(job, delay=1000)
        slow = gate("fast")
        settle.change(lambda on_step: "never", lambda *what: shown.append(what), preview=slow)
        slow.await_begin()
        settle.now(lambda on_step: "clicked", lambda *what: shown.append(what))
        slow.open()
        assert job.wait(PATIENCE)
    assert shown == [("clicked", True)]


def test_move_supersedes_an_exact_picture_in_the_making(gate):
    shown = []
    with Job(executor="thread") as job:
        settle = Settle(job, delay=0.001)
        exact = gate("exact 0")
        settle.now(exact, lambda *what: shown.append(what))
        exact.await_begin()
        settle.change(lambda on_step: "exact 1", lambda *what: shown.append(what), preview=lambda on_step: "fast 1")
        exact.open()
        assert job.wait(PATIENCE)
    assert exact.answers == [False]
    assert shown == [("fast 1", False), ("exact 1", True)]


def test_failing_move_leaves_the_exact_picture_of_the_next_move_alone(gate):
    shown = []
    with Job(executor="thread") as job:
        settle = Settle(job, delay=0.001)
        failing = gate()
        settle.change(lambda on_step: "never", lambda *what: shown.append(what), preview=lambda f: failing(f) or 1 / 0)
        failing.await_begin()
        settle.change(lambda on_step: "exact", lambda *what: shown.append(what), preview=lambda on_step: "fast")
        failing.open()
        assert job.wait(PATIENCE)
    assert shown == [("fast", False), ("exact", True)]


@pytest.mark.parametrize("executor", ["thread", "inline"])
def test_exact_picture_comes_although_the_fast_one_failed(executor):
    shown, failures = [], []
    with Job(executor=executor) as job:
        Settle(job, delay=0.001).change(
            lambda on_step: "exact",
            lambda *what: shown.append(what),
            preview=lambda on_step: 1 / 0,
            failed=failures.append,
        )
        assert job.wait(PATIENCE)
        assert job.error is None
    assert shown == [("exact", True)]
    assert len(failures) == 1


def test_picture_that_failed_while_the_hand_moved_is_tried_again_at_rest():
    shown, tries = [], iter([lambda: 1 / 0, lambda: "exact"])
    with Job(executor="inline") as job:
        Settle(job).change(lambda on_step: next(tries)(), lambda *what: shown.append(what))
        assert job.error is None
    assert shown == [("exact", True)]


def test_close_leaves_no_timer():
    with Job(executor="thread") as job:
        Settle(job, delay=1000).change(lambda on_step: 1, lambda *what: None)
    assert job.wait(PATIENCE)


@pytest.mark.parametrize(
    ("caption", "shown"),
    [("5 $ more", "5 $ more"), ("$$x$$", "＄＄x＄＄"), (r"\(x\) <b>", "\\\u200b(x\\) <b>")],
)
def test_caption_is_text_and_no_formula(caption, shown):
    with_words = Picture(caption=caption)
    _, words = with_words.children
    assert (with_words.caption, words.value) == (caption, shown)
    with_words.close()
