"""The explorer's first screen in JupyterLab: what a hand finds there, and that nothing which it does is lost."""

import numpy as np
import pytest

from tests.browser.first import CONTROLS, FIRST, ORDER, First
from tests.browser.pages import SHOWN, open_explorer


def test_first_screen_is_small_and_in_the_order_of_its_use(lab, first):
    controls = first.panel.evaluate(CONTROLS)
    assert len(controls) <= 30, controls
    assert all(name.strip() for name in controls if name)
    assert first.panel.bounding_box()["height"] <= 620
    order = first.panel.evaluate(ORDER)
    assert order == sorted(order)
    assert min(order) >= 0
    assert first.rows.nth(0).bounding_box()["height"] <= 34
    assert lab.kernel_eval("len(__import__('ipywidgets').widgets.widget._instances)") < 350
    assert lab.kernel_eval("len(explorer.pages.built)") == 0
    box = first.handle(0).bounding_box()
    assert box["y"] + box["height"] < 800
    lab.drag(first.handle(0), dx=30)
    first.settle()
    assert list(first.alphas()) == ["random 1"]
    lab.screenshot(target=first.panel)


def test_painted_picture_gives_sliders_that_act_there_and_undo_takes_all_back(lab, first):
    first.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    first.calm()
    (row, *_), shares = first.last_set(6), first.panel.locator(".lw-bar")
    assert shares.count() == 6
    assert "falls inside the region, chance" in shares.first.get_attribute("aria-label")
    before = lab.pixels(first.picture).astype(float)
    lab.drag(first.handle(row), dx=20)
    first.calm()
    change = np.square(lab.pixels(first.picture) - before).mean(-1)
    mask = np.array(lab.kernel_eval("explorer.mask.tensor.tolist()"), bool)
    inside, outside = (float(np.sqrt(change[part].mean())) for part in (mask, ~mask))
    predicted = lab.kernel_eval("1 / float(explorer.directions.scores['outside per inside'][0])")
    assert inside / outside > 2
    assert predicted / 3 < inside / outside < 3 * predicted
    lab.screenshot(target=first.panel)
    first.button("undo").click()
    first.button("undo").click()
    first.calm()
    assert lab.kernel_eval("explorer.mask is None and not explorer.steer")
    assert lab.kernel_eval("explorer.directions.method") == "random_directions"
    assert not lab.kernel_eval("explorer.history.can_undo")
    assert first.rows.count() == 8


def test_what_is_found_stands_beside_what_was_there_and_undo_takes_it_away(lab, first):
    lab.drag(first.handle(1), dx=30)
    first.settle()
    alphas = first.alphas()
    first.open_finder()
    for seed in ("5", "6"):
        box = first.panel.locator(".lw-parameter").get_by_label("seed of the method", exact=True)
        box.fill(seed)
        box.press("Enter")
        lab.eventually(
            lambda seed=seed: lab.kernel_eval("explorer.controls.picker.controls['seed'].value") == int(seed)
        )
        first.button("Find").click()
        lab.eventually(lambda seed=seed: lab.kernel_eval("explorer.directions.seed") == int(seed), 30)
    first.calm()
    assert first.rows.count() == 24
    assert first.panel.locator(".lw-chip").count() == 3
    assert first.alphas() == alphas
    lab.screenshot("shelf", first.panel)
    first.button("undo").click()
    first.button("undo").click()
    first.calm()
    assert first.rows.count() == 8
    assert first.alphas() == alphas
    assert float(first.box(1).input_value()) == alphas["random 2"]
    first.button("redo").click()
    lab.eventually(lambda: first.rows.count() == 16, 30)


def test_picture_before_the_moves_is_seen_while_it_is_held(lab, first):
    plain = lab.kernel_eval("exact()")
    lab.drag(first.handle(0), dx=60)
    first.settle()
    first.panel.evaluate("e => e.scrollIntoView({block: 'end'})")
    box = first.panel.locator(".lw-hold").bounding_box()
    lab.page.mouse.move(box["x"] + 5, box["y"] + 5)
    lab.page.mouse.down()
    lab.eventually(first.before.is_visible)
    assert lab.pixels(first.before).tobytes().hex() == plain
    lab.screenshot("held", first.panel)
    lab.page.mouse.up()
    lab.eventually(lambda: not first.before.is_visible())
    first.panel.locator(".lw-hands").focus()
    lab.page.keyboard.down("b")
    lab.eventually(first.before.is_visible)
    lab.page.keyboard.up("b")
    lab.eventually(lambda: not first.before.is_visible())
    assert first.exact()


def test_strip_goes_along_the_active_direction(lab, first):
    first.panel.locator(".lw-walk button").nth(5).click()
    first.settle()
    assert first.alphas() == {"random 1": 1.2}
    assert float(first.box(0).input_value()) == 1.2
    lab.eventually(lambda: first.panel.locator(".lw-walk button[aria-pressed=true]").inner_text() == "+1.2 sd")
    first.rows.nth(2).locator(".lw-index").click()
    lab.eventually(lambda: "random 3" in lab.kernel_eval("explorer.strip.view.alt"))
    first.calm()
    strip = first.panel.locator(".lw-walk").bounding_box()
    mouse, y = lab.page.mouse, strip["y"] + 20
    mouse.move(strip["x"] + strip["width"] / 2, y)
    mouse.down()
    mouse.move(strip["x"] + strip["width"] * 0.75, y, steps=12)
    mouse.up()
    first.calm()
    assert 0.5 < first.alphas()["random 3"] < 3
    first.button("undo").click()
    first.settle()
    assert first.alphas() == {"random 1": 1.2}  # the drag was one entry


def test_part_is_taken_with_a_click(lab, first):
    first.button("take a part").click()
    first.panel.locator(".lw-hands.lw-tool").wait_for()  # the page has it from the kernel
    lab.page.mouse.click(*first.at(32, 12))
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is not None"), 60)
    first.calm()
    area = lab.kernel_eval("explorer.mask.area")
    assert 0.02 < area < 0.8
    assert lab.kernel_eval("explorer.directions.method") == "region"
    lab.screenshot(target=first.panel)
    first.button("clear the paint").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is None"))
    first.button("undo").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is not None"))
    assert lab.kernel_eval("explorer.mask.area") == area


@pytest.mark.browser_context(has_touch=True, device_scale_factor=2, viewport={"width": 1280, "height": 800})
def test_finger_holds_the_picture_before(lab, first):
    lab.drag(first.handle(0), dx=40)
    first.settle()
    first.panel.evaluate("e => e.scrollIntoView({block: 'end'})")
    box = first.panel.locator(".lw-hold").bounding_box()
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    send = lab.page.context.new_cdp_session(lab.page).send
    send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    lab.eventually(first.before.is_visible)
    send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    lab.eventually(lambda: not first.before.is_visible())


@pytest.mark.expects_kernel_error
def test_picture_is_there_where_the_module_of_the_stage_is_not(lab):
    lab.page.route("**/extensions/anywidget/**", lambda route: route.abort())
    lab.page.on("console", lambda said: lab.errors.append(said.text) if "anywidget" in said.text else None)
    parts = open_explorer(lab, First, (SHOWN, FIRST.replace("seed=4", "seed=4, k=4")))
    lab.drag(parts.handle(0), dx=30)
    parts.settle()
    assert list(parts.alphas()) == ["random 1"]
    assert parts.panel.locator(".lw-hands").count() == 0
    box = parts.picture.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert lab.page.evaluate("([x, y]) => document.elementFromPoint(x, y).tagName", middle) == "IMG"
    lab.screenshot(target=parts.panel)
