"""A sweep that is killed or interrupted at any moment loses nothing that was finished."""

import random
import signal
import time

import joblib
import pytest
import torch

import latent_widgets as lw
from latent_widgets.sweeps import Sweep, sweep
from tests.sweeping import begin_sweep, end_all

CODES = 24


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an uninterrupted sweep gives, in a process like the others."""
    store = str(tmp_path_factory.mktemp("whole") / "run")
    program = begin_sweep(store, 1, CODES)
    program.join()
    assert program.exitcode == 0
    return Sweep.load(store).columns()


@pytest.mark.parametrize(
    ("jobs", "end", "times"), [(1, signal.SIGKILL, 5), (1, signal.SIGINT, 5), (2, signal.SIGKILL, 2)]
)
def test_and_resumed_equals_uninterrupted(jobs, end, times, whole, tmp_path):
    store, moments, ended = tmp_path / "run", random.Random(7 * jobs + end), 0
    for _ in range(times):
        before = len(list(store.glob("chunk-*.safetensors")))
        program = begin_sweep(str(store), jobs, CODES)
        wanted = before + moments.randint(0, 3)
        while program.is_alive() and len(list(store.glob("chunk-*.safetensors"))) < wanted:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.1))
        ended += program.is_alive()
        end_all(program, end)
    assert ended >= times / 2  # a quick machine may finish before
    program = begin_sweep(str(store), jobs, CODES)
    program.join()
    assert program.exitcode == 0
    found = Sweep.load(store)
    assert found.stopped == "finished"
    assert found.total == CODES
    assert not list(store.glob("*.draft"))
    columns = found.columns()
    assert columns.keys() == whole.keys()
    for name, value in columns.items():
        assert torch.equal(value, whole[name]), name


def test_an_interrupt_leaves_the_store_to_the_next(tmp_path):
    G = lw.load("faces-exact", resolution=16)

    def interrupt(step):
        if step.index >= 4:
            raise KeyboardInterrupt

    for config in ({"n_jobs": 1}, {"backend": "threading", "n_jobs": 2}):
        store = tmp_path / str(config["n_jobs"])
        with joblib.parallel_config(**config):
            with pytest.raises(KeyboardInterrupt):
                sweep(G, "warpage", 40, k=2, store=store, chunk=4, on_step=interrupt)
            kept = Sweep.load(store)
            assert kept.stopped == "unfinished"
            assert len(kept) >= 4
            assert sweep(G, "warpage", 40, k=2, store=store, chunk=4).stopped == "finished"
