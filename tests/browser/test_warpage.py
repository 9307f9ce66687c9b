"""Warpage in JupyterLab: cells by click and by number, a k slider without delay, a sweep that can be stopped."""

import pytest

from tests.browser.pages import open_plot

WARPAGE = """
import latent_widgets as lw
from latent_widgets.widgets.warpage.warpage import WarpageHeatmap
G = lw.load()
panel = WarpageHeatmap(G, n=24, k=10)
panel
"""
SWEEP = """
import latent_widgets as lw
from latent_widgets.widgets.warpage.warpage import WarpageHeatmap
G = lw.load()
panel = WarpageHeatmap(G, n=4000, k=10, target=G.layer_names[2])
panel
"""
READY = "panel.result is not None and panel.wait(0) and panel.controls.strips[2].data != b''"


@pytest.fixture
def opened(lab):
    """A page with one finished heatmap."""
    return open_plot(lab, WARPAGE, READY, 90)


def test_click_on_a_cell_shows_the_pair(opened):
    lab, plot = opened, opened.page.locator(".lw-framed")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    left, bottom, right, top = lab.kernel_eval(
        "panel.controls.heatmap.box(panel.controls.heatmap.axes, 4.5, 2.5, 5.5, 1.5)"
    )
    x, y = box["x"] + (left + right) / 2 * box["width"], box["y"] + (1 - (bottom + top) / 2) * box["height"]
    before = lab.message_counts().get("send comm_msg", 0)
    lab.page.mouse.move(x, y, steps=30)
    lab.page.wait_for_timeout(300)
    assert lab.message_counts().get("send comm_msg", 0) == before  # hovering costs nothing
    wanted = lab.kernel_eval("panel.order.pair(2, 5)")
    under = "([x, y]) => document.elementFromPoint(x, y).textContent"
    lab.eventually(lambda: lab.page.evaluate(under, [x, y]).startswith(f"latents {wanted[0]} and {wanted[1]}: "))
    lab.page.mouse.down()
    lab.page.mouse.up()
    assert lab.eventually(lambda: lab.kernel_eval("panel.selected") == wanted)
    lab.eventually(lambda: f"A: latent {wanted[0]}" in lab.page.inner_text(".lw-panel"), 30)
    assert lab.page.locator(".lw-framed .lw-marks span").count() == 2
    lab.eventually(lambda: lab.kernel_eval(READY), 60)
    lab.screenshot("light")


def test_numbers_choose_a_pair_and_arrow_keys_another_k(opened):
    lab = opened
    numbers = lab.page.locator(".lw-pages input[type=number]")
    for place, value in ((0, 3), (1, 8)):
        numbers.nth(place).fill(str(value))
        numbers.nth(place).press("Enter")
    assert lab.eventually(lambda: lab.kernel_eval("panel.selected") == (3, 8))
    values = lab.page.locator(".lw-layer svg").first
    before = values.inner_html()
    handle = lab.page.locator(".lw-panel .noUi-handle").first
    handle.press("ArrowRight")
    handle.press("ArrowRight")
    assert lab.eventually(lambda: lab.kernel_eval("panel.k") == 12)
    lab.eventually(lambda: values.inner_html() != before)
    lab.page.get_by_role("button", name="projection", exact=True).click()
    assert lab.eventually(lambda: lab.kernel_eval("panel.metric") == "projection")
    lab.page.get_by_role("button", name="sample", exact=True).click()
    lab.eventually(lambda: lab.kernel_eval("[int(i) for i in panel.order.latents] == list(range(24))"))


@pytest.mark.slow
def test_dragging_k_ends_at_the_last_k(opened):
    lab = opened
    lab.drag(lab.page.locator(".lw-panel .noUi-handle").first, dx=90)
    lab.eventually(lambda: lab.kernel_eval("panel.k > 10 and panel.controls.k_box.value == panel.k and not panel.busy"))
    k = lab.kernel_eval("panel.k")
    shown = lab.page.locator(".lw-panel .noUi-handle").first.get_attribute("aria-valuetext")
    assert float(shown) == k


def test_cancelled_sweep_shows_what_it_has(lab):
    lab.write_notebook([SWEEP])
    lab.open_notebook()
    lab.eventually(lambda: lab.kernel_eval("(panel.beside.progress or 0) > 0"), 90)  # at least one latent is measured
    lab.page.get_by_role("button", name="Cancel", exact=True).click()
    lab.eventually(lambda: lab.kernel_eval("panel.result is not None"), 60)
    found, total, stopped = lab.kernel_eval("(len(panel.result), panel.result.total, panel.result.stopped)")
    assert (total, stopped) == (4000, "cancelled")
    assert 0 < found < 4000
    lab.eventually(lambda: f"{found} of 4000 latents: the run was cancelled" in lab.page.inner_text(".lw-panel"), 30)
    lab.eventually(lambda: lab.kernel_eval("not panel.busy"), 60)


@pytest.mark.slow
@pytest.mark.browser_context(device_scale_factor=2, viewport={"width": 1280, "height": 1000})
def test_map_shows_pictures_in_the_dark(opened):
    lab = opened
    lab.dark()
    lab.screenshot("dark")
    lab.page.get_by_role("tab", name="map", exact=True).click()
    lab.page.wait_for_selector(".lw-spot image")
    assert lab.page.locator(".lw-spot image").count() == 24
    spot = lab.page.locator(".lw-spot image").nth(5)
    small = spot.bounding_box()["width"]
    spot.hover()
    lab.eventually(lambda: spot.bounding_box()["width"] > 2 * small)
    lab.screenshot("dark-map")


@pytest.mark.slow
@pytest.mark.browser_context(device_scale_factor=2, viewport={"width": 560, "height": 1200})
def test_narrow_window_keeps_everything(opened):
    lab = opened
    panel = lab.page.locator(".lw-panel").first
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    lab.page.get_by_role("tab", name="map", exact=True).click()
    lab.page.wait_for_selector(".lw-spot image")
    lab.page.get_by_role("tab", name="pair", exact=True).click()
    lab.screenshot("narrow")
