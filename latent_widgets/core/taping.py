"""Graphs that are kept for products with a Jacobian, and for nothing else.

Of such a graph two things are read off: ``J'u``, and the derivative of that by ``u``. Whatever else a second derivative
holds is never asked for, nor are derivatives by weights, so that layers may say their derivative in one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

__all__ = ["is_taped", "moves", "taping"]

_TAPING = ContextVar("whether a graph is for products with a Jacobian", default=False)


@contextmanager
def taping() -> Iterator[None]:
    """Within this block what runs on this thread makes such a graph.

    Example:
        >>> with taping():
        ...     is_taped()
        True
    """
    before = _TAPING.set(True)
    try:
        yield
    finally:
        _TAPING.reset(before)


def is_taped(*weights: Tensor | None) -> bool:
    """Return whether a graph is made for products with a Jacobian, in which these weights are constants.

    Example:
        >>> is_taped()
        False
    """
    return _TAPING.get() and not moves(*weights)


def moves(*weights: Tensor | None) -> bool:
    """Return whether one was made of something, perhaps of what the derivative is taken by; a parameter was not."""
    return any(weight is not None and weight.grad_fn is not None for weight in weights)
