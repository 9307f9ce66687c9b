"""The one progress-and-cancel contract of every long computation.

A long computation takes ``on_step=None`` and calls it with a :class:`Step` after each step. If it returns
something false the run ends and the partial result is returned, marked ``stopped="cancelled"``; nothing (None) and
all that is true let it go on. An exception raised in it propagates unchanged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["Cancelled", "OnStep", "Step", "goes_on", "report"]


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


OnStep = Callable[[Step], Any]


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
        What :func:`goes_on` says of its answer.

    Raises:
        TypeError: If it cannot be called, or its answer is neither true nor false.

    Example:
        >>> report(lambda step: step.index < 3, 3, 10)
        False
    """
    if on_step is None:
        return True
    if not callable(on_step):
        raise TypeError(f"on_step must be a function, got {type(on_step).__name__}. Give it without calling it.")
    return goes_on(on_step(Step(index, total, value)))


def goes_on(answer: Any) -> bool:
    """Say what the answer of a callback means: nothing lets the run go on, and so does all that is true.

    Args:
        answer: What it returned: a comparison of NumPy or PyTorch, too.

    Returns:
        Whether to go on.

    Raises:
        TypeError: If the answer is neither true nor false: several numbers, say, or the promise of a coroutine.

    Example:
        >>> goes_on(None), goes_on(np.float32(1) < 0), goes_on(0.5)
        (True, False, True)
    """
    if answer is None:
        return True
    wrong = f"on_step must return True, False or nothing, got {type(answer).__name__}"
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(f"{wrong}. Give a plain function, not an async one.")
    if isinstance(answer, Tensor | np.ndarray) and np.prod(answer.shape) != 1:
        raise TypeError(f"{wrong} of shape {tuple(answer.shape)}. Return one number, as .all() or .any() give.")
    try:
        return bool(answer)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{wrong}, of which neither is known: {error}") from None
