"""The explorer over the whole screen: what a click and Escape do, and how the picture uses the room."""

import pytest

from tests.browser.first import FIRST, First
from tests.browser.pages import SHOWN, open_explorer

FULL = "() => document.fullscreenElement?.classList.contains('lw-panel') ?? false"
REFUSED = "Object.defineProperty(Document.prototype, 'fullscreenEnabled', {get: () => false})"
SCROLLS = "panel => [panel.scrollHeight - panel.clientHeight, panel.scrollWidth - panel.clientWidth]"


def test_click_shows_it_over_the_whole_screen_and_escape_brings_it_back(lab, first):
    small = first.picture.bounding_box()
    first.button("Full screen").click()
    lab.eventually(lambda: lab.page.evaluate(FULL))
    lab.eventually(first.button("Leave full screen").is_visible)
    large = lab.eventually(lambda: (box := first.picture.bounding_box())["width"] > 450 and box)
    assert large["width"] == pytest.approx(large["height"], abs=1)
    assert large["x"] + large["width"] < first.rows.nth(0).bounding_box()["x"]  # sliders stand beside it
    assert first.panel.evaluate(SCROLLS) == [0, 0]
    hands = first.panel.locator(".lw-hands")
    lab.eventually(lambda: hands.bounding_box() == pytest.approx(first.picture.bounding_box(), abs=1))
    lab.screenshot("light")
    lab.drag(first.handle(0), dx=30)
    first.settle()
    assert list(first.alphas()) == ["random 1"]
    first.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is not None"))
    first.calm()
    assert 0.005 < lab.kernel_eval("explorer.mask.area") < 0.2
    lab.dark()
    lab.screenshot("dark")
    first.button("brush").click()
    lab.page.keyboard.press("Escape")
    lab.eventually(lambda: not lab.page.evaluate(FULL))
    lab.eventually(first.button("Full screen").is_visible)
    lab.eventually(lambda: first.picture.bounding_box()["width"] == small["width"])


@pytest.mark.slow
def test_keys_go_there_and_back_and_pages_open_below(lab, first):
    press = first.button("Full screen")
    press.focus()
    lab.page.keyboard.press("Enter")
    lab.eventually(lambda: lab.page.evaluate(FULL))
    first.open_page("seeds")
    first.panel.locator(".lw-seed").first.wait_for()
    first.picture.scroll_into_view_if_needed()
    box = lab.eventually(lambda: (box := first.picture.bounding_box())["width"] >= 350 and box)
    assert box["x"] + box["width"] < first.rows.nth(0).bounding_box()["x"]
    lab.screenshot("page")
    lab.page.set_viewport_size({"width": 600, "height": 800})
    lab.eventually(lambda: first.picture.bounding_box()["width"] == pytest.approx(480, abs=12))
    assert first.rows.nth(0).bounding_box()["y"] > first.picture.bounding_box()["y"] + 400
    lab.screenshot("narrow")
    first.button("Leave full screen").press("Enter")
    lab.eventually(lambda: not lab.page.evaluate(FULL))


def test_there_is_no_button_where_the_page_does_not_allow_it(lab):
    lab.page.add_init_script(REFUSED)
    parts = open_explorer(lab, First, (SHOWN, FIRST))
    parts.panel.locator(".lw-hands").wait_for()
    parts.calm()
    assert parts.button("brush").is_visible()
    assert parts.button("Full screen").count() == 0
