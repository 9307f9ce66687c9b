"""A trait that was set to what cannot be goes back to what it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["refusing"]


def refusing(observer: Callable[[Any, Any], object]) -> Callable[[Any, Any], None]:
    """Mark an observer that may refuse a value by raising: the trait takes its old value again, which nobody hears.

    Args:
        observer: The method; its object has a :class:`~latent_widgets.widgets.kit.silence.Silence` called ``silence``.

    Returns:
        The method to observe with; it raises what the observer raised.

    Example:
        >>> from traitlets import HasTraits, Int, observe
        >>> from latent_widgets.widgets.kit.silence import Silence, heard
        >>> class Even(HasTraits):
        ...     number, silence = Int(0), Silence()
        ...
        ...     @observe("number")
        ...     @heard
        ...     @refusing
        ...     def assigned(self, change):
        ...         if self.number % 2:
        ...             raise ValueError(f"number must be even, got {self.number}.")
        >>> even = Even()
        >>> even.number = 3
        Traceback (most recent call last):
        ValueError: number must be even, got 3.
        >>> even.number
        0
    """

    @functools.wraps(observer)
    def assigned(me: Any, change: Any) -> None:
        try:
            observer(me, change)
        except Exception:
            with me.silence:
                setattr(me, change["name"], change["old"])
            raise

    return assigned
