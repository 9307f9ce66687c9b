"""A re-entrant lock whose waiting threads go by priority: pictures before spectra.

An interrupt from the keyboard that comes while the lock is taken leaves it as it was before.
"""

from __future__ import annotations

import heapq
import itertools
import threading

__all__ = ["PriorityLock", "Turn"]


class Turn:
    """What holds a lock for the length of a ``with`` block; see :meth:`PriorityLock.turn`."""

    __slots__ = ("_lock", "_priority")

    def __init__(self, lock: PriorityLock, priority: int) -> None:
        self._lock, self._priority = lock, priority

    def __enter__(self) -> None:
        self._lock._take([self._priority])

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._lock._leave(kind)


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
        self._mutex = threading.RLock()  # guards all below; Python's own, which an interrupt finds either taken or not
        self._changed = threading.Condition(self._mutex)
        self._owner: int | None = None
        self._held: list[int] = []  # the priority of each nested turn of the owner
        self._waiting: list[tuple[int, int]] = []  # a heap of (-priority, ticket)
        self._tickets = itertools.count(1)

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return len(self._waiting)

    def turn(self, priority: int = 0) -> Turn:
        """Hold the lock for the length of a ``with`` block.

        Args:
            priority: Who waits with a higher one goes first.

        Returns:
            What ``with`` takes.
        """
        return Turn(self, priority)

    def give_way(self) -> None:
        """Let those who wait with a higher priority have their turn, then go on; nested turns are put aside meanwhile.

        Raises:
            RuntimeError: If the calling thread does not hold the lock.
        """
        with self._mutex:
            self._need_owner()
            held = self._held
            if not self._waiting or -self._waiting[0][0] <= max(held):
                return
        self._release(len(held))
        self._take(held, first=True)

    def __enter__(self) -> PriorityLock:
        self._take([0])
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._leave(kind)

    def _take(self, turns: list[int], first: bool = False) -> None:
        before = self._held if self._owner == threading.get_ident() else []
        number = next(self._tickets)
        ticket = (-max(turns), -number if first else number)  # who gave way is first among equals
        try:
            self._acquire(turns, ticket)
        except (
            BaseException
        ):  # an interrupt from the keyboard, which may come when the lock is taken and nobody knows yet
            with self._mutex:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                    heapq.heapify(self._waiting)
                if self._owner == threading.get_ident():
                    self._put(before)
                self._changed.notify_all()
            raise

    def _leave(self, kind: type[BaseException] | None) -> None:
        if kind is None or self._owner == threading.get_ident():  # else an interrupt came while another had its turn
            self._release(1)

    def _acquire(self, turns: list[int], ticket: tuple[int, int]) -> None:
        me = threading.get_ident()
        with self._mutex:
            held = self._held
            if self._owner != me:
                heapq.heappush(self._waiting, ticket)
                self._changed.wait_for(lambda: self._owner is None and self._waiting[0] == ticket)
                heapq.heappop(self._waiting)
                held = []
            self._owner, self._held = me, [*held, *turns]

    def _release(self, turns: int) -> None:
        with self._mutex:
            self._need_owner()
            self._put(self._held[:-turns])

    def _put(self, held: list[int]) -> None:
        """Have the owner hold these turns only."""
        self._held = held
        if not held:
            self._owner = None
            self._changed.notify_all()

    def _need_owner(self) -> None:
        if self._owner != threading.get_ident():
            raise RuntimeError("The lock must be held by the calling thread. Use `with lock:`.")
