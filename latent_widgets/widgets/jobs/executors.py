"""Where the work of panels runs: on threads, or where it is submitted."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from latent_widgets.core import checks

__all__ = ["Worker", "inline_jobs", "is_inline"]

LEAVE = 10.0  # seconds that the end of the program waits for work that cannot be stopped
EXECUTORS = ("thread", "inline")
_default: ContextVar[str] = ContextVar("executor", default="inline" if sys.platform == "emscripten" else "thread")


@contextmanager
def inline_jobs() -> Iterator[None]:
    """Make the jobs created inside a ``with`` block run where they are submitted, without a thread.

    Yields:
        Nothing.
    """
    token = _default.set("inline")
    try:
        yield
    finally:
        _default.reset(token)


def is_inline(executor: str | None) -> bool:
    """Say whether work is to run where it is submitted.

    Args:
        executor: ``"thread"``, ``"inline"``, or None for the default.

    Raises:
        ValueError: If there is no such executor.
    """
    return (_default.get() if executor is None else checks.choice("executor", executor, EXECUTORS)) == "inline"


class Worker(threading.Thread):
    """A thread that ends before the interpreter does: one that is inside PyTorch then would abort the process.

    Args:
        work: What the thread does.
        stop: Called when the program ends; makes ``work`` return soon.
    """

    def __init__(self, work: Callable[[], object], stop: Callable[[], object]) -> None:
        super().__init__(target=work, name="latent_widgets-job", daemon=True)
        self._stop_work = stop

    def run(self) -> None:
        """Do the work, and be known to the end of the program until it is done."""
        atexit.register(self._leave)
        try:
            super().run()
        finally:
            atexit.unregister(self._leave)

    def _leave(self) -> None:
        self._stop_work()
        self.join(LEAVE)
