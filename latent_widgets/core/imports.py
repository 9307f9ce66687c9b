"""Imports that Ctrl-C cannot cut in half.

An interrupt from the keyboard ends whatever the main thread does, an import too. Many packages bear that badly: what
was imported stays, what was not is asked for anew, and each further try fails until the kernel is started again. So
what is imported late, in the midst of work, is imported on a thread of its own, which no signal reaches.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["apart", "import_whole"]

T = TypeVar("T")
LOOK = 0.5  # seconds after which a wait looks for itself whether it is over: an interrupt may swallow the word of it


def import_whole(*names: str) -> None:
    """Import modules, wholly or not at all, before an ``import`` statement in a function names them.

    Args:
        *names: Of the modules, with all their dots.

    Raises:
        ImportError: If there is no such module.
        KeyboardInterrupt: If one came meanwhile; the modules are imported all the same.

    Example:
        >>> import_whole("scipy.linalg")
        >>> from scipy.linalg import eigh
    """
    for name in names:
        if not is_whole(name):
            apart(partial(import_module, name))


def is_whole(name: str) -> bool:
    """Say whether a module is imported, and not just being imported."""
    module = sys.modules.get(name)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def apart(work: Callable[[], T]) -> T:
    """Do what must not be left half done: on a thread of its own if this is the one that Ctrl-C interrupts.

    Args:
        work: What to do; it takes no lock that the caller holds.

    Returns:
        Its result.

    Raises:
        KeyboardInterrupt: If one came meanwhile, once the work is done.

    Example:
        >>> apart(lambda: 6 * 7)
        42
    """
    if threading.current_thread() is not threading.main_thread() or sys.platform == "emscripten":  # no threads there
        return work()
    waiting, outcome, ended = (
        [copy_context()],
        list[tuple[T, None] | tuple[Any, BaseException]](),
        _thread.allocate_lock(),
    )
    ended.acquire()

    def run() -> None:
        try:
            context = waiting.pop()
        except IndexError:  # an interrupt fell just behind the start, and the thread was started again
            return
        try:
            outcome.append((context.run(work), None))
        except BaseException as error:
            outcome.append((None, error))
        ended.release()

    interrupt, started = None, False
    while not outcome:
        try:
            if not started:
                _thread.start_new_thread(run, ())
                started = True
            ended.acquire(timeout=LOOK)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
    result, failed = outcome[0]
    if failed is not None:
        raise failed
    return result
