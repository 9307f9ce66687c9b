"""A widget is built whole, or nothing of it stays: no child, no layout, no thread."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import ipywidgets

from latent_widgets.widgets.jobs.job import Job
from latent_widgets.widgets.kit.canvases import canvases, open_canvases

__all__ = ["whole"]

PATIENCE = 2.0  # seconds that a refusal waits for work that has begun: a picture; who holds its lock waits in vain
Init = TypeVar("Init", bound=Callable[..., None])


class _Building(threading.local):
    """What this thread is building, the innermost last: each thing with the widgets that were made for it."""

    def __init__(self) -> None:
        self.frames: list[tuple[Any, list[ipywidgets.Widget]]] = []


_BUILDING = _Building()


def whole(init: Init) -> Init:
    """Wrap the ``__init__`` of a class of widgets: what it has made is closed again if it fails.

    Args:
        init: The constructor.

    Returns:
        The same, which leaves nothing behind where it raises; of what is no part of another widget it calls ``_built``.
    """

    @functools.wraps(init)
    def build(self: Any, *arguments: Any, **keywords: Any) -> None:
        frames = _BUILDING.frames
        if frames and frames[-1][0] is self:  # the constructor of a subclass, which is watched, calls this one
            return init(self, *arguments, **keywords)
        _listen()
        made: list[ipywidgets.Widget] = []
        frames.append((self, made))
        opened = False
        try:
            opened = open_canvases()
            init(self, *arguments, **keywords)
        except BaseException:
            _undo(self, made)
            if opened:
                ipywidgets.Widget.close(canvases())
            raise
        finally:
            frames.pop()
        if frames:  # goes down with what it is a part of
            frames[-1][1].extend(made)
        elif callable(built := getattr(self, "_built", None)):
            built()
        return None

    return build  # type: ignore[return-value]


def _listen() -> None:
    """Hear of each widget that is made, beside whoever hears of it already."""
    before = ipywidgets.Widget._widget_construction_callback
    if getattr(before, "is_ours", False):
        return

    def made(widget: ipywidgets.Widget) -> None:
        if callable(before):
            before(widget)
        if _BUILDING.frames and widget is not canvases():
            _BUILDING.frames[-1][1].append(widget)

    made.is_ours = True  # type: ignore[attr-defined]
    ipywidgets.Widget.on_widget_constructed(made)


def _undo(failed: Any, made: list[ipywidgets.Widget]) -> None:
    """Close what was made for a widget that will never be, and end its work."""
    failed._closed = True
    for one in (failed, *made):
        if callable(stop := getattr(one, "_stop", None)):
            stop()
    jobs = [job for one in (failed, *made) for job in vars(one).values() if isinstance(job, Job)]
    for job in jobs:
        job.close()
    for widget in made:  # not what was there before, such as a layout that was given
        ipywidgets.Widget.close(widget)
        widget.unobserve_all()
    for job in jobs:
        with contextlib.suppress(RuntimeError):  # built by the job's own work
            job.wait(PATIENCE)
