"""What a job keeps of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latent_widgets.core.forward import rules_loaded
from latent_widgets.core.steps import Step
from latent_widgets.core.texts import tr

__all__ = ["LOADING", "Run", "Work"]

# What takes the time of a preparation: seconds, the first in a process.
LOADING = tr("loading the rest of PyTorch, once")

Work = Callable[[Callable[..., bool]], Any]


@dataclass(eq=False)
class Run:
    """One run, see :meth:`Job.submit <latent_widgets.widgets.jobs.job.Job.submit>`."""

    work: Work
    done: Callable[[Any], object] | None
    failed: Callable[[Exception], object] | None
    progress: Callable[[Step], object] | None
    label: str
    kind: str
    priority: int
    frame: bool
    delay: float
    due: float
    prepare: Callable[[], object] | None = None
    queue: bool = False
    stamp: int = 0
    dropped: bool = False  # superseded, cancelled or closed: nothing that it gives counts any more
    preparing: str = ""  # what is waited for, in words

    def get_ready(self, tell: Callable[[], object]) -> None:
        """Prepare, and say so where that takes time.

        Args:
            tell: Called when :attr:`preparing` changed.
        """
        if self.prepare is None:
            return
        if rules_loaded():
            self.prepare()
            return
        self.preparing = LOADING
        tell()
        try:
            self.prepare()
        finally:
            self.preparing = ""
            tell()
