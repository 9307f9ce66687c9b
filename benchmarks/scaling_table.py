"""What one latent of a sweep costs, by kind and network: the constants of the cost model on the page about scaling.

Run it with ``python -m benchmarks.scaling_table``; ``--quick`` takes narrow networks and writes nothing. Networks of
256 and 1024 px have the published size and random weights. Where a latent takes long, a few chunks of its products are
timed and the rest is extrapolated, marked with ~. The table is written to ``docs/scaling_table.txt``, which the page
shows, and to ``build/bench/scaling_table.json``. ``--check`` predicts whole sweeps and makes them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import FOLDER, bar, bar_rows, machine, write
from benchmarks._timing import table
from benchmarks.bench_sweeps import peak
from benchmarks.gpu import stylegan2
from latent_widgets.core.paths import write_whole
from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.core.sweep.worker import compute
from latent_widgets.core.work import nobody
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.sweeps.sweep import KINDS

TARGET = Path(__file__).resolve().parent.parent / "docs" / "scaling_table.txt"
WIDTH, NARROW = 32768, 2048  # of the published network, and of one of 256 px that counts products
NETWORKS: dict[str, Callable[[int], lw.Generator]] = {
    "faces64": lambda base: lw.load("faces64"),
    "StyleGAN2, 256 px": lambda base: stylegan2(256, base),
    "StyleGAN2, 1024 px": lambda base: stylegan2(1024, base),
}
REPORTS, PATIENCE = 2, 1.0  # of a latent that takes long: chunks of products, and seconds after the first, at least


@dataclass(frozen=True)
class Case:
    """A kind of sweep: its parameters, the latents that are measured, and what is counted of each."""

    kind: str
    latents: int
    counted: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_pictures(self) -> bool:
        """Whether products are of the picture."""
        return self.kind in ("image_spectrum", "region_spectrum")

    def all_options(self, G: lw.Generator) -> dict[str, Any]:
        """Return what ``lw.sweep`` is given: of a region, the upper third of the picture."""
        if self.kind != "region_spectrum":
            return dict(self.options)
        mask = torch.zeros(*G.picture_size, dtype=torch.float32, device="cpu")
        mask[: len(mask) // 3] = 1
        return {**self.options, "mask": mask}


CASES = {
    "local_basis of w, k = 10": Case("local_basis", 64, "1 of the mapping", {"k": 10}),
    "warpage of w, k = 10": Case("warpage", 64, "2 of the mapping", {"k": 10}),
    "curve in w, 12 steps each way": Case("curve", 2, "24 of the mapping"),
    "image_spectrum, all": Case("image_spectrum", 4, "{} forward{}"),
    "image_spectrum, lanczos, k = 10": Case(
        "image_spectrum", 4, "~{} each way", {"k": 10, "method": "lanczos"}
    ),
    "region_spectrum, k = 8": Case("region_spectrum", 4, "{} forward"),
}  # fmt: skip


def work_of(G: lw.Generator, case: Case, code: Tensor, on_step: Callable[[Step], bool]) -> None:
    """Do what a sweep of pictures does at one code."""
    if case.kind == "region_spectrum":
        lw.RegionSpectra(G, code, on_step=on_step)
        return
    f = image_function(G, code[None])
    JacobianOperator(f, f.x0).svd(
        case.options.get("k"), case.options.get("method", "exact"), left=False, on_step=on_step
    )


def pace(G: lw.Generator, case: Case, code: Tensor) -> tuple[float, int | None]:
    """Time a few chunks of products at a code, and leave it.

    Returns:
        Processor seconds for each that is reported, and how many all would be, where that is known.
    """
    told: list[tuple[float, int]] = []
    total: int | None = None

    def on_step(step: Step) -> bool:
        nonlocal total
        told.append((time.process_time(), step.index))
        total = step.total
        return len(told) < REPORTS + (total is None) or told[-1][0] - told[0][0] < PATIENCE

    with suppress(Cancelled):
        work_of(G, case, code, on_step)
    begun = total is None  # such an iteration reports before it makes the graph, others after
    (start, first), (end, last) = told[begun], told[-1]
    return (end - start) / (last - first), total


def count_products(G: lw.Generator, case: Case, code: Tensor) -> int:
    """Return how many products each way an iteration takes."""
    told: list[int] = []
    work_of(G, case, code, lambda step: told.append(step.index) or True)
    return told[-1] + case.options["k"]  # those that say how good the values are


def whole(G: lw.Generator, case: Case, count: int) -> float:
    """Return the processor seconds of a latent, of which so many are computed."""
    given = KINDS[case.kind](G, G.sample_z(count, seed=3), 0, **case.all_options(G))
    inputs = {name: value for name, value in given.inputs.items() if "." not in name}
    took = []
    for part in (slice(given.batch), slice(count), slice(count)):  # the first, unmeasured, loads what is loaded once
        start = time.process_time()
        compute(given.task, {name: value[part] for name, value in inputs.items()}, given.batch, nobody)
        took.append(time.process_time() - start)
    return min(took[1:]) / count


def measured(network: str, name: str, base: int) -> dict[str, Any]:
    """Measure one cell of the table, in this process."""
    G, case = NETWORKS[network](base), CASES[name]
    code, total = G.map(G.sample_z(1, seed=3))[0], G.dim("w")
    if network == "faces64" or not case.of_pictures:
        found = {"seconds": whole(G, case, case.latents), "guessed": False, "MiB": peak(os.getpid())}
        if "lanczos" in name:
            total = count_products(G, case, code)
        return {**found, "products": total, "ways": _ways(G, case)}
    each, counted = pace(G, case, code)
    most = peak(os.getpid())
    if counted is None:
        narrow = NETWORKS[network](max(NARROW * 256 // G.resolution, G.resolution))  # a channel at least
        counted = count_products(narrow, case, narrow.map(narrow.sample_z(1, seed=3))[0])
    return {
        "seconds": each * counted, "each": each, "guessed": True, "MiB": most, "products": counted,
        "ways": _ways(G, case),
    }  # fmt: skip


def _ways(G: lw.Generator, case: Case) -> int:
    """Whether products are made each way: of a matrix that is not held."""
    if case.kind != "image_spectrum" or case.options:
        return 1
    f = image_function(G, G.map(G.sample_z(1))[0][None])
    return 1 if JacobianOperator(f, f.x0).fits() else 2


def bytes_of(G: lw.Generator, case: Case) -> float:
    """Return the bytes of a latent in a file of the store; they follow from the sizes of codes alone."""
    count = 1 if case.of_pictures or case.kind == "curve" else 64
    with tempfile.TemporaryDirectory() as folder:
        lw.sweep(G, case.kind, count, store=f"{folder}/run", chunk=count, **case.all_options(G))
        return (Path(folder) / "run" / "chunk-000000.safetensors").stat().st_size / count


def in_own_process(network: str, name: str, base: int) -> dict[str, Any]:
    """Measure one cell of the table in a process that does nothing else, so that its peak of memory is its own."""
    command = [sys.executable, "-m", "benchmarks.scaling_table", "--run", network, name, "--base", str(base)]
    threads = ["--threads", str(torch.get_num_threads())]
    return json.loads(subprocess.run([*command, *threads], check=True, capture_output=True, text=True).stdout)


def sized(count: float) -> str:
    """Say how many bytes."""
    return f"{count / 1000:.3g} kB"


def lasting(seconds: float, guessed: bool) -> str:
    """Say how many seconds."""
    said = (
        f"{1000 * seconds:.3g} ms"
        if seconds < 1
        else f"{seconds:.3g} s"
        if seconds < 600
        else f"{seconds / 3600:.2g} h"
    )
    return f"~{said}" if guessed else said


def measure_all(base: int, only: str) -> dict[str, Any]:
    """Measure the cells whose names contain a text."""
    small = {"faces64": lw.load("faces64"), "StyleGAN2": stylegan2(16, 256)}
    results: dict[str, Any] = {}
    for network in NETWORKS:
        for name, case in CASES.items():
            if "1024" in network and not case.of_pictures:
                continue  # the mapping is that of the network before
            if only not in f"{network}: {name}":
                continue
            found = in_own_process(network, name, base)
            results[f"{network}: {name}"] = {**found, "bytes": bytes_of(small[network.split(",")[0]], case)}
            print(network, name, found, file=sys.stderr, flush=True)
    return results


def print_table(results: Mapping[str, Any]) -> None:
    """Print a table for each network."""
    for network in NETWORKS:
        rows = []
        for name, case in CASES.items():
            if one := results.get(f"{network}: {name}"):
                counted = case.counted.format(one["products"], ", and back" if one["ways"] > 1 else "")
                lasts = lasting(one["seconds"], one["guessed"])
                rows.append([name, counted, lasts, sized(one["bytes"]), f"{one['MiB']:.0f}"])
        head = ["", "derivatives a latent", "processor time a latent", "kept", "peak of memory, MiB"]
        if rows:
            table(f"{network}, one thread", head, rows)


def check(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Predict whole sweeps from the table and from a short run just before, make them, and print how they compare."""
    rows, bars = [], []
    faces, narrow = lw.load("faces64"), stylegan2(256, NARROW)
    exact = CASES["image_spectrum, all"]
    for G, name, count in (
        (faces, "warpage of w, k = 10", 500),
        (faces, "image_spectrum, all", 20),
        (narrow, "image_spectrum, all", 1),
    ):
        case = CASES[name]
        title = f"{count} x {name}, {'faces64' if G is faces else '256 px, a sixteenth of the width'}"
        if G is faces:
            each = whole(G, case, case.latents)
        else:
            once, total = pace(G, exact, G.map(G.sample_z(1, seed=3))[0])
            each = once * (total or 0)
        known = results.get(f"faces64: {name}", {}).get("seconds") if G is faces else None
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            lw.sweep(G, case.kind, count, store=f"{folder}/run", **case.all_options(G))
            took = time.process_time() - start
        ratio = took / (count * each)
        rows.append([title, count * each, "" if known is None else count * known, took, ratio])
        bars.append(bar(title, ratio, "0.75 to 1.25", 0.75 <= ratio <= 1.25))
    head = ["", "predicted, CPU s", "by the table", "measured, CPU s", "measured / predicted"]
    table("Whole sweeps, predicted and made", head, rows)
    return bars


def main() -> None:
    """Print the table, or the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="narrow networks; nothing is written")
    parser.add_argument("--check", action="store_true", help="predict whole sweeps, and make them")
    parser.add_argument("--only", default="", help="measure what has this in its name, and keep the rest as it is")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--base", type=int, default=WIDTH, help="channels of the networks; 32768 is the published size")
    parser.add_argument("--run", nargs=2, metavar=("NETWORK", "CASE"), help="one cell, in a process of its own")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.run:
        print(json.dumps(measured(*arguments.run, arguments.base)))
        return
    before, file = machine(), FOLDER / "scaling_table.json"
    known = json.loads(file.read_text())["results"] if file.exists() else {}
    if arguments.check:
        bars = check(known)
        table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
        write("scaling_check", before, {"bars": bars})
        return
    found = measure_all(NARROW if arguments.quick else arguments.base, arguments.only)
    results = {**known, **found} if arguments.only and not arguments.quick else found
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        print_table(results)
    print(text.getvalue(), end="", flush=True)
    if not arguments.quick:
        write_whole(TARGET, f"{text.getvalue().strip()}\n".encode())
        write("scaling_table", before, {"results": results})


if __name__ == "__main__":
    with torch.no_grad():
        main()
