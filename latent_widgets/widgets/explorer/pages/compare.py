"""The page that compares directions fairly: strips in which each changes the picture by the same amounts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import ipywidgets
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.core.texts import tr, trn
from latent_widgets.core.words import plot_text
from latent_widgets.geometry.effects.equal_change import DISTANCES, EqualChange, equal_change
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import button, row
from latent_widgets.widgets.kit.encode import Pixels, small, strip
from latent_widgets.widgets.kit.page_work import PageWork
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.plot import Plot, Spot, dress
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ComparePage", "Row", "rows_of_change"]

SIDE, MOST = 96, 5  # pixels of a picture at most; strips
LABEL, CELL = 110, 104  # CSS pixels of a name, and of a picture
TOP = 0.8  # share of the height that the pictures take
WORDS = tr(
    "A direction that does little keeps to its part easily, so each goes as far as it takes for the same change. "
    "Compared are the active direction and those with a bookmark; without bookmarks, the other sliders."
)
LABELS = {"lap1": tr("Laplacian pyramid"), "rms": tr("rms of pixels"), "lpips": "LPIPS"}
Row = tuple[Directions, EqualChange, Pixels]


def rows_of_change(state: ExplorerState) -> list[Directions]:
    """Return what is compared: the active direction, and the kept ones or else the other sliders."""
    active = state.direction
    others = [d for d in (state.bookmarked or state.rows) if not same_direction(d, active)]
    return [active, *others][:MOST]


class ComparePage(ipywidgets.VBox):
    """Strips of several directions at equal change.

    Args:
        desk: What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._state, guard = desk.state, desk.guard
        self.work: PageWork = desk.hire(PageWork, lock=desk.lock)
        self.most = ipywidgets.BoundedFloatText(
            0.1, min=0.001, max=2, step=0.05, description=tr("change"),
            tooltip=tr("How much the first and the last picture change"),
        )  # fmt: skip
        self.count = ipywidgets.Dropdown(
            options=[3, 5, 7, 9], value=5, description=tr("pictures"), tooltip=tr("How many pictures a strip has")
        )
        there = [name for name in DISTANCES if name != "lpips" or find_spec("lpips") is not None]
        self.distance = ipywidgets.Dropdown(
            options=[(LABELS[name], name) for name in there],
            value="lap1",
            description=tr("measured by"),
            tooltip=tr("The distance between pictures: of their Laplacian pyramids, of their pixels, or LPIPS"),
        )
        self.compare = button(
            tr("draw strips"), tr("Find how far each must go, and draw a strip of it"), guard(lambda _: self.start()),
            "play",
        )  # fmt: skip
        for control in (self.most, self.count, self.distance):
            control.add_class("lw-short")
        self.words = ipywidgets.HTML(WORDS)
        self.words.add_class("lw-note")
        self.plots = ipywidgets.VBox()
        self.plots.layout.overflow = "visible"
        self._edit: Any = None
        super().__init__([row(self.most, self.count, self.distance, self.compare), self.words, self.plots])

    def draw(self) -> None:
        """Show strips of another edit pale."""
        for plot in self.plots.children:
            plot.grey(self._edit is not self._state.edit)

    @one_at_a_time
    def start(self) -> None:
        """Find the steps beside the pictures, and draw the strips."""
        state, edit = self._state, self._state.edit
        G, compared, distance = state.drawn(), rows_of_change(state), self.distance.value
        at = torch.linspace(
            -self.most.value, self.most.value, self.count.value, dtype=torch.float32, device="cpu"
        ).tolist()
        at[len(at) // 2] = 0.0

        def work(on_step: Any) -> list[Row]:
            code = edit.code(G)
            found = []
            for direction in compared:
                equal = equal_change(G, direction, code, at, distance=distance, on_step=lambda step: on_step())
                found.append((direction, equal, strip(small(equal.strip(G, 0), SIDE))))
                if not on_step():
                    raise Cancelled("Stopped.")
            return found

        def done(found: list[Row]) -> None:
            self._edit = edit
            self._show(found)

        label = trn("equal change of {count} direction", "equal change of {count} directions", len(compared))
        self.work.run(work, done, kind="compare", label=label)

    def _show(self, found: list[Row]) -> None:
        old, plots = self.plots.children, []
        for direction, equal, pixels in found:
            width = LABEL + CELL * len(equal.at)
            plot = Plot(width, round(CELL / TOP), tr("{name} at equal change", name=direction.names[0]))
            plot.show(lambda figure, d=direction, e=equal, p=pixels: _draw(figure, d, e, p))  # type: ignore[misc]
            plots.append(plot)
        self.plots.children = plots
        close_tree(*old)
        self.draw()


def _draw(figure: Figure, direction: Directions, equal: EqualChange, pixels: Pixels) -> list[Spot]:
    left = LABEL / (LABEL + CELL * len(equal.at))
    axes = figure.add_subplot(figure.add_gridspec(1, 1, left=left, right=1, top=1, bottom=1 - TOP)[0])
    dress(axes)
    n, unit = len(equal.at), UNIT_RANGES[direction.unit].label
    axes.imshow(pixels, extent=(-0.5, n - 0.5, 0, 1), aspect="auto", interpolation="nearest")
    steps = zip(equal.at, equal.alphas[0, 0].tolist(), equal.reached[0, 0].tolist(), strict=True)
    axes.set_xticks(
        range(n),
        ["0" if not a else f"{alpha:+.2f} {unit}" if there else tr("not reached") for a, alpha, there in steps],
    )
    axes.set_yticks([0.5], [plot_text(direction.names[0], 15)])
    axes.tick_params(length=0)
    return []
