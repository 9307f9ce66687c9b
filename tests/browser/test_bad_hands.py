"""Hands that stop, close the page, or bring what nobody expected: the explorer lives, and nothing is lost."""

import pytest

from tests.browser.hands import (
    ARABIC,
    HEBREW,
    LONG,
    MANY,
    NAMED,
    NAMES,
    NETWORKS,
    ODD,
    SCENE,
    THIN,
    TRAINER,
    Hands,
)
from tests.browser.pages import SHOWN, STEP, open_explorer


@pytest.fixture
def hands(lab):
    """An explorer of four directions in a window of 1280 x 800, at rest."""
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    parts = open_explorer(lab, Hands, (SHOWN + SCENE, TRAINER))
    parts.calm()
    return parts


# ---- a training that is stopped


@pytest.mark.parametrize("method", ["LELSD", pytest.param("DP-LaSE", marks=pytest.mark.slow)])
def test_stopped_training_leaves_what_it_has_and_undo_takes_it_away(lab, hands, method):
    lab.drag(hands.handle(1), dx=30)
    hands.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    hands.calm()
    before, seen, plain = lab.kernel_eval("scene()"), hands.seen(), lab.pixels(hands.picture)
    hands.open_finder()
    hands.panel.locator("select:visible").first.select_option(method)
    steps = hands.panel.locator(".lw-parameter").get_by_label("steps", exact=True)
    steps.fill("100000")
    steps.press("Enter")
    hands.button("Find").click()
    lab.eventually(lambda: f"busy: {method}" in hands.status.inner_text(), 60)
    assert hands.panel.locator(".lw-status [role=status]").count() == 1
    lab.eventually(lambda: lab.kernel_eval("(explorer.training.job.progress or 0) > 0"), 240)
    lab.screenshot("training", hands.panel)
    hands.button("Cancel").click()
    hands.calm()
    assert lab.kernel_eval("explorer.error") is None
    title = lab.kernel_eval("explorer.state.shelf.current.title")
    if method == "LELSD" or lab.kernel_eval("explorer.status") != "cancelled":  # DP-LaSE has nothing while it begins
        assert method in title
        assert "step" in title
        assert len(hands.seen()[1]) == len(seen[1]) + 1
        lab.screenshot("stopped", hands.panel)
        hands.button("undo").click()
        hands.calm()
    assert lab.kernel_eval("scene()") == before
    assert hands.seen() == seen
    assert (lab.pixels(hands.picture) == plain).all()
    lab.screenshot("undone", hands.panel)


# ---- a page that goes away


@pytest.mark.parametrize(
    "busy", ["a slider", *(pytest.param(other, marks=pytest.mark.slow) for other in ("the brush", "the strip"))]
)
def test_page_closed_in_the_middle_of_a_drag_loses_nothing(lab, hands, busy):
    lab.drag(hands.handle(1), dx=30)
    hands.calm()
    lab.save()
    kept = lab.kernel_eval("scene()")
    if busy == "a slider":
        hands.pull(hands.take(0), 40)
        lab.eventually(lambda: "random 1" in hands.alphas())
    elif busy == "the brush":
        hands.begin_stroke()
    else:
        strip = hands.panel.locator(".lw-walk")
        strip.scroll_into_view_if_needed()
        box = strip.bounding_box()
        lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        lab.page.mouse.down()
        lab.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20, steps=6)
    lab.close_page()
    lab.open_page()
    again = Hands(lab)
    again.rows.nth(3).wait_for()
    assert lab.kernel_eval("explorer.wait(30)")
    again.calm()
    alphas = again.alphas()
    if busy == "the brush":
        assert lab.kernel_eval("scene()") == kept  # a stroke is sent when the hand lifts
    else:
        assert alphas["random 1" if busy == "a slider" else "random 2"] > 0.5
    for i in range(4):
        assert float(again.box(i).input_value()) == alphas.get(f"random {i + 1}", 0)
    again.handle(2).press("ArrowRight")
    again.settle()
    assert again.alphas() == alphas | {"random 3": STEP}
    lab.screenshot("again", again.panel)
    again.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    again.calm()
    assert lab.kernel_eval("explorer.error") is None


def test_kernel_restarted_in_the_middle_of_a_drag_begins_anew(lab, hands):
    said = []
    lab.page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    place = hands.take(0)
    hands.pull(place, 20)
    lab.restart_kernel()
    hands.pull(place, 60)
    lab.page.mouse.up()
    hands.panel.locator(".lw-hands").press("b")  # which asks a kernel that knows nothing of it
    lab.page.wait_for_timeout(1500)
    first = len(said)
    lab.screenshot("dead")
    lab.page.wait_for_timeout(1500)
    assert len(said) == first, said[-5:]
    lab.run_all()
    lab.eventually(lambda: lab.kernel_eval("'explorer' in globals()"), 60)
    again = Hands(lab)
    lab.eventually(lambda: again.panel.count() == 1)
    again.rows.nth(3).wait_for()
    again.calm()
    assert again.alphas() == {}
    lab.drag(again.handle(0), dx=30)
    again.settle()
    assert list(again.alphas()) == ["random 1"]
    assert first < 20, said


# ---- what somebody brings


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.slow) for kind in ODD])
def test_odd_generator_is_explored(lab, kind):
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    lab.write_notebook([NETWORKS + ODD[kind], "explorer = lw.LatentExplorer(G, seed=3)\nexplorer"])
    lab.open_notebook()
    hands = Hands(lab)
    hands.rows.first.wait_for()
    hands.calm()
    before = hands.picture.evaluate(THIN)
    lab.drag(hands.handle(0), dx=40)
    hands.calm()
    assert len(hands.alphas()) == 1
    assert hands.picture.evaluate(THIN) != before
    assert hands.picture.bounding_box()["width"] == pytest.approx(384, abs=1)
    assert hands.panel.bounding_box()["height"] <= 660  # the class takes a second line of the header
    assert hands.overflowing() == []
    hands.button("undo").click()
    hands.calm()
    assert hands.picture.evaluate(THIN) == before
    side = hands.picture.evaluate("img => img.naturalWidth")
    hands.paint((20, 40), (44, 40))
    lab.eventually(lambda: lab.kernel_eval("explorer.mask is not None"))
    assert lab.kernel_eval("list(explorer.mask.tensor.shape)") == [side, side]
    hands.calm(240)
    assert lab.kernel_eval("explorer.error") is None
    lab.screenshot(kind.replace(" ", "-"), hands.panel)


@pytest.mark.slow
def test_three_hundred_directions_scroll_beside_the_picture(lab):
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    lab.write_notebook([NETWORKS + "G = lw.load()", MANY])
    lab.open_notebook()
    hands = Hands(lab)
    hands.rows.nth(299).wait_for(timeout=240_000)
    hands.calm(240)
    assert hands.panel.bounding_box()["height"] <= 620
    last = hands.rows.nth(299)
    last.scroll_into_view_if_needed()
    lab.drag(hands.handle(299), dx=25)
    hands.settle()
    assert list(hands.alphas()) == ["direction 300"]
    box = hands.picture.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 800
    lab.eventually(lambda: "direction 300" in lab.kernel_eval("explorer.strip.view.alt"))
    lab.screenshot(target=hands.panel)
    assert hands.overflowing() == []


@pytest.mark.slow
def test_names_of_all_kinds_are_text(lab):
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    lab.write_notebook([NETWORKS + "G = lw.load()\nG.name = 'generator ' + 200 * 'y'", NAMED])
    lab.open_notebook()
    hands = Hands(lab)
    hands.rows.nth(5).wait_for()
    lab.kernel_run("for i in range(6): explorer.set_alpha(i, 0.5)\nexplorer.select(3)")
    hands.calm()
    boxes = [hands.rows.nth(i).locator(".lw-name input") for i in range(6)]
    assert [box.input_value() for box in boxes] == NAMES
    for i, (box, name) in enumerate(zip(boxes, NAMES, strict=True)):
        assert hands.rows.nth(i).locator(".lw-index").get_attribute("title").startswith(f"{name}: ")
        assert box.evaluate("e => getComputedStyle(e).textOverflow") == "ellipsis"
    assert hands.panel.locator("b[onclick]").count() == 0
    # where a name begins, it is read: on the right for those who write from there
    ways = [box.evaluate("e => getComputedStyle(e).unicodeBidi") for box in boxes]
    assert set(ways) == {"plaintext"}
    lab.eventually(lambda: LONG in lab.kernel_eval("explorer.strip.view.alt"))
    assert hands.overflowing() == []
    assert hands.panel.bounding_box()["height"] <= 620
    lab.screenshot("rows", hands.panel)
    lab.kernel_run("explorer.directions = lw.random_directions(G, 2)")
    lab.kernel_run("explorer.sets.close(explorer.state.shelf.open[0].key)")  # the moves stay, as buttons that drop them
    hands.calm()
    dropped = hands.panel.get_by_role("button", name=HEBREW)
    assert dropped.count() == 1
    assert hands.panel.get_by_role("button", name=ARABIC).count() == 1
    assert hands.overflowing() == []
    lab.screenshot("moves", hands.panel)
    for page in ("walk", "stack", "palette"):
        hands.open_page(page)
        hands.calm()
        assert hands.overflowing() == [], page
        lab.screenshot(page, hands.panel)


# ---- how it looks


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 900, 600])
def test_nothing_sticks_out_whatever_happens(lab, hands, theme, width):
    if width == 600:
        lab.narrow(1300)
    else:
        lab.page.set_viewport_size({"width": width, "height": 800})
    lab.dark(theme == "dark")

    def look(name):
        hands.calm()
        hands.panel.scroll_into_view_if_needed()
        lab.screenshot(f"{name}-{width}-{theme}", hands.panel)
        assert hands.overflowing() == [], name

    look("first")
    lab.drag(hands.handle(0), dx=20)
    hands.paint((25, 45), (39, 45))
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.method") == "region", 120)
    look("painted")
    hands.open_finder()
    look("finder")
    lab.kernel_run("def fail(*a): raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')")
    lab.kernel_run("fine, G.synthesize = G.synthesize, fail")
    hands.handle(1).press("ArrowRight")
    hands.error.wait_for()
    hands.panel.scroll_into_view_if_needed()
    lab.screenshot(f"error-{width}-{theme}", hands.panel)
    assert hands.overflowing() == []
    lab.kernel_run("G.synthesize = fine")
    hands.button("Dismiss").click()
    lab.kernel_run(
        "import time\ndef slowly(*a): time.sleep(4); return fine(*a)\nG.synthesize = slowly\nexplorer.redraw()"
    )
    cancel = hands.button("Cancel")
    lab.eventually(cancel.is_enabled)
    lab.screenshot(f"busy-{width}-{theme}", hands.panel)
    cancel.click()
    lab.eventually(lambda: lab.kernel_eval("explorer.status") in ("cancelled", "the picture is old"))
    lab.screenshot(f"cancelled-{width}-{theme}", hands.panel)
    lab.kernel_run("G.synthesize = fine; explorer.redraw()")
    hands.button("undo").click()
    look("undone")
