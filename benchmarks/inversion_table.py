"""How well pictures are inverted: codes that are known, faces never seen, photos; and how well GLO draws its pictures.

Run it with ``python -m benchmarks.inversion_table``; ``--quick`` takes few pictures, ``--only`` a part. Without
``--quick`` the tables are written to ``docs/inversion_table.txt``, which the page on photos shows; ``--only`` rewrites
its part.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib import cbook
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor

import latent_widgets as lw
from benchmarks._timing import percentile, table
from latent_widgets import faces
from latent_widgets.core.paths import write_whole
from latent_widgets.geometry.effects.pyramid import lap1

TARGET = Path(__file__).resolve().parent.parent / "docs" / "inversion_table.txt"
RECOVERED = 0.02  # a code counts as found below this share of the samples' variance
WAYS: dict[str, dict[str, Any]] = {
    "plain L2 in z, one start": {"space": "z", "lap": 0.0, "starts": 1},
    "z": {"space": "z"},
    "w": {"space": "w"},
    "w+, pull 0.1": {"space": "w+", "pull": 0.1},
    "w+, pull 0.003": {"space": "w+"},
    "w+, free": {"space": "w+", "pull": 0.0},
}


def invert_all(G: lw.Generator, pictures: Mapping[str, Tensor], way: Mapping[str, Any]) -> list[list[float]]:
    """Invert pictures one way: for each the relative error, the percentile, the offset and the seconds."""
    rows = []
    for picture in pictures.values():
        start = time.process_time()
        found = lw.invert(G, picture, **way)
        seconds = time.process_time() - start
        rows.append([found.relative_error, found.percentile or 0.0, found.offset, seconds])
    return rows


def recovery(G: lw.Generator, n: int) -> None:
    """Print how many known codes are found."""
    z = G.sample_z(n, seed=2026)
    pictures = {str(i): G.synthesize(w[None]) for i, w in enumerate(G.map(z))}
    rows = []
    for name in ("plain L2 in z, one start", "w"):
        found = invert_all(G, pictures, WAYS[name])
        errors = [row[0] for row in found]
        share = sum(error < RECOVERED for error in errors) / n
        times = [row[3] for row in found]
        rows.append([name, f"{share:.0%}", 100 * percentile(errors, 50), 100 * percentile(errors, 95), sum(times) / n])
    head = ["way", "found", "error %, median", "95th percentile", "processor s"]
    table(f"{G.name}: {n} known codes, found if the error is below 2 % of the samples' variance", head, rows)


def photographs(G: lw.Generator, n: int) -> None:
    """Print how well pictures are drawn that the generator never made."""
    side = G.resolution
    renders = {str(i): x[None] for i, x in enumerate(faces.render(faces.sample_factors(n, seed=77), side).image)}
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        portrait = lw.load_photo(file.read(), side, crop=(0.22, 0.06, 0.80, 0.55))
    subjects = {
        f"{n} new renders": renders,
        "a portrait (Grace Hopper)": {"": portrait},
        "no face (a flower)": {"": lw.load_photo(load_sample_image("flower.jpg"), side)},
    }
    for title, pictures in subjects.items():
        rows = []
        for name, way in WAYS.items():
            found = torch.tensor(invert_all(G, pictures, way)).mean(0).tolist()
            rows.append([name, 100 * found[0], found[1], found[2], found[3]])
        head = ["way", "error % of variance", "percentile", "offset, sd", "processor s"]
        table(f"{G.name}: {title}", head, rows)


def glo(seeds: int, steps: int) -> None:
    """Print how well GLO draws the digits it was trained on, with each loss."""
    digits = torch.from_numpy(load_digits().images).float()[:, None] / 8 - 1
    digits = torch.nn.functional.interpolate(digits, (16, 16), mode="bilinear").clamp(-1, 1)
    variance = float(digits.var(0).mean())
    rows = []
    for name, weights in {"L2 only": (0.0, 1.0), "Lap1 only": (1.0, 0.0), "both": (1.0, 1.0)}.items():
        errors, laps, times = [], [], []
        for seed in range(seeds):
            start = time.process_time()
            found = lw.fit_glo(
                digits, 16, steps, resolution=16, channels={4: 64, 8: 48, 16: 32}, lap=weights[0], l2=weights[1],
                seed=seed,
            )  # fmt: skip
            times.append(time.process_time() - start)
            drawn = found.generator.synthesize(found.codes)[:, :1]
            errors.append(100 * float((drawn - digits).square().mean()) / variance)
            laps.append(float(lap1(drawn, digits).mean()))
        e, d, t = (torch.tensor(values) for values in (errors, laps, times))
        rows.append([name, f"{e.mean():.3g} ± {e.std():.2g}", f"{d.mean():.3g} ± {d.std():.2g}", float(t.mean())])
    head = ["loss", "error % of variance", "Lap1", "processor s"]
    table(f"GLO on 1797 digits, 16 px, 16 numbers a code, {steps} steps, {seeds} seeds", head, rows)


def part_of(block: str) -> str:
    """Return to which part of the file a table belongs, by its title."""
    title = block.partition("\n")[0]
    return "glo" if title.startswith("GLO") else "recovery" if "known codes" in title else "photos"


def keep(name: str, text: str) -> None:
    """Put the tables of one part into the file, in the place of its earlier ones."""
    blocks = TARGET.read_text(encoding="utf-8").strip().split("\n\n") if TARGET.exists() else []
    found = [block for block in blocks if part_of(block) != name] + text.strip().split("\n\n")
    found.sort(key=lambda block: ("recovery", "photos", "glo").index(part_of(block)))
    write_whole(TARGET, ("\n\n".join(found) + "\n").encode())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures, one seed")
    parser.add_argument("--only", choices=["recovery", "photos", "glo"], help="one of the parts")
    arguments = parser.parse_args()
    quick = arguments.quick
    parts = {
        "recovery": lambda: recovery(lw.load(), 4 if quick else 64),
        "photos": lambda: photographs(lw.load(), 2 if quick else 4),
        "glo": lambda: glo(2 if quick else 3, 100 if quick else 1000),
    }
    for name, run in parts.items():
        if arguments.only in (None, name):
            part = io.StringIO()
            with contextlib.redirect_stdout(part):
                run()
            print(part.getvalue(), end="", flush=True)
            if not quick:
                keep(name, part.getvalue())


if __name__ == "__main__":
    main()
