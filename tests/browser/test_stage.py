"""The stage in JupyterLab: mouse, finger and keys, what the page shows of them and what the kernel hears."""

import numpy as np
import pytest

from tests.browser.stages import SETUP, SQUARE, STAGE, Stage, open_stage

TWICE = pytest.mark.browser_context(device_scale_factor=2)
TOUCH = pytest.mark.browser_context(has_touch=True, device_scale_factor=2)
WHITE, DARK = [255, 255, 255], [0, 0, 0]


@pytest.fixture
def stage(request, lab):
    marker = request.node.get_closest_marker("browser_context")
    return open_stage(lab, touch=bool(marker and marker.kwargs.get("has_touch")))


@pytest.mark.parametrize("ratio", [1, pytest.param(2, marks=TWICE)])
def test_ink_is_there_at_once_and_the_stroke_when_the_hand_lifts(lab, stage, ratio):
    stage.press(8, 8)
    stage.mouse.move(*stage.place(40, 24), steps=8)
    wet = stage.pixels("wet")
    assert wet.shape == (288 * ratio, 384 * ratio, 4)
    on = 6 * ratio  # pixels of the screen for one of the picture
    along = [wet[(8 + i // 2) * on, (8 + i) * on, 3] for i in range(0, 33, 4)]
    assert min(along) == 255
    assert wet[16 * on, 8 * on, 3] == 0  # beside it
    assert stage.heard("stroke") == []
    lab.screenshot("wet", stage.box)
    stage.mouse.up()
    points, size, erase = stage.hears("stroke", 1)
    ideal = np.linspace((8, 8), (40, 24), 9)
    assert len(points) == 9
    assert np.abs(np.array(points) - ideal).max() < 1
    assert (size, erase) == (6.0, False)
    stage.shows(lambda: stage.full("wet") == 0 and stage.full("lines") > 0)
    assert stage.pixels("tint")[16 * on, 24 * on, 3] == 255
    lab.screenshot("light", stage.box)
    lab.dark()
    stage.settle()
    stage.mouse.move(*stage.place(50, 40))
    lab.screenshot("dark", stage.box)


def test_what_ends_a_stroke(lab, stage):
    stage.stroke((50, 24), (70, 30))  # the button goes up beside the picture
    assert stage.hears("stroke", 1)[0][-1] == pytest.approx((70, 30), abs=1)
    stage.mouse.move(*stage.place(10, 40))
    stage.mouse.move(*stage.place(30, 40), steps=5)
    stage.shows(lambda: stage.full("wet") == 0)  # no stuck brush

    stage.press(10, 10)
    stage.mouse.move(*stage.place(30, 10), steps=3)
    assert stage.full("wet") > 0
    stage.keyboard.press("Escape")
    assert stage.full("wet") == 0
    stage.mouse.up()

    stage.press(10, 10)
    stage.send("pointercancel", 10, 10)
    assert stage.full("wet") == 0
    stage.mouse.up()

    stage.press(10, 10, button="right")
    stage.mouse.move(*stage.place(30, 10), steps=3)
    assert stage.full("wet") == 0
    stage.mouse.up(button="right")
    stage.keyboard.press("Escape")  # JupyterLab's menu
    lab.page.wait_for_timeout(500)

    stage.press(10, 10)
    stage.send("pointerdown", 50, 40, pointerId=7, isPrimary=False, button=0)
    stage.send("pointermove", 55, 40, pointerId=7, isPrimary=False)
    stage.send("pointerup", 55, 40, pointerId=7, isPrimary=False)
    stage.mouse.move(*stage.place(20, 10), steps=3)
    stage.mouse.up()
    points = np.array(stage.hears("stroke", 2)[0])  # and no other of all that
    assert points[:, 1].max() < 11
    assert lab.kernel_eval("stage.tool") == "brush"


def test_ctrl_erases(stage):
    stage.stroke((10, 24), (50, 24))
    stage.shows(lambda: stage.full("lines") > 0 and stage.full("wet") == 0)
    stage.keyboard.down("Control")
    stage.press(30, 20)
    stage.mouse.move(*stage.place(30, 28), steps=4)
    assert stage.pixels("tint")[24 * 6, 30 * 6, 3] == 0  # gone at once
    assert stage.pixels("wet")[24 * 6, 30 * 6, :3].tolist() == WHITE
    stage.lab.screenshot("erasing", stage.box)
    stage.mouse.up()
    stage.keyboard.up("Control")
    assert stage.hears("stroke", 2)[2] is True
    stage.shows(lambda: stage.full("wet") == 0)
    assert stage.pixels("tint")[24 * 6, 30 * 6, 3] == 0


@TOUCH
def test_finger_paints_with_a_tool_and_scrolls_without(lab, stage):
    assert stage.hands.evaluate("e => getComputedStyle(e).touchAction") == "none"
    stage.fingers("touchStart", (10, 10))
    stage.fingers("touchMove", (30, 10))
    stage.fingers("touchMove", (30, 10), (50, 40))  # a second one changes nothing
    stage.fingers("touchMove", (40, 12), (55, 44))
    stage.fingers("touchEnd")
    points = np.array(stage.hears("stroke", 1)[0])
    assert points[0] == pytest.approx([10, 10], abs=1)
    assert points[-1] == pytest.approx([40, 12], abs=1)
    assert points[:, 1].max() < 13
    lab.kernel_run("stage.tool = ''")
    stage.shows(lambda: stage.hands.evaluate("e => getComputedStyle(e).touchAction") == "auto")
    top = "([x, y]) => document.elementFromPoint(x, y).tagName"
    assert lab.page.evaluate(top, stage.place(20, 20)) == "IMG"  # whose menu can save it
    lab.kernel_run("stage.show_before(png(np.full((48, 64, 3), 9)))")
    box = stage.button.bounding_box()
    middle = ((box["x"] + box["width"] / 2), (box["y"] + box["height"] / 2))
    send = stage.session.send
    send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [dict(zip("xy", middle, strict=True))]})
    stage.shows(stage.before.is_visible)
    send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    stage.shows(lambda: not stage.before.is_visible())


def test_before_shows_while_it_is_held(lab, stage):
    mouse, box = stage.mouse, stage.button.bounding_box()
    mouse.move(box["x"] + 5, box["y"] + 5)
    mouse.down()
    stage.hears("before", 1)  # the page has none, and asks once
    assert not stage.before.is_visible()
    assert stage.button.get_attribute("aria-pressed") == "true"
    lab.kernel_run("stage.show_before(png(np.full((48, 64, 3), 200)))")
    stage.shows(stage.before.is_visible)
    assert (lab.pixels(stage.before) == 200).all()
    assert stage.note.inner_text() == "before"
    lab.screenshot("held", stage.box)
    mouse.move(5, 5)
    assert stage.before.is_visible()  # captured
    mouse.up()
    assert not stage.before.is_visible()
    assert stage.note.inner_text() == ""
    assert stage.button.get_attribute("aria-pressed") == "false"
    for element, key in ((stage.hands, "b"), (stage.button, "Space"), (stage.button, "Enter"), (stage.button, "b")):
        element.focus()
        stage.keyboard.down(key)
        assert stage.before.is_visible()
        stage.keyboard.up(key)
        assert not stage.before.is_visible()
    ends = {
        "blur": lambda: lab.page.evaluate("() => window.dispatchEvent(new Event('blur'))"),
        "focus goes": lambda: lab.page.evaluate("() => document.activeElement.blur()"),
    }
    for end in ends.values():
        stage.hands.focus()
        stage.keyboard.down("b")
        assert stage.before.is_visible()
        end()
        assert not stage.before.is_visible()
        stage.keyboard.up("b")
    mouse.move(box["x"] + 5, box["y"] + 5)
    mouse.down()
    assert stage.before.is_visible()
    stage.button.evaluate("e => [1, 2, 3].forEach(id => e.hasPointerCapture(id) && e.releasePointerCapture(id))")
    mouse.move(box["x"] + 6, box["y"] + 6)
    stage.shows(lambda: not stage.before.is_visible())  # lost
    mouse.up()
    assert len(stage.heard("before")) == 1
    assert lab.page.locator(".jp-Cell").count() == 3  # "b" is a notebook's command, too


def test_click_takes_a_part(lab, stage):
    lab.kernel_run("stage.tool = 'take'")
    stage.becomes("stage.tool == 'take'")
    stage.shows(lambda: stage.hands.get_attribute("role") == "application")
    stage.stroke((20, 30))
    assert stage.hears("take", 1) == (pytest.approx(20, abs=1), pytest.approx(30, abs=1), False)
    stage.keyboard.down("Control")
    stage.stroke((40, 10))
    stage.keyboard.up("Control")
    assert stage.hears("take", 2)[2] is True
    stage.stroke((40, 10), (90, 10))  # lifted elsewhere: thought better of
    stage.keyboard.press("Space")
    stage.hears("take", 3)
    assert stage.heard("stroke") == []


def test_keys_paint_and_leave(lab, stage):
    keyboard = stage.keyboard
    stage.hands.focus()
    for _ in range(9):  # to the left and upper edges, and on from there
        keyboard.press("Shift+ArrowLeft")
        keyboard.press("Shift+ArrowUp")
    keyboard.press("ArrowRight")
    for _ in range(2):
        keyboard.press("Shift+ArrowDown")
    assert stage.ring.is_visible()
    keyboard.press("Enter")
    assert stage.hears("stroke", 1)[0] == ((1, 16),)
    keyboard.down("Space")
    for _ in range(2):
        keyboard.press("Shift+ArrowRight")
    keyboard.up("Space")
    assert stage.hears("stroke", 2)[0] == ((1, 16), (9, 16), (17, 16))
    lab.screenshot("cursor", stage.box)
    keyboard.press("]")
    assert stage.hears("brush", 1) == (7.5,)
    keyboard.press("[")
    assert stage.hears("brush", 2) == (6.0,)
    for key in "xddzm":  # commands of the notebook: cut, delete, undo, Markdown
        keyboard.press(key)
    assert lab.page.locator(".jp-CodeCell").count() == 3
    keyboard.press("Tab")
    assert stage.button.evaluate("e => e === document.activeElement")
    keyboard.press("Tab")
    assert not stage.hands.evaluate("e => e.contains(document.activeElement)")
    keyboard.press("Shift+Tab")
    keyboard.press("Shift+Tab")
    assert stage.hands.evaluate("e => e === document.activeElement")
    keyboard.press("Escape")
    stage.hears("tool", 1)
    assert lab.kernel_eval("stage.tool") == ""
    assert stage.hands.get_attribute("role") == "group"
    assert stage.hands.get_attribute("aria-label") == stage.image.get_attribute("alt") == "a ramp of colours"
    assert not stage.ring.is_visible()
    keyboard.press("Space")
    assert len(stage.heard("stroke")) == 2


@pytest.mark.parametrize("ratio", [1, pytest.param(2, marks=TWICE)])
def test_outline_lies_on_the_edges_of_the_pixels(lab, stage, ratio):
    lab.kernel_run(SQUARE)
    stage.shows(lambda: stage.full("lines") > 0)
    lines, on = stage.pixels("lines"), 6 * ratio
    row = lines[14 * on + on // 2]  # through the square above its hole
    edges = {16 * on: 1, 40 * on: -1}  # where, and to which side the inside is
    expected = np.zeros((384 * ratio, 2), bool)
    for at, inward in edges.items():
        for i in range(ratio):
            inner, outer = (at + i, at - 1 - i) if inward > 0 else (at - 1 - i, at + i)
            expected[inner] = (True, True)
            expected[outer] = (True, False)
    assert ((row[:, 3] > 0) == expected[:, 0]).all()  # crisp: nothing beside
    assert ((row[:, :3] == 255).all(1) == expected[:, 1]).all()
    through = lines[24 * on, :, 3] > 0  # four edges: the hole has two
    assert np.flatnonzero(np.diff(through.astype(int)) == 1).size == 4
    tint = stage.pixels("tint")[..., 3] > 0
    square = np.zeros((48, 64), bool)
    square[12:36, 16:40] = True
    square[20:28, 24:32] = False
    assert (tint == square.repeat(on, 0).repeat(on, 1)).all()
    lab.kernel_run("heat = np.zeros((48, 64, 4)); heat[:, :32] = (213, 94, 0, 150); stage.heat = png(heat)")
    stage.shows(stage.box.locator("img.lw-heat").is_visible)
    lab.screenshot("heat", stage.box)
    lab.kernel_run("stage.contour = False; stage.heat = b''")
    stage.shows(lambda: stage.full("lines") == 0 and not stage.box.locator("img.lw-heat").is_visible())


def test_narrow_window_and_forced_colours(lab, stage):
    lab.kernel_run(SQUARE)
    lab.narrow(700)
    lab.page.set_viewport_size({"width": 400, "height": 700})
    stage.settle()
    shrunk = stage.shows(lambda: (box := stage.image.bounding_box())["width"] < 380 and box)
    assert shrunk["width"] / shrunk["height"] == pytest.approx(64 / 48, abs=0.02)
    lab.eventually(lambda: stage.hands.bounding_box()["width"] == pytest.approx(shrunk["width"], abs=1))
    assert stage.hands.bounding_box() == pytest.approx(stage.image.bounding_box(), abs=1)
    stage.stroke((8, 8), (40, 24))
    points = np.array(stage.hears("stroke", 1)[0])
    assert points[[0, -1]] == pytest.approx(np.array([(8, 8), (40, 24)]), abs=1)
    lab.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    stage.mouse.move(*stage.place(20, 40))
    assert stage.ring.evaluate("e => getComputedStyle(e).borderTopColor") == "rgb(255, 255, 255)"
    lab.screenshot("forced")


def test_reload_and_second_view_show_the_same(lab):
    stage = open_stage(lab, "display(whole)", "display(whole)")
    lab.kernel_run(SQUARE)
    first, second = Stage(lab, 0), Stage(lab, 1)
    for view in (first, second):
        stage.shows(lambda view=view: view.full("lines") > 0)
    first.stroke((4, 4), (12, 4))
    first.hears("stroke", 1)
    for view in (first, second):
        stage.shows(lambda view=view: view.full("wet") == 0 and view.pixels("tint")[4 * 6, 8 * 6, 3] == 255)
    second.stroke((4, 40), (12, 40))
    assert second.hears("stroke", 2)[0][0] == pytest.approx((4, 40), abs=1)
    for count in (3, 4):
        lab.save()
        first.press(50, 40)  # and the page is gone in the middle of a stroke
        lab.reload()
        stage.shows(lambda: lab.page.locator(".lw-hands").count() == 2)
        for view in (first, second):
            stage.shows(lambda view=view: view.full("lines") > 0 and view.pixels("tint")[40 * 6, 8 * 6, 3] == 255)
            assert view.full("wet") == 0
        assert first.image.get_attribute("alt") == "a ramp of colours"
        first.mouse.up()
        first.stroke((30, 4), (40, 4 * count))
        assert first.hears("stroke", count)[0][-1] == pytest.approx((40, 4 * count), abs=1)


def test_stroke_without_an_answer_fades(lab, stage):
    lab.kernel_run("answers = False")
    stage.stroke((8, 8), (40, 24))
    stage.hears("stroke", 1)
    assert stage.full("wet") > 0
    stage.shows(lambda: stage.full("wet") == 0)
    assert stage.note.inner_text() == "no answer yet"
    lab.screenshot("unanswered", stage.box)
    assert "no answer within 5 seconds" in stage.hears("trouble", 1)[0]
    lab.kernel_run("stage.on_stroke(lambda *given: stage.settle())")
    stage.stroke((8, 8), (40, 24))
    stage.shows(lambda: stage.full("wet") == 0)
    stage.hears("stroke", 2)
    assert len(stage.heard("trouble")) == 1
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    stage.stroke((8, 8), (40, 24))  # nobody hears it
    assert stage.full("wet") > 0
    stage.shows(lambda: stage.full("wet") == 0)
    assert stage.note.inner_text() == "no answer yet"
    stage.press(8, 8)  # it draws on
    assert stage.full("wet") > 0
    stage.mouse.up()


def test_what_cannot_be_ends_nothing(lab, stage):
    bad = {"size": [0, "a"], "width": None, "alt": 7, "tool": "saw", "brush": -1, "contour": "no"}
    lab.kernel_run(f"stage.comm.send({{'method': 'update', 'state': {bad!r}, 'buffer_paths': []}})")
    for name in ("mask", "before", "heat"):
        lab.kernel_run(f"stage._trait_values[{name!r}] = b'no picture'; stage.send_state({name!r})")
    stage.shows(lambda: len(stage.heard("trouble")) == 3)
    assert sorted(stage.heard("trouble")) == [
        ("The heat is no picture.",), ("The mask is no picture.",), ("The picture before the moves is no picture.",)
    ]  # fmt: skip
    stage.stroke((8, 8), (40, 24))
    stage.hears("stroke", 1)
    stage.shows(lambda: stage.full("lines") > 0 and stage.full("wet") == 0)


@pytest.mark.expects_kernel_error
def test_picture_shows_where_the_module_cannot_load(lab):
    lab.page.route("**/extensions/anywidget/**", lambda route: route.abort())
    lab.page.on("console", lambda said: lab.errors.append(said.text) if "anywidget" in said.text else None)
    lab.write_notebook([SETUP, STAGE, "whole"])
    lab.open_notebook()
    image = lab.page.locator(".lw-picture img")
    image.wait_for()
    image.scroll_into_view_if_needed()
    lab.eventually(lambda: lab.pixels(image).shape == (48, 64, 3))
    assert lab.page.locator(".lw-hands").count() == 0
    box = image.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert lab.page.evaluate("([x, y]) => document.elementFromPoint(x, y).tagName", middle) == "IMG"
    lab.screenshot()
