"""What a job keeps of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._steps import Step

__all__ = ["Run", "Work"]

Work = Callable[[Callable[..., bool]], Any]


@dataclass(eq=False)
class Run:
    """One run, see :meth:`Job.submit <latent_widgets.widgets._job.Job.submit>`."""

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
    stamp: int = 0
    dropped: bool = False  # superseded, cancelled or closed: nothing that it gives counts any more
