"""Cells that are run again in JupyterLab: the page shows the newest panels, and the kernel has no others."""

from tests.browser.pages import EXPLORER, SHOWN, open_explorer

SPECTRUM = """
import traitlets
spectrum = lw.JacobianSpectrum(G, G.sample_z(1, 7)[0])
traitlets.link((explorer, "code"), (spectrum, "code"))
spectrum
"""
PANELS = """
import ipywidgets
def panels(kind):
    return sum(isinstance(widget, kind) for widget in ipywidgets.widgets.widget._instances.values())
"""


def test_cells_that_run_again_leave_one_panel_each(lab):
    explorer = open_explorer(lab, cells=(SHOWN + PANELS, EXPLORER, SPECTRUM))
    for run in range(3):
        if run:
            before = lab.kernel_eval("id(spectrum)")
            lab.run_all()
            lab.eventually(lambda before=before: lab.kernel_eval("id(spectrum)") != before, 60)
        lab.eventually(lambda: lab.kernel_eval("panels(lw.LatentExplorer), panels(lw.JacobianSpectrum)") == (1, 1), 60)
        lab.eventually(lambda: lab.page.locator(".lw-panel:visible").count() == 2, 60)
    explorer.panel = lab.page.locator(".lw-panel").first
    explorer.picture = explorer.panel.locator(".lw-left .lw-picture img")
    explorer.rows = explorer.panel.locator(".lw-direction")
    explorer.settle(60)
    lab.drag(explorer.handle(0), dx=40)
    explorer.settle(60)
    assert explorer.alphas()["random 1"] > 0.5
    lab.screenshot()
