"""Two ways to say where a walk leaves a generator: by its pictures, and by how likely its codes are.

Run it with ``python -m benchmarks.reach_table``; ``--sheet FOLDER`` also draws some walks, framed in green where the
picture is the generator's own, with a blue corner where the code is less likely than 99 % of its codes. It writes the
table into ``docs/density.md``. Walks begin at 40 seeds without truncation and go to both sides along eight directions
in turn; the density is a Gaussian with the covariance of mapped latents, or the prior in ``z``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import into_page, markdown
from latent_widgets.core.paths import as_path, make_folder
from latent_widgets.geometry.walks.own_pictures import OwnPictures, own_pictures_of

AT = (0.0, 1.0, 3.0, 5.0, 10.0)
SHEET = (-10.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0)
STARTS, FIRST = 40, 1000  # seeds of the starts, which no own picture has
LIKELY = 1.0  # percentile above which a code is likely
TARGET = Path(__file__).resolve().parent.parent / "docs" / "density.md"
BEGIN, END = "<!-- table: python -m benchmarks.reach_table -->", "<!-- end of the table -->"


def cases() -> list[tuple[str, lw.Generator, lw.Directions]]:
    """What is compared."""
    faces, fashion, digits = (lw.load(name) for name in ("faces64", "fashion32", "digits32"))
    return [
        ("`faces64`, random", faces, lw.random_directions(faces, k=8)),
        ("`faces64`, principal components", faces, lw.ganspace(faces, k=8)),
        ("`fashion32` (T-shirt), random", fashion, lw.random_directions(fashion, k=8)),
        ("`fashion32` (T-shirt), principal components", fashion, lw.ganspace(fashion, k=8)),
        ("`digits32`, random", digits, lw.random_directions(digits, k=8)),
    ]


@torch.no_grad()
def draw(G: lw.Generator, codes: Tensor) -> Tensor:
    """Pictures of codes in the main space."""
    return torch.cat([G.synthesize(part, G.main_space) for part in codes.split(32)])


def walked(G: lw.Generator, D: lw.Directions, seed: int, at: tuple[float, ...]) -> Tensor:
    """The codes of one walk."""
    return lw.walk(G, G.code(FIRST + seed), D, at, "sd", index=seed % len(D)).codes


def shares(G: lw.Generator, D: lw.Directions, own: OwnPictures, density: lw.Density) -> list[str]:
    """For each position, the share of own pictures and that of likely codes, in percent."""
    cells = []
    for step in AT:
        codes = torch.cat([walked(G, D, seed, (-step, step)) for seed in range(STARTS)])
        pictures = own.inside(draw(G, codes)).double().mean()
        likely = (density.percentile(codes) >= LIKELY).double().mean()
        cells.append(f"{100 * float(pictures):.0f}, {100 * float(likely):.0f}")
    return cells


def sheet(G: lw.Generator, D: lw.Directions, own: OwnPictures, density: lw.Density, path: Path) -> None:
    """Draw ten walks, framed by what is said of them."""
    side, frame = 64, 4
    whole = torch.ones(10 * (side + 2 * frame), len(SHEET) * (side + 2 * frame), 3)
    for i in range(10):
        codes = walked(G, D, i, SHEET)
        pictures = draw(G, codes)
        for j, (mine, likely) in enumerate(zip(own.inside(pictures), density.percentile(codes) >= LIKELY, strict=True)):
            cell = torch.tensor([0.15, 0.65, 0.25] if mine else [0.85, 0.15, 0.1]).repeat(
                side + 2 * frame, side + 2 * frame, 1
            )
            shown = torch.nn.functional.interpolate(pictures[j : j + 1].clamp(-1, 1), (side, side), mode="nearest")
            cell[frame:-frame, frame:-frame] = shown[0].permute(1, 2, 0) / 2 + 0.5
            if not likely:
                cell[:10, :10] = torch.tensor([0.0, 0.3, 1.0])
            top, left = i * (side + 2 * frame), j * (side + 2 * frame)
            whole[top : top + len(cell), left : left + len(cell)] = cell
    Image.fromarray((255 * whole).byte().numpy()).save(path)


def main() -> None:
    """Measure, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=as_path, default=None, help="a folder; none: no sheets")
    parser.add_argument("--dry", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    rows = []
    for name, G, D in cases():
        own, density = own_pictures_of(G, own=500), lw.fit_density(G, kind="gaussian")
        rows.append([name, f"{100 * own.ceiling:.0f}", *shares(G, D, own, density)])
        if options.sheet is not None:
            make_folder(options.sheet)
            sheet(G, D, own, density, options.sheet / f"{G.name}-{D.method}.png")
    head = ("walks; own, likely in %", "own, fresh", *(f"{step:g} sd" for step in AT))
    text = "\n".join(markdown(head, rows))
    print(text)
    if not options.dry:
        into_page(TARGET, BEGIN, END, f"\n{text}\n")


if __name__ == "__main__":
    main()
