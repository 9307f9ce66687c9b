"""One hand at a time: controls, the worker and a running cell all change an explorer, each on a thread of its own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["HANDS", "built_once", "one_at_a_time"]

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


class built_once(Generic[T]):
    """Make a method a property that is built when first asked for, in turn with all else that changes an explorer.

    A lock of its own, which :func:`functools.cached_property` has in some versions of Python, would be taken before
    that of the hands by who opens a page, and after it by work that lands on the page: both would wait for ever.

    Args:
        build: The method.

    Example:
        >>> class Page:
        ...     @built_once
        ...     def plot(self):
        ...         print("built")
        ...         return [1, 2]
        >>> page = Page()
        >>> page.plot is page.plot
        built
        True
    """

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build, self.__doc__ = build, build.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, me: Any, owner: type | None = None) -> T:
        if me is None:
            raise AttributeError(f"{self._name} belongs to an object, not to its class.")
        with HANDS:
            made = vars(me)
            if self._name not in made:
                made[self._name] = self._build(me)
            found: T = made[self._name]
            return found
