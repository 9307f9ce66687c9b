"""How an explorer comes from its edit to a picture: fast ones while a hand moves, the exact one at rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets
import numpy as np
from PIL import Image

from latent_widgets.core.texts import tr
from latent_widgets.widgets.explorer.screen.drawing import VIEWS, Drawn, draw, draw_between, draw_moving
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.job import Job
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.stage import Stage

__all__ = ["Heat", "Heats", "Screen"]


# Seconds without a move after which an exact picture is begun that can be left again at its next layer: at once where
# its beginning tells what moving pictures lack, else a little less than the time between two moves.
AT_ONCE, BREATH = 0.001, 0.05


class Heat(Protocol):
    """What lies over a picture."""

    @property
    def sheet(self) -> bytes:
        """It alone, as a PNG for the page to lay over the picture."""

    def over(self, picture: Any) -> Any:
        """Return the picture with it."""


class Heats(Protocol):
    """What may lie over pictures."""

    @property
    def words(self) -> str:
        """What the line under the picture says of it."""

    def heat(self, view: str) -> Heat | None:
        """Return what is to lie over a view; None for nothing."""


class Screen:
    """The picture of an explorer, and which view of it is chosen.

    Args:
        state: Has the edit.
        frames: Draws.
        job: Where it is drawn.
        heats: What may lie over it.
        settled: Called with what was drawn at rest.
        guard: Wraps handlers.
        width: CSS pixels.

    Attributes:
        picture: The picture.
        stage: What lies over it in the page, heat too.
        view: The choice of a view; for code, since a hand holds a button to see the picture before.
        compare: Shows the difference or the picture.
    """

    def __init__(
        self,
        state: ExplorerState,
        frames: Frames,
        job: Job,
        heats: Heats,
        settled: Callable[[Drawn], object],
        guard: Guard,
        width: int,
    ) -> None:
        self._state, self._frames, self._heats, self._settled = state, frames, heats, settled
        self._settle = Settle(job)
        self._drawn: Drawn | None = None
        self._view = ""  # of the exact picture that is shown; empty for another
        self.picture = Picture(width=width)
        self.stage = Stage(state.generator.picture_size, width=width)
        self.stage.on_shown(guard(self._staged))
        names = [(tr("after"), "after"), (tr("before"), "before"), (tr("difference"), "difference")]
        self.view = ipywidgets.ToggleButtons(options=names, tooltips=[VIEWS[view] for _, view in names])
        self.view.add_class("lw-toggles")
        self.view.observe(guard(lambda _: self.redraw()), "value")
        self.compare = ipywidgets.ToggleButton(
            False, description=tr("difference"), tooltip=VIEWS["difference"], icon="adjust"
        )
        self.compare.add_class("lw-icon")
        self.compare.observe(guard(self._compared), "value")
        ipywidgets.dlink((self.view, "value"), (self.compare, "value"), lambda view: view == "difference")

    def _compared(self, change: Any) -> None:
        if change["new"] != (self.view.value == "difference"):
            self.view.value = "difference" if change["new"] else "after"

    def show_moves(self) -> None:
        """Show the picture after the moves, since a hand makes one."""
        if self.view.value == "before":
            self.view.value = "after"

    def redraw(self, now: bool = True) -> None:
        """Draw the edit again: at once and exactly, or as a moving picture first."""
        edit, view, frames = self._state.edit, str(self.view.value), self._frames

        def exact(on_step: Callable[..., bool]) -> Drawn:
            with frames.interruptible(lambda: on_step() and self._state.edit is edit):
                return draw(frames, edit, view)

        if now:
            self._settle.now(exact, self._show)
        elif (drawn := draw_between(frames, edit, view)) is not None:
            self._show(drawn, False)
            early = AT_ONCE if frames.curious else BREATH
            self._settle.rest(exact, self._show, delay=early if frames.leaves else None)
        else:
            preview = (lambda on_step: draw_moving(frames, edit, view)) if frames.approximates else None
            options: dict[str, Any] = {"preview": preview, "prepare": frames.preparation(edit)}
            self._settle.change(exact, self._show, **options)

    def repaint(self) -> None:
        """Show the last picture again, with or without heat."""
        if self._drawn is not None:
            self._paint(self._drawn)

    @one_at_a_time
    def _staged(self) -> None:
        """Leave the heat to the page, now that it shows a stage to lay it on."""
        if self._heats.heat(str(self.view.value)) is not None:
            self.repaint()

    @property
    @one_at_a_time
    def still(self) -> Image.Image | None:
        """The picture as it is seen, with the heat on it, for where no page shows it; None while there is none."""
        shown, heat = self.picture.to_pil(), self._heats.heat(str(self.view.value))
        if shown is None or heat is None or not self.stage.heat:  # without a stage it is in the picture
            return shown
        return Image.fromarray(heat.over(np.asarray(shown)))

    @property
    def current(self) -> bool:
        """Whether the exact picture of the edit is shown, in the view that is chosen."""
        return self._drawn is not None and self._drawn.edit is self._state.edit and self._view == self.view.value

    @one_at_a_time
    def _show(self, drawn: Drawn, at_rest: bool) -> None:
        shown, wanted = self._drawn, self._state.edit
        if shown is not None and shown.edit is wanted and drawn.edit is not wanted:
            return  # the hand has moved on meanwhile, and what it moved to is there
        self._drawn, self._view = drawn, drawn.view if at_rest else ""
        self._paint(drawn, lossless=at_rest)
        if at_rest:
            self._settled(drawn)

    def _paint(self, drawn: Drawn, lossless: bool = True) -> None:
        heat = self._heats.heat(str(self.view.value))
        laid = heat is not None and self.stage.shown  # by the page: it has no part in the frames of a drag
        self.stage.heat = heat.sheet if heat is not None and laid else b""
        self.picture.show(drawn.image if heat is None or laid else heat.over(drawn.image), lossless=lossless)
        if lossless and drawn.words:  # at rest: while a hand moves, each message delays the next picture
            self.picture.caption = drawn.words + self._heats.words
        elif drawn.words:  # the same for a whole drag, so it is sent once
            self.picture.caption = drawn.words
