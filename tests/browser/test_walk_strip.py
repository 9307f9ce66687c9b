"""The strip of a walk in JupyterLab: clicks, keys, and a hand that drags along it faster than the kernel answers."""

import pytest

from tests.browser.stages import SETUP

STRIP = """
import threading
frames = np.concatenate([np.full((32, 32, 3), (40 + 30 * i, 90, 200 - 20 * i)) for i in range(5)], 1)
strip = WalkStrip(alt="a walk along smile")
strip.show(png(frames), places=[-4, -2, 0, 1, 2], labels=["-4 sd", "-2 sd", "0", "1 sd", "2 sd"], chosen=2)
strip.layout.max_width = "500px"
strip.on_go(hear("go"))
strip.on_trouble(hear("trouble"))
slow = 0.0
def scrubbed(place, done):
    threading.Event().wait(slow)
    heard.append(("scrub", place, done))
strip.on_scrub(scrubbed)
panel(strip)
"""


class Strip:
    """The strip's parts in the page."""

    def __init__(self, lab):
        self.lab, self.mouse, self.keyboard = lab, lab.page.mouse, lab.page.keyboard
        self.root = lab.page.locator(".lw-walk")
        self.frames = self.root.locator("button")

    def middle(self, index):
        box = self.frames.nth(index).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def heard(self, kind):
        return [call[1:] for call in self.lab.kernel_eval("heard") if call[0] == kind]

    def drag(self, first, last, steps):
        self.frames.nth(first).hover(trial=True)
        self.mouse.move(*self.middle(first))
        self.mouse.down()
        self.mouse.move(*self.middle(last), steps=steps)
        self.mouse.up()


@pytest.fixture
def strip(lab):
    lab.write_notebook([SETUP, STRIP])
    lab.open_notebook()
    made = Strip(lab)
    made.frames.nth(4).wait_for()
    lab.eventually(lambda: made.frames.first.locator("canvas").is_visible())
    made.root.scroll_into_view_if_needed()
    return made


def test_click_and_keys_go_to_a_frame(lab, strip):
    assert strip.root.get_attribute("aria-label") == "a walk along smile"
    widths = [frame.bounding_box()["width"] for frame in strip.frames.all()]
    assert max(widths) - min(widths) < 1
    assert [frame.inner_text() for frame in strip.frames.all()] == ["-4 sd", "-2 sd", "0", "1 sd", "2 sd"]
    assert [frame.get_attribute("aria-pressed") for frame in strip.frames.all()].index("true") == 2
    colour = "c => Array.from(c.getContext('2d').getImageData(5, 5, 1, 1).data)"
    assert strip.frames.nth(3).locator("canvas").evaluate(colour) == [130, 90, 140, 255]
    lab.screenshot("light", strip.root)
    strip.frames.nth(4).click()
    lab.eventually(lambda: strip.heard("go") == [(2,)])
    strip.frames.nth(4).focus()
    for key in ("ArrowLeft", "Home", "ArrowRight"):
        strip.keyboard.press(key)
    assert strip.frames.nth(1).evaluate("e => e === document.activeElement")
    strip.keyboard.press("Enter")
    lab.eventually(lambda: strip.heard("go") == [(2,), (-2,)])
    strip.keyboard.press("Space")
    lab.eventually(lambda: strip.heard("go") == [(2,), (-2,), (-2,)])
    assert [frame.get_attribute("tabindex") for frame in strip.frames.all()] == ["-1", "0", "-1", "-1", "-1"]
    strip.keyboard.press("Tab")
    assert not strip.root.evaluate("e => e.contains(document.activeElement)")  # one stop
    lab.kernel_run("strip.chosen = 1")
    lab.eventually(lambda: strip.frames.nth(1).get_attribute("aria-pressed") == "true")
    lab.dark()
    lab.screenshot("dark", strip.root)
    lab.narrow(700)
    lab.page.set_viewport_size({"width": 400, "height": 700})
    lab.eventually(lambda: strip.root.bounding_box()["width"] < 400)
    shape = strip.frames.first.locator("canvas").bounding_box()
    assert shape["width"] == pytest.approx(shape["height"], abs=1)
    strip.root.scroll_into_view_if_needed()
    lab.screenshot("narrow")
    assert strip.heard("scrub") == strip.heard("trouble") == []


def test_drag_asks_for_the_newest_place_and_always_for_the_last(lab, strip):
    strip.drag(0, 3, steps=30)
    lab.eventually(lambda: strip.heard("scrub") and strip.heard("scrub")[-1] == (1, True))
    quick = [place for place, _ in strip.heard("scrub")]
    assert quick == sorted(quick)
    assert any(place % 1 for place in quick)  # between the frames, too
    lab.kernel_run("heard.clear(); slow = 0.4")
    before = lab.message_counts()["send comm_msg"]
    strip.drag(0, 4, steps=60)
    lab.eventually(lambda: strip.heard("scrub") and strip.heard("scrub")[-1] == (2, True), 20)
    answers = strip.heard("scrub")
    assert [done for _, done in answers].count(True) == 1
    assert len(answers) < 30  # of 60 moves
    assert lab.message_counts()["send comm_msg"] - before == len(answers)  # nothing waited in a queue
    assert strip.heard("go") == []  # a drag is no click


def test_click_overtakes_a_drag(lab, strip):
    lab.kernel_run("slow = 1.0")
    strip.drag(0, 4, steps=20)
    strip.frames.nth(1).click()
    lab.eventually(lambda: strip.heard("go") == [(-2,)], 20)
    lab.page.wait_for_timeout(1500)
    kinds = [call[0] for call in lab.kernel_eval("heard")]
    assert kinds[-1] == "go"  # what was wanted before it is not asked for
    lab.kernel_run("heard.clear(); slow = 0.0; strip.on_scrub(lambda place, done: 1 / 0) if False else None")
    strip.drag(2, 3, steps=10)
    lab.eventually(lambda: strip.heard("scrub")[-1:] == [(1, True)])
