"""Who sets a control of his own does not want to hear of it: one way to say so, for every part of every widget."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["Silence", "heard"]


class Silence:
    """Entered while controls are brought to a state; handlers marked with :func:`heard` do not answer then.

    It may be entered again within itself.

    Example:
        >>> silence = Silence()
        >>> with silence:
        ...     bool(silence)
        True
        >>> bool(silence)
        False
    """

    def __init__(self) -> None:
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1

    def __bool__(self) -> bool:
        return self._depth > 0


def heard(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a method that hears of changes: it does nothing while the ``silence`` of its object is entered.

    Args:
        handler: The method; its object has a :class:`Silence` called ``silence``.
    """

    @functools.wraps(handler)
    def answered(me: Any, *arguments: Any) -> Any:
        return None if me.silence else handler(me, *arguments)

    return answered
