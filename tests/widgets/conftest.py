"""What the tests of the panels share: nothing here sleeps; threads meet at events."""

import threading
import time

import ipywidgets
import pytest

from latent_widgets.edits import Mask

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


def random_acts(explorer, rng):
    """What a restless hand does to an explorer of four directions in w and six layers."""
    controls = explorer.controls
    return [
        lambda: explorer.set_alpha(int(rng.integers(4)), float(rng.normal(scale=2))),
        lambda: explorer.sliders.rows[rng.integers(4)].slider.put(rng.uniform(-3, 3)),
        lambda: setattr(explorer.sliders.rows[rng.integers(4)].layers, "value", tuple(sorted(rng.integers(0, 6, 2)))),
        lambda: setattr(explorer, "seed", int(rng.integers(1000))),
        lambda: setattr(explorer, "mask", Mask(rng.random((4, 4))) if rng.integers(2) else None),
        lambda: setattr(controls.truncation, "value", round(rng.uniform(0, 1.2), 2)),
        lambda: setattr(controls.mix.weight, "value", round(rng.uniform(), 2)),
        lambda: setattr(controls.mix.mixing, "value", bool(rng.integers(2))),
        explorer.undo,
        explorer.redo,
    ]
