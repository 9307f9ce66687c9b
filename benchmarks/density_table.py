"""How four walks differ: density drift, kept component, change of the picture, distance from real pictures.

Run it with ``python -m benchmarks.density_table``; ``--quick`` takes one seed, few steps and few starts. Without it,
each run of a seed is kept in ``build/density``, so that an interrupted table goes on where it was (``--only`` makes one
run), and the tables are written to ``docs/density_table.txt``, which the page on density shows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._timing import table
from latent_widgets import faces
from latent_widgets.core.paths import write_whole
from latent_widgets.geometry.density.iso_density import attainable, iso_density, kept_component, norm_preserving
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training.digits import digits_dataset

PARTS = {"digits32 z": ("digits32", "z"), "faces64 z": ("faces64", "z"), "faces64 w": ("faces64", "w")}
STRIDES = (0.25, 0.5, 1.0)
HEAD = ("walk", "stride", "density drift", "of linear's", "kept", "of norm's", "image change", "manifold distance")
TARGET = Path(__file__).resolve().parent.parent / "docs" / "density_table.txt"
FOLDER = Path("build") / "density"
Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sizes:
    """How much is run."""

    seeds: int
    starts: int
    real: int
    steps: int


def nearest(pictures: Tensor, real: Tensor) -> Tensor:
    """Return the distance of each row from the nearest row of ``real``."""
    return torch.cdist(pictures, real).amin(1)


def judge(name: str, real: int) -> tuple[Features, Tensor]:
    """Return a feature map of pictures and the features of real ones: renders, or digits."""
    if name == "faces64":
        regressor = load_regressor()
        pictures = [faces.render(faces.sample_factors(50, seed=seed)).image for seed in range(real // 50)]
        return regressor.features, torch.cat([regressor.features(part) for part in pictures])
    digits = digits_dataset()[:: max(1, 5000 // real)]
    centre = digits.flatten(1).mean(0)
    axes = torch.linalg.svd(digits.flatten(1) - centre, full_matrices=False).Vh[:50]

    def features(images: Tensor) -> Tensor:
        return (images[:, :1].flatten(1) - centre) @ axes.T

    return features, features(digits)


def walks(G: lw.Generator, space: str, seed: int, sizes: Sizes, features: Features, real: Tensor) -> list[list[object]]:
    """Return the rows of one seed, each with what the straight and the norm-preserving walk do on the same directions.

    A row is walk, stride, drift, kept, image change, manifold distance over the start's, drift of the straight walk,
    kept of the norm-preserving one.
    """
    options = {"space": space, "stride": 1.1, "steps": sizes.steps, "patience": None, "seed": seed}
    runs = {"learned C": lw.dp_lase(G, **options)}
    if G.name == "digits32":
        runs["plain C"] = lw.dp_lase(G, **options, correction="plain")
    if space == "w":
        given = lw.fit_density(G, "w", seed=seed)
        runs["Gaussian C"] = lw.dp_lase(G, **options, density=given)
    prior = runs["learned C"].prior  # that of all runs of a seed
    z = G.sample_z(sizes.starts, seed=1000 + seed)
    code = (G.map(z) if space == "w" else z).double()
    y, level = prior.whiten(code), prior.log_prob(code)
    before = G.synthesize(code.to(G.dtype), space)
    usual = nearest(features(before), real).mean()

    def drift(end: Tensor) -> float:
        return float((prior.log_prob(prior.unwhiten(end)) - level).abs().mean())

    rows: list[list[object]] = []
    for share in STRIDES:
        strides = share * y.norm(dim=1)
        for name, found in runs.items():  # each along the directions that it found
            vectors = found.directions.vectors.double()[torch.arange(len(y)) % len(found.directions)]
            along = prior.whiten_direction(vectors)
            along = along / along.norm(dim=1, keepdim=True)
            straight, bent = y + strides[:, None] * along, norm_preserving(y, along, strides)
            norm = float(kept_component(y, bent, along, strides).mean())
            first = name == "learned C"
            there = {"linear" if first else f"linear, directions of {name}": straight}
            if first:
                there |= {"norm": bent, "iso-density": _iso(prior, code, vectors, strides)}
            there[name] = prior.whiten(found.move(code, vectors, strides))
            for walk, end in there.items():
                after = G.synthesize(prior.unwhiten(end).to(G.dtype), space)
                change = float((after - before).square().mean((1, 2, 3)).sqrt().mean())
                far = float(nearest(features(after), real).mean() / usual)
                keeps = float(kept_component(y, end, along, strides).mean())
                rows.append([walk, share, drift(end), keeps, change, far, drift(straight), norm])
            if first and space == "w":  # what this C keeps is the density that F describes
                own = found.density.log_prob(y)
                off = [float((found.density.log_prob(end) - own).abs().mean()) for end in (straight, there[name])]
                keeps = float(kept_component(y, there[name], along, strides).mean())
                rows.append(["linear, drift by F", share, off[0], 1.0, np.nan, np.nan, off[0], norm])
                rows.append(["learned C, drift by F", share, off[1], keeps, np.nan, np.nan, off[0], norm])
            if first:
                most = float(attainable(y, along, strides).mean())
                rows.append(["attainable", share, 0.0, most, np.nan, np.nan, drift(straight), norm])
    return rows


def _iso(prior: lw.Density, code: Tensor, vectors: Tensor, strides: Tensor) -> Tensor:
    """Project in the coordinates of the codes, where the gradient is not radial, and return whitened coordinates."""
    white = prior.whiten_direction(vectors).norm(dim=1) / vectors.norm(dim=1)
    return prior.whiten(iso_density(prior, code, vectors, strides / white))


def summary(runs: list[list[list[object]]]) -> list[list[str]]:
    """Return the mean over seeds of every row, with the spread of the drift and the comparisons."""
    values = np.array([[row[2:] for row in run] for run in runs], dtype=float)  # (seeds, rows, 6)
    cells = []
    for i, (name, share, *_) in enumerate(runs[0]):
        drift, kept, change, far, linear, norm = values[:, i].mean(0)
        spread = f" ± {values[:, i, 0].std(ddof=1):.2g}" if len(values) > 1 and drift > 1e-3 else ""
        cells.append(
            [
                str(name),
                f"{share:g}",
                f"{drift:.3g}{spread}",
                f"{drift / linear:.3f}" if drift > 1e-3 else "0",
                f"{kept:.3f}",
                f"{kept / norm:.3f}",
                "" if np.isnan(change) else f"{change:.3f}",
                "" if np.isnan(far) else f"{far:.3f}",
            ]
        )
    return cells


def run(part: str, seed: int, sizes: Sizes) -> list[list[object]]:
    """Make the rows of one part and seed."""
    name, space = PARTS[part]
    with torch.no_grad():
        return walks(lw.load(name), space, seed, sizes, *judge(name, sizes.real))


def kept_run(part: str, seed: int, sizes: Sizes) -> list[list[object]]:
    """Make the rows of one part and seed, or read those that were made before."""
    path = FOLDER / f"{part.replace(' ', '-')}-{seed}-{sizes.steps}-{sizes.starts}-{sizes.real}.json"
    if not path.exists():
        rows = run(part, seed, sizes)
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(rows).encode())
    return json.loads(path.read_text())


def main() -> None:
    """Print the tables and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, few steps and starts; nothing is kept")
    parser.add_argument("--only", nargs=2, metavar=("PART", "SEED"), help="make one run, such as 'faces64 w' 0")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(1, 16, 200, 40) if arguments.quick else Sizes(3, 32, 600, 120)
    if arguments.only:
        kept_run(arguments.only[0], int(arguments.only[1]), sizes)
        return
    text = []
    for part in PARTS:
        make = run if arguments.quick else kept_run
        cells = summary([make(part, seed, sizes) for seed in range(sizes.seeds)])
        facts = f"{sizes.seeds} seeds, {sizes.steps} steps of dp_lase, {sizes.starts} starts a seed"
        table(f"{part}: {facts}", HEAD, cells)
        lines = [f"| {' | '.join(line)} |" for line in (HEAD, ["---"] * len(HEAD), *cells)]
        text.append("\n".join([f"**{part}**: {facts}", "", *lines, ""]))
    if not arguments.quick:
        write_whole(TARGET, "\n".join(text).encode())


if __name__ == "__main__":
    main()
