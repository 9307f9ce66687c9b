"""One hand at a time: controls, the worker and a running cell all change an explorer, each on a thread of its own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["HANDS", "one_at_a_time"]

P = ParamSpec("P")
T = TypeVar("T")

HANDS = threading.RLock()
"""Held while an explorer changes. There is one for all, since linked explorers call each other from within a change:
with a lock each, two of them could wait for each other forever. No picture is drawn while it is held, except inline."""


def one_at_a_time(function: Callable[P, T]) -> Callable[P, T]:
    """Make calls of a function take turns with everything else that changes an explorer.

    Args:
        function: What to call.

    Returns:
        The function to call instead.

    Example:
        >>> one_at_a_time(lambda a, b: a + b)(1, b=2)
        3
    """

    @functools.wraps(function)
    def alone(*arguments: P.args, **keywords: P.kwargs) -> T:
        with HANDS:
            return function(*arguments, **keywords)

    return alone
