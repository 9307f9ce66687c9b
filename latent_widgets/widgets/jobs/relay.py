"""Telling somebody that something changed, from many threads, without calling them twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Relay"]


class Relay:
    """Calls a listener after each change; a change during the call makes one more call, on the thread that is in it.

    So the last call always begins after the last change, and no thread ever waits for another.

    Args:
        listener: Called without arguments; None for nobody.
        failed: Called with an exception of the listener's.

    Example:
        >>> relay = Relay(lambda: print("changed"), print)
        >>> relay.tell()
        changed
    """

    def __init__(self, listener: Callable[[], object] | None, failed: Callable[[Exception], object]) -> None:
        self._listener, self._failed = listener, failed
        self._calling = threading.Lock()
        self._caller: int | None = None  # the thread that is in the listener
        self._rest = threading.Condition()
        self._untold = False

    def tell(self) -> None:
        """Say that something changed."""
        self._untold = True
        while (listener := self._listener) and self._untold and self._calling.acquire(blocking=False):
            try:
                self._untold, self._caller = False, threading.get_ident()
                listener()
            except Exception as error:
                self._failed(error)
            finally:
                self._caller = None
                self._calling.release()
        with self._rest:
            self._rest.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the listener knows of every change; the listener itself does not wait for its own end.

        Args:
            timeout: At most this many seconds.

        Returns:
            Whether that came to pass.
        """
        if self._caller == threading.get_ident():
            return True
        with self._rest:
            return self._rest.wait_for(self._at_rest, timeout)

    def stop(self) -> None:
        """Call nobody any more."""
        self._listener = None
        with self._rest:
            self._rest.notify_all()

    def _at_rest(self) -> bool:
        return self._listener is None or not (self._untold or self._calling.locked())
