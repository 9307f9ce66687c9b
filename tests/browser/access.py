"""What a screen reader and a keyboard find in a panel: axe-core's rules, and the names that the Tab key comes by.

Names are Chromium's own, those that it hands to screen readers. What ipywidgets and ipycanvas make and leave no way to
mend is listed, and a test fails as well when it is mended: the list then loses an entry.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Locator, TimeoutError

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN = """async selector => {
    const found = await axe.run(selector, {resultTypes: ['violations']});
    return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(
        v => v.nodes.map(n => [v.id, n.target.join(' '), n.html]));
}"""
MATCHES = "([target, selector]) => document.querySelector(target).matches(selector)"
# What can have the focus, is shown, and is not left to arrow keys or to a control that does the same.
REACHABLE = """panel => [...panel.querySelectorAll(
    'button, input, select, textarea, summary, canvas, [tabindex], [contenteditable=true]')].filter(
    e => !e.disabled && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}))"""
FIRST = f"panel => {{ window.reached = new Set(); ({REACHABLE})(panel)[0].focus(); }}"
LEFT = f"panel => ({REACHABLE})(panel).filter(e => !window.reached.has(e)).map(e => e.outerHTML.slice(0, 200))"
MOVED = "before => document.activeElement !== window.focused"
HERE = """panel => {
    const e = window.focused = document.activeElement;
    window.reached.add(e);
    return panel.contains(e);
}"""


@dataclass(frozen=True)
class Fault:
    """What is known to be wrong, and why it stays.

    Attributes:
        selector: The elements.
        where: The widgets that have them.
        rule: Of axe-core's, which they break; none where no rule asks for what is missing.
        nameless: Whether the Tab key finds them without a name.
        why: Who would have to mend it.
    """

    selector: str
    where: frozenset[str]
    rule: str
    nameless: bool
    why: str


EXPLORER, PAINTER = frozenset({"explorer"}), frozenset({"painter"})
ALL = EXPLORER | PAINTER | {"spectrum", "warpage"}
FAULTS = (
    Fault(".noUi-handle", ALL, "aria-input-field-name", True,
          "ipywidgets ties the label of a slider to no handle; the number box beside it has a name"),
    Fault(".widget-readout", EXPLORER | PAINTER, "", True, "ipywidgets names no readout of a range"),
    Fault(".widget-colorpicker-input > input[type=color]", PAINTER, "label", True,
          "ipywidgets' label is that of the text box beside it, which takes the same colours"),
    Fault("canvas.lw-canvas", PAINTER, "", True, "ipycanvas has no words for a canvas"),
)  # fmt: skip


def broken(widget: str) -> set[Fault]:
    """Return the faults of a widget that break a rule of axe-core's."""
    return {fault for fault in FAULTS if widget in fault.where and fault.rule}


def nameless(widget: str) -> set[Fault]:
    """Return the faults of a widget that the Tab key comes by."""
    return {fault for fault in FAULTS if widget in fault.where and fault.nameless}


def faults_of(panel: Locator, selector: str = ".lw-panel") -> tuple[set[Fault], list[list[str]]]:
    """Check a panel against axe-core's rules.

    Args:
        panel: The panel.
        selector: Which part of the page is checked.

    Returns:
        Those of the known faults that it has, and what else is serious or critical: rule, selector and HTML.
    """
    page = panel.page
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    known, new = set(), []
    for rule, target, html in page.evaluate(RUN, selector):
        fits = [f for f in FAULTS if f.rule == rule and page.evaluate(MATCHES, [target, f.selector])]
        known.update(fits)
        new += [] if fits else [[rule, target, html[:300]]]
    return known, new


@dataclass(frozen=True)
class Stop:
    """Where the Tab key comes by.

    Attributes:
        name: What Chromium calls it, without the letter that an icon is.
        html: The element.
        fault: Which known fault explains that it may have no name.
    """

    name: str
    html: str
    fault: Fault | None


def walk(panel: Locator, most: int = 200) -> Iterator[Stop]:
    """Go through a panel with the Tab key, from its first control until the focus has left it.

    Args:
        panel: The panel.
        most: Steps after which it is given up.

    Yields:
        Each control.
    """
    page = panel.page
    session = page.context.new_cdp_session(page)
    panel.evaluate(FIRST)
    for _ in range(most):
        if not panel.evaluate(HERE):
            return
        element = session.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]["objectId"]
        node = session.send("Accessibility.getPartialAXTree", {"objectId": element, "fetchRelatives": False})["nodes"][
            0
        ]
        said = str(node.get("name", {}).get("value", ""))
        name = "".join(letter for letter in said if unicodedata.category(letter) != "Co").strip()
        fault = next((f for f in FAULTS if page.evaluate("s => document.activeElement.matches(s)", f.selector)), None)
        yield Stop(name, page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)"), fault)
        page.keyboard.press("Tab")
        page.wait_for_function(MOVED)
        with suppress(TimeoutError):  # the kernel moves it on from the painter's canvas, by way of nothing
            page.wait_for_function("() => document.activeElement !== document.body", timeout=3000)
    raise AssertionError(f"the focus must leave the panel, and is still in it after {most} steps")


def unreached(panel: Locator) -> list[str]:
    """Return the HTML of the controls that the last walk did not come by."""
    return panel.evaluate(LEFT)
