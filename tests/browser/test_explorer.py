"""The explorer in a real JupyterLab: what the mouse and the keyboard do is what the kernel has and the page shows."""

import numpy as np
import pytest

from tests.browser.pages import FAR, STEP, open_explorer

# The generator holds each picture back for half a second, in the middle of which nobody can stop it.
SLOW = """
import time, threading
fast = G.synthesize
def slowly(code, space=None):
    time.sleep(0.5)
    return fast(code, space)
G.synthesize = slowly
"""


@pytest.fixture
def explorer(lab):
    """An explorer in an open notebook, at rest."""
    parts = open_explorer(lab)
    parts.settle()
    return parts


def test_dragged_slider_changes_the_picture_and_the_edit(lab, explorer):
    before = lab.pixels(explorer.picture)
    lab.drag(explorer.handle(0), dx=40)
    explorer.settle()
    after = lab.pixels(explorer.picture)
    assert after.shape == before.shape == (64, 64, 3)
    assert (after != before).any()
    shown = float(explorer.box(0).input_value())
    assert shown > 0.5
    assert explorer.alphas() == {"random 1": shown}
    assert lab.kernel_eval("explorer.sliders.rows[0].slider.number") == shown
    assert explorer.panel.locator(".lw-left .lw-note").inner_text().startswith("seed 7 · 1 move · change ")
    explorer.button("undo").click()
    lab.eventually(lambda: (lab.pixels(explorer.picture) == before).all())
    assert not lab.kernel_eval("explorer.history.can_undo")  # the drag was one entry, and showing it none
    lab.screenshot()


def test_arrow_keys_step_and_typed_values_stay_as_they_are(lab, explorer):
    for _ in range(3):
        explorer.handle(1).press("ArrowRight")
        lab.page.wait_for_timeout(50)
    explorer.settle()
    assert explorer.alphas() == {"random 2": 0.15}
    assert explorer.box(1).input_value() == "0.15"
    explorer.box(2).fill("1.234")
    explorer.box(2).press("Enter")
    explorer.settle()
    assert explorer.alphas() == {"random 2": 0.15, "random 3": 1.234}
    lab.kernel_run("explorer.set_alpha(0, -0.567); explorer.change_base(truncation=0.73)")
    explorer.settle()
    lab.page.wait_for_timeout(500)  # a page that rounds has answered by now
    assert explorer.alphas() == {"random 1": -0.567, "random 2": 0.15, "random 3": 1.234}
    assert lab.kernel_eval("explorer.edit.base.truncation") == 0.73
    assert explorer.box(0).input_value() == "-0.567"
    explorer.handle(2).press("ArrowRight")
    explorer.settle()
    assert explorer.alphas()["random 3"] == 1.3


def test_three_hundred_fast_moves_leave_no_stale_picture(lab, explorer):
    box = explorer.handle(0).bounding_box()
    track = explorer.rows.nth(0).locator(".lw-alpha .noUi-base").bounding_box()
    rng, half = np.random.default_rng(0), track["width"] / 2 - 4
    xs = half * np.sin(np.linspace(0, 9 * np.pi, 300)) + rng.normal(size=300)
    points = [(box["width"] / 2 + x, box["height"] / 2) for x in [*xs, 0.37 * half]]
    lab.moves(explorer.handle(0), points, hz=100)
    explorer.settle()
    shown = float(explorer.box(0).input_value())
    assert shown > 0
    assert explorer.alphas() == {"random 1": shown}
    assert explorer.status.inner_text().endswith("ms")
    # settle() compared every pixel with the kernel's exact picture; it is still the one a second later
    lab.page.wait_for_timeout(1000)
    assert explorer.exact()


def test_errors_of_methods_and_of_the_generator_show_in_the_panel(lab, explorer):
    before = lab.pixels(explorer.picture)
    explorer.open_finder()
    k = explorer.panel.locator(".lw-parameter").filter(has_text="directions").locator("input").first
    explorer.panel.locator("select").first.select_option("Random directions")
    k.fill("1000")
    k.press("Enter")
    explorer.button("Find").click()
    explorer.error.wait_for()
    assert "k must be at most 64" in explorer.error.inner_text()
    lab.screenshot("error", explorer.panel)
    assert lab.kernel_eval("type(explorer.error).__name__") == "ValueError"
    assert (lab.pixels(explorer.picture) == before).all()
    explorer.button("Dismiss").click()
    explorer.error.wait_for(state="hidden")
    k.fill("3")
    k.press("Enter")
    explorer.button("Find").click()
    assert list(explorer.last_set(3)) == [4, 5, 6]
    lab.kernel_run("explorer.undo()")
    lab.eventually(lambda: explorer.rows.count() == 4, 30)
    # and a generator that fails while a slider moves
    lab.kernel_run("fine = G.synthesize\ndef fail(*a): raise RuntimeError('no memory')\nG.synthesize = fail")
    explorer.handle(0).press("ArrowRight")
    explorer.error.wait_for()
    assert "no memory" in explorer.error.inner_text()
    assert (lab.pixels(explorer.picture) == before).all()
    lab.kernel_run("G.synthesize = lambda *a: fine(*a) * float('nan')")
    explorer.handle(0).press("ArrowRight")
    lab.eventually(lambda: "picture must be finite" in explorer.error.inner_text())
    assert (lab.pixels(explorer.picture) == before).all()
    lab.kernel_run("G.synthesize = fine")
    explorer.handle(0).press("ArrowRight")
    explorer.settle()
    assert explorer.alphas() == {"random 1": 0.15}
    explorer.error.wait_for(state="hidden")


def test_cancel_works_during_a_slow_generator(lab, explorer):
    lab.kernel_run(SLOW)
    explorer.open_page("walk")
    lab.kernel_run("explorer.redraw()")
    cancel = explorer.button("Cancel")
    lab.eventually(cancel.is_enabled)
    cancel.click()
    lab.eventually(lambda: explorer.status.inner_text().endswith("cancelled"))
    assert lab.kernel_eval("explorer.status") == "cancelled"
    lab.kernel_run("G.synthesize = fast")
    explorer.handle(0).press("ArrowRight")
    explorer.settle()
    assert explorer.alphas() == {"random 1": STEP}


@pytest.mark.slow
def test_slow_generator_shows_previews_while_the_slider_moves(lab, explorer):
    lab.kernel_run(SLOW + "explorer.frames.exact_ms, frames.SLOW_MS = 500.0, 60.0")
    words = """() => {
        const picture = document.querySelector('.lw-left .lw-picture');
        window.words = new Set();
        const note = () => window.words.add(picture.querySelector('.lw-note').innerText);
        picture.querySelector('img').addEventListener('load', () => setTimeout(note, 50));
    }"""
    lab.page.evaluate(words)
    lab.moves(explorer.handle(0), [(8 + x, 8) for x in range(40)], hz=30)
    explorer.settle()
    assert "preview, change at 16 px" in lab.page.evaluate("() => [...window.words]")
    assert "preview" not in lab.kernel_eval("explorer.controls.picture.caption")


@pytest.mark.slow
def test_slow_method_can_be_cancelled(lab, explorer):
    endless = """
import dataclasses
from latent_widgets import Step
def endless(G, on_step=None, **parameters):
    while on_step(Step(1, 4)):
        time.sleep(0.05)
import time
method = dataclasses.replace(lw.methods()[0], function=endless, title="Endless", parameters=())
explorer.find(method, {})
"""
    lab.kernel_run(endless)
    lab.eventually(lambda: "Endless" in explorer.status.inner_text())
    lab.screenshot("busy")
    explorer.button("Cancel").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"))
    assert explorer.status.inner_text().endswith("cancelled")
    assert explorer.rows.count() == 4
    explorer.handle(0).press("ArrowRight")
    explorer.settle()


@pytest.mark.slow
def test_explorer_outlives_a_reload(lab, explorer):
    lab.drag(explorer.handle(0), dx=30)
    explorer.settle()
    alphas = explorer.alphas()
    lab.save()
    lab.reload()
    explorer.rows.nth(3).wait_for()
    explorer.settle()
    assert float(explorer.box(0).input_value()) == alphas["random 1"]
    explorer.handle(1).press("ArrowLeft")
    explorer.settle()
    assert explorer.alphas() == alphas | {"random 2": -STEP}


def test_cell_runs_while_a_slider_moves(lab, explorer):
    running = """
import time
end = time.monotonic() + 3
count = 0
while time.monotonic() < end:
    explorer.set_alpha(3, count % 20 / 10)
    count += 1
    time.sleep(0.02)
explorer.set_alpha(3, 1.5)
"""
    lab.page.evaluate(
        "code => { window.cell = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done; }",
        running,
    )
    lab.moves(explorer.handle(0), [(8 + x / 2, 8) for x in range(60)], hz=40)
    assert lab.page.evaluate("async () => (await window.cell).content.status") == "ok"
    explorer.settle()
    shown = float(explorer.box(0).input_value())
    assert explorer.alphas() == {"random 1": shown, "random 4": 1.5}
    assert explorer.box(3).input_value() == "1.5"


def test_pages_pick_a_seed_copy_code_and_save(lab, explorer):
    explorer.open_page("seeds")
    cells = explorer.panel.locator(".lw-cell")
    lab.eventually(lambda: all(lab.pixels(cells.nth(i).locator("img")).shape[0] == 64 for i in (0, 5, 15)), 30)
    thumbnail = lab.pixels(cells.nth(5).locator("img"))
    lab.screenshot("seeds", explorer.panel)
    explorer.button("5").click()
    lab.eventually(lambda: lab.kernel_eval("explorer.seed") == 5)
    explorer.settle()
    assert (lab.pixels(explorer.picture) == thumbnail).all()
    assert explorer.panel.get_by_label("seed", exact=True).first.input_value() == "5"

    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.drag(explorer.handle(0), dx=25)
    explorer.settle()
    explorer.open_page("code")
    text = explorer.panel.get_by_label("The edit as Python code")
    text.wait_for()
    program = lab.kernel_eval("explorer.edit.to_python()")
    assert text.input_value() == program
    explorer.button("copy code").click()
    assert lab.eventually(lambda: lab.page.evaluate("() => navigator.clipboard.readText()")) == program
    lab.kernel_run(program + "\nassert (image == explorer.edit.apply(G)).all()")
    lab.screenshot("code", explorer.panel)

    explorer.open_page("save")
    explorer.panel.locator(".lw-pages select:visible").select_option("edit")
    path = explorer.panel.locator(".lw-pages input[type=text]:visible")
    lab.eventually(lambda: path.input_value() == "latent.json")
    path.fill("smile.json")
    path.press("Enter")
    explorer.button("write the file").click()
    lab.eventually(lambda: "saved smile.json" in explorer.status.inner_text())
    assert lab.kernel_eval("bool((lw.Edit.load('smile.json').apply(G) == explorer.edit.apply(G)).all())")
    lab.screenshot("save", explorer.panel)


def test_strip_follows_a_curve_and_says_where_there_is_none(lab, explorer):
    explorer.open_page("walk")
    page = explorer.panel.locator(".lw-pages")
    words, strip = page.locator(".lw-strip .lw-note").first, page.locator(".lw-strip img").first
    lab.eventually(lambda: words.inner_text().startswith(f"random 1, linear: -{FAR} to {FAR} sd"))
    straight = lab.pixels(strip)
    page.get_by_role("button", name="curve", exact=True).click()
    lab.eventually(lambda: words.inner_text().startswith(f"random 1, curve: -{FAR} to {FAR} sd · bends by "), 30)
    curved = lab.pixels(strip)
    assert curved.shape == straight.shape
    assert (curved != straight).any()
    lab.screenshot("curve", explorer.panel)
    lab.kernel_run("explorer.code = lw.Code(G.code(3) + 1, 'w')")
    lab.eventually(lambda: "The edit must start from a seed for a curve, got a code in w" in words.inner_text())
    assert not explorer.error.is_visible()
    strip.wait_for(state="hidden")  # no empty frame
    lab.screenshot("none", explorer.panel)
    page.get_by_role("button", name="linear", exact=True).click()
    lab.kernel_run("explorer.undo()")
    lab.eventually(lambda: lab.pixels(strip).shape == straight.shape and (lab.pixels(strip) == straight).all())


@pytest.mark.slow
def test_keyboard_reaches_every_control_in_order(lab, explorer):
    explorer.panel.locator(".lw-hands").first.focus()
    names = []
    for _ in range(60):
        lab.page.keyboard.press("Tab")
        names.append(
            lab.page.evaluate(
                """() => { const e = document.activeElement; const row = e.closest('.lw-direction');
                return [e.className.includes('noUi-handle') ? 'handle' : e.tagName.toLowerCase(),
                        row ? [...row.parentNode.querySelectorAll('.lw-direction')].indexOf(row)
                            : -1, e.title || e.textContent.trim()]; }"""
            )
        )
    rows = [row for _, row, _ in names if row >= 0]
    assert rows == sorted(rows)
    assert set(rows) == {0, 1, 2, 3}
    for row in range(4):
        inside = [kind for kind, r, _ in names if r == row]
        assert inside.count("handle") == 1
        assert "input" in inside
    reached = {words for _, _, words in names}
    assert {"Previous seed", "Next seed", "A random seed", "Undo the last change"} & reached


@pytest.mark.parametrize("view", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_themes(lab, explorer, view):
    lab.dark(view == "dark")
    lab.drag(explorer.handle(0), dx=30)
    explorer.settle()
    ink, paper = lab.page.evaluate(
        """() => { const s = getComputedStyle(document.querySelector('.lw-panel'));
        const light = c => c.match(/[0-9.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3;
        return [light(s.color), light(s.backgroundColor)]; }"""
    )
    assert abs(ink - paper) > 100
    assert (paper < 100) == (view == "dark")
    lab.screenshot()
    explorer.open_page("mix")
    lab.page.wait_for_timeout(300)
    lab.screenshot("mix", explorer.panel)


@pytest.mark.slow
@pytest.mark.browser_context(viewport={"width": 600, "height": 1400})
def test_narrow_window(lab, explorer):
    lab.narrow(1400)
    lab.drag(explorer.handle(0), dx=20)
    explorer.settle()
    panel, overflow = explorer.panel.bounding_box(), []
    for i in range(4):
        for selector in (".lw-alpha .noUi-base", ".lw-number input", ".lw-name input"):
            box = explorer.rows.nth(i).locator(selector).bounding_box()
            overflow += [selector] * (box["x"] + box["width"] > panel["x"] + panel["width"] + 1)
            assert box["width"] > (100 if "alpha" in selector else 40)  # a slider has room for a hand
        tops = {explorer.rows.nth(i).locator(".lw-icon").nth(j).bounding_box()["y"] for j in range(2)}
        assert tops == {explorer.rows.nth(i).locator(".lw-index").bounding_box()["y"]}  # undo and bookmark: one line
    assert overflow == []
    explorer.open_page("walk")
    titles = explorer.panel.locator(".lw-groups button, .lw-page > .lw-toggles button")
    widths = titles.evaluate_all("all => all.map(e => [e.textContent, e.scrollWidth, e.clientWidth])")
    assert len(widths) == 3 + 5
    assert [title for title, needed, given in widths if needed > given] == []
    right = panel["x"] + panel["width"] + 1
    assert all(box["x"] + box["width"] < right for box in (title.bounding_box() for title in titles.all()))
    lab.screenshot(target=explorer.panel)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_page_and_method_in_one_long_sitting(lab, explorer):
    explorer.open_finder()
    for title in lab.kernel_eval("[m.title for m in lw.methods()]"):
        explorer.panel.locator("select").first.select_option(title)
        lab.page.wait_for_timeout(200)
        explorer.button("Find").click()
        lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 240)  # trainings, with their default steps
        for page in ("walk", "seeds", "mix", "save", "code"):
            explorer.open_page(page)
            lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 60)
        if explorer.error.count() and explorer.error.is_visible():  # a method that needs a region
            assert "Paint a region" in explorer.error.inner_text()
            explorer.button("Dismiss").click()
        explorer.handle(0).press("ArrowRight")
        explorer.settle(60)
        lab.screenshot(title.replace(" ", "-"))
