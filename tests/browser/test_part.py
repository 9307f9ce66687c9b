"""Paint, learn, train, cancel, drag in JupyterLab: a painted face becomes a segmenter and a slider; moves stack up."""

import numpy as np
import pytest

from tests.browser.pages import Regions, open_linked


class Parts(Regions):
    """The explorer's page for parts, and the painter below it."""

    def choose(self, option):
        self.panel.locator(".lw-pages select").filter(has_text=option).select_option(label=option)


@pytest.fixture
def parts(lab):
    """An explorer on its page for parts, linked with a painter, at rest."""
    return open_linked(lab, Parts, "part", steer=False)


@pytest.mark.browser_context(viewport={"width": 1280, "height": 1900})
def test_painted_mouth_is_learnt_trained_cancelled_and_dragged(lab, parts):
    parts.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is not None"), 60)
    lab.page.get_by_placeholder("hair").fill("mouth")
    lab.page.get_by_placeholder("hair").press("Tab")
    parts.button("Add this picture").click()
    lab.eventually(lambda: lab.kernel_eval("'mouth' in explorer.part.painted.segmenters"), 180)
    parts.calm()
    assert parts.panel.get_by_text("1 of at most 8 examples").is_visible()
    assert parts.panel.get_by_text("mouth: ").is_visible()
    assert lab.kernel_eval("explorer.part.page.part.label") == "mouth, as painted"
    parts.choose("this picture")
    parts.button("Train").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.part.course is not None"), 180)
    curve = parts.panel.locator(".lw-pages svg[aria-label^='The score']")
    curve.wait_for()
    lab.drag(parts.handle(0), dx=20)  # the old sliders live on while it trains
    lab.eventually(lambda: lab.kernel_eval("len(explorer.edit.moves)") == 1, 60)
    assert lab.kernel_eval("explorer.part.work.job.busy")
    lab.screenshot("training", parts.panel)
    parts.button("Cancel").click()
    (row,) = parts.last_set(1)
    parts.calm()
    assert lab.kernel_eval("[explorer.part.found.stopped, *explorer.directions.names]") == ["cancelled", "mouth"]
    assert parts.panel.get_by_text("stopped: the best so far").is_visible()
    before = lab.pixels(parts.picture).astype(float)
    lab.drag(parts.handle(row), dx=40)
    parts.calm()
    assert lab.kernel_eval("[m.name for m in explorer.edit.moves][1:]") == ["mouth"]
    assert np.abs(lab.pixels(parts.picture) - before).max() > 20
    lab.screenshot("trained", parts.panel)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["dark", "narrow"])
def test_part_page_in_the_dark_and_in_a_narrow_window(lab, parts, view):
    if view == "dark":
        lab.page.set_viewport_size({"width": 1280, "height": 1700})
        lab.dark()
    else:
        lab.narrow(2000)
    parts.choose("this picture")
    lab.kernel_run("explorer.part.page.steps.value = 20; explorer.part.page.count.value = 2")
    parts.button("Train").click()
    parts.last_set(2)
    parts.calm()
    lab.kernel_run("explorer.set_alpha(0, 2.0); explorer.set_alpha(1, -1.5)")
    parts.calm()
    panel = parts.panel.bounding_box()
    shown = parts.panel.locator(".lw-pages .lw-plots > *:visible").all()
    assert len(shown) >= 3
    for part in shown:
        box = part.bounding_box()
        assert box["x"] + box["width"] <= panel["x"] + panel["width"] + 1
    lab.screenshot(target=parts.panel)
    for page in ("stack", "palette", "compare"):
        parts.open_page(page)
        parts.calm()
        lab.screenshot(page, parts.panel)


def test_moves_stack_up_and_can_be_switched_off_and_reordered(lab, parts):
    lab.kernel_run("explorer.set_alpha(0, 2.0); explorer.set_alpha(1, -1.5)")
    parts.open_page("stack")
    parts.calm()
    rows = parts.panel.locator(".lw-pages .lw-move")
    assert rows.count() == 2
    both = lab.pixels(parts.picture)
    rows.nth(0).locator("input[type=checkbox]").uncheck()
    lab.eventually(lambda: lab.kernel_eval("[m.enabled for m in explorer.edit.moves]") == [False, True], 30)
    parts.calm()
    assert (lab.pixels(parts.picture) != both).any()
    rows.nth(0).locator("button[title$=later]").click()
    lab.eventually(lambda: lab.kernel_eval("[m.enabled for m in explorer.edit.moves]") == [True, False], 30)
    parts.button("undo").click()
    parts.button("undo").click()
    parts.calm()
    assert lab.kernel_eval("[m.enabled for m in explorer.edit.moves]") == [True, True]
    assert (lab.pixels(parts.picture) == both).all()
    lab.screenshot(target=parts.panel)
