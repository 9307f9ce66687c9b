"""Heat in the page: the stage lays it over the picture, and what is seen is what the kernel would have composed."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from tests.browser.first import FIRST, First
from tests.browser.pages import SHOWN, open_explorer

TWIN = """
import numpy as np
from latent_widgets.widgets.explorer.region.overlay import heat
def twin():
    maps = explorer.region.effects.maps
    high = max(float(one.map.max()) for one in maps)
    return heat(to_uint8(explorer.edit.apply(G)), maps[0].map, high)
sheets = []
explorer.screen.stage.observe(lambda change: sheets.append(len(change["new"])), "heat")
"""


@pytest.fixture
def heated(lab):
    """An explorer with a painted region and the heat of its first direction, at rest."""
    parts = open_explorer(lab, First, (SHOWN, FIRST))
    parts.calm()
    parts.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    parts.calm()
    parts.button("brush").click()  # out of the hand
    lab.kernel_run(TWIN)
    parts.open_page("region")
    parts.panel.locator(".lw-pages button:visible").filter(has_text="predicted").click()
    parts.panel.locator("img.lw-heat").wait_for()
    parts.calm()
    return parts


def test_page_composes_what_the_kernel_would(lab, heated):
    lab.page.mouse.move(2, 2)
    heated.picture.scroll_into_view_if_needed()
    box = heated.picture.bounding_box()
    place = {"x": round(box["x"]), "y": round(box["y"]), "width": 384, "height": 384}
    with Image.open(io.BytesIO(lab.page.screenshot(clip=place))) as file:
        seen = np.asarray(file.convert("RGB")).astype(int)
    twin = np.frombuffer(bytes.fromhex(lab.kernel_eval("twin().tobytes().hex()")), np.uint8).reshape(384, 384, 3)
    mask = np.array(lab.kernel_eval("explorer.mask.tensor.tolist()"), bool)
    assert seen.shape == twin.shape
    edge = binary_dilation(mask, iterations=2) & binary_dilation(~mask, iterations=2)  # where the outline is
    compared = ~edge.repeat(6, 0).repeat(6, 1)
    compared[-60:, -120:] = False  # the button
    compared[:6] = False  # where what stands above shines in: the picture lies between two pixels of the screen
    inside = compared & mask.repeat(6, 0).repeat(6, 1)
    assert inside.sum() > 1000
    assert np.abs(seen - twin)[compared].max() <= 8
    assert np.abs(seen - twin)[compared].mean() < 1
    assert heated.exact()  # the picture itself is as it is without heat
    lab.screenshot("light", heated.panel)
    lab.dark()
    lab.screenshot("dark", heated.panel)


def test_drag_under_heat_sends_no_heat_until_the_hand_rests(lab, heated):
    lab.kernel_run("sheets.clear()")
    box = heated.handle(0).bounding_box()
    mouse = lab.page.mouse
    mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 45, box["y"] + box["height"] / 2, steps=10)
    mouse.up()
    heated.calm()
    assert len(lab.kernel_eval("sheets")) <= 3  # of the effects, of which there is one for each rest
    lab.page.keyboard.press("Escape")
    heated.button("difference").click()
    heated.panel.locator("img.lw-heat").wait_for(state="hidden")
    assert lab.page.evaluate("() => getComputedStyle(document.querySelector('.lw-stage img')).filter") == "none"
    heated.button("difference").click()
    heated.panel.locator("img.lw-heat").wait_for()
    heated.panel.locator(".lw-hands").focus()
    lab.page.keyboard.down("b")
    lab.eventually(heated.before.is_visible)
    assert lab.page.evaluate("() => getComputedStyle(document.querySelector('.lw-stage img')).filter") == "none"
    lab.page.keyboard.up("b")
    assert lab.kernel_eval("explorer.picture.pixels.shape") == (64, 64, 3)


@pytest.mark.expects_kernel_error
def test_kernel_composes_where_the_module_is_not(lab):
    lab.page.route("**/extensions/anywidget/**", lambda route: route.abort())
    lab.page.on("console", lambda said: lab.errors.append(said.text) if "anywidget" in said.text else None)
    parts = open_explorer(lab, First, (SHOWN, FIRST))
    lab.kernel_run(TWIN)
    lab.kernel_run(
        "explorer.mask = lw.Mask(np.pad(np.ones((8, 16), bool), ((40, 16), (24, 24)))); explorer.steer = True"
    )
    parts.open_page("region")
    parts.panel.locator(".lw-pages button:visible").filter(has_text="predicted").click()
    lab.eventually(lambda: lab.pixels(parts.picture).shape == (384, 384, 3), 60)
    assert lab.kernel_eval("sheets") == []
