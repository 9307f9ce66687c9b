"""How local a region's best direction is for each tolerance, at equal change inside the region.

Run it with ``python -m benchmarks.tolerance_table``; ``--quick`` takes one latent a generator. Without it the tables
are written into ``docs/methods.md``.

Six regions: parts of ``faces64`` that the segmenter sees, and painted boxes of ``digits32``; three seeds, two latents
each. Every direction is scaled until the picture inside the region has changed by 0.05 or 0.15, root mean square,
forwards and back; then the share of the squared change that falls inside is measured on the pictures. To first order
that share falls as the tolerance grows; but a direction that hardly moves the outside hardly moves anything, and needs
longer steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import into_page, machine, markdown
from benchmarks._timing import table
from latent_widgets.geometry.effects.equal_change import equal_change
from latent_widgets.geometry.regions.solvers import effect, generalized
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.training._files import write_json
from latent_widgets.values.units import latent_sd

SHARES = (0.0, 1e-4, 1e-3, 8e-3, 1e-2, 3e-2, 1e-1)  # of the outside's trace, in the denominator
SIZES = (0.05, 0.15)
PARTS = ("eyes", "mouth", "hair", "skin", "nose", "background")
BOXES = {
    "top": (4, 10, 8, 24), "middle": (13, 19, 8, 24), "bottom": (22, 28, 8, 24),
    "left": (8, 24, 6, 12), "right": (8, 24, 20, 26), "small": (10, 14, 14, 18),
}  # fmt: skip
HEAD = ("share of the trace", "first order", "at 0.05", "at 0.15", "reached", "steps for 0.15, sd")
REGION_HEAD = ("region", "area", "0.001, at 0.05", "0.008, at 0.05", "0.001, at 0.15", "0.008, at 0.15")
TARGET = Path(__file__).resolve().parent.parent / "docs" / "methods.md"
BEGIN, END = "<!-- table: python -m benchmarks.tolerance_table -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Found:
    """What the directions of one region at one latent do, for each share of the trace.

    Attributes:
        area: Share of the picture that is inside.
        first: ``(shares,)``, locality to first order.
        true: ``(shares, sizes)``, on the pictures, mean of forwards and back; NaN where neither reaches the size.
        reached: ``(shares, sizes)``, how many of the two steps reach the size, as a share.
        steps: ``(shares,)``, the length of the steps for the larger size in latent standard deviations; NaN likewise.
    """

    area: float
    first: Tensor
    true: Tensor
    reached: Tensor
    steps: Tensor


def regions(G: lw.Generator, code: Tensor) -> dict[str, Tensor]:
    """Return the masks at a latent: parts that it shows, or the boxes."""
    if G.name == "digits32":
        masks = {name: torch.zeros(G.picture_size, dtype=torch.bool, device="cpu") for name in BOXES}
        for name, (top, low, left, right) in BOXES.items():
            masks[name][top:low, left:right] = True
        return masks
    segmenter = lw.load_segmenter("faces64")
    labels = segmenter(G.synthesize(code[None]))[0]
    masks = {part: labels == segmenter.part_index(part) for part in PARTS}
    return {part: mask for part, mask in masks.items() if int(mask.sum()) >= 8}


def measured(G: lw.Generator, R: RegionSpectra, code: Tensor, mask: Tensor) -> Found:
    """Measure the best direction of one region for every share of the trace."""
    g = R.grams(mask)
    vectors = torch.cat([generalized(g.inside, g.outside, 1, share) for share in SHARES])
    D = R.directions_of(g, vectors, {}, method="region", parameters={})
    weight = mask.to(G.dtype)

    def inside(after: Tensor, before: Tensor) -> Tensor:
        return ((after - before).square().mean(1) * weight).sum((1, 2)).div(weight.sum()).sqrt()

    at = [sign * size for size in SIZES for sign in (1, -1)]
    found = equal_change(G, D, code[None], at=at, distance=inside, limit=1.2, tolerance=0.02)
    steps = (found.alphas[:, 0, :, None] * D.scales[:, None, None] * D.unit_vectors[:, None]).flatten(0, 1)
    energy = torch.cat(
        [(G.synthesize(code + part) - G.synthesize(code[None])).square().sum(1) for part in steps.split(32)]
    )
    share = ((energy * weight).sum((1, 2)) / energy.sum((1, 2))).double().reshape(len(SHARES), len(SIZES), 2)
    reached = found.reached.reshape(len(SHARES), len(SIZES), 2)
    lengths = found.alphas.reshape(len(SHARES), len(SIZES), 2).abs().double()
    deviations = (D.scales / latent_sd(G, D.unit_vectors, D.space)).double()[:, None]
    true = torch.where(reached, share, torch.nan).nanmean(-1)
    longest = torch.where(reached, lengths, torch.nan)[:, -1] * deviations
    first = effect(g.inside, g.outside, g.numbers, vectors).locality
    return Found(float(weight.mean()), first, true, reached.double().mean(-1), longest.nanmean(-1))


def run(name: str, seeds: int, latents: int) -> Iterator[tuple[str, Found]]:
    """Measure one generator, a region at a latent at a time."""
    G = lw.load(name)
    for seed in range(seeds):
        z = G.sample_z(latents, seed=seed)
        for code in G.map(z) if "w" in G.spaces else z:
            R = RegionSpectra(G, code)  # one pass serves all masks
            with torch.no_grad():
                for region, mask in regions(G, code).items():
                    yield region, measured(G, R, code, mask)


def mean(values: Tensor) -> float:
    """Return the mean of what was reached."""
    return float(values.nanmean())


def share_rows(found: Mapping[str, list[Found]]) -> list[list[str]]:
    """Write a row for every share of the trace: means over regions, of the means over latents."""
    rows = []
    for i, share in enumerate(SHARES):
        cells = [
            statistics.mean(mean(torch.stack([one.first[i] for one in ones])) for ones in found.values()),
            *(
                statistics.mean(mean(torch.stack([one.true[i, j] for one in ones])) for ones in found.values())
                for j in range(len(SIZES))
            ),
        ]
        reached = statistics.mean(mean(torch.stack([one.reached[i] for one in ones])) for ones in found.values())
        steps = statistics.mean(mean(torch.stack([one.steps[i] for one in ones])) for ones in found.values())
        rows.append([f"{share:g}", *(f"{cell:.3f}" for cell in cells), f"{100 * reached:.0f} %", f"{steps:.2f}"])
    return rows


def region_rows(found: Mapping[str, list[Found]]) -> list[list[str]]:
    """Write a row for every region: both shares at both sizes, means over latents."""
    rows = []
    for region, ones in found.items():
        cells = [
            mean(torch.stack([one.true[SHARES.index(share), j] for one in ones]))
            for j in range(len(SIZES))
            for share in (1e-3, 8e-3)
        ]
        area = statistics.mean(one.area for one in ones)
        rows.append([region, f"{area:.3f}", *(f"{cell:.3f}" for cell in cells)])
    return rows


def main() -> None:
    """Print the tables and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one latent a generator; nothing is written")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds, latents = (1, 1) if arguments.quick else (3, 2)
    before, begin = machine(), time.process_time()
    text, kept = [], {}
    for name in ("faces64", "digits32"):
        found: dict[str, list[Found]] = {}
        for region, one in run(name, seeds, latents):
            found.setdefault(region, []).append(one)
        for title, head, rows in (
            (f"{name}, all regions", HEAD, share_rows(found)),
            (f"{name}, two shares of the trace", REGION_HEAD, region_rows(found)),
        ):
            table(title, head, rows)
            text.append("\n".join([f"**{title}**", "", *markdown(head, rows)]))
            kept[title] = rows
    print(f"\n{(time.process_time() - begin) / 60:.1f} minutes of {before['processor']}")
    if not arguments.quick:
        into_page(TARGET, BEGIN, END, "\n\n".join(["", *text, ""]))
        folder = Path("build") / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "tolerance_table.json", {"machine": before, "tables": kept})


if __name__ == "__main__":
    main()
