"""What several tests do in the page: an explorer, alone or linked with a painter, and panels with one plot."""

import re

import numpy as np

from latent_widgets.widgets.explorer.pages.groups import GROUPS, TITLES
from tests.browser.jupyterlab import Lab

CANVAS = "canvas.lw-canvas"
STEP, FAR = 0.05, 1.8  # of a slider of faces64, which ends at 3 standard deviations; and how far its strips go
EXPLORER = """
import latent_widgets as lw
G = lw.load()
explorer = lw.LatentExplorer(G, seed=7, k=4)
explorer
"""
LINKED = """
import numpy as np
import traitlets
import latent_widgets as lw
G = lw.load()
explorer = lw.LatentExplorer(G, seed=7, k=4, steer={steer})
painter = lw.MaskPainter(explorer.picture, width=256, brush=6.0)
traitlets.dlink((explorer, "picture"), (painter, "picture"))
traitlets.link((painter, "mask"), (explorer, "mask"))
explorer
"""
SHOWN = """
from latent_widgets.widgets.explorer.screen import frames
from latent_widgets.widgets.kit.encode import to_uint8
frames.SLOW_MS = 1e9  # however busy the machine is, exact pictures are quick enough
def exact():
    return to_uint8(explorer.edit.apply(G)).tobytes().hex()
"""


class Explorer:
    """The explorer's parts in the page."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.panel = lab, lab.page.locator(".lw-panel")
        self.picture = self.panel.locator(".lw-left .lw-picture img")
        self.rows = self.panel.locator(".lw-direction")
        self.status = self.panel.locator(".lw-status [role=status]")
        self.error = self.panel.locator("[role=alert]")

    def handle(self, row):
        return self.rows.nth(row).locator(".lw-alpha .noUi-handle")

    def box(self, row):
        return self.rows.nth(row).locator(".lw-number input")

    def button(self, name):
        return self.panel.locator("button:visible").filter(
            has_text=re.compile(f"^{name}$")
        )  # an icon is part of its role's name

    def open_page(self, name):
        group = next(group for group, (names, _) in GROUPS.items() if name in names)
        press = self.panel.locator(".lw-groups button").filter(has_text=group)
        if "mod-active" not in press.get_attribute("class"):
            press.click()
        self.panel.locator(".lw-page > .lw-toggles button:visible").filter(has_text=TITLES.get(name, name)).click()

    def open_finder(self):
        self.button("add directions").click()
        self.button("Find").wait_for()

    def last_set(self, count):
        """The rows of the last set, which has so many."""
        self.lab.eventually(lambda: self.lab.kernel_eval("len(explorer.state.shelf.open[-1].singles)") == count, 240)
        shown = "sum(len(one.singles) for one in explorer.state.shelf.open if not one.folded)"
        self.lab.eventually(lambda: self.rows.count() == self.lab.kernel_eval(shown), 30)
        return range(self.rows.count() - count, self.rows.count())

    def settle(self, timeout=30):
        """Wait until the worker has nothing left to do and the page shows the kernel's exact picture."""
        self.lab.eventually(lambda: self.lab.kernel_eval("explorer.wait(0)"), timeout)
        self.lab.eventually(self.exact, timeout)

    def exact(self):
        pixels = bytes.fromhex(self.lab.kernel_eval("exact()"))
        shown = self.lab.pixels(self.picture)
        return shown.size == len(pixels) and (shown.ravel() == np.frombuffer(pixels, np.uint8)).all()

    def calm(self, seconds=120):
        """Wait until nothing is computed any more, also after what that gave rise to."""
        for _ in range(2):
            self.lab.eventually(lambda: self.lab.kernel_eval("explorer.wait(0)"), seconds)
            self.lab.page.wait_for_timeout(250)
        self.settle(seconds)

    def alphas(self):
        return self.lab.kernel_eval("{m.name: m.alpha for m in explorer.edit.moves}")


class Regions(Explorer):
    """The explorer's page for regions, and the painter below it."""

    def __init__(self, lab):
        super().__init__(lab)
        self.panel = lab.page.locator(".lw-panel").first
        self.picture = self.panel.locator(".lw-left .lw-picture img")
        self.rows = self.panel.locator(".lw-direction")
        self.canvas = lab.page.locator(CANVAS)

    def paint(self, *points):
        """Make a stroke through points of the 64 pixel picture."""
        self.canvas.scroll_into_view_if_needed()
        self.canvas.hover(trial=True)  # waits until it lies still: a page moves while it changes its colours
        box, mouse = self.canvas.bounding_box(), self.lab.page.mouse
        places = [(box["x"] + x / 64 * box["width"], box["y"] + y / 64 * box["height"]) for x, y in points]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=10)
        mouse.up()


def open_explorer(lab, kind=Explorer, cells=(SHOWN, EXPLORER)):
    """Run the cells of an explorer of four directions; return its parts as soon as it shows a picture."""
    lab.write_notebook(cells)
    lab.open_notebook()
    parts = kind(lab)
    parts.rows.nth(3).wait_for()
    lab.eventually(lambda: lab.pixels(parts.picture).shape[0] > 1, 60)
    return parts


def open_linked(lab, kind, page, *, steer):
    """Do so with a painter below it, linked both ways, and open one of the explorer's pages; return them at rest."""
    parts = open_explorer(lab, kind, [SHOWN, LINKED.format(steer=steer), "painter"])
    parts.canvas.wait_for()
    parts.open_page(page)
    parts.calm()
    return parts


def open_plot(lab, cell, ready, seconds):
    """Run the cell of a panel with a plot and wait until an expression is true in its kernel."""
    lab.write_notebook([cell])
    lab.open_notebook()
    lab.page.wait_for_selector(".lw-plot svg")
    lab.eventually(lambda: lab.kernel_eval(ready), seconds)
    return lab
