"""The page of walks in an explorer: where its filmstrip goes, and when it is drawn."""

from __future__ import annotations

from typing import Any

from latent_widgets.geometry.walks.walk import kinds_of
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.walk.densities import Densities
from latent_widgets.widgets.explorer.walk.page import WalkPage
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.explorer.walk.work import Drawing, draw_walks
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.unit_ranges import unit_ranges

__all__ = ["Walks"]


class Walks:
    """Draws the walk along the active direction.

    Args:
        desk: What it works with.
        frames: Draws.
    """

    def __init__(self, desk: Desk, frames: Frames) -> None:
        self._desk, self._frames = desk, frames
        self._densities = Densities(desk.state.generator)
        self.page = WalkPage(kinds_of(desk.state.generator), self._chosen, desk.refresh, desk.guard)

    @one_at_a_time
    def way(self) -> Way:
        """Return where the filmstrip goes."""
        state, page = self._desk.state, self.page
        move = state.move(state.active, 1.0)
        return Way(state.edit, move, page.reach.value, page.count.value, state.kind, self._densities)

    def fit(self) -> None:
        """Go as far as fits the unit of the active direction, and what was measured of such directions."""
        state = self._desk.state
        self.page.reach.fit(state.direction.unit, unit_ranges(state.generator, state.direction))

    def draw(self) -> None:
        """Bring the filmstrip to the edit."""
        desk, page, way, frames = self._desk, self.page, self.way(), self._frames
        equal, kinds, density = page.equal, page.kinds, page.density.value

        def work(on_step: Any) -> Drawing | None:
            return draw_walks(way, frames, desk.while_current(on_step), kinds, equal, density)

        def done(drawing: Drawing | None) -> None:
            if drawing is not None:
                page.show(drawing.strips)
                page.show_density(drawing.traces, drawing.unit, drawing.words, drawing.places)

        desk.run(work, done, kind="page", label="walk")

    def _chosen(self, kind: str) -> None:
        """Walk otherwise, also with the sliders."""
        self._desk.state.kind = kind
        self._desk.refresh()
