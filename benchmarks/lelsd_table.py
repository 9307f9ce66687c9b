"""How well directions keep to a part of ``faces64``: LELSD beside the area, random directions and other methods.

Run it with ``python -m benchmarks.lelsd_table``; ``--quick`` takes one seed, few steps and few pictures, and ``--part``
a part. Without either the table is written into ``docs/lelsd.md``.

All methods are judged alike: steps of 0.2 to 1 standard deviations, forwards and back, on pictures of random latents
that show the part, which no method has seen. Of random directions, GANSpace and SeFa the best is chosen on other
pictures first. The region direction is the best generalised eigenvector of the Grams inside and outside the part,
averaged over random latents, each with its own mask.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import into_page, machine, markdown
from benchmarks._timing import table
from benchmarks.lelsd_directions import FRESH, Sizes, best_inside
from latent_widgets.geometry.effects.localisation import localisation
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.methods import lelsd
from latent_widgets.segmentation import Segmenter, load_segmenter
from latent_widgets.training._files import write_json
from latent_widgets.values.directions import Directions

PARTS = ("background", "clothes", "skin", "hair", "brows", "eyes", "nose", "mouth", "beard", "glasses")
HEAD = ("part", "seen in", "area", "random, mean", "best random", "GANSpace", "SeFa", "region", "LELSD",
        "beats random")  # fmt: skip
TARGET = Path(__file__).resolve().parent.parent / "docs" / "lelsd.md"
BEGIN, END = "<!-- table: python -m benchmarks.lelsd_table -->", "<!-- end of the table -->"


def judged(G: lw.Generator, D: Directions, S: Segmenter, part: str, n: int, seed: int) -> Tensor:
    """Return the scores ``(k,)`` of directions on ``n`` pictures."""
    return localisation(G, D, S, part, n=n, seed=FRESH + seed).scores.cpu()


def best_of(G: lw.Generator, D: Directions, S: Segmenter, part: str, sizes: Sizes, seed: int) -> tuple[float, float]:
    """Return the score of the best direction, chosen on other pictures than it is judged on, and the mean of all."""
    chosen = judged(G, D, S, part, sizes.choose, seed + 500)
    best = D[int(chosen.argmax())]
    return float(judged(G, best, S, part, sizes.judge, seed)[0]), float(chosen.mean())


def spectra(G: lw.Generator, S: Segmenter, count: int, seed: int) -> list[tuple[RegionSpectra, Tensor]]:
    """Return Jacobians at random latents with the labels of their pictures."""
    codes = G.map(G.sample_z(count, seed=seed))
    return [(RegionSpectra(G, code), S(G.synthesize(code[None]))[0]) for code in codes]


def region_direction(G: lw.Generator, found: list[tuple[RegionSpectra, Tensor]], part: int) -> Directions | None:
    """Return the best direction of a part over all latents that show it."""
    vectors = best_inside((R, labels == part) for R, labels in found)
    if vectors is None:
        return None
    return Directions(vectors.to(G.device, G.dtype), "w", generator=G.name, weights_hash=G.weights_hash)


def row(
    G: lw.Generator, S: Segmenter, part: str, sizes: Sizes, fields: list[list[tuple[RegionSpectra, Tensor]]]
) -> dict[str, list[float]]:
    """Measure everything for one part, a number for each seed."""
    found: dict[str, list[float]] = {name: [] for name in HEAD[1:-1]}
    ganspace, sefa = lw.ganspace(G, k=20), lw.sefa(G, k=20)
    for seed in range(sizes.seeds):
        trained = lelsd(G, S, part, steps=sizes.steps, seed=seed)
        found["seen in"].append(trained.visible)
        found["area"].append(float(trained.chance[0]))
        best, mean = best_of(G, lw.random_directions(G, k=sizes.random, seed=seed), S, part, sizes, seed)
        found["random, mean"].append(mean)
        found["best random"].append(best)
        found["GANSpace"].append(best_of(G, ganspace, S, part, sizes, seed)[0])
        found["SeFa"].append(best_of(G, sefa, S, part, sizes, seed)[0])
        region = region_direction(G, fields[seed], S.part_index(part))
        if region is not None:
            found["region"].append(float(judged(G, region, S, part, sizes.judge, seed)[0]))
        found["LELSD"].append(float(judged(G, trained.directions, S, part, sizes.judge, seed)[0]))
    return found


def cells(part: str, found: dict[str, list[float]]) -> list[str]:
    """Write one row: means over seeds, with the range where a method trains."""
    line = [part]
    for name in HEAD[1:-1]:
        values = found[name]
        mean = f"{statistics.mean(values):.3f}" if values else ""
        spread = f" ({min(values):.3f} to {max(values):.3f})" if name == "LELSD" and len(values) > 1 else ""
        line.append(mean + spread)
    wins = sum(a > b for a, b in zip(found["LELSD"], found["best random"], strict=True))
    return [*line, f"{wins} of {len(found['LELSD'])} seeds"]


def main() -> None:
    """Print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, few steps and pictures; nothing is written")
    parser.add_argument("--part", choices=PARTS, action="append", help="a part; may be given more than once")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(1, 60, 16, 8, 16, 4) if arguments.quick else Sizes(3, 200, 64, 16, 48, 16)
    before, begin = machine(), time.process_time()
    G, S = lw.load("faces64"), load_segmenter("faces64")
    with torch.no_grad():
        fields = [spectra(G, S, sizes.spectra, seed) for seed in range(sizes.seeds)]
        rows = {}
        for part in arguments.part or PARTS:
            try:
                rows[part] = row(G, S, part, sizes, fields)
            except ValueError as error:  # too few pictures show it: the table says so
                print(f"{part} is left out: {error}")
                continue
            print(" | ".join(cells(part, rows[part])), flush=True)
    text = [cells(part, found) for part, found in rows.items()]
    table(f"Localisation scores, {sizes.seeds} seeds, {sizes.steps} steps", HEAD, text)
    print(f"\n{(time.process_time() - begin) / 60:.1f} minutes of {before['processor']}")
    if not arguments.quick and arguments.part is None:
        into_page(TARGET, BEGIN, END, "\n".join(["", *markdown(HEAD, text), ""]))
        folder = Path("build") / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "lelsd_table.json", {"machine": before, "rows": rows})


if __name__ == "__main__":
    main()
