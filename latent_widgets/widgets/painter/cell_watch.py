"""Notices that a cell of the notebook holds the kernel: what the page sends a canvas waits until the cell ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from latent_widgets.core import checks

__all__ = ["CellWatch"]


class CellWatch:
    """Says when a cell has been running for a while, and when it has ended. Outside a notebook it never says anything.

    Args:
        tell: Called with True on a thread of its own once a cell takes long, with False where it ends.
        patience: Seconds after which a cell takes long.

    Example:
        >>> watch = CellWatch(print)
        >>> watch.close()
    """

    def __init__(self, tell: Callable[[bool], object], patience: float = 0.5) -> None:
        self._tell, self._patience = tell, checks.number("patience", patience, low=0)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._told = False
        python = sys.modules.get("IPython")
        shell = python.get_ipython() if python else None
        self._events = getattr(shell, "events", None)
        if self._events is not None:
            self._events.register("pre_run_cell", self._begin)
            self._events.register("post_run_cell", self._end)

    def _begin(self, _: Any) -> None:
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(self._patience, self._say)
                self._timer.daemon = True
                self._timer.start()

    def _say(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():  # the timer of an earlier cell may have come too late
                self._told = True
                self._tell(True)

    def _end(self, _: Any) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
            told, self._told = self._told, False
            if timer is not None:
                timer.cancel()
            if told:
                self._tell(False)

    def close(self) -> None:
        """Listen no more. Twice is fine."""
        events, self._events = self._events, None
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
        if events is not None:
            events.unregister("pre_run_cell", self._begin)
            events.unregister("post_run_cell", self._end)
