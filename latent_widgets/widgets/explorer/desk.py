"""What a page of the explorer gets in place of the explorer: what it may read, and the few things it may do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from latent_widgets.core.steps import OnStep
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.still import Still

__all__ = ["LINK", "Desk", "Page"]

LINK = (  # what a page says where a painter is needed: a cell to copy
    "<pre>import traitlets\n\npainter = lw.MaskPainter(explorer.picture)\n"
    'traitlets.dlink((explorer, "picture"), (painter, "picture"))\n'
    'traitlets.link((painter, "mask"), (explorer, "mask"))\npainter</pre>'
)


class Page(Protocol):
    """What is open below the sliders."""

    def draw(self) -> None:
        """Bring it to the state; pictures come from the worker, after that of the edit."""


@dataclass(frozen=True, eq=False)
class Desk:
    """What a part of the explorer works with.

    Attributes:
        state: To read.
        guard: Wraps handlers, so that their errors are shown.
        hire: Called with a kind of page work, as of :meth:`Panel.hire
            <latent_widgets.widgets.kit.panel.Panel.hire>`: returns somebody who works beside the pictures.
        adopt: Called as ``adopt(edit, now=True)``: makes an edit the current one.
        rebase: Called as ``rebase(seed=3)``: starts from elsewhere; the moves stay.
        choose: Called with the number of a slider: makes its direction the active one.
        put: Called with directions that were found: another set on the shelf.
        bring: Called with directions that somebody assigns: those of a set that is there, or another set.
        follow: Called with directions of the region and the edit along them: exchanges the sliders, under a hand if
            need be.
        set: Called as ``set(mask=mask)``, or with ``steer`` or ``confine``.
        run: Called as ``run(work, done)``: work beside the pictures, see
            :meth:`Panel.ask <latent_widgets.widgets.kit.panel.Panel.ask>`; returns whether its result is still to come.
        cancel: Called with a kind of work.
        settle: Called with a kind of work that is not wanted any more: what went wrong with it is no error.
        own: Called with a page that was built: it is closed with the explorer.
        say: Called with a few words for the status line.
        refresh: Brings the open page up to date.
        repaint: Shows the last picture again, with or without heat.
        picture: Returns the picture at rest.
    """

    state: ExplorerState
    guard: Guard
    hire: Callable[..., Any]
    adopt: Callable[..., None]
    rebase: Callable[..., None]
    choose: Callable[[int], None]
    put: Callable[..., None]
    bring: Callable[[Directions], None]
    follow: Callable[..., None]
    set: Callable[..., None]
    run: Callable[..., Callable[[], bool]]
    cancel: Callable[[str], None]
    settle: Callable[[str], None]
    own: Callable[..., None]
    say: Callable[[str], None]
    refresh: Callable[[], None]
    repaint: Callable[[], None]
    picture: Callable[[], Still | None]

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """The generator's, held while work runs."""
        return self.state.generator.lock

    def while_current(self, on_step: OnStep) -> OnStep:
        """Also end a page's work once the edit is another: the picture of a moving hand waits behind it."""
        edit = self.state.edit
        return lambda step: on_step(step) and self.state.edit is edit
