"""Painting linked to steering in JupyterLab: a painted mouth becomes sliders, and a drag changes the mouth."""

import numpy as np
import pytest

from tests.browser.pages import Regions, open_linked


@pytest.fixture
def regions(lab):
    """An explorer on its page for regions, linked with a painter, at rest."""
    return open_linked(lab, Regions, "region", steer=True)


@pytest.mark.browser_context(viewport={"width": 1280, "height": 1700})
def test_painted_mouth_becomes_a_slider_that_moves_it(lab, regions):
    regions.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    regions.calm()
    first, *_ = regions.last_set(6)
    before = lab.pixels(regions.picture).astype(float)
    lab.drag(regions.handle(first), dx=20)
    regions.calm()
    change = np.square(lab.pixels(regions.picture) - before).mean(-1)
    mask = np.array(lab.kernel_eval("np.asarray(explorer.mask).tolist()"), bool)
    outside, inside = (float(np.sqrt(change[part].mean())) for part in (~mask, mask))
    predicted = lab.kernel_eval("1 / float(explorer.directions.scores['outside per inside'][0])")
    assert inside / outside > 2
    assert predicted / 3 < inside / outside < 3 * predicted
    assert lab.kernel_eval("bool((painter.image == explorer.picture.pixels).all()) and painter.model.can_undo")
    words = regions.panel.locator(".lw-pages .lw-note").filter(has_text="falls inside")
    assert "true" in words.inner_text()
    assert "chance" in words.inner_text()
    lab.screenshot(target=regions.panel)
    regions.panel.locator(".lw-pages button:visible").filter(has_text="predicted").click()
    regions.panel.locator("img.lw-heat").wait_for()
    lab.screenshot("heat", regions.panel)
    lab.screenshot("painter", lab.page.locator(".lw-panel").nth(1))


@pytest.mark.slow
@pytest.mark.parametrize("view", ["dark", "narrow"])
def test_region_page_in_the_dark_and_in_a_narrow_window(lab, regions, view):
    if view == "dark":
        lab.dark()
    else:
        lab.narrow(1400)
    regions.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    regions.panel.locator(".lw-pages button:visible").filter(has_text="true").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 120)
    lab.page.wait_for_timeout(500)
    panel = regions.panel.bounding_box()
    for i in range(3):
        box = regions.panel.locator(".lw-plots .lw-plot").nth(i).bounding_box()
        assert box["x"] + box["width"] <= panel["x"] + panel["width"] + 1
        assert box["width"] > 200
    lab.screenshot(target=regions.panel)
