"""Who sees no icons, no colours or no mouse: axe-core's rules, names, the Tab key, and colours of the reader's own."""

import pytest

from tests.browser.access import FIRST, broken, faults_of, nameless, unreached, walk

PANELS = ["painter", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spectrum", "warpage"))]
WIDGETS = {
    "painter": """
import numpy as np
parts = {"upper half": np.arange(64)[:, None] < np.full(64, 32)}
painter = lw.MaskPainter(G.synthesize(G.code(3)[None])[0], width=256, parts=parts)
""",
    "spectrum": "spectrum = lw.JacobianSpectrum(G, seed=7)",
    "warpage": "warpage = lw.WarpageHeatmap(G, n=6)",
    "explorer": "explorer = lw.LatentExplorer(G, seed=7, k=2)\nexplorer.set_alpha(0, 1.0)",
}


@pytest.fixture
def show(lab):
    """Shows a widget in a notebook and returns its panel, at rest."""

    def open_widget(name):
        lab.write_notebook([f"import latent_widgets as lw\nG = lw.load()\n{WIDGETS[name]}\n{name}"])
        lab.open_notebook()
        panel = lab.page.locator(".lw-panel")
        panel.wait_for()
        lab.eventually(lambda: lab.kernel_eval(f"{name}.wait(0)"), 90)
        panel.locator(".lw-status .lw-idle").wait_for()
        return panel

    return open_widget


@pytest.fixture
def both(lab):
    """Yields "light" and "dark", with the page in that theme."""

    def themes():
        for theme in ("light", "dark"):
            lab.dark(theme == "dark")
            yield theme

    return themes


@pytest.fixture
def steps(lab):
    """Goes through a panel with the Tab key; it comes by every control, and leaves at both ends."""

    def go(panel):
        stops = list(walk(panel))
        assert unreached(panel) == []
        assert [stop.html for stop in stops if not stop.name and stop.fault is None] == []
        panel.evaluate(FIRST)
        lab.page.keyboard.press("Shift+Tab")
        lab.page.wait_for_function("() => !document.querySelector('.lw-panel').contains(document.activeElement)")
        return stops

    return go


@pytest.mark.parametrize("name", PANELS)
def test_widget_can_be_read_out_and_used_with_the_tab_key(lab, show, both, steps, name):
    panel = show(name)
    for theme in both():
        known, new = faults_of(panel)
        assert new == [], theme
        assert known == broken(name)
        lab.screenshot(f"{name}-{theme}", panel)
    assert {stop.fault for stop in steps(panel) if not stop.name} == nameless(name)


def test_explorer_can_be_read_out_on_every_page(lab, show, both, steps):
    panel = show("explorer")
    for theme in both():
        known, new = faults_of(panel)
        assert known == broken("explorer")
        for page in lab.kernel_eval("list(explorer.pages)"):
            lab.kernel_run(f"explorer.controls.page = {page!r}")
            lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 60)
            _, more = faults_of(panel, ".lw-pages")
            new += more
        assert new == [], theme
    assert {stop.fault for stop in steps(panel) if not stop.name} == nameless("explorer")


BORDERS = """e => { const s = getComputedStyle(e);
    return [s.borderLeftWidth, s.borderLeftStyle, s.borderLeftColor, s.outlineWidth, s.outlineStyle].join(' '); }"""
PAIRS = {
    "chosen": (".widget-toggle-button.mod-active", ".widget-toggle-button:not(.mod-active)"),
    "active": (".lw-direction.lw-active", ".lw-direction:not(.lw-active)"),
    "disabled": (".lw-right .widget-button:disabled", ".lw-right .widget-button:not(:disabled)"),
    "open": (".lw-groups .mod-active", ".lw-groups button:not(.mod-active)"),
}


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_states_are_seen_in_the_few_colours_of_a_reader(lab, show, scheme):
    panel = show("explorer")
    lab.dark(scheme == "dark")
    lab.page.emulate_media(forced_colors="active", color_scheme=scheme)
    lab.kernel_run("explorer.show_error(ValueError('what went wrong'))")
    panel.get_by_role("alert").wait_for()
    lab.kernel_run("explorer.controls.page = 'walk'")
    panel.locator(".lw-page .widget-toggle-button.mod-active").first.wait_for()
    for state, (one, other) in PAIRS.items():
        looks = [panel.locator(f"{selector}:visible").first.evaluate(BORDERS) for selector in (one, other)]
        assert looks[0] != looks[1], state
    assert panel.locator(".lw-trouble:visible").evaluate(BORDERS).startswith("8px solid ")
    seed = panel.get_by_label("seed", exact=True).first
    before = seed.evaluate(BORDERS)
    seed.focus()
    assert seed.evaluate(BORDERS) != before
    assert seed.evaluate(BORDERS).endswith("3px solid")
    lab.screenshot("explorer", panel)


@pytest.mark.slow
@pytest.mark.parametrize("name", PANELS)
def test_panels_keep_their_edges_in_the_few_colours_of_a_reader(lab, show, name):
    panel = show(name)
    lab.page.emulate_media(forced_colors="active")
    for selector in (".jupyter-button:not(:disabled)", ".noUi-target", ".noUi-handle"):
        assert " solid " in panel.locator(f"{selector}:visible").first.evaluate(BORDERS), selector
    lab.screenshot(name, panel)


@pytest.mark.slow
def test_nothing_moves_for_who_asks_for_it(lab, show):
    panel = show("warpage")
    panel.get_by_role("tab", name="map", exact=True).click()
    picture = panel.locator(".lw-spot image").first
    picture.wait_for()
    lasts = "e => getComputedStyle(e).transitionDuration"
    assert picture.evaluate(lasts) == "0.12s"
    lab.page.emulate_media(reduced_motion="reduce")
    assert picture.evaluate(lasts) == "0s"


@pytest.mark.slow
def test_explorer_can_be_read_out_with_all_that_its_pages_show(lab, show, both):
    panel = show("explorer")
    lab.kernel_run(
        "import io, numpy as np\nfrom PIL import Image\nfile = io.BytesIO()\n"
        "Image.fromarray(np.zeros((64, 64, 3), np.uint8) + 128).save(file, 'PNG')\n"
        "inside = np.zeros((64, 64), bool); inside[36:50, 20:44] = True\n"
        "explorer.mask = lw.Mask(inside); explorer.steer = True\n"
        "explorer.photo.page.steps.value = 3\nexplorer.photo.open(file.getvalue(), 'grey.png')\n"
        "explorer.controls.page = 'compare'; explorer.pages['compare'].start()\n"
        "explorer.controls.page = 'part'; explorer.part.painted.add('mouth')\n"
    )
    lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 60)
    lab.kernel_run("explorer.controls.page = 'photo'; explorer.photo.start()")
    lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 60)
    lab.kernel_run("explorer.mask = lw.Mask(inside); explorer.steer = True; explorer.controls.page = 'region'")
    lab.eventually(lambda: lab.kernel_eval("explorer.pages['region'].plots.layout.display is None"), 60)
    lab.kernel_run("explorer.set_alpha(0, 0.5)")
    for theme in both():
        found = []
        for page in ("region", "part", "compare", "photo", "stack", "palette"):
            lab.kernel_run(f"explorer.controls.page = {page!r}")
            lab.eventually(lambda: lab.kernel_eval("explorer.wait(0)"), 60)
            found += faults_of(panel, ".lw-pages")[1]
            lab.screenshot(f"{page}-{theme}", panel)
        assert found == []
