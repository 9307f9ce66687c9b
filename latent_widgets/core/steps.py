"""The one progress-and-cancel contract of every long computation.

A long computation takes ``on_step=None`` and calls it with a :class:`Step` after each step. If it returns
something false the run ends and the partial result is returned, marked ``stopped="cancelled"``; nothing (None) and
all that is true let it go on. An exception raised in it propagates unchanged.

A run that may take long says beforehand what it will take, as step 0 with a :class:`Plan`, and then how much is left;
between two long steps it reports with the number of the last one, so that it can be cancelled.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from latent_widgets.core.texts import tr, trn

__all__ = ["Cancelled", "OnStep", "Plan", "Step", "duration", "goes_on", "report"]


@dataclass(frozen=True)
class Plan:
    """What a run is to take, from the first of its pictures or products, which were timed.

    Attributes:
        count: How many pictures or products.
        each: Seconds that one takes, on the average of all.
        unit: What they are called, in the singular.

    Example:
        >>> str(Plan(512, 0.08, "product")), Plan(512, 0.08).seconds
        ('about 41 s: 512 products at 80 ms', 40.96)
    """

    count: int
    each: float
    unit: str = "picture"

    @property
    def seconds(self) -> float:
        """How long all of them take."""
        return self.count * self.each

    def __str__(self) -> str:
        what = _counted(self.unit, self.count)
        return tr("about {time}: {what} at {each}", time=duration(self.seconds), what=what, each=duration(self.each))


def duration(seconds: float) -> str:
    """Say how long something takes, to two digits.

    Args:
        seconds: How long.

    Returns:
        The words.

    Example:
        >>> [duration(seconds) for seconds in (0.0004, 0.0796, 1.44, 39.7, 100, 5400, 1e6)]
        ['0.4 ms', '80 ms', '1.4 s', '40 s', '1.7 min', '1.5 h', '280 h']
    """
    shown, unit = next(
        (seconds / size, unit) for size, unit in _UNITS if seconds >= 0.995 * size or unit == _UNITS[-1][1]
    )
    if shown >= 99.5:
        return f"{round(shown, -1):.0f} {unit}"
    return f"{shown:.2g} {unit}"


def _counted(unit: str, count: int) -> str:
    if unit == "picture":
        return trn("{count} picture", "{count} pictures", count)
    if unit == "product":
        return trn("{count} product", "{count} products", count)
    if unit == "latent":
        return trn("{count} latent", "{count} latents", count)
    if unit == "sample held out":
        return trn("{count} sample held out", "{count} samples held out", count)
    return f"{count} {unit}{'s' * (count != 1)}"


_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a long computation.

    Attributes:
        index: How many steps are done, from 1 to ``total``.
        total: How many there will be, None where unknown.
        value: What the computation has to show so far: a score, a picture, a dict of terms.
        plan: What the whole run takes, as estimated before it started; None where nothing was.
        rate: Pictures or products a second so far; None before the first.
        left: Seconds that the rest takes at this rate; None where that is not known.
    """

    index: int
    total: int | None
    value: Any = None
    plan: Plan | None = None
    rate: float | None = None
    left: float | None = None

    @property
    def fraction(self) -> float | None:
        """The share done, in [0, 1]; None where the total is unknown.

        Example:
            >>> Step(1, 4).fraction
            0.25
        """
        return None if not self.total else self.index / self.total

    @property
    def outlook(self) -> str:
        """In words what the run will take, before its first step, and what is left of it afterwards; empty if unknown.

        Example:
            >>> Step(0, 9, plan=Plan(512, 0.08)).outlook, Step(3, 9, left=12.0).outlook
            ('about 41 s: 512 pictures at 80 ms', 'about 12 s left')
        """
        if self.index == 0 and self.plan is not None:
            return str(self.plan)
        return "" if self.left is None else tr("about {time} left", time=duration(self.left))


OnStep = Callable[[Step], Any]


class Cancelled(Exception):
    """Raised inside a computation that has no partial result to return when its caller cancels it."""


def report(on_step: OnStep | None, index: int, total: int | None, value: Any = None, **known: Any) -> bool:
    """Tell ``on_step`` about a step; return whether to go on.

    Args:
        on_step: The caller's callback, or None.
        index: How many steps are done.
        total: How many there will be.
        value: What there is to show.
        **known: What else a :class:`Step` says: ``plan``, ``rate``, ``left``.

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
    return goes_on(on_step(Step(index, total, value, **known)))


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
