"""A photo in JupyterLab: a file is dropped or chosen, its code is found, and a slider moves the picture after that."""

import numpy as np
import pytest
from PIL import Image

from latent_widgets.faces.renderer import render, sample_factors
from latent_widgets.widgets.kit.encode import to_uint8
from tests.browser.pages import Explorer, open_explorer


class Photos(Explorer):
    """The explorer's page for photos."""

    def __init__(self, lab):
        super().__init__(lab)
        self.place = self.panel.locator(".lw-place")
        self.message = self.panel.locator(".lw-message").filter(visible=True)

    def choose(self, path):
        self.panel.locator(".lw-place input").set_input_files(path)

    def drop(self, path):
        """Let a file fall on the page, as the desktop does."""
        box = self.place.bounding_box()
        driver = self.lab.page.context.new_cdp_session(self.lab.page)
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            driver.send("Input.dispatchDragEvent", {"type": kind, "data": data} | place)

    def idle(self, seconds=120):
        quiet = "explorer.photo.reading.job.wait(0) and explorer.photo.work.job.wait(0)"
        self.lab.eventually(lambda: self.lab.kernel_eval(quiet), seconds)
        self.settle(seconds)


@pytest.fixture
def photos(lab):
    """An explorer on its page for photos, at rest."""
    parts = open_explorer(lab, Photos)
    parts.open_page("photo")
    parts.place.wait_for()
    return parts


@pytest.fixture
def face(tmp_path):
    """A face of 160 x 128 pixels, drawn by the renderer, in a file."""
    image = render(sample_factors(1, seed=77), 128).image[0]
    pixels = np.pad(to_uint8(image), ((0, 0), (16, 16), (0, 0)), mode="edge")
    path = tmp_path / "my face.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.browser_context(viewport={"width": 1280, "height": 1500})
def test_dropped_photo_becomes_a_code_that_sliders_edit(lab, photos, face, tmp_path):
    wrong = tmp_path / "notes.png"
    wrong.write_text("no picture")
    photos.choose(wrong)
    photos.message.wait_for()
    assert "notes.png: source must be a picture" in photos.message.inner_text()
    photos.drop(face)
    photos.button("find its code").wait_for()
    photos.message.wait_for(state="hidden")
    steps = photos.panel.get_by_label("steps").filter(visible=True)
    steps.fill("80")
    steps.press("Enter")
    lab.eventually(lambda: lab.kernel_eval("explorer.photo.page.steps.value") == 80)
    photos.button("find its code").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.photo.found is not None"), 180)
    photos.idle()
    assert lab.kernel_eval("explorer.photo.found.relative_error") < 0.25
    wanted = lab.pixels(photos.panel.locator(".lw-pages .lw-picture img").filter(visible=True).nth(1)).astype(float)
    found = lab.pixels(photos.picture).astype(float)
    assert wanted.shape == found.shape
    assert np.square(found - wanted).mean() < 0.1 * wanted.var()
    lab.screenshot(target=photos.panel)
    lab.drag(photos.handle(0), dx=20)
    photos.settle()
    assert len(photos.alphas()) == 1
    assert lab.kernel_eval("explorer.edit.base.code.space") == "w+"
    assert np.abs(lab.pixels(photos.picture) - found).max() > 10
    photos.button("undo").click()
    photos.settle()
    assert np.abs(lab.pixels(photos.picture) - found).max() <= 1


@pytest.mark.slow
@pytest.mark.browser_context(viewport={"width": 1280, "height": 1500})
def test_large_file_is_shrunk_in_the_browser_and_nonsense_refused(lab, photos, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 4000, 3), dtype=np.uint8)
    pixels[:, :2000] //= 4
    path = tmp_path / "poster.png"
    Image.fromarray(pixels).save(path)
    assert path.stat().st_size > 12e6  # more than one message may have
    photos.choose(path)
    lab.eventually(lambda: lab.kernel_eval("explorer.photo.image is not None"), 60)
    assert lab.kernel_eval("explorer.photo.image.size") == (2048, 1024)
    wrong = tmp_path / "noise.png"
    wrong.write_bytes(pixels.tobytes()[:8_000_000])
    photos.choose(wrong)
    photos.message.wait_for()
    assert "noise.png: source must be a picture" in photos.message.inner_text()
    assert lab.kernel_eval("explorer.photo.image.size") == (2048, 1024)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["dark", "narrow"])
def test_photo_page_in_the_dark_and_in_a_narrow_window(lab, photos, face, view):
    if view == "dark":
        lab.page.set_viewport_size({"width": 1280, "height": 1500})
        lab.dark()
    else:
        lab.narrow(1900)
    photos.choose(face)
    photos.button("find its code").wait_for()
    lab.kernel_run("explorer.photo.page.steps.value = 20; explorer.photo.page.turn.value = 20")
    photos.button("find its code").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.photo.found is not None"), 180)
    photos.idle()
    lab.page.wait_for_timeout(500)
    panel = photos.panel.bounding_box()
    for part in photos.panel.locator(".lw-pages .lw-plot:visible, .lw-pages .lw-picture:visible, .lw-between").all():
        box = part.bounding_box()
        assert box["x"] + box["width"] <= panel["x"] + panel["width"] + 1
    lab.screenshot(target=photos.panel)
