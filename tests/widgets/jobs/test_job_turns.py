"""Who has a turn: the latest wins, frames are shown, what rests waits, and the lock is held no longer than needed."""

import threading

import pytest

from latent_widgets.core.lock import PriorityLock
from latent_widgets.core.steps import Step
from latent_widgets.widgets.jobs import job as _job
from latent_widgets.widgets.jobs.job import Job
from tests.widgets.conftest import PATIENCE, until


@pytest.fixture
def threaded(threaded_job):
    """A job with a thread."""
    return threaded_job


def test_latest_of_a_burst_wins(threaded, gate, seen):
    first = gate("first")
    threaded.submit(first, done=seen.append)
    first.await_begin()
    for number in range(300):
        threaded.submit(lambda on_step, number=number: number, done=seen.append)
    first.open()
    assert threaded.wait(PATIENCE)
    assert seen == [299]
    assert first.answers == [False]


def test_callbacks_of_a_superseded_run_are_dropped(threaded, gate, seen):
    """The end of an old run neither shows its result nor ends the busy state of the new one."""
    old, new = gate("old"), gate("new")
    threaded.submit(old, done=seen.append, progress=seen.append, label="old")
    old.await_begin()
    threaded.submit(new, done=seen.append, label="new")
    old.open()
    new.await_begin()
    assert (seen, threaded.state, threaded.label) == ([], "busy", "new")
    new.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["new"]


def test_failure_of_a_superseded_run_is_dropped(threaded, gate, seen):
    old = gate()

    def fail(on_step):
        old(on_step)
        raise ValueError("old news")

    threaded.submit(fail, failed=seen.append)
    old.await_begin()
    threaded.submit(lambda on_step: "new", done=seen.append)
    old.open()
    assert threaded.wait(PATIENCE)
    assert (seen, threaded.error, threaded.state) == (["new"], None, "idle")


def test_frames_are_shown_although_newer_ones_wait(threaded, gate, seen):
    """Otherwise a generator slower than the slider would show nothing until the hand rests."""
    first = gate("first")
    threaded.submit(first, done=seen.append, frame=True)
    first.await_begin()
    for number in range(10):
        threaded.submit(lambda on_step, number=number: number, done=seen.append, frame=True)
    first.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["first", 9]
    assert first.answers == [True]


def test_a_request_that_is_no_frame_supersedes_a_running_frame(threaded, gate, seen):
    frame = gate("frame")
    threaded.submit(frame, done=seen.append, frame=True)
    frame.await_begin()
    threaded.submit(lambda on_step: "exact", done=seen.append)
    frame.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["exact"]


def test_kinds_do_not_supersede_each_other_and_priority_goes_first(threaded, gate, seen):
    first = gate("first")
    threaded.submit(first, done=seen.append, kind="a")
    first.await_begin()
    threaded.submit(lambda on_step: "low", done=seen.append, kind="b")
    threaded.submit(lambda on_step: "high", done=seen.append, kind="c", priority=1)
    first.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["first", "high", "low"]


def test_delayed_request_waits_for_rest_and_a_newer_one_drops_it(threaded, seen):
    threaded.submit(lambda on_step: "never", done=seen.append, delay=1000)
    assert threaded.busy  # it is still owed
    threaded.submit(lambda on_step: "now", done=seen.append)
    assert threaded.wait(PATIENCE)
    threaded.submit(lambda on_step: "soon", done=seen.append, delay=0.001)
    assert threaded.wait(PATIENCE)
    assert seen == ["now", "soon"]


def test_delayed_request_does_not_supersede_what_runs(threaded, gate, seen):
    now = gate("now")
    threaded.submit(now, done=seen.append)
    now.await_begin()
    threaded.submit(lambda on_step: "rest", done=seen.append, delay=0.001)
    now.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["now", "rest"]


def test_failure_takes_nothing_with_it_that_waits(threaded, gate, seen):
    now = gate()

    def fail(on_step):
        now(on_step)
        raise ValueError("no preview")

    threaded.submit(fail, failed=lambda error: seen.append(str(error)))
    now.await_begin()
    threaded.submit(lambda on_step: "exact", done=seen.append, delay=0.001)
    now.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["no preview", "exact"]
    assert threaded.error is None


def test_what_is_queued_is_done_in_turn_and_supersedes_nothing(threaded, gate, seen):
    first = gate("first")
    threaded.submit(first, done=seen.append, kind="tool", queue=True)
    first.await_begin()
    for word in ("second", "third"):
        threaded.submit(lambda on_step, word=word: word, done=seen.append, kind="tool", queue=True)
    first.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["first", "second", "third"]
    assert first.answers == [True]


def test_submit_from_done_runs_after_it(job, seen):
    def first(result):
        job.submit(lambda on_step: "second", done=seen.append)
        seen.append(result)

    job.submit(lambda on_step: "first", done=first)
    assert job.wait(PATIENCE)
    assert seen == ["first", "second"]
    assert job.state == "idle"


def test_submit_from_work_supersedes_it(job, seen):
    def work(on_step):
        job.submit(lambda on_step: "second", done=seen.append)
        seen.append(on_step())
        return "first"

    job.submit(work, done=seen.append)
    assert job.wait(PATIENCE)
    assert seen == [False, "second"]


def test_lock_is_held_by_work_and_not_by_callbacks(seen):
    lock = threading.Lock()
    with Job(executor="thread", lock=lock) as job:
        job.submit(lambda on_step: seen.append(lock.locked()), done=lambda result: seen.append(lock.locked()))
        assert job.wait(PATIENCE)
    assert seen == [True, False]


@pytest.mark.parametrize(("executor", "held"), [("thread", [False, True]), ("inline", [True])])
def test_preparation_comes_before_the_lock_and_not_inline(executor, held, seen):
    lock = threading.Lock()
    with Job(executor=executor, lock=lock) as job:
        job.submit(lambda on_step: seen.append(lock.locked()), prepare=lambda: seen.append(lock.locked()))
        assert job.wait(PATIENCE)
    assert seen == held


def test_failure_of_a_preparation_is_one_of_the_run(threaded, seen):
    threaded.submit(lambda on_step: seen.append("work"), prepare=lambda: 1 / 0, failed=seen.append)
    assert threaded.wait(PATIENCE)
    assert [type(what) for what in seen] == [ZeroDivisionError]
    assert threaded.state == "error"


def test_who_catches_up_waits_for_what_is_due_and_no_longer(threaded, gate):
    held = gate()
    threaded.submit(held)
    held.await_begin()
    threaded.catch_up(0.001)  # gives up
    assert threaded.busy
    held.open()
    threaded.catch_up(PATIENCE)
    assert not threaded.busy
    threaded.submit(lambda on_step: threaded.catch_up(PATIENCE))  # would wait for itself
    threaded.submit(lambda on_step: None, kind="rest", delay=1000)
    threaded.catch_up(PATIENCE)
    assert threaded.busy
    threaded.cancel()


def test_slow_work_of_one_kind_says_nothing_about_the_pictures_of_another(threaded, gate, monkeypatch):
    monkeypatch.setattr(_job, "QUICK_MS", 1e5)  # however busy the machine is
    threaded.submit(lambda on_step: None, kind="picture")
    assert threaded.wait(PATIENCE)
    threaded.took("page", 1e6)
    held = gate()
    threaded.submit(held, kind="picture", frame=True)
    assert threaded.streaming
    held.await_begin()
    held.open()
    threaded.submit(lambda on_step: None, kind="page", frame=True)
    assert threaded.wait(PATIENCE)
    threaded.took("picture", 1e6)
    threaded.submit(lambda on_step: None, kind="picture", delay=PATIENCE)
    assert not threaded.streaming
    threaded.cancel()


def test_frame_that_waited_for_the_lock_gives_way_to_a_newer_one(seen):
    lock = PriorityLock()
    with Job(executor="thread", lock=lock) as job:
        with lock:
            job.submit(lambda on_step: "old", done=seen.append, frame=True)
            until(lambda: lock.waiting)
            job.submit(lambda on_step: "new", done=seen.append, frame=True)
        assert job.wait(PATIENCE)
    assert seen == ["new"]


def test_picture_of_one_job_passes_through_the_long_run_of_another(gate, seen):
    lock = PriorityLock()
    with Job(executor="thread", lock=lock) as long, Job(executor="thread", lock=lock) as quick:
        begun, asked = threading.Event(), threading.Event()

        def spectrum(on_step):
            begun.set()
            assert asked.wait(PATIENCE)
            until(lambda: lock.waiting)
            on_step(Step(1, 2))
            return "spectrum"

        long.submit(spectrum, done=seen.append)
        assert begun.wait(PATIENCE)
        quick.submit(lambda on_step: seen.append("picture"), priority=10)
        asked.set()
        assert long.wait(PATIENCE)
        assert quick.wait(PATIENCE)
    assert seen == ["picture", "spectrum"]
