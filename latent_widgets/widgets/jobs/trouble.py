"""What went wrong in a job and is not put right: a success settles only what failed before it of the same kind."""

from __future__ import annotations

import threading

__all__ = ["Trouble"]


class Trouble:
    """The last failure of each kind of work, until work of that kind succeeds.

    Example:
        >>> trouble = Trouble()
        >>> trouble.note("picture", ValueError("no picture"))
        >>> trouble.settle("page")
        >>> trouble.errors
        (ValueError('no picture'),)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[str, Exception] = {}

    @property
    def errors(self) -> tuple[Exception, ...]:
        """What is not settled, the newest last."""
        with self._lock:
            return tuple(self._errors.values())

    def note(self, kind: str, error: Exception) -> None:
        """Remember what went wrong, in place of what did so before of this kind."""
        with self._lock:
            self._errors.pop(kind, None)
            self._errors[kind] = error

    def settle(self, kind: str | None = None) -> None:
        """Forget what went wrong of a kind; of all kinds where none is given."""
        with self._lock:
            if kind is None:
                self._errors.clear()
            else:
                self._errors.pop(kind, None)
