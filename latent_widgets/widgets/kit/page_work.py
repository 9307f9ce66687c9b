"""Long work of one page: beside the pictures, which go first, with progress, a button that stops it, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from latent_widgets.widgets.jobs.job import Job, Work
from latent_widgets.widgets.kit.line import StatusLine

__all__ = ["PageWork"]


class PageWork(StatusLine):
    """A status line with a job of its own, whose work lets the panel's pictures in at each of its steps.

    A panel's own job does one thing at a time; what takes seconds would keep the picture of a moving slider waiting
    there. This one has another thread and a low priority. Nothing is shown while there is nothing to say.

    Args:
        executor: ``"thread"`` or ``"inline"``.
        lock: Held while work runs; a generator's.
        priority: Of the work, among what waits for the lock.
        stopped: Called when the button stopped it.

    Example:
        >>> work = PageWork("inline")
        >>> work.run(lambda on_step: 6 * 7, print, label="multiplying")
        42
        >>> work.close()
    """

    def __init__(
        self,
        executor: str | None = None,
        lock: AbstractContextManager[Any] | None = None,
        priority: int = -5,
        stopped: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(self._stopped, self.quiet)
        self._told = stopped
        self.cancel.description = "Stop"
        self.text.remove_class("lw-status")
        self.text.add_class("lw-note")
        self._priority = priority
        self._error: Exception | None = None
        self.job = Job(executor=executor, lock=lock, on_change=self._refresh)
        self._refresh()

    def run(self, work: Work, done: Callable[[Any], object] | None = None, **options: Any) -> None:
        """Compute something; a newer request of the same kind supersedes it.

        Args:
            work: Called as ``work(on_step)`` on the worker.
            done: Called with the result.
            **options: Those of :meth:`Job.submit <latent_widgets.widgets.jobs.job.Job.submit>`.
        """
        self.job.submit(work, done=done, **{"priority": self._priority, **options})

    def stop(self) -> None:
        """Stop what is being computed."""
        self.job.cancel()

    def _stopped(self) -> None:
        self.stop()
        if self._told is not None:
            self._told()

    def quiet(self) -> None:
        """Hide the error."""
        self.job.settle()

    def close(self) -> None:
        """Stop the work and free the widgets."""
        self.job.close()
        super().close()

    def _refresh(self) -> None:
        job: Job | None = getattr(self, "job", None)
        if job is None or job.closed:
            return
        error = job.error
        if error is not self._error:
            self._error = error
            if error is None:
                self.hide_error()
            else:
                self.show_error(error)
        report = job.report()
        busy = report.state == "busy"
        said = report.words if busy else ""
        self.draw("busy" if busy else "idle", said, report.progress if busy else None)
        self.children[1].layout.display = None if busy else "none"
