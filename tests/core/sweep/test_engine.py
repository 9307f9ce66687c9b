"""Chunks are computed, tried again, left out, cancelled: in this process, in threads, in others."""

import os
import threading
import time

import joblib
import numpy as np
import pytest
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.core.sweep import crew, engine, tasks, worker
from latent_widgets.core.sweep.assignment import begun
from latent_widgets.core.sweep.engine import Failure, run
from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.tasks import Parcel
from tests.sweeping import Square, Unsendable, assignment, column, squares, work

HERE = {"alone": {"n_jobs": 1}, "threads": {"backend": "threading", "n_jobs": 2}}
APART = {"loky": {"backend": "loky", "n_jobs": 2}}


@pytest.fixture(params=[*HERE, *APART])
def anywhere(request):
    with joblib.parallel_config(**{**HERE, **APART}[request.param]):
        yield request.param


@pytest.fixture
def apart():
    with joblib.parallel_config(**APART["loky"]):
        yield


class TestEverywhere:
    def test_finds_all(self, anywhere):
        store = begun(assignment(), None, 4)
        assert run(Square(), store, work()) == engine.Run("finished")
        assert squares(store)

    def test_tells_of_rows(self, anywhere):
        told = []
        store = begun(assignment(), None, 4)
        run(Square(), store, work(lambda step: told.append((step.index, step.total))))
        assert told[-1] == (10, 10)
        assert [index for index, _ in told] == sorted(index for index, _ in told)

    def test_goes_on_with_what_is_missing(self, anywhere, tmp_path):
        store = begun(assignment(), tmp_path, 4)
        run(Square(), store, work(lambda step: step.index < 4))
        assert len(store.missing()) in (1, 2)  # several may come in at once
        told = []
        assert run(Square(), store, work(lambda step: told.append(step.index))).stopped == "finished"
        assert told[0] in (2, 4, 6, 8)
        assert squares(store)

    def test_nothing_to_do(self, anywhere, tmp_path):
        store = begun(assignment(), tmp_path, 4)
        run(Square(), store, work())
        told = []
        assert run(Square(failing=0.0), store, work(lambda step: told.append(step.index))).stopped == "finished"
        assert told == [10]

    def test_cancelled_between_chunks(self, anywhere):
        store = begun(assignment(), None, 2)
        ended = run(Square(seconds=0.3), store, work(lambda step: step.index < 2))
        assert ended.stopped == "cancelled"
        assert 2 <= len(Rows(store).done) < 10

    def test_cancelled_at_the_last_is_finished(self, anywhere):
        store = begun(assignment(), None, 4)
        assert run(Square(), store, work(lambda step: step.index < 10)).stopped == "finished"

    def test_cancelled_inside_a_chunk(self, anywhere):
        store = begun(assignment(), None, 10)
        began = time.monotonic()
        ended = run(Square(seconds=60), store, work(lambda step: time.monotonic() < began + 0.5))
        assert ended.stopped == "cancelled"
        assert not len(Rows(store).done)

    def test_what_fails_once_is_found(self, anywhere, tmp_path):
        store = begun(assignment(), None, 4)
        task = Square(failing=15.0, once=str(tmp_path))
        assert run(task, store, work()) == engine.Run("finished")
        assert squares(store)

    def test_what_fails_twice_is_left_out(self, anywhere):
        store = begun(assignment(), None, 4)
        ended = run(Square(failing=15.0), store, work())
        assert ended.stopped == "failed"
        (failure,) = ended.failures
        assert (failure.first, failure.last) == (4, 7)
        assert "RuntimeError: row 15.0 does not like this" in failure.reason
        assert Rows(store).done.tolist() == [0, 1, 2, 3, 8, 9]

    def test_what_failed_is_tried_when_swept_again(self, anywhere):
        store = begun(assignment(), None, 4)
        run(Square(failing=15.0), store, work())
        assert run(Square(), store, work()).stopped == "finished"

    def test_all_fail(self, anywhere):
        store = begun(assignment(rows=torch.ones(6, 2, dtype=torch.float64)), None, 2)
        with pytest.raises(ValueError, match=r"must succeed somewhere, got the same failure everywhere: .*row 1.0"):
            run(Square(failing=1.0), store, work(total=6))

    def test_impatient(self, anywhere):
        store = begun(assignment(), None, 4)
        kind = ValueError if anywhere == "loky" else RuntimeError  # an error does not travel, its words do
        with pytest.raises(kind, match="does not like this"):
            run(Square(failing=0.0), store, work(), patient=False)

    def test_an_error_of_the_callback_comes_out(self, anywhere):
        def wrong(step):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            run(Square(), begun(assignment(), None, 4), work(wrong))

    def test_an_error_of_the_callback_comes_out_from_inside_a_chunk(self, anywhere):
        told = []

        def wrong(step):
            told.append(step)
            if len(told) > 2:
                raise KeyError("mine")

        store = begun(assignment(), None, 10)
        with pytest.raises(KeyError, match="mine"):
            run(Square(seconds=1.0), store, work(wrong))
        assert not len(Rows(store).done)

    def test_no_clock_of_the_day_counts(self, anywhere, monkeypatch):
        days = iter([1e9, -1e9] * 1000)
        monkeypatch.setattr(time, "time", lambda: next(days))
        store = begun(assignment(), None, 4)
        run(Square(), store, work())
        assert squares(store)

    def test_expects(self, anywhere, tmp_path):
        store = begun(assignment(), tmp_path, 4)
        run(Square(), store, work(lambda step: step.index < 4))
        left = 10 - len(Rows(store).done)
        asked = []
        run(Square(), store, work(), expect=lambda *args: asked.append(args))
        assert asked == [(left, 1 if anywhere == "alone" else 2)]


class TestOtherProcesses:
    def test_are_others_with_the_threads_that_were_asked_for(self, apart):
        @joblib.delayed
        def look(parcel, terms, order):
            reply = worker.work_on(parcel, terms, order)
            return reply.data is not None, os.getpid(), torch.get_num_threads()

        given = assignment()
        terms = worker.Terms("s", 2, 3, "/nowhere", worker.here())
        order = worker.order_of(0, given.inputs, range(2))
        ((travels, pid, threads),) = joblib.Parallel()([look(Parcel(Square()), terms, order)])
        assert travels
        assert pid != os.getpid()
        assert threads == 3

    def test_give_the_same_bits(self, apart):
        inside = begun(assignment(), None, 4)
        run(Square(), inside, work())
        with joblib.parallel_config(n_jobs=1):
            alone = begun(assignment(), None, 4)
            run(Square(), alone, work())
        assert torch.equal(Rows(inside).columns()["square"], Rows(alone).columns()["square"])

    def test_one_that_dies_costs_time(self, apart, tmp_path):
        store = begun(assignment(), tmp_path / "run", 2)
        task = Square(dying=15.0, once=str(tmp_path))
        assert run(task, store, work()).stopped == "finished"
        assert squares(store)

    def test_one_that_dies_each_time(self, apart, tmp_path):
        store = begun(assignment(rows=column(20)), tmp_path / "run", 2)
        ended = run(Square(dying=15.0), store, work(total=20))
        assert ended.stopped == "failed"
        (failure,) = ended.failures
        assert (failure.first, failure.last) == (4, 5)
        assert "the worker died" in failure.reason
        assert len(Rows(store).done) == 18

    def test_all_die(self, apart):
        store = begun(assignment(rows=torch.ones(12, 2, dtype=torch.float64)), None, 2)
        with pytest.raises(ValueError, match="workers must live until a chunk is finished, got 4 that died"):
            run(Square(dying=1.0), store, work(total=12))

    @pytest.mark.parametrize("stuck", ["once", "always"])
    def test_silence_is_taken_for_a_death(self, stuck, monkeypatch):
        for name in ("SILENCE", "STARTING", "LONGER"):
            monkeypatch.setattr(crew, name, 2.0 if name != "LONGER" else 0.0)
        calls, released = [], threading.Event()

        def lost(parcel, terms, order):
            calls.append(order.index)
            if order.index == 1 and (stuck == "always" or calls.count(1) == 1):
                released.wait(60)
            return worker.work_on(parcel, terms, order)

        monkeypatch.setattr(crew, "work_on", lost)
        store = begun(assignment(), None, 2)
        try:
            with joblib.parallel_config(**HERE["threads"]):
                ended = run(Square(), store, work())
        finally:
            released.set()
        if stuck == "once":
            assert ended.stopped == "finished"
            assert squares(store)
        else:
            (failure,) = ended.failures
            assert (failure.first, failure.last) == (2, 3)
            assert "nothing came back from the workers for" in failure.reason

    def test_none_that_come_back(self, monkeypatch):
        monkeypatch.setattr(crew, "STARTING", 0.0)
        monkeypatch.setattr(crew, "RETRY", 0.1)

        def nobody(self, orders):
            raise crew.Died((), "no active worker")

        monkeypatch.setattr(crew.Crew, "work_off", nobody)
        with pytest.raises(ValueError, match="workers must be there to compute, got none: no active worker"):
            run(Square(), begun(assignment(), None, 4), work())

    def test_some_that_come_back(self, monkeypatch):
        monkeypatch.setattr(crew, "RETRY", 0.1)
        there = []
        real = crew.Crew.work_off

        def late(self, orders):
            there.append(1)
            if len(there) < 3:
                raise crew.Died((), "no active worker")
            yield from real(self, orders)

        monkeypatch.setattr(crew.Crew, "work_off", late)
        store = begun(assignment(), None, 4)
        assert run(Square(), store, work()).stopped == "finished"
        assert squares(store)

    def test_cannot_be_sent_everything(self, apart):
        store = begun(assignment(), None, 4)
        with pytest.raises(ValueError, match=r"other processes can be sent, got .* cannot pickle this one. Use joblib"):
            run(Unsendable(), store, work())
        with joblib.parallel_config(**HERE["threads"]):
            assert run(Unsendable(), store, work()).stopped == "finished"

    def test_what_is_wrong_with_all_of_them(self):
        death = crew._as_death(ModuleNotFoundError("No module named 'latent_widgets'"), {1})
        assert isinstance(death, ValueError)
        assert "Install latent_widgets there too" in str(death)
        assert isinstance(crew._as_death(KeyboardInterrupt(), {1}), KeyboardInterrupt)

    def test_a_backend_that_gives_all_at_the_end(self):
        with (
            joblib.parallel_config(backend="multiprocessing", n_jobs=2),
            pytest.raises(ValueError, match=r"hand over results as they come, got MultiprocessingBackend. Use 'loky'"),
        ):
            run(Square(), begun(assignment(), None, 4), work())

    def test_another_version(self, monkeypatch):
        parcel = tasks._unpacked("it", Parcel(Square()).packed(), "0.0.9")
        reply = worker.work_on(parcel, worker.Terms("s", 2, 1, "/nowhere", ("far", 1)), worker.Order(3, {}))
        assert reply.refused.endswith("where the sweep was begun with 0.0.9")
        monkeypatch.setattr(crew, "work_on", lambda *args: reply)
        with pytest.raises(ValueError, match="every worker must have the same latent_widgets, got one with"):
            run(Square(), begun(assignment(), None, 4), work())

    def test_is_unpacked_once(self):
        data = Parcel(Square(seconds=0.01)).packed()
        first, again = (tasks._unpacked("digest", data, tasks.VERSION) for _ in range(2))
        assert first is again
        assert tasks._unpacked("another", data, tasks.VERSION) is not first
        assert len(tasks._UNPACKED) == 1


class TestCompute:
    def test_batches(self):
        seen = []

        def task(rows, inside):
            seen.append(len(rows["x"]))
            return {"y": rows["x"] + 1}

        task.device = torch.device("cpu")
        found = worker.compute(task, {"x": column(7)}, 3, lambda: None)
        assert seen == [3, 3, 1]
        assert torch.equal(found["y"], column(7) + 1)

    def test_halves_what_does_not_fit(self):
        seen = []

        def task(rows, inside):
            seen.append(len(rows["x"]))
            if len(rows["x"]) > 2:
                raise torch.OutOfMemoryError("too much")
            return {"y": rows["x"] + 1}

        task.device = torch.device("cpu")
        assert torch.equal(worker.compute(task, {"x": column(7)}, 7, lambda: None)["y"], column(7) + 1)
        assert seen == [7, 3, 1, 2, 4, 2, 2]

    def test_one_row_that_does_not_fit(self):
        def task(rows, inside):
            raise torch.OutOfMemoryError("too much")

        task.device = torch.device("cpu")
        with pytest.raises(torch.OutOfMemoryError):
            worker.compute(task, {"x": column(3)}, 3, lambda: None)

    def test_looks_whether_it_was_cancelled(self, tmp_path):
        terms = worker.Terms("s", 2, 1, str(tmp_path / "flag"), worker.here())
        order = worker.Order(0, {"x": np.ones((4, 1))})
        assert not worker.work_on(Parcel(Square()), terms, order).cancelled
        (tmp_path / "flag").touch()
        assert worker.work_on(Parcel(Square()), terms, order).cancelled

    def test_cancelled_by_whoever_sweeps(self):
        def inside():
            raise Cancelled("now")

        terms = worker.Terms("s", 1, 1, "/nowhere", worker.here())
        with pytest.raises(Cancelled):
            worker.work_on(Parcel(Square()), terms, worker.Order(0, {"x": np.ones((4, 1))}), inside)


class TestChunks:
    @pytest.mark.parametrize(
        ("workers", "kept", "seconds", "length"),
        [
            (1, False, 1e-3, 16),  # nothing is given away: a batch
            (1, True, 1e-3, 2000),  # two seconds
            (1, True, 1e-9, 25008),  # a quarter of all
            (4, True, 1e-3, 2000),
            (100, True, 1e-3, 256),  # four for each worker
            (2, False, 60.0, 16),  # one batch at least
        ],
    )
    def test_are_as_long_as_pays(self, workers, kept, seconds, length, monkeypatch, tmp_path):
        from latent_widgets.core.sweep import assignment as module

        monkeypatch.setattr(module, "workers", lambda: workers)
        given = assignment(rows=torch.zeros(100_000, 1, dtype=torch.float64), batch=16, seconds_each=seconds)
        assert begun(given, tmp_path / "run" if kept else None).manifest.chunk == length

    @pytest.mark.parametrize("chunk", [0, -1])
    def test_wrong_length(self, chunk):
        with pytest.raises(ValueError, match="chunk must be at least 1"):
            begun(assignment(), None, chunk)

    def test_are_whole_batches(self):
        assert begun(assignment(), None, 3).manifest.chunk == 4


def test_threads_end_with_the_sweep():
    before = set(threading.enumerate())
    with joblib.parallel_config(**HERE["threads"]):
        run(Square(seconds=0.2), begun(assignment(), None, 2), work(lambda step: step.index < 2))

    def left():
        return [thread for thread in set(threading.enumerate()) - before if thread.name == "sweep"]

    deadline = time.monotonic() + 20
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left()


def test_failures_are_in_the_order_of_rows():
    class Two(Square):
        def __call__(self, rows, inside):
            if float(rows["x"].max()) != 11.0:
                raise RuntimeError("no")
            return super().__call__(rows, inside)

    ended = run(Two(), begun(assignment(), None, 2), work())
    assert [(one.first, one.last) for one in ended.failures] == [(0, 1), (4, 5), (6, 7), (8, 9)]
    assert isinstance(ended.failures[0], Failure)
