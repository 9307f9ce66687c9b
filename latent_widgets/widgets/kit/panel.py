"""The base of every panel: strict keywords, a status line that tells what goes on and what went wrong, a clean end."""

from __future__ import annotations

import base64
import functools
import inspect
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets
from PIL import Image
from traitlets import Bool, Enum, Instance, Unicode, observe

from latent_widgets.core import checks
from latent_widgets.core.figures import new_figure
from latent_widgets.core.forward import load_rules
from latent_widgets.core.texts import tr
from latent_widgets.widgets.jobs.job import Job, Report, Work
from latent_widgets.widgets.kit import cells, links
from latent_widgets.widgets.kit.line import StatusLine
from latent_widgets.widgets.kit.page_work import PageWork
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.saving import pixel_bytes, save_picture
from latent_widgets.widgets.kit.style import CSS, THEMES, theme_class
from latent_widgets.widgets.kit.whole import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Panel", "close_tree"]

Hired = TypeVar("Hired", bound=PageWork)
ENDED = {"idle": tr("idle"), "cancelled": tr("cancelled"), "error": tr("error")}  # in words
BESIDE = -5  # priority of what takes long
SHARED = ("source", "target", "_canvas_manager")  # what a link connects; and all canvases have one manager


class Panel(ipywidgets.VBox):
    """A body of controls above a status line with progress, a Cancel button and a place for errors.

    Args:
        body: What stands above the status line; ``self.body.children`` changes it later.
        executor: Where work runs, see :class:`~latent_widgets.widgets.jobs.job.Job`.
        lock: Held while work runs; a generator's.
        **keywords: Values of the panel's traits, and ``layout``.

    Raises:
        TypeError: If a keyword is unknown; the message names the nearest.

    Example:
        >>> with Panel(executor="inline") as panel:
        ...     panel.run(lambda on_step: 1 / 0, label="dividing")
        ...     panel.error
        ZeroDivisionError('division by zero')
    """

    busy = Bool(False, read_only=True)
    "Whether something is being computed."
    error = Instance(Exception, allow_none=True, read_only=True)
    "What went wrong last and was not dismissed, or None."
    status = Unicode(tr("idle"), read_only=True)
    "The text of the status line."
    theme = Enum(THEMES, "auto")
    'Colours: "auto" follows the page, "light" and "dark" do not.'
    stays = Bool(False)
    "Whether it stays when the page has lost it, because the cell that showed it was run again; else it is closed then."
    _closed = True  # until the keywords are found good: Python calls close() on what it throws away

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__init__" in vars(cls):
            cls.__init__ = whole(cls.__init__)  # type: ignore[method-assign]

    @whole
    def __init__(
        self,
        body: Sequence[ipywidgets.Widget] = (),
        *,
        executor: str | None = None,
        lock: AbstractContextManager[Any] | None = None,
        **keywords: Any,
    ) -> None:
        checks.known_keywords(type(self).__name__, keywords, _keywords_of(type(self)))
        self._owned: list[ipywidgets.Widget] = []
        self._closed = False
        self._note = ""
        self._note_shown: tuple[int, ...] | None = None  # the newest requests when it was first shown
        self._job_errors: dict[Job, tuple[Exception, ...]] = {}  # those of each job that were shown
        self.job = Job(executor=executor, lock=lock, on_change=self._refresh)
        self.beside = Job(executor=executor, lock=lock, beside=self.job)
        self.works: list[PageWork] = []
        self._shown = self.job  # of all, the one that the line is about
        self.body = ipywidgets.VBox(list(body))
        self.body.layout.overflow = "visible"
        self._line = StatusLine(self._stop_shown, self.dismiss)
        self._line.add_class("lw-foot")
        style = ipywidgets.HTML(CSS)
        style.layout.display = "none"
        super().__init__([style, self.body, self._line], **keywords)
        self.add_class("lw-panel")
        self._wear(None)
        self._refresh()

    @property
    def line(self) -> StatusLine:
        """The status line."""
        return self._line

    # ---- work

    def run(
        self, work: Work, done: Callable[[Any], object] | None = None, *, beside: bool = False, **options: Any
    ) -> None:
        """Compute something; what goes wrong is shown.

        Args:
            work: Called as ``work(on_step)`` on the worker.
            done: Called with the result; callbacks go one after the other.
            beside: Whether it takes long: another worker does it, which lets the panel's pictures in at each step, and
                has PyTorch's rules for derivatives loaded before it takes the lock.
            **options: Those of :meth:`Job.submit <latent_widgets.widgets.jobs.job.Job.submit>`.
        """
        self.ask(work, done, beside=beside, **options)

    def ask(
        self, work: Work, done: Callable[[Any], object] | None = None, *, beside: bool = False, **options: Any
    ) -> Callable[[], bool]:
        """Do what :meth:`run` does, for who wants to know what became of it.

        Args:
            work: As of :meth:`run`.
            done: As of :meth:`run`.
            beside: As of :meth:`run`.
            **options: As of :meth:`run`.

        Returns:
            A function that says whether the result is still to come: not after it came, failed or was dropped.
        """
        job, given = self.job, options
        if beside:
            job, given = self.beside, {"priority": BESIDE, "prepare": load_rules, **options}
        return functools.partial(job.awaits, job.submit(work, done=done, **given))

    def hire(self, kind: type[Hired], **options: Any) -> Hired:
        """Return somebody who works for a page, of whom the status line tells.

        Args:
            kind: :class:`~latent_widgets.widgets.kit.page_work.PageWork`, or a kind of it.
            **options: Its arguments.
        """
        made = kind(on_change=self._refresh_soon, **options)
        self.works.append(made)
        return made

    def _refresh_soon(self) -> None:
        self.job.tell()  # which never calls twice at once

    @property
    def _workers(self) -> tuple[Job, ...]:
        """All that work, those of pages first: the line tells of the first that is busy."""
        return (*(work.job for work in self.works), self.beside, self.job)

    def cancel(self) -> None:
        """Stop what is being computed."""
        for job in self._workers:
            job.cancel()

    def _stop_shown(self) -> None:
        """Stop what the line tells of: a training ends with the best so far, say."""
        work = next((one for one in self.works if one.job is self._shown), None)
        if work is not None and work.job.report().state == "busy":
            work.stop_by_hand()
        else:
            self.cancel()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All that works for the panel, its pages included."""
        below = [job for widget in _children(self.body) if isinstance(job := getattr(widget, "job", None), Job)]
        return tuple(dict.fromkeys([*reversed(self._workers), *below]))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing waits, for a cell that goes on with what the panel finds.

        Args:
            timeout: At most this many seconds.

        Returns:
            Whether that came to pass.

        Raises:
            RuntimeError: If called by work or a callback of the panel, which would wait for themselves.
        """
        jobs = self.jobs
        for job in jobs:
            job.wait(0.0)  # refuses its own worker, before that waits for another which waits for it
        end = None if timeout is None else time.monotonic() + timeout
        stamps = None
        while stamps != (stamps := [job.stamp for job in jobs]):  # a job may give another one work
            for job in jobs:
                if not job.wait(None if end is None else max(end - time.monotonic(), 0.0)):
                    return False
        return True

    def guard(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap an observer or a click handler: notebooks swallow its exceptions, the panel shows them.

        Its next success takes its error away again.

        Args:
            handler: The function.

        Returns:
            A function to hand to ``observe`` or ``on_click``.
        """
        refused: Exception | None = None

        @functools.wraps(handler)
        def guarded(*arguments: Any, **keywords: Any) -> Any:
            nonlocal refused
            try:
                result = handler(*arguments, **keywords)
            except Exception as error:
                refused = error
                self.show_error(error)
                return None
            if refused is not None and refused is self.error:  # what was wrong with this control is right now
                self._show_rest()
            refused = None
            return result

        return guarded

    def show_error(self, error: Exception) -> None:
        """Show an error in words and keep it as :attr:`error`."""
        if not self._closed:
            self.set_trait("error", error)
            self._line.show_error(error)
            self.job.tell()

    def dismiss(self) -> None:
        """Hide the error, and with it all that it covered."""
        for job in self._workers:
            job.settle()
        self._show_rest()

    def _show_rest(self) -> None:
        """After an error is settled, show the newest one that is not, or none."""
        left = [error for job in self._workers for error in job.errors]
        if left:
            self.show_error(left[-1])
        elif not self._closed:
            self.set_trait("error", None)
            self._line.hide_error()
            self.job.tell()

    def say(self, text: str) -> None:
        """Show a few words on the status line until the next run."""
        self._note, self._note_shown = text, None
        self.job.tell()

    def _refresh(self) -> None:
        """Bring traits and status line up to date with the jobs, which call this on any thread, never twice at once."""
        if self._closed:
            return
        jobs = self._workers
        stamps, reports = tuple(job.stamp for job in jobs), {job: job.report() for job in jobs}
        for job in reversed(jobs):
            self._take_errors(job)
        busy = [job for job in jobs if reports[job].state == "busy"]
        if busy:
            self._shown = busy[0]
        report = reports[self._shown]
        state = report.state
        try:
            self.set_trait("busy", state == "busy")
        except Exception as error:  # of an observer; the line must go on
            self.show_error(error)
        if state in ("busy", "idle") and report.streaming:
            return
        if self._note_shown not in (None, stamps):  # a quick run may be over before anybody sees it busy
            self._note = ""
        if state != "busy" and (self.error is not None or state == "error"):
            state = "error" if self.error else "idle"
        behind = self._behind() if state == "idle" else ""
        stopping = any(work.stopping for work in self.works if work.job is self._shown)
        text = _words(report, stopping) if state == "busy" else self._note or behind or self._ended(state)
        if state != "busy" and self._note_shown is None:  # what a run's own callback said comes after the run
            self._note_shown = stamps
        self.set_trait("status", text)
        self._line.draw("cancelled" if behind else state, text, report.progress if state == "busy" else None)

    def _take_errors(self, job: Job) -> None:
        """Show a job's new error; hide the one that a success of its kind has settled."""
        before, errors = self._job_errors.get(job, ()), job.errors
        self._job_errors[job] = errors
        if errors and errors[-1] not in before:
            self.show_error(errors[-1])
        elif self.error in before and self.error not in errors:
            self._show_rest()

    def _behind(self) -> str:
        """What is shown although it should be something else, in words, while nothing is on its way; empty for nothing.

        Who hid an error or cancelled a picture is not told that all is well.
        """
        return ""

    def _ended(self, state: str) -> str:
        took = self._shown.elapsed_ms
        if state == "idle" and took is not None:
            return tr("idle, {took:.0f} ms", took=took)
        return ENDED[state]

    @observe("theme")
    def _wear(self, change: Any) -> None:
        for theme in THEMES:
            self.remove_class(theme_class(theme))
        self.add_class(theme_class(self.theme))

    # ---- the end

    def own(self, *widgets: ipywidgets.Widget) -> None:
        """Close these with the panel, although they are no children of it: links, say."""
        self._owned += widgets

    def close(self) -> None:
        """Stop the work and free every widget of the panel. Twice is fine."""
        if not self._closed:
            self._closed = True
            self._stop()
            links.cut(self.tree())
            close_tree(self, *self._owned)

    def tree(self) -> list[ipywidgets.Widget]:
        """Return each widget that is closed with the panel, which comes first."""
        return list(dict.fromkeys(found for root in (self, *self._owned) for found in _tree(root)))

    def _built(self) -> None:
        """Made, by the user and not as a part of another panel."""
        cells.made(self)

    def _stop(self) -> None:
        """End what goes on beside the widgets; of a panel that is only half built, too."""
        hired = [work.job for work in vars(self).get("works", ())]
        for job in (*(one for one in vars(self).values() if isinstance(one, Job)), *hired):
            job.close()

    def __enter__(self) -> Panel:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- without a running kernel

    def _describe(self) -> str:
        """What :func:`repr` says beside the name of the class."""
        return self.status

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._closed else self._describe()}>"

    def _static_image(self) -> Image.Image | None:
        """The picture that stands for the panel where no widget can be shown: the first in the body."""
        found = (widget.to_pil() for widget in _tree(self.body) if isinstance(widget, Picture))
        return next((image for image in found if image is not None), None)

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        cells.shown(self)
        bundle: dict[str, Any] = super()._repr_mimebundle_(**keywords)
        try:
            image = self._static_image()
            if image is not None:
                bundle["image/png"] = base64.b64encode(pixel_bytes(image)).decode()
        except Exception as error:  # the panel itself can be shown all the same
            self.show_error(error)
        return bundle

    def figure(self) -> Figure:
        """Return the panel's picture as a matplotlib figure of its own, not one of pyplot's.

        Returns:
            The figure.
        """
        image = self._need_image()
        figure = new_figure(4, 4 * image.height / image.width)
        axes = figure.subplots()
        axes.imshow(image)
        axes.set_axis_off()
        return figure

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the panel's picture.

        Args:
            path: ``.png``, ``.jpg`` or ``.webp`` for the pixels as they are; any other ending that matplotlib knows,
                such as ``.pdf`` or ``.svg``, for :meth:`figure`.

        Returns:
            The path.

        Raises:
            ValueError: If there is no picture yet, the ending is unknown, or the path cannot be written.
        """
        return save_picture(path, self._need_image, self.figure)

    def _need_image(self) -> Image.Image:
        image = self._static_image()
        if image is None:
            raise ValueError(f"{type(self).__name__} must show a picture first, got none yet. Wait for its first run.")
        return image


def close_tree(*roots: ipywidgets.Widget) -> None:
    """Close widgets with all that hangs on them: children, layouts, styles. ipywidgets' own ``close`` leaves those.

    Args:
        *roots: Where to begin; a panel, or a page with a job, among what hangs on them stops its work too.
    """
    for widget in [found for root in roots for found in _tree(root)]:
        if isinstance(job := getattr(widget, "job", None), Job):
            job.close()
        if isinstance(widget, Panel) and not widget._closed:
            widget.close()
        else:
            ipywidgets.Widget.close(widget)
            widget.unobserve_all()


def _children(root: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """The boxes and controls below ``root``, which comes first."""
    yield root
    for child in getattr(root, "children", ()):
        yield from _children(child)


def _tree(root: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """Each widget that hangs on ``root``, which comes first, once; what a link connects does not hang on the link."""
    seen: set[int] = set()
    waiting: deque[Any] = deque([root])  # of a list, thousands of rows would be moved up one by one
    while waiting:
        value = waiting.popleft()
        if isinstance(value, ipywidgets.Widget):
            if id(value) not in seen:
                seen.add(id(value))
                yield value
                waiting += [getattr(value, name) for name in value.keys if name not in SHARED]
        elif isinstance(value, (list, tuple)):
            waiting += value


def _keywords_of(panel: type) -> Iterable[str]:
    """What a panel's constructor takes: the arguments and traits of the classes up to Panel, and ``layout``."""
    known = {"layout"}
    for cls in panel.__mro__[: panel.__mro__.index(Panel) + 1]:
        known |= {
            name
            for name, trait in getattr(cls, "class_own_traits", dict)().items()
            if not (trait.read_only or name.startswith("_"))
        }
        if "__init__" in vars(cls):
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
            known |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return known


def _words(report: Report, stopping: bool) -> str:
    """What a busy job does, how far it is, and how long it takes."""
    if stopping:
        return tr("busy: stopping {work}", work=report.label)
    if report.label:
        return tr("busy: {work}", work=report.words)
    return tr("busy, {progress}", progress=report.words) if report.words else tr("busy")
