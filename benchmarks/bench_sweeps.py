"""What sweeps cost beside their mathematics: chunks, stores, workers, and the loop that a careful user writes.

Run it with ``python -m benchmarks.bench_sweeps``; ``--quick`` takes fewer latents. Two workers can only be twice as
fast where two cores are idle, so each figure stands beside what other programs took of the processor meanwhile.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import psutil
import torch
from joblib.externals.loky import get_reusable_executor
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import in_turn, table
from latent_widgets.core.sweep.assignment import Assignment, begun
from latent_widgets.core.sweep.engine import run
from latent_widgets.core.sweep.tasks import Task
from latent_widgets.core.work import Work, timed
from latent_widgets.geometry.jacobian.differential import differential
from latent_widgets.geometry.jacobian.sweeping import product_of
from latent_widgets.sweeps import bases, warpage

NAME, K = "faces64", 10
MANY, FEW, SHOWN = 2000, 60, 32  # latents of w, latents of pictures, latents of a heatmap
Part = tuple[dict[str, Any], list[dict[str, Any]]]
BUSY = 0.2  # cores that other programs may take of a machine that counts as idle


@dataclass(frozen=True)
class Taken:
    """What a run took: seconds on the clock, of the processor, and the cores that other programs kept busy."""

    seconds: float
    cpu: float
    others: float


def busy() -> tuple[float, float]:
    """Return processor seconds so far: of this process and its children, and of all programs."""
    ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
    spent = [one.cpu_times() for one in ours]
    whole = psutil.cpu_times()
    return sum(one.user + one.system for one in spent), whole.user + whole.system + whole.nice


def taken(work: Callable[[], object]) -> Taken:
    """Measure one run with all its processes, which are there before it begins and after it ends."""
    (own, whole), start = busy(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    own_after, whole_after = busy()
    cpu = own_after - own
    return Taken(seconds, cpu, max(whole_after - whole - cpu, 0) / seconds)


def best_in_turn(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Taken]:
    """Measure runs in turn; the quickest of each."""
    rounds = [{name: taken(one) for name, one in runs.items()} for _ in range(repeats)]
    return {name: min((one[name] for one in rounds), key=lambda each: each.seconds) for name in runs}


def swept(G: lw.Generator, jobs: int, kind: str, z: Tensor, **options: Any) -> lw.Sweep:
    """Sweep into a new folder."""
    with tempfile.TemporaryDirectory() as folder, joblib.parallel_config(backend="loky", n_jobs=jobs):
        return lw.sweep(G, kind, z, store=Path(folder) / "run", k=K, **options)


@functools.cache
def loaded() -> lw.Generator:
    """Return the generator, loaded once in each process."""
    return lw.load(NAME)


def plain_block(z: Tensor, target: str) -> tuple[Tensor, Tensor]:
    """Return directions and singular values of a few latents, in a worker."""
    torch.set_num_threads(1)
    found = lw.local_bases(loaded(), z, target, k=K)
    return torch.stack([one.directions.vectors for one in found]), torch.stack([one.singular_values for one in found])


def plain(jobs: int, z: Tensor, target: str, block: int) -> list[Tensor]:
    """Return those of all latents, as a careful user's loop gathers them."""
    parallel = joblib.Parallel(n_jobs=jobs)
    parts = parallel(joblib.delayed(plain_block)(part, target) for part in z.split(block))
    return [torch.cat(both) for both in zip(*parts, strict=True)]


def chunks_of(given: Assignment, chunk: int) -> Iterator[dict[str, Tensor]]:
    """Yield the rows of each chunk."""
    for start in range(0, given.count, chunk):
        yield {name: value[start : start + chunk] for name, value in given.inputs.items()}


@dataclass(eq=False)
class Timed:
    """A task that adds up the processor seconds of what it computes."""

    task: Task
    spent: float = 0.0

    @property
    def device(self) -> torch.device:
        """Where the task wants its rows."""
        return self.task.device

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> Mapping[str, Tensor]:
        """Compute, and note how long it took."""
        start = time.process_time()
        found = self.task(rows, inside)
        self.spent += time.process_time() - start
        return found


def beyond(given: Assignment, chunk: int) -> list[float]:
    """Sweep into a folder with one worker: processor seconds of the mathematics, all others, and one chunk of these."""
    task = Timed(given.task)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        store = begun(replace(given, task=task), Path(folder) / "run", chunk)
        run(task, store, Work(None, given.count))
        others = time.process_time() - start - task.spent
    return [task.spent, others, others / store.manifest.chunks]


def direct(G: lw.Generator, given: Assignment) -> list[Any]:
    """Return the differentials of a map of warpage, one batch after the other."""
    batches = chunks_of(given, given.batch)
    return [differential(G, torch.cat([rows["z"], rows["close_z"]]), "w", given.parameters["k"]) for rows in batches]


def peak(pid: int) -> float:
    """Return the most memory that a process has taken so far, in MiB, as Linux says it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def run_of_its_own(jobs: int, count: int) -> None:
    """Sweep, and print what the process and its children took of memory."""
    G = loaded()
    swept(G, jobs, "warpage", G.sample_z(count))
    children = sorted((peak(one.pid) for one in psutil.Process().children(recursive=True)), reverse=True)
    print(json.dumps({"process": peak(os.getpid()), "children": children}))


def peaks(jobs: int, count: int) -> dict[str, Any]:
    """Measure the memory of one sweep in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_sweeps", "--run", str(jobs), "--latents", str(count)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def gains(title: str, found: Mapping[str, Taken]) -> list[dict[str, Any]]:
    """Print runs with one and two workers, and return what two gain."""
    rows = [[name, one.seconds, one.cpu, one.others] for name, one in found.items()]
    table(title, ["", "s on the clock", "CPU s, all processes", "cores that others took"], rows)
    one, two = found["sweep, one worker"], found["sweep, two workers"]
    gain, others = one.seconds / two.seconds, max(one.others, two.others)
    said = "" if others < BUSY else f" (not idle: others took {others:.2f} cores)"
    bars = [bar(f"{title}: two workers{said}", gain, ">= 1.7 of 2", gain >= 1.7)]
    most = 2 * one.cpu / two.cpu  # what two idle cores would make of it
    bars.append(bar(f"{title}: the same by processor time", most, ">= 1.7 of 2", most >= 1.7))
    if "plain joblib, two workers" in found:
        ratio = two.seconds / found["plain joblib, two workers"].seconds
        bars.append(bar(f"{title}: time of plain joblib's", ratio, "<= 1.05", ratio <= 1.05))
    return bars


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer latents and rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--only", choices=["workers", "chunks", "map", "memory"], help="one of the parts")
    parser.add_argument("--run", type=int, help="one sweep with so many workers, in a process of its own")
    parser.add_argument("--latents", type=int, default=MANY, help="of that sweep")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.run:
        run_of_its_own(arguments.run, arguments.latents)
        return
    before, quick = machine("joblib"), arguments.quick
    G, many, few, repeats = (loaded(), 320, 8, 1) if quick else (loaded(), MANY, FEW, 3)
    z, bars, results = G.sample_z(many), list[dict[str, Any]](), dict[str, Any]()
    swept(G, 1, "warpage", z[:32])  # what is loaded once
    parts = {
        "workers": lambda: of_workers(G, z, few, repeats),
        "chunks": lambda: of_chunks(G, z, few // 3, repeats),
        "map": lambda: of_map(G, 5 * repeats),
        "memory": lambda: of_memory(many),
    }
    for name, part in parts.items():
        if arguments.only in (None, name):
            results[name], more = part()
            bars += more
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write(f"sweeps_{arguments.only}" if arguments.only else "sweeps", before, {"results": results, "bars": bars})


def of_workers(G: lw.Generator, z: Tensor, few: int, repeats: int) -> Part:
    """Compare one worker, two, and a loop of joblib's."""
    many, bars = len(z), list[dict[str, Any]]()
    tiny = functools.partial(swept, G, 2, "warpage", z[:32], chunk=16)
    cold, warm = taken(tiny), taken(tiny)
    table("Start of two workers, s on the clock", ["", "s"], [["first sweep", cold.seconds], ["next", warm.seconds]])
    results: dict[str, Any] = {"start of two workers, s": cold.seconds - warm.seconds}
    maps: dict[str, Callable[[], object]] = {
        "sweep, one worker": lambda: swept(G, 1, "warpage", z),
        "sweep, two workers": lambda: swept(G, 2, "warpage", z),
    }
    of_w: dict[str, Callable[[], object]] = {
        "sweep, one worker": lambda: swept(G, 1, "local_basis", z),
        "sweep, two workers": lambda: swept(G, 2, "local_basis", z),
        "plain joblib, two workers": lambda: plain(2, z, "w", many // 8),
    }
    pictured: dict[str, Callable[[], object]] = {
        "sweep, one worker": lambda: swept(G, 1, "local_basis", z[:few], target="image"),
        "sweep, two workers": lambda: swept(G, 2, "local_basis", z[:few], target="image"),
        "plain joblib, two workers": lambda: plain(2, z[:few], "image", max(1, few // 10)),
    }
    for title, target, runs, turns in (
        (f"warpage of {many} latents", "w", maps, repeats),
        (f"local_basis of {many} latents, w", "w", of_w, repeats),
        (f"local_basis of {few} latents, image", "image", pictured, max(1, repeats - 1)),
    ):
        get_reusable_executor().shutdown()  # loky ends workers whose memory grows beyond that of their first work
        swept(G, 2, "local_basis", z[:4], target=target, chunk=1)
        plain(2, z[:4], target, 1)
        found = best_in_turn(runs, turns)
        bars += gains(title, found)
        results[title] = {name: asdict(one) for name, one in found.items()}
    return results, bars


def of_chunks(G: lw.Generator, z: Tensor, few: int, repeats: int) -> Part:
    """Measure what a sweep does beside its mathematics: hashes, files, giving chunks away."""
    rows, bars = [], []
    for title, given, chunk in (
        (f"warpage of {len(z)} latents", warpage.assigned(G, z, 0, k=K), max(len(z) // 4, 64)),
        ("the same, max_k = 10", warpage.assigned(G, z, 0, k=K, max_k=K), max(len(z) // 4, 64)),
        (f"local_basis of {few} latents, image", bases.assigned(G, z[:few], 0, k=K, target="image"), 5),
    ):
        spent, others, each = min((beyond(given, chunk) for _ in range(repeats)), key=lambda one: one[1] / one[0])
        rows.append([title, spent, 1000 * others, 1000 * each])
        bars.append(bar(f"{title}: beyond the mathematics", 100 * others / spent, "< 2 %", others < 0.02 * spent, "%"))
    head = ["", "mathematics, CPU s", "all others, CPU ms", "of one chunk"]
    table("One worker, with a store", head, rows)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}, bars


def of_map(G: lw.Generator, repeats: int) -> Part:
    """Compare a map of a few latents, as a heatmap measures it, with its differentials in a loop."""
    shown = warpage.assigned(G, G.sample_z(SHOWN), 0, k=K)
    runs: dict[str, Callable[[], object]] = {
        "direct": lambda: direct(G, shown),
        "with its outlook": lambda: (timed(product_of(G, shown.inputs["z"][:1], "w")), direct(G, shown)),
        "warpage": lambda: lw.warpage(G, n=SHOWN, k=K),
    }
    cpu = in_turn(runs, repeats, time.process_time)
    rows = [
        ["the same differentials in a loop", cpu["direct"]],
        ["the same, after three products that are timed", cpu["with its outlook"]],
        ["lw.warpage", cpu["warpage"]],
    ]
    table(f"A map of {SHOWN} latents, as a heatmap measures it", ["", "CPU ms"], rows)
    ratio, fair = cpu["warpage"] / cpu["direct"], cpu["warpage"] / cpu["with its outlook"]
    return cpu, [
        bar(f"map of {SHOWN} latents, of the loop's time", ratio, "<= 1.05", ratio <= 1.05),
        bar("the same, of the loop's with timed products", fair, "<= 1.05", fair <= 1.05),
    ]


def of_memory(many: int) -> Part:
    """Measure the memory of a sweep, in processes of its own."""
    memory = {str(jobs): peaks(jobs, many) for jobs in (1, 2)}
    rows = [
        [f"workers: {jobs}", one["process"], ", ".join(f"{mib:.0f}" for mib in one["children"])]
        for jobs, one in memory.items()
    ]
    table(f"Peak of memory, warpage of {many} latents, MiB", ["", "the program", "its children"], rows)
    return memory, []


if __name__ == "__main__":
    from benchmarks.bench_sweeps import main as begin  # so that workers find what they are to call by its name

    with torch.no_grad():
        begin()
