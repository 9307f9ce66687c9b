"""Long work that has something to show for itself when a hand stops it: a training, say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

from latent_widgets.core.steps import Step
from latent_widgets.widgets.jobs.job import Work
from latent_widgets.widgets.kit.page_work import PageWork

__all__ = ["Training"]


class Training(PageWork):
    """Work that is told to end, and then hands over what it has; told so again, it is dropped.

    Work that is cancelled hands over nothing. This one is told to end as if its caller's ``on_step`` did not want it to
    go on, and what it returns then counts.

    Example:
        >>> training = Training("inline")
        >>> def work(on_step):
        ...     training.stop()
        ...     return next(step for step in range(1, 9) if not on_step())
        >>> training.run(work, print)
        1
        >>> training.close()
    """

    _ended: Event | None = None  # set once a hand has told what was begun last to end

    def run(self, work: Work, done: Callable[[Any], object] | None = None, **options: Any) -> None:
        """Compute something; a newer request of the same kind supersedes it.

        Args:
            work: Called as ``work(on_step)`` on the worker; told to end before it began, it is called all the same.
            done: Called with the result.
            **options: Those of :meth:`Job.submit <latent_widgets.widgets.jobs.job.Job.submit>`.
        """
        ended = self._ended = Event()
        super().run(lambda on_step: work(partial(_goes_on, on_step, ended)), done, **options)

    @property
    def stopping(self) -> bool:
        """Whether what was begun last has been told to end."""
        return self._ended is not None and self._ended.is_set()

    def stop(self) -> None:
        """End it at its next step; who cannot wait for that says so again."""
        if self.stopping:
            super().stop()
        elif self._ended is not None:
            self._ended.set()
            self.job.tell()


def _goes_on(on_step: Callable[..., bool], ended: Event, step: Step | None = None) -> bool:
    return on_step(step) and not ended.is_set()
