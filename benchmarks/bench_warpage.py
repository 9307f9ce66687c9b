"""What warpage costs, beside the published metric sweep and its sampling of random subspaces.

Run it with ``python -m benchmarks.bench_warpage``; ``--quick`` takes fewer latents. The published sweep is timed on a
few pairs, and its total is an extrapolation, marked with ~.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import ortho_group
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import in_turn, table
from latent_widgets.geometry.subspaces import haar
from latent_widgets.methods.warpage import warpage

PAIRS = 3


def official_distance(A: Tensor, B: Tensor) -> tuple[float, float]:
    """Return the geodesic and the projection distance by the published formulas."""
    angles = torch.linalg.svdvals(A.T @ B).clamp(max=1).acos()
    return float(angles.norm()), float(torch.linalg.matrix_norm(A @ A.T - B @ B.T, 2))


def official_basis(G: lw.Generator, z: Tensor) -> Tensor:
    """Return the Local Basis as the official program computes it."""
    with torch.enable_grad():
        repeated = z.expand(G.dim("w"), -1).clone().requires_grad_()
        jacobian = torch.autograd.grad(G.map(repeated), repeated, grad_outputs=torch.eye(G.dim("w")))[0]
    return torch.linalg.svd(jacobian).U


def official_sweep(G: lw.Generator, z: Tensor, ks: range) -> list[float]:
    """Return the distances of pairs of latents for every k: both bases anew for each pair, k and metric."""
    found = []
    for i in range(0, len(z) - 1, 2):
        for k in ks:
            for metric in (0, 1):
                A, B = (official_basis(G, z[j : j + 1])[:, :k] for j in (i, i + 1))
                found.append(official_distance(A, B)[metric])
    return found


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer latents and rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before, repeats = machine("scipy"), 1 if arguments.quick else 3
    G, n, ks = lw.load("faces64"), 200, range(1, 51)

    official = lambda: ortho_group.rvs(512, size=2, random_state=np.random.default_rng(0))  # noqa: E731
    runs: dict[str, Callable[[], object]] = {
        "official": official,
        "ours": lambda: haar._haar_sample.__wrapped__(512, 10, 16, 0),
    }
    cpu = in_turn(runs, repeats, time.process_time)
    each = cpu["ours"] / 16
    rows = [["official: Haar matrices of 512", cpu["official"], 1.0], ["thin QR, k = 10", each, cpu["official"] / each]]
    table("One pair of random subspaces", ["", "CPU ms", "times faster"], rows)
    results: dict[str, Any] = {"haar": {"official": cpu["official"], "ours": each}}

    z = G.sample_z(2 * PAIRS, seed=5)
    taken = ks if not arguments.quick else range(1, 51, 10)
    started = time.process_time()
    official_sweep(G, z, taken)
    published = (
        (time.process_time() - started) / PAIRS / len(taken) * len(ks)
    )  # seconds for one pair, all k and metrics
    started = time.process_time()
    M = warpage(G, n=n, k=10)
    bases = time.process_time() - started
    started = time.process_time()
    mean = float(M.distances.mean())
    all_pairs = time.process_time() - started
    pairs = n * (n - 1) // 2
    sweep = list(ks) if not arguments.quick else list(ks)[::10]
    started = time.process_time()
    for k in sweep:
        for metric in ("geodesic", "projection"):
            _ = M.at(k, metric).distances
    ours = (time.process_time() - started) / len(sweep) * len(ks) + bases
    rows = [
        ["published sweep", f"~{published:.3g}", f"~{published * pairs:.3g}", 1.0],
        ["bases once, then slices", ours / pairs, ours, published * pairs / ours],
    ]
    table(
        f"All {pairs} pairs of {n} latents of faces64, k = 1 to 50, both metrics",
        ["", "CPU s a pair", "CPU s", "times faster"],
        rows,
    )
    rows = [["bases of all latents and their close partners", bases], ["distances of all pairs, k = 10", all_pairs]]
    table(f"One map (mean distance {mean:.3f} of chance)", ["", "CPU s"], rows)
    bars = [bar("distances of 200 latents, k = 10, after the bases", all_pairs, "< 2 s", all_pairs < 2, "s CPU")]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    results |= {"published, s a pair": published, "sweep, s": ours, "bases, s": bases, "distances, s": all_pairs}
    write("warpage", before, {"results": results, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
