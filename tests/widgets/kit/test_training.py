"""Work that is told to end hands over what it has; told twice, it hands over nothing."""

import threading

import pytest

from latent_widgets.core.steps import Step
from latent_widgets.widgets.kit.training import Training
from tests.widgets.conftest import PATIENCE


@pytest.fixture
def told():
    """How often a hand has stopped it."""
    return []


@pytest.fixture
def training(told):
    with_thread = Training("thread", stopped=lambda: told.append(1))
    yield with_thread
    with_thread.close()
    assert with_thread.job.wait(PATIENCE)


def test_stopped_work_hands_over_what_it_has(training, told, seen):
    begun = threading.Event()

    def work(on_step):
        steps = 0
        while on_step(Step(steps + 1, None)):
            steps += 1
            begun.set()
        return steps

    training.run(work, seen.append)
    assert begun.wait(PATIENCE)
    assert not training.stopping
    training.stop_by_hand()
    assert training.job.wait(PATIENCE)
    assert training.stopping
    assert training.job.state == "idle"
    assert seen[0] >= 1
    assert told == [1]


def test_who_says_so_twice_gets_nothing(training, gate, seen):
    held = gate("late")
    training.run(held, seen.append)
    held.await_begin()
    training.stop()
    assert training.job.busy  # it has not come to its next step yet
    training.stop()
    assert not training.job.busy
    held.open()
    assert training.job.wait(PATIENCE)
    assert (training.job.state, seen, held.answers) == ("cancelled", [], [False])


def test_next_work_is_not_told_what_the_last_was_told(training, seen):
    training.stop()  # nothing: there is none
    training.run(lambda on_step: on_step(), seen.append)
    assert training.job.wait(PATIENCE)
    training.stop()
    training.run(lambda on_step: on_step(Step(1, 2)), seen.append)
    assert training.job.wait(PATIENCE)
    assert seen == [True, True]


def test_work_that_waits_is_told_as_soon_as_it_begins(training, gate, seen):
    held = gate()
    training.run(held, kind="first")
    held.await_begin()
    training.run(lambda on_step: on_step(), seen.append, kind="second")
    training.stop()
    held.open()
    assert training.job.wait(PATIENCE)
    assert seen == [False]
