"""Long work of one page: beside the pictures, which go first; the panel's status line tells of it and can stop it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from latent_widgets.widgets.jobs.job import Job, Work

__all__ = ["PageWork"]


class PageWork:
    """A job of its own, whose work lets the panel's pictures in at each of its steps.

    A panel's own job does one thing at a time; what takes seconds would keep the picture of a moving slider waiting
    there. This one has another thread and a low priority. :meth:`Panel.hire` makes one of which its line tells.

    Args:
        executor: ``"thread"`` or ``"inline"``.
        lock: Held while work runs; a generator's.
        priority: Of the work, among what waits for the lock.
        stopped: Called when a hand stopped it.
        on_change: Called after each change of what it does.

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
        on_change: Callable[[], object] | None = None,
    ) -> None:
        self._told, self._priority = stopped, priority
        self.job = Job(executor=executor, lock=lock, on_change=on_change)

    def run(self, work: Work, done: Callable[[Any], object] | None = None, **options: Any) -> None:
        """Compute something; a newer request of the same kind supersedes it.

        Args:
            work: Called as ``work(on_step)`` on the worker.
            done: Called with the result.
            **options: Those of :meth:`Job.submit <latent_widgets.widgets.jobs.job.Job.submit>`.
        """
        self.job.submit(work, done=done, **{"priority": self._priority, **options})

    @property
    def stopping(self) -> bool:
        """Whether it has been told to end at its next step: the status line says so."""
        return False

    def stop(self) -> None:
        """Stop what is being computed."""
        self.job.cancel()

    def stop_by_hand(self) -> None:
        """Do so because somebody wants it."""
        self.stop()
        if self._told is not None:
            self._told()

    def quiet(self) -> None:
        """Hide the error."""
        self.job.settle()

    def close(self) -> None:
        """Stop the work for good."""
        self.job.close()
