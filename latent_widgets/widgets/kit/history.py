"""Undo and redo of one frozen value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["History"]

T = TypeVar("T")


class History(Generic[T]):
    """A bounded line of frozen values with a place on it.

    A gesture, such as a drag, is one entry: while it lasts :meth:`push` with ``merge=True`` replaces the newest entry.

    Args:
        value: Where the line begins.
        limit: How many values are kept.

    Example:
        >>> history = History("a")
        >>> history.push("b")
        >>> history.push("c", merge=True)
        >>> history.undo(), history.redo()
        ('a', 'c')
    """

    def __init__(self, value: T, limit: int = 200) -> None:
        self._values, self._place, self._limit = [value], 0, limit

    @property
    def value(self) -> T:
        """The value at the current place."""
        return self._values[self._place]

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._place < len(self._values) - 1

    def push(self, value: T, merge: bool = False) -> None:
        """Add a value after the current place; what could be redone is gone."""
        keep = self._place if merge and self._place else self._place + 1
        self._values = [*self._values[:keep], value][-self._limit :]
        self._place = len(self._values) - 1

    def amend(self, value: T) -> None:
        """Put a value in the place of the current one, which is no step of its own."""
        self._values[self._place] = value

    def forget_step(self, same: Callable[[T, T], bool]) -> None:
        """Drop the current value if the one before it is the same: a step that was taken back led nowhere.

        Args:
            same: Called with the two.
        """
        if self._place and same(self._values[self._place - 1], self.value):
            del self._values[self._place]
            self._place -= 1

    def undo(self) -> T:
        """Go one value back and return it."""
        self._place = max(0, self._place - 1)
        return self.value

    def redo(self) -> T:
        """Go one value forward and return it."""
        self._place = min(len(self._values) - 1, self._place + 1)
        return self.value
