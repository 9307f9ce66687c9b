"""What sweeps are tried with: tasks that are quick, fail, die, or cannot be sent; and a program to be killed."""

import contextlib
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import psutil
import pytest
import torch
from joblib.externals.loky import get_reusable_executor

from latent_widgets.core.sweep import tasks
from latent_widgets.core.sweep.assignment import Assignment
from latent_widgets.core.work import Work
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.sweeps import sweep


@dataclass(frozen=True)
class Square:
    """Squares each row; by its value a row fails or kills its worker, the first time or each time.

    Attributes:
        failing: Rows of this value raise.
        dying: Rows of this value end the process.
        once: A folder in which each of them leaves a mark, so that the next try succeeds.
        seconds: How long each batch takes.
    """

    failing: float | None = None
    dying: float | None = None
    once: str = ""
    seconds: float = 0.0

    @property
    def device(self):
        return torch.device("cpu")

    def __call__(self, rows, inside):
        x = rows["x"]
        for _ in range(int(self.seconds / 0.01)):
            time.sleep(0.01)
            inside()
        if self.failing is not None and bool((x == self.failing).any()) and self._again("failed"):
            raise RuntimeError(f"row {self.failing} does not like this")
        if self.dying is not None and bool((x == self.dying).any()) and self._again("died"):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": x * x, "twice": 2 * x[:, :1]}

    def _again(self, name):
        if not self.once:
            return True
        mark = Path(self.once) / name
        there = mark.exists()
        mark.touch()
        return not there


class Unsendable(Square):
    """Holds what cannot be pickled."""

    def __reduce__(self):
        raise TypeError("cannot pickle this one")


def column(n=10, width=3):
    return torch.arange(n * width, dtype=torch.float64).reshape(n, width)


def assignment(task=None, rows=None, **changes):
    rows = column() if rows is None else rows
    values = {
        "kind": "squares", "task": task or Square(), "inputs": {"x": rows}, "parameters": {"k": 3}, "generator": "none",
        "weights_hash": "0" * 64, "condition": "", "batch": 2, "bytes_each": 8, "seconds_each": 0.001,
    }  # fmt: skip
    return Assignment(**{**values, **changes})


def work(on_step=None, total=10):
    return Work(on_step, total)


def squares(store):
    """What a store should hold once all is there: compared with what it holds."""
    x = store.inputs["x"]
    found = [store.read(index) for index in range(store.manifest.chunks)]
    return torch.equal(torch.cat([chunk["square"] for chunk in found]), x * x)


def sweep_faces(store, jobs, codes, kind="image_spectrum"):
    """Sweep a small generator into a folder, in a process that may be killed."""
    torch.set_num_threads(1)
    with joblib.parallel_config(backend="loky", n_jobs=jobs):
        sweep(ExactFaces(resolution=32), kind, codes, k=3, store=store, chunk=1)
    if jobs > 1:
        get_reusable_executor().shutdown()  # a process of multiprocessing's does not end before its own do


def begin_sweep(*arguments):
    """Start :func:`sweep_faces` in a process that is there at once: another one has loaded all that it needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sweeping"])
    process = context.Process(target=sweep_faces, args=arguments)
    process.start()
    return process


def end_all(process, end):
    """Send a signal to a process, and kill the workers that it leaves."""
    with contextlib.suppress(psutil.NoSuchProcess):
        workers = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, end)
        for worker in workers if end == signal.SIGKILL else ():  # they hold what tells of its end
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        process.join()


def as_close_as_rounding(found, wanted):
    """Whether float64 numbers are the same but for another order of sums: some thousand units in the last place."""
    if not wanted.is_floating_point():
        return torch.equal(found, wanted)
    return found.shape == wanted.shape and bool((found - wanted).abs().max() <= 1e-11 * (1 + wanted.abs().max()))


def pretend(version):
    """Make this process one of another version of the package."""
    tasks.VERSION = version


@contextlib.contextmanager
def dask_client():
    """A cluster of two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster, distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=120)
        yield client
