"""What the tests of the panels share: nothing here sleeps; threads meet at events."""

import threading
import time

import ipywidgets
import pytest

PATIENCE = 30.0  # seconds until a test that would hang fails


class Gate:
    """Work that says when it has begun and goes on when it is let go."""

    def __init__(self, result=None):
        self.begun, self.opened = threading.Event(), threading.Event()
        self.result, self.answers = result, []

    def __call__(self, on_step):
        self.begun.set()
        assert self.opened.wait(PATIENCE)
        self.answers.append(on_step())
        return self.result

    def await_begin(self):
        assert self.begun.wait(PATIENCE)

    def open(self):
        self.opened.set()


def until(holds):
    """Give other threads the turn until `holds()`."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0)


@pytest.fixture
def gate():
    """Makes gates, and opens all in the end so that no thread stays behind."""
    made = []

    def make(result=None):
        made.append(Gate(result))
        return made[-1]

    yield make
    for each in made:
        each.open()


@pytest.fixture
def instances():
    """Returns how many widgets are alive beyond those before the test."""
    alive = ipywidgets.widgets.widget._instances
    before = set(alive)
    return lambda: len(set(alive) - before)
