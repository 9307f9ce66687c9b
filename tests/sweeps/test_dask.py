"""Sweeps on a Dask cluster of two workers, each a process of its own: one may die, all must have the package."""

import os
import signal

import joblib
import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.sweep import crew
from tests.sweeping import dask_client, pretend

pytestmark = pytest.mark.filterwarnings("default")  # Dask leaves sockets open, and says what it lost

CODES = 10


@pytest.fixture(scope="module")
def client():
    with dask_client() as found:
        yield found


@pytest.fixture
def on_dask(client):
    with joblib.parallel_config(backend="dask"):
        yield client


@pytest.fixture
def on_its_own():
    """A cluster that may be damaged: what became of its workers is nobody else's."""
    with dask_client() as found, joblib.parallel_config(backend="dask"):
        yield found


@pytest.fixture(scope="module", params=["by name", "with its weights"])
def generator(request):
    G = lw.load("digits32")
    if request.param == "with its weights":
        G.origin = None
    return G


@pytest.fixture(scope="module")
def whole(client):
    with joblib.parallel_config(backend="dask"):
        return lw.sweep(lw.load("digits32"), "image_spectrum", CODES, k=2, chunk=1).columns()


def test_a_killed_worker_costs_time_not_results(on_its_own, generator, whole, tmp_path):
    killed = []

    def on_step(step):
        if step.index >= 2 and not killed:
            killed.append(step.index)
            os.kill(next(iter(on_its_own.run(os.getpid).values())), signal.SIGKILL)

    store = tmp_path / "run"
    S = lw.sweep(generator, "image_spectrum", CODES, k=2, chunk=1, store=store, on_step=on_step)
    assert killed
    assert (S.stopped, len(S), S.failures) == ("finished", CODES, ())
    for name, value in lw.Sweep.load(store).columns().items():
        assert torch.equal(value, whole[name]), name


def test_cancelled(on_dask, generator):
    S = lw.sweep(generator, "image_spectrum", CODES, k=2, chunk=1, on_step=lambda step: step.index < 3)
    assert S.stopped == "cancelled"
    assert 3 <= len(S) < CODES
    assert lw.sweep(generator, "image_spectrum", 2, k=2, chunk=1).stopped == "finished"  # the next one is not held up


def test_the_workers_are_others(on_dask):
    S = lw.sweep(lw.load("digits32"), "warpage", 40, k=2)
    with joblib.parallel_config(n_jobs=1):
        alone = lw.sweep(lw.load("digits32"), "warpage", 40, k=2)
    assert torch.allclose(S.result().distances, alone.result().distances, atol=1e-4)


def test_workers_of_another_version_are_refused(on_dask):
    on_dask.run(pretend, "0.0.9")
    try:
        with pytest.raises(ValueError, match=r"every worker must have the same latent_widgets, got one with 0.0.9"):
            lw.sweep(lw.load("digits32"), "image_spectrum", 2, k=2, chunk=1)
    finally:
        on_dask.run(pretend, lw.__version__)


def test_workers_without_the_package_are_refused(on_dask, monkeypatch):
    monkeypatch.setattr(crew, "VERSIONED", "a_package_that_nobody_has.core.version:VERSION")
    with pytest.raises(ValueError, match=r"every worker must have the package.*Install latent_widgets there too"):
        lw.sweep(lw.load("digits32"), "image_spectrum", 2, k=2, chunk=1)
