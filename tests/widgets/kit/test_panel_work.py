"""A panel tells what goes on, and swallows nothing."""

import threading
import time

import numpy as np
import pytest

from latent_widgets.core.lock import PriorityLock
from latent_widgets.core.steps import Step
from latent_widgets.widgets.jobs import job as _job
from latent_widgets.widgets.jobs import run as _run
from latent_widgets.widgets.kit import panel as _panel
from latent_widgets.widgets.kit.panel import Panel
from tests.widgets.conftest import PATIENCE, Faces, until


def test_work_of_a_control_reaches_the_picture(faces):
    faces.slider.value = 14
    assert (np.array(faces.picture.to_pil()) == 255).all()
    assert faces.error is None
    assert faces.busy is False
    assert faces.status.startswith("idle, ")
    assert faces.status.endswith(" ms")


def test_error_of_work_shows_and_the_next_success_clears_it(faces):
    kept = faces.picture.data
    faces.slider.value = 13
    assert isinstance(faces.error, ZeroDivisionError)
    assert faces.status == "error"
    assert "<b>ZeroDivisionError</b>: " in faces.line.message.value
    assert "Traceback" in faces.line.message.value
    assert faces.line.trouble.layout.display is None
    assert faces.picture.data == kept
    faces.slider.value = 20
    assert faces.error is None
    assert faces.line.trouble.layout.display == "none"


def test_error_of_a_handler_shows_until_it_is_dismissed(faces):
    faces.button.click()
    assert isinstance(faces.error, ZeroDivisionError)
    faces.slider.value = 20
    assert isinstance(faces.error, ZeroDivisionError)
    faces.line.dismiss.click()
    assert faces.error is None
    assert faces.status.startswith("idle")


def test_success_of_work_does_not_clear_an_error_of_a_handler(faces):
    faces.slider.value = 13
    faces.show_error(KeyError("newer"))
    faces.slider.value = 20
    assert isinstance(faces.error, KeyError)
    assert faces.status == "error"


def test_guard_keeps_name_arguments_and_result(faces):
    def add(a, b=1):
        return a + b

    assert faces.guard(add)(2, b=3) == 5
    assert faces.guard(add).__name__ == "add"


def test_error_of_a_control_goes_when_the_control_is_right_again(faces):
    def refuse(wrong):
        if wrong:
            raise ValueError("no")

    one, other = faces.guard(refuse), faces.guard(refuse)
    one(True)
    other(False)
    assert str(faces.error) == "no"  # which has nothing to do with it
    one(False)
    assert faces.error is None
    one(True)
    other(True)
    later = faces.error
    one(False)
    assert faces.error is later


def test_error_text_is_escaped(faces):
    faces.show_error(ValueError("<script>alert(1)</script> & more"))
    assert "<script>" not in faces.line.message.value
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in faces.line.message.value


def test_error_without_words_says_so(faces):
    faces.show_error(ValueError())
    assert "(no message)" in faces.line.message.value


def test_observer_of_busy_that_fails_is_shown_and_the_work_goes_on(faces):
    faces.observe(lambda change: {}["missing"], "busy")
    faces.slider.value = 20
    assert isinstance(faces.error, KeyError)
    assert np.array(faces.picture.to_pil()).max() < 255


def test_line_follows_a_run(gate):
    seen = []
    with Faces(0.5, executor="thread") as panel:
        panel.observe(lambda change: seen.append(change["new"]), "status")
        slow = gate()

        def work(on_step):
            on_step(Step(1, 4))
            slow(on_step)

        panel.run(work, label="spectrum")
        slow.await_begin()
        assert panel.busy
        assert panel.status == "busy: spectrum, 25 %"
        assert panel.line.progress.value == 0.25
        assert panel.line.progress.layout.display is None
        assert not panel.line.cancel.disabled
        panel.line.cancel.click()
        assert (panel.status, panel.busy, panel.error) == ("cancelled", False, None)
        assert panel.line.cancel.disabled
        assert panel.line.progress.layout.display == "none"
        slow.open()
        assert panel.job.wait(PATIENCE)
        assert slow.answers == [False]
    assert [words for words in seen if words != "busy: spectrum"] == ["busy: spectrum, 25 %", "cancelled"]


@pytest.mark.parametrize(("quick", "drawn"), [(1e9, False), (0.0, True)])
def test_stream_of_quick_pictures_leaves_the_line_alone(quick, drawn, gate, monkeypatch):
    monkeypatch.setattr(_job, "QUICK_MS", quick)
    with Faces(0.5, executor="thread") as panel:
        panel.run(lambda on_step: 0)
        assert panel.job.wait(PATIENCE)
        seen, held = [], gate()
        panel.observe(lambda change: seen.append(change["new"]), "status")
        panel.run(held, frame=True, label="drawing")
        held.await_begin()
        assert panel.busy
        panel.run(lambda on_step: 0, delay=0.001, label="drawing")
        held.open()
        assert panel.job.wait(PATIENCE)
    assert ("busy: drawing" in seen) is drawn


def test_words_on_the_line_last_until_the_next_run(faces):
    faces.say("saved to walk.gif")
    assert faces.status == "saved to walk.gif"
    assert "saved to walk.gif" in faces.line.text.value
    faces.slider.value = 20
    assert faces.status.startswith("idle")


def test_words_go_with_a_run_that_was_over_before_anybody_saw_it(faces, monkeypatch):
    faces.say("saved to walk.gif")
    with monkeypatch.context() as unseen:
        unseen.setattr(faces.job, "tell", lambda: None)
        faces.run(lambda on_step: 0)
    assert faces.status == "saved to walk.gif"
    faces.job.tell()
    assert faces.status.startswith("idle")


@pytest.mark.parametrize("executor", ["inline", "thread"])
def test_words_that_a_run_says_at_its_end_stay(executor):
    with Faces(0.5, executor=executor) as panel:
        panel.run(lambda on_step: "walk.gif", lambda name: panel.say(f"saved {name}"), label="saving")
        assert panel.job.wait(PATIENCE)
        assert panel.status == "saved walk.gif"
        panel.run(lambda on_step: 0)
        assert panel.job.wait(PATIENCE)
        assert panel.status.startswith("idle")


# ---- long work beside the pictures


def test_pictures_come_while_long_work_goes_on(gate):
    with Faces(0.5, executor="thread", lock=PriorityLock()) as panel:
        begun, pictures = threading.Event(), []

        def work(on_step):
            on_step(Step(1, 4))
            begun.set()
            while len(pictures) < 3:  # it holds the lock between its steps: without a way in, the test would hang
                on_step(Step(1, 4))
            return "directions"

        panel.run(work, pictures.append, beside=True, label="Local Basis")
        assert begun.wait(PATIENCE)
        for number in range(3):
            panel.run(lambda on_step, number=number: number, pictures.append, kind=str(number), priority=10)
        assert panel.wait(PATIENCE)
    assert pictures == [0, 1, 2, "directions"]


def test_rules_for_derivatives_are_loaded_before_long_work_takes_the_lock(monkeypatch):
    seen, lock = [], threading.Lock()
    monkeypatch.setattr(_panel, "load_rules", lambda: seen.append(lock.locked()))
    with Panel(executor="thread", lock=lock) as panel:
        panel.run(lambda on_step: None)
        assert panel.wait(PATIENCE)  # or the lock may still be the first run's
        panel.run(lambda on_step: seen.append(lock.locked()), beside=True)
        assert panel.wait(PATIENCE)
    assert seen == [False, True]


@pytest.mark.parametrize("loaded", [True, False])
def test_line_says_when_long_work_waits_for_pytorch(loaded, gate, monkeypatch):
    seen, loading, slow = [], gate(), gate()
    monkeypatch.setattr(_run, "rules_loaded", lambda: loaded)
    monkeypatch.setattr(_panel, "load_rules", lambda: loading(lambda: None))
    with Faces(0.5, executor="thread") as panel:
        panel.observe(lambda change: seen.append(change["new"]), "status")
        panel.run(slow, beside=True, label="Local Basis")
        loading.await_begin()
        until(lambda: panel.status == f"busy: {'Local Basis' if loaded else 'loading the rest of PyTorch, once'}")
        loading.open()
        slow.await_begin()
        until(lambda: panel.status == "busy: Local Basis")
        slow.open()
        assert panel.wait(PATIENCE)
        assert panel.status.startswith("idle")
    assert any("PyTorch" in words for words in seen) is not loaded


def test_long_work_can_be_cancelled_while_pytorch_is_loaded(gate, monkeypatch):
    seen, loading = [], gate()
    monkeypatch.setattr(_run, "rules_loaded", lambda: False)
    monkeypatch.setattr(_panel, "load_rules", lambda: loading(lambda: None))
    with Faces(0.5, executor="thread") as panel:
        panel.run(lambda on_step: seen.append("work"), beside=True, label="Local Basis")
        loading.await_begin()
        panel.line.cancel.click()
        until(lambda: panel.status == "cancelled")
        loading.open()
        assert panel.wait(PATIENCE)
        assert (panel.status, panel.error, seen) == ("cancelled", None, [])


def test_line_and_cancel_are_about_long_work_too(gate):
    with Faces(0.5, executor="thread") as panel:
        slow = gate()

        def work(on_step):
            on_step(Step(1, 4))
            slow(on_step)

        panel.run(work, beside=True, label="Local Basis")
        slow.await_begin()
        panel.run(lambda on_step: 0, label="drawing")
        assert panel.job.wait(PATIENCE)
        assert (panel.busy, panel.status) == (True, "busy: Local Basis, 25 %")
        assert panel.line.progress.value == 0.25
        panel.line.cancel.click()
        assert (panel.busy, panel.status, panel.error) == (False, "cancelled", None)
        slow.open()
        assert panel.wait(PATIENCE)
        assert slow.answers == [False]


@pytest.mark.parametrize("executor", ["inline", "thread"])
def test_error_of_long_work_outlives_the_success_of_a_picture(executor):
    with Faces(0.5, executor=executor) as panel:
        panel.run(lambda on_step: 1 / 0, beside=True)
        assert panel.wait(PATIENCE)
        panel.run(lambda on_step: 0)
        assert panel.wait(PATIENCE)
        assert isinstance(panel.error, ZeroDivisionError)
        assert panel.status == "error"
        panel.run(lambda on_step: 0, beside=True)
        assert panel.wait(PATIENCE)
        assert panel.error is None
        assert panel.status.startswith("idle")


def test_callbacks_of_pictures_and_of_long_work_take_turns():
    with Faces(0.5, executor="thread") as panel:
        inside, seen = threading.Lock(), []

        def done(result):
            assert inside.acquire(blocking=False)
            time.sleep(0)
            seen.append(result)
            inside.release()

        for number in range(200):
            panel.run(lambda on_step: 0, done, beside=number % 2 == 0, kind=str(number))
        assert panel.wait(PATIENCE)
        assert panel.error is None
        assert len(seen) == 200


def test_wait_covers_work_that_one_worker_gives_the_other():
    with Faces(0.5, executor="thread") as panel:
        seen = []

        def hand_on(count):
            seen.append(count)
            if count < 20:
                panel.run(lambda on_step: count + 1, hand_on, beside=count % 2 == 0, kind="hand")

        panel.run(lambda on_step: 0, hand_on)
        assert panel.wait(PATIENCE)
        assert seen == list(range(21))
        panel.run(lambda on_step: panel.wait(), beside=True)
        assert panel.wait(PATIENCE)
        assert "wait must be called outside the job's own work and callbacks." in str(panel.error)


def test_wait_says_when_its_time_is_up(gate):
    with Faces(0.5, executor="thread") as panel:
        slow = gate()
        panel.run(slow, beside=True)
        assert not panel.wait(0.0)
        slow.open()
        assert panel.wait(PATIENCE)


def test_close_ends_both_workers(gate):
    before = set(threading.enumerate())
    panel, slow, seen = Faces(0.5, executor="thread"), gate(), []
    panel.run(slow, seen.append, beside=True)
    panel.run(lambda on_step: 0)
    slow.await_begin()
    panel.close()
    slow.open()
    assert panel.wait(PATIENCE)
    assert seen == []
    assert set(threading.enumerate()) <= before


def test_lock_is_held_by_the_work():
    lock, held = threading.Lock(), []
    with Panel(executor="inline", lock=lock) as panel:
        panel.run(lambda on_step: held.append(lock.locked()))
        assert held == [True]
        assert not lock.locked()
