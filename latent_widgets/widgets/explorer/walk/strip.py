"""The strip below the picture: the walk of the active direction, to click and to drag along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latent_widgets.core.steps import Cancelled
from latent_widgets.core.texts import tr
from latent_widgets.core.words import label_text
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.kit.encode import encode, sheet, small
from latent_widgets.widgets.kit.stage import WalkStrip
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

__all__ = ["Strip"]

FRAMES = 7
SIDE = 96  # pixels of a picture at most
PATIENCE = 2000.0  # milliseconds that a strip may take: what draws more slowly shows it on its page, on demand


class Strip:
    """Draws the walk small, wherever the picture is at rest.

    Args:
        desk: What it works with.
        frames: Draws.
        way: Says where the walk goes, with so many pictures.
        go: Called with how far along the active direction: a click.
        slide: Likewise: one move of many.

    Attributes:
        view: What is seen of it.
    """

    def __init__(
        self,
        desk: Desk,
        frames: Frames,
        way: Callable[[int], Way],
        go: Callable[[float], object],
        slide: Callable[[float], object],
    ) -> None:
        self._desk, self._frames, self._way = desk, frames, way
        self._shown: tuple[object, ...] = ()
        self.view = WalkStrip()
        self.view.layout.max_width = "448px"
        self.view.layout.display = "none"
        self.view.on_go(desk.guard(go))
        self.view.on_scrub(desk.guard(lambda place, done: slide(place)))

    def draw(self) -> None:
        """Bring the strip to the edit; slow generators have it on its page alone."""
        frames, desk = self._frames, self._desk
        if FRAMES * (frames.exact_ms or 0.0) > PATIENCE:
            self.view.layout.display = "none"
            return
        way = self._way(FRAMES)
        what = (way.edit, way.move.direction, way.move.rows, way.kind, way.reach)
        if len(what) == len(self._shown) and all(a is b or a == b for a, b in zip(what, self._shown, strict=True)):
            return

        def work(on_step: Any) -> Any:
            try:
                walk = way.walk(frames.generator, desk.while_current(on_step))
                drawn = way.pictures(walk, frames, desk.while_current(on_step))
            except Cancelled:
                return None
            except Exception:  # nobody asked for it: there is none, and its page says why
                return "none"
            return None if drawn is None else (sheet(small(drawn, SIDE), FRAMES, 0), walk.at)

        def done(found: Any) -> None:
            if found is None:  # the hand has moved on meanwhile
                return
            self._shown = what
            self.view.layout.display = "none" if found == "none" else None
            if found != "none":
                self._show(way, *found)

        desk.run(work, done, kind="strip", label=tr("walk"))

    def _show(self, way: Way, pixels: Any, at: tuple[float, ...]) -> None:
        unit, state = UNIT_RANGES[way.move.unit].label, self._desk.state
        data, format = encode(pixels, lossless=False)
        own = next((m.alpha for m in way.edit.moves if m.direction is way.move.direction), 0.0)
        step = (at[-1] - at[0]) / (len(at) - 1)
        near = min(range(len(at)), key=lambda i: abs(at[i] - own))
        labels = [f"{place:+.3g} {unit}" if place else "0" for place in at]
        self.view.alt = label_text(tr("walk along {name}", name=state.direction.names[0]))
        self.view.show(data, format, places=at, labels=labels, chosen=near if abs(at[near] - own) <= step / 4 else -1)
