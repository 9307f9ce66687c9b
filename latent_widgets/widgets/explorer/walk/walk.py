"""The page of walks in an explorer: where its filmstrip goes, and when it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latent_widgets.core.texts import tr
from latent_widgets.geometry.walks.own_defaults import Defaults, own_defaults
from latent_widgets.geometry.walks.walk import kinds_of
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.walk.densities import Densities
from latent_widgets.widgets.explorer.walk.page import PICTURES, WalkPage
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.explorer.walk.work import Drawing, draw_walks
from latent_widgets.widgets.jobs.turns import built_once, one_at_a_time
from latent_widgets.widgets.kit.reach import usual_reach

__all__ = ["Walks"]

MEASURED = 8  # directions of a set at most: as many as were measured of the built-in generators


class Walks:
    """Draws the walk along the active direction.

    Args:
        desk: What it works with.
        frames: Draws.
        fitted: Called without arguments when sliders are to end elsewhere.
    """

    def __init__(self, desk: Desk, frames: Frames, fitted: Callable[[], object]) -> None:
        self._desk, self._frames, self._fitted = desk, frames, fitted
        self._densities = Densities(desk.state.generator)

    @built_once
    def page(self) -> WalkPage:
        """Its page; it is built when it is first opened."""
        desk = self._desk
        made = WalkPage(kinds_of(desk.state.generator), self._chosen, desk.refresh, self._measure, desk.guard)
        self._fit(made)
        desk.own(made)
        return made

    @property
    def built(self) -> bool:
        """Whether the page is."""
        return "page" in vars(self)

    @one_at_a_time
    def way(self, count: int | None = None) -> Way:
        """Return where the filmstrip goes, with so many pictures; as many as its page says if not given."""
        state = self._desk.state
        move = state.move(state.active, 1.0)
        reach = self.page.reach.value if self.built else usual_reach(state.range())
        count = count or (self.page.count.value if self.built else PICTURES)
        return Way(state.edit, move, reach, count, state.kind, self._densities)

    def fit(self) -> None:
        """Go as far as fits the unit of the active direction."""
        if self.built:
            self._fit(self.page)

    def _fit(self, page: WalkPage) -> None:
        state = self._desk.state
        page.reach.fit(state.direction.unit, state.range())

    def _measure(self) -> None:
        """Find how far the walks of the active set stay among the generator's own pictures, beside the pictures."""
        desk, state = self._desk, self._desk.state
        one, G = state.shelf.current, state.drawn()

        def work(on_step: Any) -> Defaults:
            return own_defaults(G, one.directions[:MEASURED], on_step=on_step)

        @one_at_a_time
        def done(found: Defaults) -> None:
            state.measured(one, G.class_number, found)
            self._fitted()
            self.fit()
            desk.refresh()

        desk.run(work, done, beside=True, kind="reach", label=tr("how far walks stay own"))

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

        desk.run(work, done, kind="page", label=tr("walk"))

    def _chosen(self, kind: str) -> None:
        """Walk otherwise, also with the sliders."""
        self._desk.state.kind = kind
        self._desk.refresh()
