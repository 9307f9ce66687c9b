"""The page with a palette: what two sliders do together, as a grid of pictures of which a click takes one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import torch

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text, plot_text
from latent_widgets.edits.changes import move_along, set_move
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.shelf import DirectionSet
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import row
from latent_widgets.widgets.kit.encode import Pixels, sheet, small
from latent_widgets.widgets.kit.plot import INK, Plot, Spot, dress
from latent_widgets.widgets.kit.reach import Reach, positions
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PalettePage"]

SIDE = 96  # pixels of a picture at most
GAP = 2
WORDS = tr(
    "Click on a picture to take it. The middle one has neither; the frame is where the sliders are, if on the grid."
)


def _moved(edit: Edit, a: Move, x: float, b: Move, y: float) -> Edit:
    return set_move(set_move(edit, replace(a, alpha=x)), replace(b, alpha=y))


class PalettePage(ipywidgets.VBox):
    """Two sliders, and the grid of what they do together.

    Args:
        desk: What it works with.

    Attributes:
        axes: Of the grid; None before it is drawn.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self.silence = desk, Silence()
        guard = desk.guard
        self.across = ipywidgets.Dropdown(
            description=tr("across"), tooltip=tr("The slider that grows from left to right")
        )
        self.up = ipywidgets.Dropdown(description=tr("up"), tooltip=tr("The slider that grows from bottom to top"))
        self.reach = Reach(tr("Both go from minus to plus this far, in the unit of the directions"))
        self.size = ipywidgets.Dropdown(
            options=[3, 5, 7, 9], value=5, description=tr("pictures"), tooltip=tr("How many along each side")
        )
        self.words = ipywidgets.HTML(WORDS)
        self.words.add_class("lw-note")
        self.plot = Plot(480, 480, tr("Pictures of what two directions do together"), guard(self.click))
        self.plot.add_class("lw-framed")
        controls = (self.across, self.up, self.reach, self.size)
        for control in controls:
            control.add_class("lw-short")
            control.observe(guard(self._changed), "value")
        self._rows: list[tuple[DirectionSet, int]] = []  # what the menus offer
        self._shown: tuple[Any, ...] = ()
        self.axes: Any = None
        super().__init__([row(*controls), self.words, self.plot])

    def _moves(self) -> tuple[Move, Move] | None:
        """The two moves; None while both sliders are the same one."""
        i, j = self.across.value, self.up.value
        if i is None or j is None or i == j:
            return None
        return self._move(i), self._move(j)

    def _move(self, n: int) -> Move:
        one, i = self._rows[n]
        return self._desk.state.move_in(one, i, 1.0)

    def draw(self) -> None:
        """Bring the grid to the explorer's edit; clicks on it do not draw it anew."""
        self._offer()
        state, moves = self._desk.state, self._moves()
        if moves is None:
            self.words.value = tr("Choose two sliders that differ.")
            self.plot.layout.display = "none"
            return
        a, b = moves
        self.reach.fit(a.unit, state.range(self._rows[self.across.value][0]))
        edit, at = state.edit, positions(self.reach.value, self.size.value)
        bare = _moved(edit, a, 0.0, b, 0.0)
        steps = (value for m in moves for value in (m.direction, m.rows, m.kind))
        what = (bare.base, bare.mask, *bare.moves, *steps, *at)
        if what == self._shown:
            self._mark()
            return
        G, size = state.drawn(), self.size.value

        def work(on_step: Any) -> Pixels | str | None:
            drawn = []
            try:
                for y in reversed(at):
                    for x in at:
                        drawn.append(_moved(edit, a, x, b, y).apply(G))
                        if not on_step() or state.edit is not edit:
                            return None
            except ValueError as error:  # the edit has no place for one of them: the page says why
                return str(error)
            return sheet(small(torch.cat(drawn), SIDE), size, GAP)

        def done(pixels: Pixels | str | None) -> None:
            if isinstance(pixels, str):
                self.words.value = page_text(pixels)
                self.plot.layout.display = "none"
            elif pixels is not None:
                self._shown = what
                self.words.value = WORDS
                self.plot.layout.display = None
                self.plot.show(lambda figure: self._grid(figure, pixels, at, (a, b)))
                self._mark()

        self._desk.run(work, done, kind="page", label=tr("palette"))

    def _offer(self) -> None:
        """Offer the sliders of all open sets; what is chosen stays chosen where it is still there."""
        sets = self._desk.state.shelf.open
        rows = [(one, i) for one in sets for i in range(len(one.directions))]
        titles = [f"{one.title}: " if len(sets) > 1 else "" for one, _ in rows]
        options = [
            (f"{title}{i + 1} {one.singles[i].names[0]}", n)
            for n, ((one, i), title) in enumerate(zip(rows, titles, strict=True))
        ]
        old, self._rows = self._rows, rows
        if list(self.across.options) == options:
            return
        places = {(one.key, i): n for n, (one, i) in enumerate(rows)}
        first = places[self._desk.state.shelf.active, 0]
        chosen = [
            None if n is None else places.get((old[n][0].key, old[n][1])) for n in (self.across.value, self.up.value)
        ]
        with self.silence:
            for control, there, usual in zip((self.across, self.up), chosen, (first, first + 1), strict=True):
                control.options = options
                control.value = there if there is not None else usual if usual < len(options) else None

    @heard
    def _changed(self, change: Any) -> None:
        if not self.reach.fitting:
            self.draw()

    def _grid(self, figure: Figure, pixels: Pixels, at: list[float], moves: tuple[Move, Move]) -> list[Spot]:
        axes = figure.add_subplot(figure.add_gridspec(1, 1, left=0.12, right=0.99, top=0.99, bottom=0.1)[0])
        dress(axes)
        n, (a, b) = len(at), moves
        axes.imshow(pixels, extent=(-0.5, n - 0.5, -0.5, n - 0.5), aspect="auto", interpolation="nearest")
        axes.plot(n // 2, n // 2, marker="+", color=INK, markersize=9, markeredgewidth=0.9)
        axes.set_xticks(range(n), [f"{x:+g}" if x else "0" for x in at])
        axes.set_yticks(range(n), [f"{x:+g}" if x else "0" for x in at])
        across, up = (UNIT_RANGES[move.unit].label for move in moves)
        axes.set_xlabel(f"{plot_text(a.name)}, {across}")
        axes.set_ylabel(f"{plot_text(b.name)}, {up}")
        axes.tick_params(length=0)
        self.axes = axes
        return [
            Spot(self.plot.box(axes, i - 0.5, j - 0.5, i + 0.5, j + 0.5), f"{a.name} {at[i]:+g}, {b.name} {at[j]:+g}")
            for j in range(n)
            for i in range(n)
        ]

    def _mark(self) -> None:
        """Frame the picture at which the sliders are."""
        moves, at = self._moves(), positions(self.reach.value, self.size.value)
        if moves is None or self.axes is None:
            return
        found = [move_along(self._desk.state.edit, m.direction) for m in moves]
        alphas = [0.0 if m is None else m.alpha for m in found]
        cells = [next((i for i, x in enumerate(at) if abs(x - alpha) < 1e-6), None) for alpha in alphas]
        i, j = cells
        boxes = [] if i is None or j is None else [self.plot.box(self.axes, i - 0.5, j - 0.5, i + 0.5, j + 0.5)]
        self.plot.mark(*boxes)

    @one_at_a_time
    def click(self, x: float, y: float) -> None:
        """Take the picture at a place of the drawing, in shares of it."""
        found, moves = None if self.axes is None else self.plot.at(self.axes, x, y), self._moves()
        if found is None or moves is None:
            return
        at = positions(self.reach.value, self.size.value)
        i, j = (min(max(round(value), 0), len(at) - 1) for value in found)
        a, b = moves
        self._desk.adopt(_moved(self._desk.state.edit, a, at[i], b, at[j]), now=True)
        self._mark()
