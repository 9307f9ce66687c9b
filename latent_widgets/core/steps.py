"""The one progress-and-cancel contract of every long computation.

A long computation takes ``on_step=None`` and calls it with a :class:`Step` after each step. If it returns ``False``
the run ends and the partial result is returned, marked ``stopped="cancelled"``. An exception raised in it propagates
unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Cancelled", "OnStep", "Step", "report"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a long computation.

    Attributes:
        index: How many steps are done, from 1 to ``total``.
        total: How many there will be, None where unknown.
        value: What the computation has to show so far: a score, a picture, a dict of terms.
    """

    index: int
    total: int | None
    value: Any = None

    @property
    def fraction(self) -> float | None:
        """The share done, in [0, 1]; None where the total is unknown.

        Example:
            >>> Step(1, 4).fraction
            0.25
        """
        return None if not self.total else self.index / self.total


OnStep = Callable[[Step], bool | None]


class Cancelled(Exception):
    """Raised inside a computation that has no partial result to return when its caller cancels it."""


def report(on_step: OnStep | None, index: int, total: int | None, value: Any = None) -> bool:
    """Tell ``on_step`` about a step; return whether to go on.

    Args:
        on_step: The caller's callback, or None.
        index: How many steps are done.
        total: How many there will be.
        value: What there is to show.

    Returns:
        False only if the callback returned False.

    Example:
        >>> report(lambda step: step.index < 3, 3, 10)
        False
    """
    return on_step is None or on_step(Step(index, total, value)) is not False
