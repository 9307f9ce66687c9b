"""What all pairs of many subspaces cost, beside a careful user's loop over rows and the angles of all pairs.

Run it with ``python -m benchmarks.bench_pairs``; ``--quick`` takes fewer subspaces for the ratios. The loop is timed on
a few rows, and its total is an extrapolation, marked with ~. The bars are of a process of its own, which does nothing
else: 2000 subspaces of ten dimensions among the 128 of ``faces64``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import in_turn, table
from latent_widgets.geometry.quantiles import spectrum_quantiles
from latent_widgets.geometry.subspaces.grassmann import karcher_mean, pairwise_angles, reduce_angles
from latent_widgets.geometry.subspaces.means import frechet_mean
from latent_widgets.geometry.subspaces.pairs import pair_statistics, pairwise_distances

SIZE, K, MANY = 128, 10, 2000
ROWS = 3


def subspaces(count: int) -> Tensor:
    """Return subspaces that lie around one, as the local bases of a generator do."""
    rng = torch.Generator("cpu").manual_seed(0)
    noise = torch.randn(count, SIZE, K, generator=rng, dtype=torch.float32, device="cpu")
    return torch.linalg.qr(torch.eye(SIZE, K, dtype=torch.float32, device="cpu") + 0.1 * noise).Q


def plain_rows(bases: Tensor, rows: int) -> list[Tensor]:
    """Return rows of the matrix as a careful user would compute them: one subspace against all others, in float64."""
    bases, found = bases.double(), []
    for i in range(rows):
        inner = bases[i].T @ bases
        cosines = torch.linalg.svdvals(inner).clamp(max=1)
        sines = torch.linalg.svdvals(bases - bases[i] @ inner).flip(-1).clamp(max=1)
        found.append(torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos()).norm(dim=-1))
    return found


def measured(what: str) -> dict[str, float]:
    """Measure one run with all subspaces in a process of its own: its processor time and its peak of memory."""
    command = [sys.executable, "-m", "benchmarks.bench_pairs", "--threads", str(torch.get_num_threads()), "--run", what]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(what: str) -> None:
    """Do one run and print what it took."""
    bases = subspaces(MANY)
    start = time.process_time()
    pairwise_distances(bases) if what == "distances" else pair_statistics(bases.split(64))
    taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": taken, "bytes": peak}))


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer subspaces and rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--run", choices=("distances", "statistics"), help="one run, of a process of its own")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.run:
        run(arguments.run)
        return
    before, repeats = machine("scipy"), 1 if arguments.quick else 3
    count = 150 if arguments.quick else 400
    bases, pairs = subspaces(count), count * (count - 1) // 2
    off = max(
        float((pairwise_distances(bases[:ROWS], bases)[i].double() - row).abs().max())
        for i, row in enumerate(plain_rows(bases, ROWS))
    )
    runs: dict[str, Callable[[], object]] = {
        "loop": lambda: plain_rows(bases, ROWS),
        "angles": lambda: reduce_angles(pairwise_angles(bases)),
        "distances": lambda: pairwise_distances(bases),
        "statistics": lambda: pair_statistics(bases.split(64)),
    }
    cpu = in_turn(runs, repeats, time.process_time)
    each = {name: 1000 * cpu[name] / (ROWS * count if name == "loop" else pairs) for name in runs}  # microseconds
    named = {
        "loop": "~ a loop over rows, sines and cosines",
        "angles": "pairwise_angles, then reduced",
        "distances": "pairwise_distances",
        "statistics": "pair_statistics",
    }
    rows = [[named[name], each[name], each["loop"] / each[name]] for name in runs]
    table(f"All {pairs} pairs of {count} subspaces, {SIZE} x {K}", ["", "CPU us a pair", "times faster"], rows)

    spectra = torch.rand(20000, 64, generator=torch.Generator("cpu").manual_seed(0), dtype=torch.float32, device="cpu")
    others: dict[str, Callable[[], object]] = {
        "karcher_mean": lambda: karcher_mean(bases, max_steps=5, tolerance=0),
        "frechet_mean in blocks": lambda: frechet_mean(bases.split(64), max_steps=5, tolerance=0),
        "chordal mean in blocks": lambda: frechet_mean(bases.split(64), "chordal"),
        "torch.quantile": lambda: torch.quantile(
            spectra, torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float32, device="cpu"), dim=0
        ),
        "spectrum_quantiles": lambda: spectrum_quantiles(spectra.split(256)),
        "spectrum_quantiles, 8 columns at once": lambda: spectrum_quantiles(spectra.split(256), memory=8 * 4 * 20000),
    }
    taken = in_turn(others, repeats, time.process_time)
    table(
        f"Means of {count} subspaces, quantiles of {len(spectra)} spectra", ["", "CPU ms"], [*map(list, taken.items())]
    )

    whole = {what: measured(what) for what in ("distances", "statistics")}
    bars = [
        bar(f"{what} of {MANY} subspaces, k = {K}", one["seconds"], "< 20 s", one["seconds"] < 20, "s CPU")
        for what, one in whole.items()
    ]
    bars += [
        bar(f"peak of memory, {what}", one["bytes"] / 2**30, "< 1 GiB", one["bytes"] < 2**30, "GiB")
        for what, one in whole.items()
    ]
    bars += [
        bar("most that a distance is off, beside the loop", off, "< 1e-6", off < 1e-6),
        bar(
            "times faster than the loop", each["loop"] / each["distances"], "> 4", each["loop"] > 4 * each["distances"]
        ),
    ]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("pairs", before, {"us a pair": each, "other, ms": taken, "whole": whole, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
