"""A photo in the explorer: read and cropped as asked, searched for beside the pictures, and nothing lost on the way."""

import base64
from threading import Event

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.core.images import FORMATS
from latent_widgets.edits.edit import Edit
from latent_widgets.inversion.photos import load_photo, read_photo
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.photo import photo as _explorer_photo
from latent_widgets.widgets.explorer.photo.crop import Crop
from latent_widgets.widgets.explorer.photo.drop import PhotoDrop
from latent_widgets.widgets.explorer.photo.plot import inversion_words
from latent_widgets.widgets.kit.encode import to_uint8
from tests.pictures import file_of
from tests.widgets.conftest import PATIENCE, until


@pytest.fixture
def few(monkeypatch):
    """Searches start from few samples."""
    invert = _explorer_photo.invert
    monkeypatch.setattr(_explorer_photo, "invert", lambda *a, **k: invert(*a, **k, samples=8, starts=2))


@pytest.fixture
def explorer(tiny, few):
    """An explorer on its page for photos, with few steps."""
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as made:
        made.controls.page = "photo"
        made.photo.page.steps.value = 12
        yield made


@pytest.fixture
def noise():
    """A photo of 60 x 40 pixels, of which no two parts look alike."""
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture
def slow(monkeypatch):
    """Holds a search back at each step until `slow.open()`; it goes on letting others in."""
    slow, invert = Event(), _explorer_photo.invert

    def held(*arguments, on_step, **keywords):
        def step(done):
            slow.begun.set()
            while not slow.opened.wait(0.002):
                if not on_step(done):
                    return False
            return on_step(done)

        return invert(*arguments, on_step=step, samples=4, starts=1, **keywords)

    slow.begun, slow.opened = Event(), Event()
    monkeypatch.setattr(_explorer_photo, "invert", held)
    yield slow
    slow.opened.set()


@pytest.fixture
def post(explorer):
    """Sends what the page sends when a file was dropped."""

    def send(data, name="photo.png"):
        url = f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
        explorer.photo.page.drop.post.value = f"{name}\n{url}"

    return send


# ---- the photo


def test_dropped_file_is_shown_as_it_will_be_searched_for(tiny, explorer, noise, post):
    page = explorer.photo.page
    assert page.cropping.layout.display == page.searching.layout.display == "none"
    data = file_of(Image.fromarray(noise))
    post(data)
    assert explorer.error is None
    assert page.drop.post.value == ""
    assert page.cropping.layout.display is page.searching.layout.display is None
    assert (np.asarray(page.target.to_pil()) == to_uint8(load_photo(data, 16))).all()
    assert "<image" in page.photo.svg


def test_controls_crop_turn_and_fill_as_load_photo_does(explorer, noise):
    page = explorer.photo.page
    explorer.photo.open(np.dstack([noise, np.full((40, 60), 128, np.uint8)]))
    page.size.value, page.across.value, page.down.value, page.turn.value = 150, 25, 75, 30
    page.paper.value = "#ff0000"
    crop = (0.25 - 0.5, 0.75 - 0.75, 0.25 + 0.5, 0.75 + 0.75)
    photo = read_photo(np.dstack([noise, np.full((40, 60), 128, np.uint8)]), 2048)
    expected = load_photo(photo, 16, crop=crop, rotate=30, background=(1, 0, 0))
    assert (np.asarray(page.target.to_pil()) == to_uint8(expected)).all()
    page.crop_whole()
    assert page.crop == Crop(paper=(1, 0, 0))


@pytest.mark.parametrize("turn", [0, 30, -100])
def test_frame_lies_where_the_photo_is_cut(turn):
    crop = Crop(0.45, 0.55, 0.6, turn)
    points = crop.corners(300, 200)
    places = [(0.03, 0.03), (0.97, 0.03), (0.97, 0.97), (0.03, 0.97)]  # of the marks in what is cut
    for corner, place in zip(points, places, strict=True):
        photo = np.zeros((200, 300), np.uint8)
        inner = 0.94 * np.array(corner) + 0.06 * np.array([0.45 * 300, 0.55 * 200])
        x, y = np.round(inner).astype(int)
        photo[y - 4 : y + 4, x - 4 : x + 4] = 255
        cut = crop.cut(Image.fromarray(photo), 64)[0, 0] + 1
        rows, columns = torch.arange(64.0) / 63 * cut.sum(1), torch.arange(64.0) / 63 * cut.sum(0)
        assert float(columns.sum() / cut.sum()) == pytest.approx(place[0], abs=0.05)
        assert float(rows.sum() / cut.sum()) == pytest.approx(place[1], abs=0.05)


def test_click_on_the_photo_moves_the_square_there(explorer, noise):
    page = explorer.photo.page
    explorer.photo.open(noise)
    left, bottom, right, top = page.photo.box(page.axes, 15, 30, 15, 30)
    page.put((left + right) / 2, (bottom + top) / 2)
    assert (page.across.value, page.down.value) == (25, 75)
    page.put(-1, 0.5)  # beside the drawing
    assert (page.across.value, page.down.value) == (25, 75)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture at all", "notes.txt: source must be a picture in one of the formats PNG, JPEG"),
        (b"", f"notes.txt: source must be a picture in one of the formats {', '.join(FORMATS)}, got 0 bytes"),
    ],
)
def test_file_that_is_no_photo_is_refused_in_words_and_the_last_stays(explorer, noise, data, words, post):
    post(file_of(Image.fromarray(noise)))
    before, edit = explorer.photo.image, explorer.edit
    post(data, "notes.txt")
    page = explorer.photo.page
    assert words in page.message.value
    assert page.message.layout.display is None
    assert explorer.photo.image is before
    assert explorer.edit is edit
    assert explorer.error is None
    post(file_of(Image.fromarray(noise)))
    assert page.message.layout.display == "none"


def test_damaged_and_oversized_photos_are_refused_in_words(explorer, noise, monkeypatch, post):
    page = explorer.photo.page
    post(file_of(Image.fromarray(noise))[:-900], "half.png")
    assert "half.png: source must be a whole picture" in page.message.value
    monkeypatch.setattr("latent_widgets.core.images.LARGEST", 1000)
    post(file_of(Image.fromarray(noise)), "poster.png")
    assert "poster.png: source must have at most" in page.message.value
    assert explorer.photo.image is None
    explorer.photo.start()
    assert "Drop a photo first" in page.message.value


def test_name_is_text_not_markup(explorer, post):
    post(b"x", "<img src=x onerror=alert(1)>.png")
    assert "<img" not in explorer.photo.page.message.value


def test_what_is_no_data_url_arrives_as_no_bytes():
    taken = []
    drop = PhotoDrop(lambda data, name: taken.append((data, name)))
    drop.post.value = "a.png\ndata:image/png;base64,***"
    drop.post.value = "b.png"
    assert taken == [(b"", "a.png"), (b"", "b.png")]
    drop.close()


def test_large_photo_is_kept_small_and_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    data = file_of(Image.new("RGB", (300, 200), "red"), "JPEG", exif=exif)
    assert read_photo(data, 150).size == (100, 150)
    assert read_photo(data, 1000).size == (200, 300)
    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    assert read_photo(file_of(clear), 150).mode == "RGBA"
    with pytest.raises(ValueError, match="side must be at least 1"):
        read_photo(data, 0)


# ---- the search


def test_search_ends_in_the_explorer_and_undo_goes_back(tiny, explorer):
    page, target = explorer.photo.page, to_uint8(tiny.synthesize(tiny.code(8)[None]))
    explorer.set_alpha(0, 0.5)
    before = explorer.edit
    explorer.photo.open(target)
    page.steps.value = 40
    page.begin.click()
    found = explorer.photo.found
    assert explorer.error is None
    assert explorer.photo.work.job.error is None
    assert found.code.space == "w+"
    assert torch.equal(explorer.code.tensor, found.code.tensor)
    assert explorer.edit.moves == ()
    assert torch.equal(explorer.edit.apply(tiny), tiny.synthesize(found.code))
    assert found.relative_error < 0.5  # 1 is the mean picture's
    assert page.words.value == inversion_words(found)
    assert f"{100 * found.relative_error:.2g} %" in page.words.value
    assert ("fewer than 1" if found.percentile < 1 else f"{found.percentile:.0f}") + " % of latents" in page.words.value
    assert (np.asarray(page.drawn.to_pil()) == to_uint8(found.image)).all()
    assert (np.asarray(page.wanted.to_pil()) == target).all()
    assert "after 40 of 40 steps" in page.loss.svg
    assert page.found.layout.display is None
    explorer.undo()
    assert explorer.edit is before
    page.use.click()
    assert explorer.edit.base.code is found.code
    assert Edit.from_json(explorer.edit.to_json()).apply(tiny).equal(explorer.edit.apply(tiny))
    explorer.set_alpha(0, 0.4)
    assert len(explorer.edit.moves) == 1


@pytest.mark.parametrize("space", ["z", "w"])
def test_space_is_chosen_and_the_pull_belongs_to_layers(explorer, noise, space):
    page = explorer.photo.page
    explorer.photo.open(noise)
    assert page.scale.layout.display is None
    page.space.value = space
    assert page.scale.layout.display == "none"
    explorer.photo.start()
    assert explorer.photo.found.code.space == space
    assert explorer.edit.base.code.space == space
    assert "layers differ" not in page.words.value


def test_search_goes_on_from_the_code_with_another_pull(explorer, noise):
    page = explorer.photo.page
    assert page.go_on.disabled
    explorer.photo.open(noise)
    page.pull.value = 0.5
    explorer.photo.start()
    first = explorer.photo.found
    assert not page.go_on.disabled
    page.pull.value = 1e-5
    page.go_on.click()
    second = explorer.photo.found
    assert second is not first
    assert second.losses[0] <= first.losses[-1] + 1e-6  # it began where the first had ended, at less cost
    assert second.error < first.error
    page.space.value = "z"
    assert page.go_on.disabled
    explorer.photo.go_on()
    assert explorer.photo.found is second


def test_generator_without_layers_offers_what_it_has(plain, few, noise):
    with LatentExplorer(plain, k=2, executor="inline") as explorer:
        page = explorer.photo.page
        assert page.space.options == ("z",)
        explorer.photo.open(noise)
        page.steps.value = 3
        explorer.photo.start()
        assert explorer.edit.base.code.space == "z"
        assert explorer.error is None


def test_failing_search_is_told_on_the_page_and_nothing_is_lost(explorer, noise, monkeypatch):
    def fails(*arguments, **keywords):
        raise ValueError("G must draw finite pictures, got none")

    explorer.photo.open(noise)
    explorer.photo.start()
    edit, found = explorer.edit, explorer.photo.found
    monkeypatch.setattr(_explorer_photo, "invert", fails)
    explorer.photo.start()
    assert "finite pictures" in str(explorer.error)
    assert explorer.edit is edit
    assert explorer.photo.found is found


# ---- beside the pictures


def test_slider_moves_the_picture_during_a_search_and_stop_keeps_the_best(tiny, slow, noise):
    with LatentExplorer(tiny, seed=3, k=2, executor="thread") as explorer:
        photo = explorer.photo
        photo.open(noise)
        assert photo.reading.job.wait(PATIENCE)
        photo.start()
        assert slow.begun.wait(PATIENCE)
        explorer.set_alpha(0, 0.7)
        until(lambda: not explorer.job.busy and explorer.job.wait(PATIENCE))
        assert photo.work.job.busy
        assert np.array_equal(explorer.picture, to_uint8(explorer.edit.apply(tiny)))
        assert explorer.edit.base.code is None
        until(lambda: photo.page.found.layout.display is None)  # seen while it runs
        until(lambda: explorer.line.cancel.disabled is False)
        explorer.line.cancel.click()
        assert photo.work.job.wait(PATIENCE)
        assert photo.found.stopped == "cancelled"
        assert "stopped after 1 step " in photo.page.words.value
        assert explorer.edit.base.code is photo.found.code
        until(lambda: not explorer.job.busy and explorer.job.wait(PATIENCE))
        assert explorer.error is None


def test_closing_ends_the_search(tiny, slow, noise):
    explorer = LatentExplorer(tiny, seed=3, k=2, executor="thread")
    explorer.photo.open(noise)
    assert explorer.photo.reading.job.wait(PATIENCE)
    explorer.photo.start()
    assert slow.begun.wait(PATIENCE)
    explorer.close()
    assert explorer.photo.work.job.wait(PATIENCE)
    assert explorer.photo.found is None
