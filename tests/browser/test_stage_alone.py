"""The stage's module on an empty page, without notebook or kernel: all that it knows is its port."""

import io

import numpy as np
import pytest
from PIL import Image

from latent_widgets.page.modules import STAGE
from latent_widgets.widgets.kit.stage import TEXTS
from tests.browser.stages import EVENT, FULL

PLACE = "https://stage.test/"  # which the test itself serves; a page of http has no coalesced events
PAGE = """<div class="lw-stage" style="width: 300px">
<img style="display: block; width: 256px; height: 192px" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'
width='64' height='48'/>"><div id="here"></div></div>"""
OPEN = """async ([text, part, values]) => {
    const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
    const module = await import(url), heard = new Set(), told = new Set();
    const port = window.port = {
        values, sent: [], troubles: [], fails: false,
        get: name => port.values[name],
        changed(names, act) { heard.add(act); return () => heard.delete(act); },
        told(act) { told.add(act); return () => told.delete(act); },
        send(message) { if (port.fails) throw new Error('the line is cut'); port.sent.push(message); },
        trouble: text => port.troubles.push(text),
        set(name, value) { port.values[name] = value; for (const act of heard) act(name); },
        tell(message) { for (const act of told) act(message); },
        listeners: () => heard.size + told.size,
    };
    window.loops = module.loops;
    window.end = module[part](document.querySelector('#here'), port);
}"""
VALUES = {"size": [48, 64], "width": 256, "alt": "a face", "tool": "brush", "brush": 4, "contour": True}
# Random masks: for each, how many pixels are inside, and the area that its borders enclose.
LAW = """() => Array.from({length: 200}, () => {
    const [width, height] = [1, 2].map(() => 1 + Math.floor(12 * Math.random()));
    const inside = Uint8Array.from({length: width * height}, () => Math.random() < .5);
    let area = 0;
    for (const loop of window.loops(inside, width, height))
        for (let i = 0; i < loop.length; i += 2) {
            const j = (i + 2) % loop.length;
            area += (loop[i] * loop[j + 1] - loop[j] * loop[i + 1]) / 2;
        }
    return [inside.reduce((sum, one) => sum + one, 0), area];
})"""


class Alone:
    """The page of a module with a port of the test's."""

    def __init__(self, page):
        self.page, self.hands = page, page.locator(".lw-hands")

    def open(self, part="stage", **values):
        self.page.route(PLACE, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        self.page.goto(PLACE)
        self.page.evaluate(OPEN, [STAGE.read_text(encoding="utf-8"), part, VALUES | {"_texts": TEXTS} | values])
        return self

    def send(self, kind, x, y, **rest):
        self.hands.evaluate(EVENT, [kind, x, y, {"pointerId": 1, "isPrimary": True, "button": 0, "buttons": 1} | rest])

    def port(self, what):
        return self.page.evaluate(f"() => window.port.{what}")

    def full(self, layer):
        return self.page.locator(f"canvas.lw-{layer}").evaluate(FULL)


@pytest.fixture
def alone(chromium):
    context = chromium.new_context()
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    yield Alone(page)
    context.close()
    assert errors == []


def test_borders_enclose_as_many_pixels_as_are_inside(alone):
    counted = np.array(alone.open().page.evaluate(LAW))
    assert (counted[:, 0] == counted[:, 1]).all()
    assert counted[:, 0].max() > 30


def test_strokes_go_to_whatever_is_at_the_port(alone):
    alone.open()
    box = alone.hands.bounding_box()
    alone.page.mouse.move(box["x"] + 40, box["y"] + 40)
    alone.page.mouse.down()
    alone.page.mouse.move(box["x"] + 80, box["y"] + 60)
    alone.page.mouse.up()
    stroke = {"kind": "stroke", "points": [[10, 10], [20, 15]], "size": 4, "erase": False}
    assert alone.port("sent") == [stroke]
    assert alone.full("wet") > 0
    alone.port("tell({kind: 'settled'})")
    assert alone.full("wet") == 0
    alone.send("pointerdown", 5, 5, button=5, pointerType="pen")  # its other end
    alone.send("pointerup", 5, 5, pointerType="pen")
    assert alone.port("sent")[1]["erase"] is True


def test_all_points_between_two_events_are_there(alone):
    alone.open().send("pointerdown", 4, 4)
    alone.hands.evaluate(
        """element => {
            const box = element.getBoundingClientRect();
            const at = (x, y) => ({clientX: box.left + 4 * x, clientY: box.top + 4 * y, pointerId: 1, buttons: 1});
            const coalescedEvents = [at(6, 4), at(8, 12), at(10, 4)].map(one => new PointerEvent('pointermove', one));
            element.dispatchEvent(new PointerEvent('pointermove', {...at(10, 4), coalescedEvents}));
        }"""
    )
    alone.send("pointerup", 10, 4)
    assert alone.port("sent")[0]["points"] == [[4, 4], [6, 4], [8, 12], [10, 4]]


def test_long_strokes_are_sent_thinned(alone):
    alone.open().send("pointerdown", 0, 1)
    alone.hands.evaluate(
        """element => {
            const box = element.getBoundingClientRect();
            const at = i => ({clientX: box.left + i % 250, clientY: box.top + i % 99, pointerId: 1, buttons: 1});
            for (let i = 0; i < 25000; i += 5000) {
                const one = (_, j) => new PointerEvent('pointermove', at(i + j));
                const coalescedEvents = Array.from({length: 5000}, one);
                element.dispatchEvent(new PointerEvent('pointermove', {...at(i), coalescedEvents}));
            }
        }"""
    )
    alone.send("pointerup", 7, 7)
    points = alone.port("sent")[0]["points"]
    assert len(points) == 20000
    assert (points[0], points[-1][1]) == ([0, 1], pytest.approx(24999 % 99 / 4, abs=0.01))


def test_error_is_told_once_and_the_next_event_works(alone):
    alone.open()
    alone.page.evaluate("() => { window.port.fails = true; }")
    for _ in range(2):
        alone.send("pointerdown", 4, 4)
        alone.send("pointerup", 4, 4)
    assert alone.port("troubles") == ["the line is cut"]
    alone.page.evaluate("() => { window.port.fails = false; }")
    alone.send("pointerdown", 4, 4)
    alone.send("pointerup", 4, 4)
    assert len(alone.port("sent")) == 1
    for name, junk in (("size", "[NaN, 3]"), ("tool", "{}"), ("brush", "'wide'"), ("mask", "'text'"), ("alt", "null")):
        alone.port(f"set('{name}', {junk})")
    alone.port("tell(null)")
    alone.send("pointerdown", 9, 9)
    alone.send("pointerup", 9, 9)
    assert alone.port("sent")[1] == {"kind": "stroke", "points": [[9, 9]], "size": 4, "erase": False}


def test_before_that_is_taken_away_while_it_is_held(alone):
    alone.open(before_format="png")
    file, page = io.BytesIO(), alone.page
    Image.new("RGB", (8, 6), "red").save(file, "PNG")
    before, note = page.locator("img.lw-before"), page.locator(".lw-said")
    alone.hands.focus()
    page.keyboard.down("b")
    assert not before.is_visible()
    page.evaluate("bytes => window.port.set('before', new Uint8Array(bytes).buffer)", list(file.getvalue()))
    before.wait_for()
    assert note.inner_text() == "before"
    alone.port("set('before', new Uint8Array())")
    before.wait_for(state="hidden")
    assert note.inner_text() == ""
    page.keyboard.up("b")
    assert alone.port("sent") == [{"kind": "before"}]


def test_it_follows_the_picture_and_ends_without_a_trace(alone):
    alone.open()
    page = alone.page
    page.evaluate("() => Object.assign(document.querySelector('img').style, {width: '128px', margin: '10px 20px'})")
    page.wait_for_function("() => document.querySelector('.lw-hands').clientWidth === 128")
    assert alone.hands.bounding_box() == pytest.approx(
        page.locator("img").first.bounding_box() | {"height": 96}
    )  # whatever shape the file has
    assert page.locator("img").first.get_attribute("alt") == "a face"
    page.evaluate("() => window.end()")
    assert page.evaluate("() => [document.querySelector('#here').childElementCount, window.port.listeners()]") == [0, 0]
    page.keyboard.press("b")
    assert alone.port("sent") == []


def test_strip_without_a_sheet_is_a_row_of_words(alone):
    alone.open("strip", count=3, places=[-1, 0, 1], labels=["a", "b"], chosen=7)
    frames = alone.page.locator(".lw-walk button")
    assert frames.all_inner_texts() == ["a", "b", "1"]
    frames.nth(2).click()
    assert alone.port("sent") == [{"kind": "go", "place": 1}]
    for name, junk in (("count", "-3"), ("places", "[1]"), ("labels", "7"), ("sheet", "'x'")):
        alone.port(f"set('{name}', {junk})")
    assert frames.count() == 3
    frames.nth(1).click()
    assert len(alone.port("sent")) == 1  # of no known place
    assert alone.port("troubles") == []
