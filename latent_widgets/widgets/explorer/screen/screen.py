"""How an explorer comes from its edit to a picture: fast ones while a hand moves, the exact one at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from latent_widgets.edits.changes import same_code
from latent_widgets.edits.edit import Edit
from latent_widgets.widgets.explorer.saving import draw_page
from latent_widgets.widgets.explorer.screen.drawing import Drawn, draw, draw_moving
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.traits import Linked, publish
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.jobs.turns import one_at_a_time

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer.controls import Controls
    from latent_widgets.widgets.explorer.region.region import Region

__all__ = ["Pictured"]


class Pictured(Linked):
    """An explorer's picture; what is at rest is also told to those who are linked."""

    controls: Controls
    frames: Frames
    region: Region
    _settle: Settle
    _gesture: object = None
    _drawn: Drawn | None = None

    @property
    def current(self) -> Edit:
        """The edit that is shown, or about to be."""
        raise NotImplementedError

    def redraw(self, now: bool = True) -> None:
        """Draw the current edit again: at once and exactly, or as a moving picture first."""
        edit, view, frames = self.current, str(self.controls.view.value), self.frames
        if now:
            self._settle.now(lambda on_step: draw(frames, edit, view), self._show)
        else:
            preview = (lambda on_step: draw_moving(frames, edit, view)) if frames.slow else None
            options: dict[str, Any] = {"preview": preview, "prepare": frames.preparation(edit)}
            self._settle.change(lambda on_step: draw(frames, edit, view), self._show, **options)

    def repaint(self) -> None:
        """Show the last picture again, with or without heat."""
        if self._drawn is not None:
            self.controls.paint(self._drawn)

    def _show(self, drawn: Drawn, at_rest: bool) -> None:
        self._drawn = drawn
        self.controls.paint(drawn, lossless=at_rest)
        if at_rest:
            self._settled(drawn)

    @one_at_a_time
    def _settled(self, drawn: Drawn) -> None:
        me: Any = self
        if drawn.edit is not self.current:  # the hand has moved on meanwhile
            return
        self._gesture = None
        publish(me, drawn.after)
        self.show_page()
        if not same_code(drawn.code, self.code):  # or else linked explorers would answer each other for ever
            with self._silence():
                self.code = drawn.code
        self.region.refresh()

    def show_page(self) -> None:
        """Bring the open page up to date, after the picture."""
        me: Any = self
        draw_page(me, self.controls.page)
        self.region.show_effects()

    def _static_image(self) -> Image.Image | None:
        shown = self.controls.picture.to_pil()
        if shown is None and self.error is None:  # displayed before the worker was done
            shown = Image.fromarray(self._first_picture().pixels)
        return shown
