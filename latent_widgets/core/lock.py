"""A re-entrant lock whose waiting threads go by priority: pictures before spectra."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["PriorityLock"]


class PriorityLock:
    """A re-entrant lock; of those who wait the highest priority goes first, among equals the one that came first.

    ``with lock:`` waits with priority 0. A long computation calls :meth:`give_way` between two of its steps, so that
    a picture need not wait until it ends.

    Example:
        >>> lock = PriorityLock()
        >>> with lock, lock.turn(10):
        ...     lock.give_way()
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._owner: int | None = None
        self._held: list[int] = []  # the priority of each nested turn of the owner
        self._waiting: list[tuple[int, int]] = []  # a heap of (-priority, ticket)
        self._tickets = itertools.count(1)

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiting)

    @contextmanager
    def turn(self, priority: int = 0) -> Iterator[None]:
        """Hold the lock for the length of a ``with`` block.

        Args:
            priority: Who waits with a higher one goes first.

        Yields:
            Nothing.
        """
        self._acquire([priority])
        try:
            yield
        finally:
            self._release(1)

    def give_way(self) -> None:
        """Let those who wait with a higher priority have their turn, then go on; nested turns are put aside meanwhile.

        Raises:
            RuntimeError: If the calling thread does not hold the lock.
        """
        with self._condition:
            self._need_owner()
            held = self._held
            if not self._waiting or -self._waiting[0][0] <= max(held):
                return
        self._release(len(held))
        self._acquire(held, first=True)

    def __enter__(self) -> PriorityLock:
        self._acquire([0])
        return self

    def __exit__(self, *exception: object) -> None:
        self._release(1)

    def _acquire(self, turns: list[int], first: bool = False) -> None:
        me = threading.get_ident()
        with self._condition:
            if self._owner != me:
                number = next(self._tickets)
                ticket = (-max(turns), -number if first else number)  # who gave way is first among equals
                heapq.heappush(self._waiting, ticket)
                try:
                    self._condition.wait_for(lambda: self._owner is None and self._waiting[0] == ticket)
                    self._owner, self._held = me, []
                finally:  # an interrupt from the keyboard ends the wait too
                    self._waiting.remove(ticket)
                    heapq.heapify(self._waiting)
                    self._condition.notify_all()
            self._held = [*self._held, *turns]

    def _release(self, turns: int) -> None:
        with self._condition:
            self._need_owner()
            self._held = self._held[:-turns]
            if not self._held:
                self._owner = None
                self._condition.notify_all()

    def _need_owner(self) -> None:
        if self._owner != threading.get_ident():
            raise RuntimeError("The lock must be held by the calling thread. Use `with lock:`.")
