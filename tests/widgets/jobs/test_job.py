"""A run from its request to its end: its result, its steps, its errors, how it is cancelled and how a job closes."""

import threading

import pytest
import torch

from latent_widgets.core.steps import Cancelled, Plan, Step
from latent_widgets.widgets.jobs.executors import inline_jobs
from latent_widgets.widgets.jobs.job import Job
from tests.widgets.conftest import PATIENCE


@pytest.fixture
def threaded(threaded_job):
    """A job with a thread."""
    return threaded_job


def test_result_reaches_done_and_the_job_is_idle_again(job, seen):
    first = job.submit(lambda on_step: 6 * 7, done=seen.append)
    assert job.wait(PATIENCE)
    assert seen == [42]
    assert (job.state, job.busy, job.error, job.label, job.progress) == ("idle", False, None, "", None)
    assert job.elapsed_ms >= 0
    assert job.submit(lambda on_step: None) == first + 1


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


def test_success_settles_only_what_failed_of_its_kind(job):
    job.submit(lambda on_step: 1 / 0, kind="picture")
    job.submit(lambda on_step: {}["page"], kind="page")
    assert job.wait(PATIENCE)
    assert [type(error) for error in job.errors] == [ZeroDivisionError, KeyError]
    assert job.error is job.errors[1]
    job.submit(lambda on_step: 1, kind="page")
    assert job.wait(PATIENCE)
    assert (job.state, job.errors) == ("error", (job.error,))
    assert isinstance(job.error, ZeroDivisionError)
    job.submit(lambda on_step: 1, kind="picture")
    assert job.wait(PATIENCE)
    assert (job.state, job.error) == ("idle", None)


@pytest.mark.parametrize(
    "settle", [lambda job: job.settle(), lambda job: job.settle("page"), lambda job: job.cancel("page")]
)
def test_failure_that_nobody_minds_any_more_is_settled(job, settle):
    job.submit(lambda on_step: 1 / 0, kind="page")
    assert job.wait(PATIENCE)
    job.settle("another")
    assert job.error is not None
    settle(job)
    assert job.error is None
    assert job.state == "idle"


def test_job_knows_what_is_still_to_come(threaded, gate):
    slow = gate()
    first = threaded.submit(slow)
    slow.await_begin()
    second = threaded.submit(lambda on_step: None, kind="later")
    assert threaded.awaits(first)
    assert threaded.awaits(second)
    third = threaded.submit(lambda on_step: 1 / 0)  # supersedes the first, and fails
    assert not threaded.awaits(first)
    slow.open()
    assert threaded.wait(PATIENCE)
    assert not any(map(threaded.awaits, (first, second, third, 0)))


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
    slow, threads = gate("slow"), []

    def work(on_step):
        threads.append(threading.current_thread())
        return slow(on_step)

    threaded.submit(work, done=seen.append)
    slow.await_begin()
    threaded.submit(lambda on_step: "waiting", done=seen.append, kind="b")
    threaded.close()
    threaded.close()
    assert not threaded.busy
    slow.open()
    assert threaded.wait(PATIENCE)
    assert not threads[0].is_alive()
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

    told = []
    with Job(executor="inline", on_change=lambda: told.append(job.state)) as job:
        with pytest.raises(KeyboardInterrupt):
            job.submit(lambda on_step: job.submit(interrupt, kind="next") and job.submit(interrupt, kind="last"))
        assert (job.state, job.busy) == ("cancelled", False)
        assert told[-1] == "cancelled"
        job.submit(lambda on_step: 1, done=seen.append)
    assert seen == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_ends_its_thread_takes_nothing_with_it(threaded, gate, seen):
    last, ended = gate(), []

    def leave(on_step):
        last(on_step)
        ended.append(threading.current_thread())
        raise SystemExit

    threaded.submit(leave, kind="last words")
    last.await_begin()
    threaded.submit(lambda on_step: "done", done=seen.append)
    last.open()
    assert threaded.wait(PATIENCE)
    assert (seen, threaded.state) == (["done"], "idle")
    ended[0].join(PATIENCE)  # what it leaves behind is noticed here, and not in a later test


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


def test_what_a_run_takes_is_told_at_once_and_what_is_left_once_a_second(seen, monkeypatch):
    now = [10.0]
    monkeypatch.setattr("latent_widgets.widgets.jobs.job.time.monotonic", lambda: now[0])
    plan = Plan(100, 0.4)

    def work(on_step):
        on_step(Step(0, 1000))
        on_step(Step(0, 1000, plan=plan))
        for index, left in ((1, 39.0), (2, 38.0), (3, 37.0)):
            now[0] += 0.6
            on_step(Step(index, 1000, plan=plan, left=left))

    with Job(executor="inline", on_change=lambda: seen.append(job.report().words)) as job:
        job.submit(work, label="count")
        assert job.report().words == ""
    told = list(dict.fromkeys(seen))
    assert told == [
        "count",
        "count, 0 %",
        "count, 0 %, about 40 s: 100 pictures at 400 ms",
        "count, 0 %, about 38 s left",
        "",
    ]
