"""A panel's line in a real JupyterLab: what it says is in sight wherever in a tall panel the hand is."""

import pytest

from tests.browser.pages import open_explorer

# Of an element and of what scrolls: the upper and the lower edge.
PLACES = """e => [e, e.closest('.jp-WindowedPanel-outer')].map(
    x => { const box = x.getBoundingClientRect(); return [box.top, box.bottom]; })"""
ON_TOP = """e => { const box = e.getBoundingClientRect();
    return e.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)); }"""
FAILING = "fine = G.synthesize\ndef fail(*a): raise RuntimeError('no memory')\nG.synthesize = fail"


@pytest.fixture
def tall(lab):
    """An explorer whose open page is far taller than the window."""
    parts = open_explorer(lab)
    parts.settle()
    lab.narrow(700)
    parts.open_finder()
    parts.open_page("seeds")
    lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 30)
    return parts


@pytest.fixture
def in_sight(lab):
    """Tells whether a person sees the whole of an element, without scrolling."""

    def see(element):
        (top, bottom), (low, high) = element.evaluate(PLACES)
        return low <= top < bottom <= high and element.evaluate(ON_TOP)

    return see


def test_error_shows_where_the_hand_is(lab, tall, in_sight):
    foot = tall.panel.locator(":scope > .lw-foot")
    assert tall.panel.bounding_box()["height"] > 1.8 * 700  # windows; or the test is of no use
    tall.panel.get_by_label("directions", exact=True).fill("1000")
    tall.panel.get_by_label("directions", exact=True).press("Enter")
    assert in_sight(foot)
    calm = foot.bounding_box()
    tall.button("Find").click()
    tall.error.wait_for()
    assert "k must be at most 64" in tall.error.inner_text()
    assert in_sight(tall.error)
    lab.screenshot("middle")
    tall.button("Dismiss").click()
    tall.error.wait_for(state="hidden")
    assert foot.bounding_box()["height"] == calm["height"] < 60  # one row

    lab.kernel_run(FAILING)
    tall.button("15").focus()  # the lowest control
    tall.panel.evaluate("e => e.scrollIntoView({block: 'end'})")  # the panel's end is the window's: no room below it
    lab.page.keyboard.press("Enter")
    tall.error.wait_for()
    assert "no memory" in tall.error.inner_text()
    assert in_sight(tall.error)
    lab.screenshot("end")
    lab.dark()
    lab.eventually(lambda: in_sight(tall.error))  # a page moves while it changes its colours
    lab.screenshot("dark")


@pytest.mark.slow
def test_error_shows_in_a_long_output_that_scrolls(lab, tall, in_sight):
    lab.page.evaluate("() => window.jupyterapp.commands.execute('notebook:enable-output-scrolling')")
    output = lab.page.locator(".jp-Cell-outputArea:has(.lw-panel)")
    assert output.bounding_box()["height"] < 500
    lab.kernel_run("explorer.show_error(ValueError('count must be at least 2, got 1.'))")
    tall.error.wait_for()
    output.evaluate("e => { e.scrollTop = 300; }")
    assert in_sight(tall.error)
    lab.screenshot()


@pytest.mark.slow
def test_keyboard_stops_at_nothing_beneath_the_line(lab, tall):
    tall.panel.get_by_label("seed", exact=True).first.focus()
    for _ in range(60):
        lab.page.keyboard.press("Tab")
        name, middle, foot = lab.page.evaluate(
            """() => { const e = document.activeElement, foot = document.querySelector('.lw-panel > .lw-foot');
            const box = e.getBoundingClientRect();
            return [foot.contains(e) ? 'foot' : e.title || e.className,
                    (box.top + box.bottom) / 2, foot.getBoundingClientRect().top]; }"""
        )
        assert name == "foot" or middle < foot, name
