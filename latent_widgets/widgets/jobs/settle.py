"""The rule by which pictures follow a moving hand: fast ones while it moves, the exact one at rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from latent_widgets.core import checks
from latent_widgets.widgets.jobs.job import Job, Work

__all__ = ["Settle"]


REST = 0.15  # seconds without a move that count as rest: a slow hand on a slider moves some ten times a second


class Settle:
    """Follows a moving control: a fast picture at each move, the exact one after a rest.

    Moves supersede each other and the exact picture that was to come; an exact picture is never overwritten by a fast
    one that was on its way.

    Args:
        job: Where the work runs. Inline, every move gives the fast and then the exact picture.
        kind: The job's slot that the pictures share.
        delay: Seconds without a move that count as rest.
        priority: Of the pictures, among what waits for the job or for the generator.

    Example:
        >>> with Job(executor="inline") as job:
        ...     Settle(job).change(lambda on_step: "exact", print, preview=lambda on_step: "fast")
        fast False
        exact True
    """

    def __init__(self, job: Job, *, kind: str = "picture", delay: float = REST, priority: int = 10) -> None:
        self.job, self.kind, self.priority = job, kind, priority
        self.delay = checks.number("delay", delay, low=0)

    def change(
        self,
        exact: Work,
        show: Callable[[Any, bool], object],
        *,
        preview: Work | None = None,
        prepare: Callable[[], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        label: str = "",
    ) -> None:
        """Ask for the pictures of a move.

        Args:
            exact: Work that gives the exact picture; each move brings its own, with the state it is to show.
            show: Called as ``show(picture, at_rest)``.
            preview: Work that gives a fast picture; without it the exact one serves while moving too, and is not
                made again at rest.
            prepare: What precedes it, before the lock is taken.
            failed: Called with an exception.
            label: What the work does, for the status line.
        """
        made: list[Any] = []
        took: list[float] = []

        def moving(on_step: Callable[..., bool]) -> Any:
            if preview is not None:
                return preview(on_step)
            start = time.perf_counter()
            made.append(exact(on_step))
            took.append(1000 * (time.perf_counter() - start))
            return made[0]

        def resting(on_step: Callable[..., bool]) -> Any:
            return made[0] if made else exact(on_step)

        def rested(picture: Any) -> None:
            if took:
                self.job.took(self.kind, took[0])  # to make the picture, not to hand it over
            show(picture, True)

        common: dict[str, Any] = {"failed": failed, "label": label}
        self._submit(moving, lambda picture: show(picture, False), frame=True, prepare=prepare, **common)
        if not self.job.closed:  # inline, the move is over by now
            self._submit(resting, rested, delay=self.delay, **common)

    def rest(
        self,
        exact: Work,
        show: Callable[[Any, bool], object],
        *,
        delay: float | None = None,
        failed: Callable[[Exception], object] | None = None,
        label: str = "",
    ) -> None:
        """Ask for the exact picture alone, after a rest: the moving one is there already.

        Args:
            exact: As in :meth:`change`.
            show: As in :meth:`change`.
            delay: Seconds without a move that count as rest; the usual ones if not given.
            failed: As in :meth:`change`.
            label: As in :meth:`change`.
        """
        delay = self.delay if delay is None else checks.number("delay", delay, low=0)
        self._submit(exact, lambda picture: show(picture, True), delay=delay, failed=failed, label=label)

    def now(
        self,
        exact: Work,
        show: Callable[[Any, bool], object],
        *,
        failed: Callable[[Exception], object] | None = None,
        label: str = "",
    ) -> None:
        """Ask for the exact picture at once, as after a click; what moved before it is dropped.

        Args:
            exact: As in :meth:`change`.
            show: As in :meth:`change`.
            failed: As in :meth:`change`.
            label: As in :meth:`change`.
        """
        self.rest(exact, show, delay=0.0, failed=failed, label=label)

    def _submit(self, work: Work, done: Callable[[Any], object], **options: Any) -> None:
        self.job.submit(work, done=done, kind=self.kind, priority=self.priority, **options)
