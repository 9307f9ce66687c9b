"""The directions of one region after a few pictures' worth of work, beside the whole pass and the simple way.

Run it with ``python -m benchmarks.bench_search``; ``--quick`` takes a narrower 256 px network and fewer masks. *Cost*:
processor time on a StyleGAN2 of 256 px with random weights, over that of one picture drawn amid it, beside what
``pictures=`` counts. *Quality*: locality of the best direction on built-in generators with the same counts, over that
of the dense solution at tolerance 1e-3; a direction is looked at by as many products whatever the dimension, so in
``w+`` (640 numbers of ``faces64``) the share of all products is that of a 512-dimensional ``w``. *The simple way*:
principal components of ``w`` in order, at full resolution, as many as the same products pay for.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import Amid, table
from benchmarks.bench_jacobian import peak, published_size
from benchmarks.bench_regions import ellipses
from latent_widgets.core.forward import load_rules
from latent_widgets.core.grams import leading
from latent_widgets.core.steps import Step
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator

AFTER = (12, 35, 150)  # pictures' worth
MEDIANS, MINIMUM = (0.65, 0.9, 0.99), 0.7  # the minimum is that after 35
PLACES: dict[str, list[tuple[float, float, float, float]]] = {
    "eyes": [(120, 95, 10, 19), (120, 159, 10, 19)],
    "one eye": [(120, 95, 12, 20)],
    "mouth": [(184, 127, 15, 35)],
    "hair": [(60, 128, 70, 80)],
    "nose": [(150, 128, 18, 14)],
    "chin": [(215, 128, 18, 40)],
    "cheek": [(160, 85, 20, 18)],
    "brows": [(100, 95, 8, 22), (100, 159, 8, 22)],
    "forehead": [(85, 128, 20, 45)],
    "left": [(128, 40, 128, 50)],
    "corner": [(30, 30, 30, 30)],
    "neck": [(240, 128, 20, 40)],
}


def cost(G: lw.Generator) -> list[list[Any]]:
    """Time a search on a large network: counted pictures' worth, and processor time over that of a picture."""
    code = G.code(3)
    load_rules()

    @torch.no_grad()
    def picture() -> Tensor:
        return G.synthesize(code[None])

    for _ in range(3):
        picture()
    spent: list[tuple[float, float]] = []
    amid = Amid(picture)

    def look(step: Step) -> None:
        spent.append((step.value.seen.pictures, amid.seconds))
        amid(step)

    lw.RegionSpectra.for_mask(G, code, ellipses(256, *PLACES["one eye"]), pictures=AFTER[-1], on_step=look)
    ends = [[pair for pair in spent if pair[0] <= most][-1] for most in AFTER]
    return [[most, counted, seconds / amid.picture] for most, (counted, seconds) in zip(AFTER, ends, strict=True)]


def best_locality(J: Tensor, mask: Tensor) -> float:
    """Return the locality of the best direction at tolerance 1e-3, from columns ``(C, side, side, n)``."""
    weights, columns = lw.Mask(mask).weights(J.shape[1]).double(), J.double()
    inside, outside = (torch.einsum("cyxi,yx,cyxj->ij", columns, w, columns) for w in (weights, 1 - weights))
    _, vector = leading(inside, 1, outside + 1e-3 * outside.trace() * torch.eye(len(inside), dtype=torch.float64))
    return share_inside(J, mask, vector[:, 0])


def share_inside(J: Tensor, mask: Tensor, vector: Tensor) -> float:
    """Return the share of what a direction changes that falls inside."""
    squares = (J @ vector.to(J)).double().square().sum(0)
    return float((squares * lw.Mask(mask).weights(J.shape[1]).double()).sum() / squares.sum())


def qualities(G: lw.Generator, code: lw.Code, masks: dict[str, Tensor], k: int) -> list[list[float]]:
    """Return the locality of the best direction after each budget, over that of the dense solution, for each mask."""
    f = image_function(G, code)
    d, side = len(f.x0), G.resolution
    J = JacobianOperator(f, f.x0).dense().reshape(3, side, side, d)
    rows = []
    for mask in masks.values():
        best, found = best_locality(J, mask), dict.fromkeys(AFTER, 0.0)

        def look(step: Step, mask: Tensor = mask, found: dict[int, float] = found) -> None:
            vector = step.value.lift(step.value.grams(mask).solve(1, "generalized", tolerance=1e-3)[0])
            share = share_inside(J, mask, vector[0])
            found.update({most: share for most in AFTER if step.value.seen.pictures <= most})

        lw.RegionSpectra.for_mask(G, code, mask, k, pictures=AFTER[-1], on_step=look)
        rows.append([share / best for share in found.values()])
    return rows


def simple(G: lw.Generator, w: Tensor, masks: dict[str, Tensor]) -> list[list[float]]:
    """Do so for the first principal components of ``w``: each takes a product, of which a picture pays a half."""
    f = image_function(G, w)
    side, d = G.resolution, len(w)
    J = JacobianOperator(f, f.x0).dense().reshape(3, side, side, d)
    codes = G.map(G.sample_z(2000, seed=9))
    axes = torch.linalg.svd(codes - codes.mean(0), full_matrices=False).Vh
    rows = []
    for mask in masks.values():
        best, shares = best_locality(J, mask), []
        for most in AFTER:
            few = axes[: max(1, round(most / 2 * d / 512))]
            shares.append(best_locality(J @ few.T, mask) / best)
        rows.append(shares)
    return rows


def row(name: str, rows: list[list[float]]) -> list[Any]:
    """Return medians and minima of a way."""
    found = torch.tensor(rows, dtype=torch.float64)
    lows, middles = found.min(0).values.tolist(), found.median(0).values.tolist()
    return [name, len(rows), *(x for pair in zip(middles, lows, strict=True) for x in pair)]


def main() -> None:
    """Print tables and bars, and write them to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a narrower network, four masks and one latent")
    o = parser.parse_args()
    torch.set_num_threads(1)
    facts, before = machine(), peak()
    costs = cost(published_size(4096 if o.quick else 32768))
    head = ["", "counted at the last step before", "measured"]
    table("A search on a 256 px StyleGAN2: pictures' worth", head, costs)
    print(flush=True)
    print(f"peak of the process: {peak():.0f} MiB, {before:.0f} before")
    names = list(PLACES)[:4] if o.quick else list(PLACES)
    rows, seeds = [], range(1, 2 if o.quick else 5)
    for name, space, these in (
        ("faces64", "w", seeds), ("faces64", "w+", seeds[:2]), ("faces128", "w", seeds[:2]),
    ):  # fmt: skip
        G = lw.load(name)
        masks = {region: ellipses(G.resolution, *PLACES[region]) for region in names}
        found, easy = [], []
        for seed in these:
            w = G.code(seed)
            code = lw.Code(w, "w") if space == "w" else lw.Code(G.broadcast(w[None])[0], "w+")
            found += qualities(G, code, masks, 4)
            easy += simple(G, w, masks) if space == "w" else []
        rows.append(row(f"{name}, {space}", found))
        if easy:
            rows.append(row(f"{name}, {space}: the simple way", easy))
    head = ["", "masks and latents", *(f"{what} after {n}" for n in AFTER for what in ("median", "minimum"))]
    table("Locality of the best direction over that of the dense solution", head, rows)
    bars = []
    for name, _, *numbers in rows:
        if "simple" in name:
            continue
        for i, (most, least) in enumerate(zip(AFTER, MEDIANS, strict=True)):
            measured = numbers[2 * i]
            bars.append(bar(f"{name}: median after {most}", measured, f">= {least}", measured >= least, ""))
        bars.append(bar(f"{name}: minimum after 35", numbers[3], f">= {MINIMUM}", numbers[3] >= MINIMUM, ""))
    bars += [
        bar(f"counted {most}", measured, f"<= {most}", measured <= most, "pictures") for most, _, measured in costs
    ]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("search", facts, {"costs": costs, "qualities": rows, "bars": bars})


if __name__ == "__main__":
    main()
