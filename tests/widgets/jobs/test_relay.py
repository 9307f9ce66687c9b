"""The word of a change: never given twice at once, none missed, and a job's wait covers it."""

import threading

from latent_widgets.widgets.jobs.job import Job
from latent_widgets.widgets.jobs.relay import Relay
from tests.widgets.conftest import PATIENCE, until


def test_relay_calls_once_more_for_a_change_during_the_call(seen):
    def listen():
        seen.append(len(seen))
        if len(seen) < 3:
            relay.tell()

    relay = Relay(listen, seen.append)
    relay.tell()
    assert seen == [0, 1, 2]
    relay.stop()
    relay.tell()
    assert seen == [0, 1, 2]


def test_relay_never_calls_twice_at_once_and_misses_no_change(gate, seen):
    busy = gate()
    state = {"value": 0}

    def listen():
        if not busy.begun.is_set():
            busy(lambda: None)
        seen.append(state["value"])

    relay = Relay(listen, seen.append)
    thread = threading.Thread(target=relay.tell)
    thread.start()
    busy.await_begin()
    state["value"] = 1
    relay.tell()
    assert seen == []
    busy.open()
    thread.join(PATIENCE)
    assert seen[-1] == 1


def test_wait_covers_the_word_of_the_end(gate, seen):
    work, slow = gate(), gate()
    with Job(executor="thread", on_change=lambda: job.state == "idle" and slow(lambda: None)) as job:
        job.submit(work, done=seen.append)
        work.open()  # not before submit has given its own word, or this thread would be the one to tell of the end
        slow.await_begin()
        assert job.state == "idle"
        assert not job.wait(0.01)
        slow.open()
        assert job.wait(PATIENCE)
        assert slow.answers


def test_relay_that_is_stopped_at_its_turn_has_no_failure(seen):
    class Stopped(Relay):
        """Another thread stops it between its question whether there is a listener and the call."""

        @property
        def _untold(self):
            self.stop()
            return True

        @_untold.setter
        def _untold(self, untold):
            pass

    Stopped(lambda: None, seen.append).tell()
    assert seen == []


def test_listener_that_waits_for_its_own_relay_is_not_kept(seen):
    relay = Relay(lambda: seen.append(relay.wait()), seen.append)
    relay.tell()
    assert seen == [True]


def test_wait_for_one_of_two_jobs_covers_the_word_that_the_other_spreads(gate, seen):
    slow = gate()
    with (
        Job(executor="thread", on_change=lambda: slow(lambda: None)) as job,
        Job(executor="thread", beside=job) as beside,
    ):
        thread = threading.Thread(target=job.tell)
        thread.start()
        slow.await_begin()
        beside.submit(lambda on_step: None, done=seen.append)
        until(lambda: seen)
        assert not beside.wait(0.01)
        slow.open()
        assert beside.wait(PATIENCE)
        thread.join(PATIENCE)
