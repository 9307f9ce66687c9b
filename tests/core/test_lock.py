"""The generators' lock: re-entrant, one holder, the urgent first."""

import threading

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
