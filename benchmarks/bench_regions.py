"""From a painted region to its spectrum and directions, beside the published procedure of LowRankGAN.

Run it with ``python -m benchmarks.bench_regions``; ``--quick`` takes fewer rounds and a narrower network for the
cost of one product. The published procedure takes one reverse pass for each pixel, then, for each region, a pursuit
for each of its two Grams: eight rows and some iterations are timed, and what is extrapolated from rows is marked with
~.

At 256 px the regions are timed on a network with a thirty-second of the published channels, so that its whole pass can
be run; what is held and what a region costs depend on the latent and on the analysed picture alone.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import Spread, in_turn, spread_in_turn, table
from benchmarks.bench_jacobian import ROWS, peak, published_size, row_by_row
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.pcp import pcp

LIMIT = 30.0  # ms from a region to its spectrum and directions
ITERATIONS = 20  # of the pursuit; the published limit is 10 000
NARROW = 1024  # channels of the network whose whole pass is run: 1/32 of the published ones, the same w and picture


def ellipses(side: int, *places: tuple[float, float, float, float]) -> Tensor:
    """Return the union of ellipses (row, column, half height, half width), in 256ths of the picture."""
    ticks = (torch.arange(side) + 0.5) * 256 / side
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([((y - r) / a) ** 2 + ((x - c) / b) ** 2 <= 1 for r, c, a, b in places]).any(0)


def painted(side: int) -> dict[str, Tensor]:
    """Return regions of the sizes that a person paints on a face."""
    eyes = ellipses(side, (120, 95, 10, 19), (120, 159, 10, 19))
    blurred = torch.nn.functional.avg_pool2d(eyes.double()[None], 5, 1, 2)[0]
    return {
        "eyes": eyes,
        "eyes, feathered": blurred,
        "mouth": ellipses(side, (184, 127, 15, 35)),
        "hair": ellipses(side, (60, 128, 70, 80)),
        "background": ~ellipses(side, (140, 128, 110, 90)),
    }


def both(R: lw.RegionSpectra, mask: Tensor) -> Callable[[], object]:
    """Return spectrum and directions of a region as one run; it moves a little each time, so that nothing is known."""
    places = itertools.cycle([torch.roll(mask, i, 1) for i in range(3)])

    def run() -> object:
        here = next(places)
        return R.spectrum(here), R.directions(here)

    return run


def dense_locality(J: Tensor, mask: Tensor, vectors: Tensor | None = None) -> Tensor:
    """Return the locality of directions ``(k, d)``, or of the best eight, from the dense Jacobian ``(C, s, s, d)``."""
    from scipy.linalg import eigh

    weights, d = lw.Mask(mask).weights(J.shape[1]).double(), J.shape[-1]
    total = (J.reshape(-1, d).T @ J.reshape(-1, d)).double()
    rows = J[:, weights > 0].double() * weights[weights > 0].sqrt()[:, None]
    inside = rows.reshape(-1, d).T @ rows.reshape(-1, d)
    if vectors is None:
        outside = total - inside
        regular = outside + 1e-3 * outside.trace() * torch.eye(d, dtype=torch.float64)
        found = eigh(inside.numpy(), regular.numpy(), subset_by_index=(d - 8, d - 1))[1][:, ::-1]
        vectors = torch.from_numpy(np.ascontiguousarray(found.T))
    v = vectors.double()
    return torch.einsum("ki,ij,kj->k", v, inside, v) / torch.einsum("ki,ij,kj->k", v, total, v)


def regions(G: lw.Generator, name: str, rounds: int) -> tuple[lw.RegionSpectra, dict[str, Any], list[dict[str, Any]]]:
    """Time every region on a prepared Jacobian, and judge the eyes' directions by the dense one."""
    code, before = G.code(3), peak()
    start, clock = time.process_time(), time.perf_counter()
    R = lw.RegionSpectra(G, code)
    cpu, clock = time.process_time() - start, time.perf_counter() - clock
    masks = painted(G.resolution)
    spreads: dict[str, Spread] = spread_in_turn({region: both(R, mask) for region, mask in masks.items()}, rounds)
    rows = [
        [region, 100 * float(masks[region].double().mean()), s.cpu, s.median, s.p95] for region, s in spreads.items()
    ]
    table(
        f"{name}: spectrum and eight directions of a region, Jacobian at hand",
        ["", "area %", "CPU ms", "clock, median", "p95"],
        rows,
    )
    f = image_function(G, code)
    J = JacobianOperator(f, f.x0, pool=R.size).dense().reshape(3, R.size, R.size, -1)
    best, own = (dense_locality(J, masks["eyes"], v) for v in (None, R.directions(masks["eyes"]).unit_vectors))
    loss = float((1 - own / best)[:4].max())
    rows = [
        ["forward products", R.dim],
        ["CPU s", cpu],
        ["clock s", clock],
        ["coordinates kept", R.basis.shape[1]],
        ["worst tile's energy lost, %", 100 * R.discarded],
        ["held afterwards, MiB", R.nbytes / 2**20],
        ["peak of the process, MiB", peak()],
        ["of which before", before],
        ["eyes: locality lost against the dense solution, worst of 4, %", 100 * loss],
    ]
    table(f"{name}: the one pass at a latent", ["", ""], rows)
    worst = max(spreads, key=lambda region: spreads[region].cpu)
    bars = [
        bar(f"{name}, eyes, CPU", spreads["eyes"].cpu, f"< {LIMIT:g} ms", spreads["eyes"].cpu < LIMIT, "ms"),
        bar(f"{name}, {worst}, CPU", spreads[worst].cpu, f"< {LIMIT:g} ms", spreads[worst].cpu < LIMIT, "ms"),
        bar(f"{name}, eyes, locality lost", 100 * loss, "< 1 %", loss < 0.01, "%"),
    ]
    results = {
        "regions": {region: vars(spread) for region, spread in spreads.items()},
        "pass, CPU s": cpu,
        "coordinates": R.basis.shape[1],
        "MiB": R.nbytes / 2**20,
        "locality lost": loss,
    }
    return R, results, bars


def published(G: lw.Generator, name: str, held: lw.RegionSpectra, ours: float, repeats: int) -> dict[str, Any]:
    """Time eight rows of the published loop beside as many columns, and some iterations of its pursuit."""
    f, side = image_function(G, G.code(3)), G.resolution
    J = JacobianOperator(f, f.x0, pool=min(side, 128))
    d = J.shape[1]
    unit = torch.eye(d)[:, :ROWS].contiguous()
    gram = held.basis.double() @ held.total @ held.basis.double().T / side**2
    runs = {
        "rows": row_by_row(f),
        "columns": lambda: J @ unit,
        "pursuit": lambda: pcp(gram, 1 / 60, penalty="induced", steps=ITERATIONS),
    }
    cpu = in_turn(runs, repeats, time.process_time)
    loop, one = cpu["rows"] / ROWS * side**2 / 1000, cpu["columns"] / ROWS * d / 1000
    pursuit = 2 * cpu["pursuit"]
    rows = [
        ["published: rows of the grey picture", side**2, f"~{loop:.3g}", 1.0],
        ["columns, RGB", d, f"~{one:.3g}", loop / one],
    ]
    table(f"{name}: the Jacobian at a latent", ["", "passes", "CPU s", "times faster"], rows)
    rows = [
        [f"published: {ITERATIONS} iterations for both Grams", pursuit, 1.0],
        ["eyes: spectrum and directions, all of it", ours, pursuit / ours],
    ]
    table(f"{name}: then each region", ["", "CPU ms", "times faster"], rows)
    return {"loop, CPU s, extrapolated": loop, "columns, CPU s, extrapolated": one, "pursuit, CPU ms": pursuit}


def memory() -> dict[str, float]:
    """Print what is held for pictures of several sizes."""
    held = {}
    for side in (64, 128, 256):
        G = lw.load("faces-exact", resolution=side)
        held[f"{side} px"] = lw.RegionSpectra(G, G.code(3)).nbytes / 2**20
    rows = [[size, min(int(size.split()[0]), 128), mib] for size, mib in held.items()]
    table("faces-exact: what is held", ["picture", "analysed at", "MiB"], rows)
    return held


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, faces64 only")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before, rounds = machine("scipy"), 6 if arguments.quick else 30
    results: dict[str, Any] = {}
    bars: list[dict[str, Any]] = []
    G = lw.load("faces64")
    lw.RegionSpectra(G, G.code(0), size=8)  # the first derivative of a process loads what all later ones use
    nets = [("faces64", G, G)]
    if not arguments.quick:
        nets.append(("random 256 px", published_size(NARROW), published_size(32768)))
    for name, narrow, whole in nets:
        held, found, more = regions(narrow, name, rounds)
        eyes, repeats = found["regions"]["eyes"]["cpu"], 1 if arguments.quick else 3
        found["published"] = published(whole, name, held, eyes, repeats)
        results[name] = found
        bars += more
    kept = results["memory, MiB"] = memory()
    same = kept["128 px"] == kept["256 px"]
    bars.append(bar("memory at 256 px over that at 128 px", kept["256 px"] / kept["128 px"], "1", same))
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("regions", before, {"results": results, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
