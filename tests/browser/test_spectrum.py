"""The spectrum in JupyterLab: a click or a key picks an index, and an explorer's latent is followed."""

import re

import pytest

from tests.browser.pages import open_plot

SPECTRUM = """
import latent_widgets as lw
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
G = lw.load()
spectrum = JacobianSpectrum(G, seed=7)
spectrum
"""
LINKED = """
import latent_widgets as lw, traitlets
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
G = lw.load()
explorer = lw.LatentExplorer(G, seed=7, width=256)
spectrum = JacobianSpectrum(G, width=520)
traitlets.link((explorer, "code"), (spectrum, "code"))
explorer
"""
IDLE = "spectrum.wait(0) and spectrum.current is not None and spectrum.controls.strip.data != b''"


@pytest.fixture
def opened(lab):
    """A page with one spectrum, which is there."""
    return open_plot(lab, SPECTRUM, IDLE, 60)


def test_click_picks_an_index_and_hovering_costs_no_message(opened):
    lab, plot = opened, opened.page.locator(".lw-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    share = lab.kernel_eval("spectrum.controls.plot.box(spectrum.controls.plot.axes, 9.5, 1, 10.5, 1)[0]")
    x, y = box["x"] + (share + 0.004) * box["width"], box["y"] + 0.45 * box["height"]
    before = lab.message_counts().get("send comm_msg", 0)
    lab.page.mouse.move(box["x"] + 5, y)
    lab.page.mouse.move(x, y, steps=40)
    lab.page.wait_for_timeout(300)
    assert lab.message_counts().get("send comm_msg", 0) == before
    lab.page.mouse.down()
    lab.page.mouse.up()
    assert lab.eventually(lambda: lab.kernel_eval("spectrum.selected_index") == 9)
    lab.eventually(lambda: "local basis 10" in lab.page.inner_text(".lw-panel"))
    lab.screenshot("light")


@pytest.mark.slow
def test_reloaded_page_still_answers_clicks(opened):
    lab = opened
    lab.save()
    lab.reload()
    plot = lab.page.locator(".lw-plot svg").first
    plot.wait_for()
    box = lab.page.locator(".lw-plot").bounding_box()
    place = box["x"] + 0.5 * box["width"], box["y"] + 0.45 * box["height"]

    def picked():
        lab.page.mouse.click(*place)  # what the page shows first is only its drawing; the kernel answers later
        return lab.kernel_eval("spectrum.selected_index") > 5

    assert lab.eventually(picked)


def test_arrow_keys_and_the_number_box_pick_an_index(opened):
    lab = opened
    handle = lab.page.locator(".lw-panel .noUi-handle").first
    handle.press("ArrowRight")
    assert lab.eventually(lambda: lab.kernel_eval("spectrum.selected_index") == 1)
    handle.press("ArrowRight")
    assert lab.eventually(lambda: lab.kernel_eval("spectrum.selected_index") == 2)
    box = lab.page.locator(".lw-panel input[type=number]").first
    box.fill("12")
    box.press("Enter")
    assert lab.eventually(lambda: lab.kernel_eval("spectrum.selected_index") == 11)
    lab.eventually(lambda: "singular value 12 is" in lab.page.inner_text(".lw-panel"))
    overlay = "() => getComputedStyle(document.querySelector('.lw-overlay')).visibility"
    assert lab.page.evaluate(overlay) == "hidden"  # Tab passes it by


def test_spectrum_follows_the_seed_of_an_explorer(lab):
    lab.write_notebook([LINKED, "spectrum"])
    lab.open_notebook()
    plot = lab.page.locator(".lw-panel").nth(1).locator(".lw-plot")
    plot.locator("svg").wait_for()
    follows = "spectrum.current is not None and not spectrum.busy and spectrum.current.code.seed == explorer.seed"
    lab.eventually(lambda: lab.kernel_eval(follows), 60)
    before = plot.inner_html()
    nxt = lab.page.get_by_title("Next seed")
    for _ in range(4):
        nxt.click()
    lab.eventually(lambda: lab.kernel_eval("explorer.seed == 11 and " + follows), 60)
    lab.eventually(lambda: "seed 11, w" in lab.page.inner_text(".jp-Notebook"))
    assert plot.inner_html() != before
    lab.kernel_run("explorer.set_alpha(0, 2.0)")  # a code without a seed: no z, so the picture's spectrum
    lab.eventually(lambda: re.search("edited in w, so its z is unknown", lab.page.inner_text(".jp-Notebook")), 60)
    lab.eventually(lambda: not lab.kernel_eval("spectrum.busy"), 60)
    plot.scroll_into_view_if_needed()
    lab.screenshot("linked")


@pytest.mark.slow
@pytest.mark.browser_context(device_scale_factor=2, viewport={"width": 1100, "height": 1000})
def test_spectrum_reads_well_in_the_dark(opened):
    lab = opened
    lab.dark()
    lab.kernel_run("spectrum.keep(); spectrum.code = lw.Code(G.code(12), 'w', 12, 1.0)")
    lab.kernel_run("spectrum.controls.chance.value = 'matrix'")
    lab.eventually(lambda: lab.kernel_eval(IDLE), 60)
    lab.eventually(lambda: lab.kernel_eval("spectrum.band is not None"), 60)
    ink = "() => getComputedStyle(document.querySelector('.lw-svg text, .lw-svg use')).fill"
    red, green, blue = (int(part) for part in re.findall(r"\d+", lab.page.evaluate(ink))[:3])
    assert min(red, green, blue) > 150  # light ink on dark paper
    lab.page.wait_for_timeout(300)
    lab.screenshot("dark")


@pytest.mark.slow
@pytest.mark.browser_context(device_scale_factor=2, has_touch=True, viewport={"width": 560, "height": 1100})
def test_narrow_window_keeps_everything_and_a_tap_picks(opened):
    lab, plot = opened, opened.page.locator(".lw-plot")
    panel = lab.page.locator(".lw-panel").first
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    lab.screenshot("narrow")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    lab.page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    assert lab.eventually(lambda: lab.kernel_eval("spectrum.selected_index") > 5)
