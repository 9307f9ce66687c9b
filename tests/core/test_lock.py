"""The generators' lock: re-entrant, one holder, the urgent first."""

import contextlib
import itertools
import linecache
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from latent_widgets.core.lock import PriorityLock
from tests.widgets.conftest import PATIENCE, until


@pytest.fixture
def lock():
    """A lock."""
    return PriorityLock()


@pytest.fixture
def start():
    """Starts threads, and sees them end."""
    threads = []

    def begin(target, *arguments):
        threads.append(threading.Thread(target=target, args=arguments))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_one_thread_at_a_time_holds_it(lock, start):
    holders, most = [], []

    def hold(name):
        for _ in range(50):
            with lock:
                holders.append(name)
                most.append(len(holders))
                holders.remove(name)

    for name in range(4):
        start(hold, name)
    until(lambda: len(most) == 200)
    assert max(most) == 1


def test_holder_may_take_it_again(lock, start):
    took = threading.Event()

    def take():
        with lock:
            took.set()

    with lock:
        with lock.turn(3), lock:
            start(take)
            until(lambda: lock.waiting)
        assert not took.is_set()
    assert took.wait(PATIENCE)


def test_urgent_goes_first_then_the_order_of_arrival(lock, start):
    order = []

    def take(priority, name):
        with lock.turn(priority):
            order.append(name)

    with lock:
        for count, (priority, name) in enumerate([(0, "a"), (5, "b"), (0, "c"), (5, "d")], 1):
            start(take, priority, name)
            until(lambda count=count: lock.waiting == count)
    until(lambda: len(order) == 4)
    assert order == ["b", "d", "a", "c"]


def test_giving_way_lets_the_urgent_in_and_nobody_else(lock, start):
    order = []

    def take(priority):
        with lock.turn(priority):
            order.append(priority)

    with lock.turn(1), lock.turn(2):
        start(take, 2)
        until(lambda: lock.waiting == 1)
        lock.give_way()
        assert order == []
        start(take, 3)
        until(lambda: lock.waiting == 2)
        lock.give_way()
        assert order == [3]
        order.append("still mine")
    until(lambda: len(order) == 3)
    assert order == [3, "still mine", 2]


def test_exception_frees_it(lock, start):
    took = threading.Event()

    def take():
        with lock:
            took.set()

    with pytest.raises(KeyError), lock.turn(1):
        raise KeyError("work failed")
    start(take)
    assert took.wait(PATIENCE)


def test_only_the_holder_gives_way(lock):
    with pytest.raises(RuntimeError, match=r"The lock must be held by the calling thread\. Use `with lock:`\."):
        lock.give_way()


@pytest.mark.parametrize("nested", [False, True])
def test_interrupt_at_any_line_of_taking_it_leaves_it_as_it_was(lock, nested):
    def interrupted_at(line):
        """Take the lock with an interrupt at one of the lines that this runs; say whether there was one."""
        left = [line]

        def trace(frame, event, argument):
            name = frame.f_code.co_name
            if not frame.f_code.co_filename.endswith("lock.py") or name not in ("_take", "_acquire"):
                return None
            leaves = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() == "with self._mutex:"
            if (event == "line" and not leaves) or (event, name) == ("return", "_acquire"):  # Python looks there
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            with lock.turn(2):
                pass
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False

    with lock if nested else contextlib.nullcontext():
        lines = next(line for line in itertools.count(1) if not interrupted_at(line)) - 1
        assert lines > 4
        if nested:
            lock.give_way()  # is still the holder
    with ThreadPoolExecutor(1) as other:
        assert (
            other.submit(lambda: lock.__enter__() is lock and lock.__exit__(None, None, None)).result(PATIENCE) is None
        )
    assert lock.waiting == 0


def test_interrupt_while_others_have_their_turn_is_not_hidden(lock, start):
    took, done = threading.Event(), threading.Event()

    def urgent():
        with lock.turn(9):
            took.set()
            done.wait(PATIENCE)

    def press():
        took.wait(PATIENCE)
        until(lambda: lock.waiting)
        done.wait(0.1)  # a signal that comes just before a wait ends no wait
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), lock:
            start(urgent)
            until(lambda: lock.waiting)
            start(press)
            lock.give_way()
            pytest.fail("the interrupt was lost")
    finally:
        signal.signal(signal.SIGINT, before)
        done.set()
    with lock:
        pass
