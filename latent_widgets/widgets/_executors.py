"""Where the work of panels runs: on threads, or where it is submitted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .. import _checks

__all__ = ["inline_jobs", "is_inline"]

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

    Returns:
        Whether it does.

    Raises:
        ValueError: If there is no such executor.
    """
    return (_default.get() if executor is None else _checks.choice("executor", executor, EXECUTORS)) == "inline"
