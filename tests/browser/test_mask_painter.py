"""The painter in JupyterLab: mouse, finger and keys, a release outside, a reload, a mishap, dark colours."""

import pytest
from PIL import Image

from tests.browser.pages import CANVAS

PAINTER = """
import numpy as np
from latent_widgets.widgets.painter.painter import MaskPainter
image = np.full((48, 64, 3), 90, np.uint8)
image[12:36, 20:44] = (200, 160, 60)
def segmenter(images):
    return (images[:, 0] > 0).long()
segmenter.names = ("background", "gold")
painter = MaskPainter(
    image, ["square", "rest"], segmenter=segmenter, width=384, brush=6.0, opacity=1.0, colour="#ff0000"
)
painter
"""
# One pixel of what the page shows, from 0 to 1 of the canvas.
PIXEL = """(canvas, [x, y]) => Array.from(
    canvas.getContext('2d').getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data)"""
AREA = "int(painter.model.mask.sum())"
RED, BACK, GOLD = [255, 0, 0, 255], [90, 90, 90, 255], [200, 160, 60, 255]


class Page:
    """The painter's page, in which places are pixels of the picture."""

    def __init__(self, lab, touch=False):
        self.lab, self.touch = lab, touch
        self.canvas = lab.page.locator(CANVAS)

    def place(self, x, y):
        box = self.canvas.bounding_box()
        return box["x"] + x / 64 * box["width"], box["y"] + y / 48 * box["height"]

    def settle(self, x, y):
        """Wait until the canvas lies still under a place, as a hand does: a page moves while it changes its colours."""
        box = self.canvas.bounding_box()
        position = {"x": x / 64 * box["width"], "y": y / 48 * box["height"]}
        self.canvas.tap(position=position, trial=True) if self.touch else self.canvas.hover(
            position=position, trial=True
        )
        return self.place(x, y)

    def slide(self, *paths):
        """Move fingers along paths of the same number of places."""
        send = self.lab.page.context.new_cdp_session(self.lab.page).send
        self.settle(*paths[0][0])
        for step, places in enumerate(zip(*paths, strict=True)):
            points = [dict(zip("xy", self.place(*place), strict=True)) for place in places]
            kind = "touchMove" if step else "touchStart"
            send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def stroke(self, *points, release=True):
        mouse = self.lab.page.mouse
        mouse.move(*self.settle(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=8)
        if release:
            mouse.up()

    def shows(self, x, y, colour):
        self.lab.eventually(lambda: self.canvas.evaluate(PIXEL, [x / 64, y / 48]) == colour)

    def ask(self, expression):
        return self.lab.kernel_eval(expression)

    def becomes(self, expression):
        return self.lab.eventually(lambda: self.ask(expression))


@pytest.fixture
def page(request, lab):
    lab.write_notebook([PAINTER])
    lab.open_notebook()
    lab.page.wait_for_selector(CANVAS)
    marker = request.node.get_closest_marker("browser_context")
    opened = Page(lab, touch=bool(marker and marker.kwargs.get("has_touch")))
    opened.shows(32, 24, GOLD)
    return opened


def test_mouse_paints_erases_fills_and_takes_back(page):
    page.stroke((8, 8), (56, 8))
    page.becomes(f"{AREA} > 250")
    page.shows(30, 8, RED)
    page.shows(30, 14, GOLD)
    painted = page.ask(AREA)
    page.lab.page.get_by_text("erase", exact=True).first.click()
    page.becomes("painter.erase")
    page.stroke((30, 4), (30, 12))
    page.becomes(f"{AREA} < {painted}")
    page.shows(30, 8, BACK)
    page.ask("setattr(painter, 'erase', False)")
    page.lab.page.get_by_role("button", name="fill", exact=True).click()
    page.becomes("painter.tool == 'fill'")
    page.stroke((32, 24))
    page.becomes("bool(painter.model.mask[12:36, 20:44].all())")
    page.shows(32, 24, RED)
    page.lab.screenshot("light", page.lab.page.locator(".lw-panel"))
    filled = page.ask(AREA)
    page.lab.page.locator("button[title^='Undo the']").click()
    page.becomes(f"{AREA} == {filled} - 24 * 24")
    page.shows(32, 24, GOLD)
    page.lab.page.locator("button[title^='Redo what was undone']").click()
    page.becomes(f"{AREA} == {filled}")
    page.shows(32, 24, RED)


def test_stroke_ends_where_the_mouse_leaves(page):
    page.stroke((50, 24), (70, 24))  # the button goes up outside
    page.becomes(f"{AREA} > 0 and not painter.gesture.down")
    painted = page.ask(AREA)
    page.lab.page.mouse.move(*page.place(10, 40))
    page.lab.page.mouse.move(*page.place(30, 40), steps=10)
    page.lab.page.wait_for_timeout(300)
    assert page.ask(AREA) == painted


@pytest.mark.slow
def test_hovering_makes_the_kernel_draw_nothing(page):
    page.lab.page.mouse.move(*page.place(5, 5))
    page.lab.page.wait_for_timeout(500)
    before = page.lab.message_counts()
    page.lab.page.mouse.move(*page.place(60, 40), steps=40)
    page.lab.page.wait_for_timeout(800)
    after = page.lab.message_counts()
    assert after.get("recv comm_msg", 0) == before.get("recv comm_msg", 0)
    assert after["send comm_msg"] - before["send comm_msg"] <= 41


def test_keys_paint_and_leave_the_canvas(page):
    page.canvas.focus()
    keyboard = page.lab.page.keyboard
    keyboard.press("Space")
    page.becomes(f"20 < {AREA} < 40")
    one = page.ask(AREA)
    for _ in range(4):
        keyboard.press("ArrowRight")
    keyboard.press("Space")
    page.becomes(f"{AREA} == {2 * one}")
    keyboard.press("Control+z")
    page.becomes(f"{AREA} == {one}")
    keyboard.press("Control+Shift+z")
    page.becomes(f"{AREA} == {2 * one}")
    keyboard.press("x")
    keyboard.press("Space")
    page.becomes(f"{AREA} == {one}")
    keyboard.press("2")
    page.becomes("painter.region == 'rest'")
    keyboard.press("f")
    page.becomes("painter.tool == 'fill'")
    active = "() => document.activeElement.tagName"
    for key in ("Escape", "Tab"):
        page.canvas.focus()
        keyboard.press(key)
        page.lab.eventually(lambda: page.lab.page.evaluate(active) == "BUTTON")
    keyboard.press("Tab")
    assert page.lab.page.evaluate(active) != "CANVAS"


def test_reload_brings_the_painting_back_and_it_can_be_painted_on(page):
    page.stroke((8, 8), (56, 8))
    page.becomes(f"{AREA} > 250")
    for _ in range(2):
        page.lab.save()
        page.lab.reload()
        page.lab.page.wait_for_selector(CANVAS)
        page.shows(30, 8, RED)
        page.shows(32, 24, GOLD)
    before = page.ask(AREA)
    page.stroke((8, 42), (56, 42))
    page.becomes(f"{AREA} > {before} + 250")
    page.shows(30, 42, RED)


def test_exception_while_drawing_is_shown_and_the_canvas_lives_on(page):
    page.lab.kernel_run(
        "def fail(*_): raise RuntimeError('the ink is out')\npen, painter.canvas.pen = painter.canvas.pen, fail"
    )
    page.stroke((8, 8), (20, 8))
    page.lab.page.get_by_text("the ink is out").first.wait_for()
    page.lab.kernel_run("painter.canvas.pen = pen; painter.dismiss()")
    page.lab.kernel_run(
        "from ipycanvas import Canvas, hold_canvas\n"
        "try:\n    with hold_canvas():\n        1 / 0\nexcept ZeroDivisionError:\n    pass"
    )
    page.stroke((8, 42), (56, 42))
    page.becomes(f"{AREA} > 250")
    page.shows(30, 42, RED)


def test_zoomed_strokes_land_where_they_are_seen(page):
    page.lab.page.mouse.move(*page.settle(0.5, 0.5))
    page.lab.page.mouse.wheel(0, -100)
    page.becomes("painter.view.zoom > 1.2")
    left, top, right, bottom = page.ask("painter.view.box")
    page.lab.kernel_run("painter.tool = 'rectangle'")
    page.stroke((32, 24), (64, 48), release=False)
    page.lab.page.mouse.move(*page.place(63, 47))
    page.lab.page.mouse.up()
    page.becomes(f"{AREA} > 100")
    rows, columns = page.ask("[(int(i.min()), int(i.max())) for i in painter.model.mask.nonzero()]")
    assert abs(columns[0] - (left + right) / 2) <= 1
    assert abs(rows[0] - (top + bottom) / 2) <= 1
    page.shows(50, 40, RED)


@pytest.mark.browser_context(has_touch=True, device_scale_factor=2)
def test_finger_paints_in_the_dark(page):
    page.lab.dark()
    page.slide([(10, 8)])
    page.becomes(f"20 < {AREA} < 40")
    page.shows(10, 8, RED)
    page.slide([(10 + 4 * step, 8) for step in range(11)])
    page.becomes(f"{AREA} > 220")
    page.shows(30, 8, RED)
    page.lab.screenshot("dark", page.lab.page.locator(".lw-panel"))


@pytest.mark.slow
@pytest.mark.browser_context(has_touch=True, device_scale_factor=2)
def test_two_fingers_zoom_and_paint_nothing(page):
    apart = [(2 * step, step) for step in range(6)]
    page.slide([(28 - dx, 24 - dy) for dx, dy in apart], [(36 + dx, 24 + dy) for dx, dy in apart])
    page.becomes("painter.view.zoom > 2")
    assert page.ask(AREA) == 0
    page.lab.page.get_by_role("button", name="whole picture", exact=True).click()
    page.becomes("painter.view.zoom == 1")


def test_part_that_a_segmenter_finds_is_taken_whole(page):
    page.lab.page.locator(".widget-dropdown", has_text="gold").locator("select").select_option("gold")
    page.lab.page.get_by_role("button", name="take part", exact=True).click()
    page.becomes(f"{AREA} == 24 * 24")
    page.shows(32, 24, RED)
    page.shows(10, 8, BACK)


def test_strokes_in_a_busy_kernel_are_announced_and_kept(page):
    waiting = page.lab.page.get_by_text("what you paint now appears when it ends")
    assert not waiting.is_visible()
    page.lab.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute("
        "{code: 'import time; time.sleep(4)', store_history: false}); }"
    )
    waiting.wait_for()
    page.stroke((8, 8), (56, 8))
    page.lab.screenshot("busy", page.lab.page.locator(".lw-panel"))
    page.becomes(f"{AREA} > 250")
    page.shows(30, 8, RED)
    waiting.wait_for(state="hidden")


@pytest.mark.slow
def test_large_picture_fills_in_the_background_and_stays_paintable(page):
    page.lab.kernel_run(
        "big = np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), np.uint8)\n"
        "big[300:1700, 300:1700] = 120\npainter.image = big\npainter.brush = 60.0\npainter.tool = 'fill'"
    )
    page.becomes("painter.canvas.widget.width == painter.canvas.widget.height")
    page.lab.page.wait_for_timeout(500)
    page.stroke((32, 24))
    page.becomes(f"{AREA} >= 1400 * 1400")
    page.lab.kernel_run("painter.tool = 'brush'")
    before = page.ask(AREA)
    page.stroke((2, 2), (60, 2))
    page.becomes(f"{AREA} > {before}")


@pytest.mark.slow
@pytest.mark.browser_context(viewport={"width": 640, "height": 1100})
def test_narrow_window_keeps_everything(page):
    page.lab.page.get_by_text("keys, once").scroll_into_view_if_needed()
    page.lab.screenshot("narrow", page.lab.page.locator(".lw-panel"))
    for text in ("undo", "threshold", "upload", "take"):
        box = page.lab.page.locator(".lw-panel button", has_text=text).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 640


@pytest.mark.slow
def test_uploaded_mask_is_shown(page, tmp_path):
    Image.new("1", (64, 48), 1).save(tmp_path / "m.png")
    with page.lab.page.expect_file_chooser() as chooser:
        page.lab.page.locator(".lw-panel button", has_text="upload").click()
    chooser.value.set_files(tmp_path / "m.png")
    page.becomes(f"{AREA} == 48 * 64")
    page.shows(5, 5, RED)
