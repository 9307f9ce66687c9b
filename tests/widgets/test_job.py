"""One run at a time, latest wins, nothing superseded reaches the screen, nothing that goes wrong is lost."""

import threading

import pytest
import torch

from latent_widgets._steps import Cancelled, Step
from latent_widgets.generators._lock import PriorityLock
from latent_widgets.widgets._executors import inline_jobs
from latent_widgets.widgets._job import Job
from latent_widgets.widgets._relay import Relay
from tests.widgets.conftest import PATIENCE, until


@pytest.fixture(params=["thread", "inline"])
def job(request):
    """A job of each kind, closed afterwards, whose thread must have ended."""
    with Job(executor=request.param) as made:
        yield made
    assert made.wait(PATIENCE)
    assert made._thread not in threading.enumerate()


@pytest.fixture
def threaded():
    """A job with a thread."""
    with Job(executor="thread") as made:
        yield made
    assert made.wait(PATIENCE)


@pytest.fixture
def seen():
    """A list for results."""
    return []


def test_result_reaches_done_and_the_job_is_idle_again(job, seen):
    first = job.submit(lambda on_step: 6 * 7, done=seen.append)
    assert job.wait(PATIENCE)
    assert seen == [42]
    assert (job.state, job.busy, job.error, job.label, job.progress) == ("idle", False, None, "", None)
    assert job.elapsed_ms >= 0
    assert job.submit(lambda on_step: None) == first + 1


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
    assert not threaded.busy
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


def test_failure_drops_the_delayed_request_that_would_fail_alike(threaded, gate, seen):
    now = gate()

    def fail(on_step):
        now(on_step)
        raise ValueError("twice")

    threaded.submit(fail, failed=seen.append)
    now.await_begin()
    threaded.submit(fail, failed=seen.append, delay=1000)
    now.open()
    assert threaded.wait(PATIENCE)
    assert [str(error) for error in seen] == ["twice"]


def test_cancel_at_a_step(job, seen):
    def count(on_step):
        for index in range(1, 1001):
            if index == 3:
                job.cancel()
            if not on_step(Step(index, 1000)):
                seen.append(index)
                return index
        return None

    job.submit(count, done=lambda result: seen.append("done"))
    assert job.wait(PATIENCE)
    assert seen == [3]
    assert (job.state, job.error) == ("cancelled", None)


def test_cancel_in_the_progress_callback_ends_that_very_step(job, seen):
    job.submit(lambda on_step: seen.append(on_step(Step(1, 2))), progress=lambda step: job.cancel())
    assert job.wait(PATIENCE)
    assert seen == [False]


def test_cancel_answers_at_once_and_concerns_one_kind(threaded, gate, seen):
    slow = gate("slow")
    threaded.submit(slow, done=seen.append, kind="a")
    slow.await_begin()
    threaded.submit(lambda on_step: "waiting", done=seen.append, kind="b")
    threaded.submit(lambda on_step: "kept", done=seen.append, kind="c")
    threaded.cancel("b")
    assert threaded.busy
    threaded.cancel("a")
    slow.open()
    assert threaded.wait(PATIENCE)
    assert seen == ["kept"]
    threaded.submit(gate(), done=seen.append)
    threaded.cancel()
    assert (threaded.state, threaded.busy) == ("cancelled", False)


def test_cancelled_is_no_error(job, seen):
    def stop(on_step):
        raise Cancelled

    job.submit(stop, done=seen.append, failed=seen.append)
    assert job.wait(PATIENCE)
    assert (job.state, job.error, seen) == ("cancelled", None, [])


def test_exception_is_kept_until_a_run_succeeds(job, seen):
    job.submit(lambda on_step: 1 / 0, done=seen.append, failed=seen.append)
    assert job.wait(PATIENCE)
    assert seen == [job.error]
    assert isinstance(job.error, ZeroDivisionError)
    assert job.state == "error"
    job.submit(lambda on_step: 1)
    assert job.wait(PATIENCE)
    assert (job.error, job.state) == (None, "idle")


def test_exceptions_of_callbacks_are_kept(job, seen):
    job.submit(lambda on_step: 0, done=lambda result: 1 / result, failed=seen.append)
    assert job.wait(PATIENCE)
    assert seen == [job.error]
    assert isinstance(job.error, ZeroDivisionError)
    job.submit(lambda on_step: 1 / 0, failed=lambda error: {}["missing"])
    assert job.wait(PATIENCE)
    assert isinstance(job.error, KeyError)
    job.submit(lambda on_step: on_step(Step(1, 2)), progress=lambda step: [].pop())
    assert job.wait(PATIENCE)
    assert isinstance(job.error, IndexError)


def test_exception_of_on_change_is_kept_and_the_job_goes_on(seen):
    with Job(executor="inline", on_change=lambda: {}["missing"]) as job:
        job.submit(lambda on_step: 1, done=seen.append)
        assert isinstance(job.error, KeyError)
        assert seen == [1]


def test_close_while_running(threaded, gate, seen):
    slow = gate("slow")
    threaded.submit(slow, done=seen.append)
    slow.await_begin()
    threaded.submit(lambda on_step: "waiting", done=seen.append, kind="b")
    thread = next(thread for thread in threading.enumerate() if thread.name == "latent_widgets-job")
    threaded.close()
    threaded.close()
    assert not threaded.busy
    slow.open()
    assert threaded.wait(PATIENCE)
    assert not thread.is_alive()
    assert (seen, slow.answers) == ([], [False])
    with pytest.raises(
        RuntimeError, match=r"submit must be called on an open job, got a closed one\. Make a new panel\."
    ):
        threaded.submit(gate())


def test_close_from_a_callback(job, seen):
    job.submit(lambda on_step: 1, done=lambda result: job.close())
    assert job.wait(PATIENCE)
    assert job.closed


def test_idle_thread_ends_and_the_next_request_starts_another(seen):
    with Job(executor="thread", linger=0) as job:
        for _ in range(2):
            job.submit(lambda on_step: threading.current_thread(), done=seen.append)
            assert job.wait(PATIENCE)
            seen[-1].join(PATIENCE)
            assert not seen[-1].is_alive()
    assert seen[0] is not seen[1]
    assert seen[0].daemon


def test_work_has_no_gradients_and_the_caller_keeps_them(job, seen):
    job.submit(lambda on_step: torch.is_grad_enabled(), done=seen.append)
    assert job.wait(PATIENCE)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        job.submit(lambda on_step: torch.enable_grad()(torch.is_grad_enabled)(), done=seen.append)
        assert job.wait(PATIENCE)
        assert not torch.is_grad_enabled()
    assert seen == [False, True]


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


def test_wait_for_oneself_is_refused(job):
    job.submit(lambda on_step: job.wait())
    assert job.wait(PATIENCE)
    assert "wait must be called outside the job's own work and callbacks. Use done= instead." in str(job.error)


def test_progress_and_states_are_told(seen):
    steps = []
    with Job(executor="inline", on_change=lambda: seen.append((job.state, job.label, job.progress))) as job:
        job.submit(lambda on_step: [on_step(Step(index, 2)) for index in (1, 2)], label="count", progress=steps.append)
    assert [step.index for step in steps] == [1, 2]
    assert seen == [("busy", "count", None), ("busy", "count", 0.5), ("busy", "count", 1.0), ("idle", "", None)]


def test_a_thousand_steps_are_told_a_hundred_times(seen):
    with Job(executor="inline", on_change=lambda: seen.append(job.progress)) as job:
        job.submit(lambda on_step: [on_step(Step(index, 5000)) for index in range(1, 5001)])
    assert 90 <= len(seen) <= 105


def test_lock_is_held_by_work_and_not_by_callbacks(seen):
    lock = threading.Lock()
    with Job(executor="thread", lock=lock) as job:
        job.submit(lambda on_step: seen.append(lock.locked()), done=lambda result: seen.append(lock.locked()))
        assert job.wait(PATIENCE)
    assert seen == [True, False]


def test_preparation_comes_before_the_lock_and_not_inline(job, seen):
    job._lock = lock = threading.Lock()
    job.submit(lambda on_step: seen.append(lock.locked()), prepare=lambda: seen.append(lock.locked()))
    assert job.wait(PATIENCE)
    assert seen == ([True] if job.executor == "inline" else [False, True])


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
    threaded.submit(lambda on_step: None, kind="rest", delay=PATIENCE)
    threaded.catch_up(PATIENCE)
    assert threaded.state == "idle"
    threaded.cancel()


def test_slow_work_of_one_kind_says_nothing_about_the_pictures_of_another(threaded, gate):
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
            until(lambda: lock._waiting)
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
            until(lambda: lock._waiting)
            on_step(Step(1, 2))
            return "spectrum"

        long.submit(spectrum, done=seen.append)
        assert begun.wait(PATIENCE)
        quick.submit(lambda on_step: seen.append("picture"), priority=10)
        asked.set()
        assert long.wait(PATIENCE)
        assert quick.wait(PATIENCE)
    assert seen == ["picture", "spectrum"]


def test_inline_jobs_are_chosen_by_context(seen):
    with inline_jobs():
        inside = Job()
    outside = Job()
    me = threading.get_ident()
    for job in (inside, outside):
        job.submit(lambda on_step: threading.get_ident() == me, done=seen.append)
        assert job.wait(PATIENCE)
        job.close()
        assert job.wait(PATIENCE)
    assert seen == [True, False]


def test_interrupt_ends_inline_work_and_leaves_the_job_usable(seen):
    def interrupt(on_step):
        raise KeyboardInterrupt

    with Job(executor="inline") as job:
        with pytest.raises(KeyboardInterrupt):
            job.submit(interrupt)
        assert (job.state, job.busy) == ("cancelled", False)
        job.submit(lambda on_step: 1, done=seen.append)
    assert seen == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "process"}, r"executor must be one of 'thread', 'inline', got 'process'\."),
        ({"linger": -1}, r"linger must be at least 0, got -1\."),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Job(**options)


def test_bad_delay_is_refused(job):
    with pytest.raises(ValueError, match=r"delay must be finite, got nan\."):
        job.submit(lambda on_step: None, delay=float("nan"))


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
    slow = gate()
    with Job(executor="thread", on_change=lambda: job.state == "idle" and job.stamp and slow(lambda: None)) as job:
        job.submit(lambda on_step: None, done=seen.append)
        slow.await_begin()
        assert job.state == "idle"
        assert not job.wait(0.01)
        slow.open()
        assert job.wait(PATIENCE)
        assert slow.answers


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
