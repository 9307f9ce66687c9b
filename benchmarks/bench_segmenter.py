"""How many samples must be painted: a few-shot segmenter beside the one that the renderer's part maps trained.

Run it with ``python -m benchmarks.bench_segmenter``; ``--quick`` takes fewer seeds and samples. The hand that paints is
played by the built-in segmenter: its labels on samples of ``faces64`` are what is painted, on every pixel or on one in
twenty, and what is to be found on other samples. ``--figure docs/images/few-shot.png`` draws the figure of the docs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import machine, write
from benchmarks._timing import table
from latent_widgets.core.figures import new_figure
from latent_widgets.core.paths import drafted, make_folder
from latent_widgets.segmentation import FewShotSegmenter, part_iou

PAINTED = (1, 2, 4, 8)
STROKES = 0.05  # share of the pixels
KINDS = ("every pixel painted", "every pixel painted, parts shown", "one pixel in twenty painted")
TEST_SEED = 1_000


def score(S: FewShotSegmenter, codes: Tensor, truth: Tensor) -> Tensor:
    """Return the overlap of each part on other samples; zero for a part that is never found."""
    found = torch.cat([S.from_codes(part) for part in codes.split(50)])
    return part_iou(found, truth, len(S.names)).nan_to_num(0)


def run(seeds: Iterable[int], held_out: int) -> dict[str, Any]:
    """Fit and score, for each number of painted samples and each seed."""
    G, unet = lw.load("faces64"), lw.load_segmenter("faces64")
    codes = G.map(G.sample_z(held_out, seed=TEST_SEED))
    truth = torch.cat([unet(G.synthesize(part)) for part in codes.split(50)])
    results: dict[str, Any] = {"names": unet.names, "iou": [], "seconds": []}
    for seed in seeds:
        for n in PAINTED:
            painted = G.map(G.sample_z(n, seed=seed))
            labels = unet(G.synthesize(painted))
            rng = torch.Generator().manual_seed(seed)
            strokes = torch.where(torch.rand(labels.shape, generator=rng) < STROKES, labels, -1)
            for kind, given in ((KINDS[0], labels), (KINDS[2], strokes)):
                started = time.process_time()
                S = lw.fit_segmenter(G, painted, given, unet.names, evaluate=False)
                seconds = time.process_time() - started
                scores = score(S, codes, truth)
                shown = [S.names.index(name) for name in S.found]
                line = {"painted": n, "seed": seed, "parts": dict(zip(S.names, scores.tolist(), strict=True))}
                results["iou"].append(line | {"kind": kind, "mean": float(scores.mean())})
                results["seconds"].append({"painted": n, "kind": kind, "seconds": seconds})
                if kind == KINDS[0]:
                    results["iou"].append(line | {"kind": KINDS[1], "mean": float(scores[shown].mean())})
    return results


def means(results: dict[str, Any], kind: str, n: int) -> list[float]:
    """Return the mean overlap of every seed."""
    return [line["mean"] for line in results["iou"] if (line["kind"], line["painted"]) == (kind, n)]


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the mean overlap over the number of painted samples, a point a seed; and each part's own."""
    figure = new_figure(10, 4)
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(PAINTED))
    for kind, colour, mark in zip(KINDS, ("#332288", "#44aa99", "#cc6677"), "osD", strict=True):
        columns = [means(results, kind, n) for n in PAINTED]
        left.plot(places, [sum(c) / len(c) for c in columns], color=colour, label=kind)
        for place, column in zip(places, columns, strict=True):
            left.plot([place] * len(column), column, mark, color=colour, alpha=0.5, markersize=4)
    left.set_ylabel("IoU with the built-in segmenter, mean over parts")
    left.legend(loc="lower right", frameon=False)
    ends: list[tuple[float, str, Any]] = []
    for index, part in enumerate(results["names"]):
        values = [
            [line["parts"][part] for line in results["iou"] if (line["kind"], line["painted"]) == (KINDS[0], n)]
            for n in PAINTED
        ]
        style = ("-", "--")[index % 2]
        (drawn,) = right.plot(places, [sum(v) / len(v) for v in values], style)
        ends.append((sum(values[-1]) / len(values[-1]), part, drawn.get_color()))
    height = -1.0
    for end, part, colour in sorted(ends):
        height = max(end, height + 0.045)  # names of curves that end together stay apart
        right.annotate(part, (len(PAINTED) - 1, height), color=colour, xytext=(5, 0), textcoords="offset points",
                       va="center", fontsize=8)  # fmt: skip
    right.set_xlim(-0.2, len(PAINTED) - 0.2)
    right.set_title("each part, every pixel painted", fontsize=10)
    for axes in (left, right):
        axes.set_xticks(list(places), [str(n) for n in PAINTED])
        axes.set_xlabel("painted samples of faces64")
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
    make_folder(path.parent)
    with drafted(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def show(results: dict[str, Any]) -> None:
    """Print the mean over seeds, and the lowest and highest."""
    rows: list[list[Any]] = []
    for n in PAINTED:
        seconds = [line["seconds"] for line in results["seconds"] if (line["painted"], line["kind"]) == (n, KINDS[0])]
        columns = [means(results, kind, n) for kind in KINDS]
        cells = [f"{sum(c) / len(c):.3f} ({min(c):.3f} to {max(c):.3f})" for c in columns]
        rows.append([str(n), *cells, f"{sum(seconds) / len(seconds):.2f}"])
    table("IoU with the built-in segmenter, mean over ten parts", ["painted", *KINDS, "seconds of fit"], rows)


def main() -> None:
    """Print the table, write the figures, and draw them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 seeds and 40 samples to find parts on")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--figure", type=Path, default=None, help="where the figure goes; nowhere by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before = machine("scikit-learn")
    results = run(range(2 if arguments.quick else 5), 40 if arguments.quick else 100)
    show(results)
    if arguments.figure is not None:
        draw(results, arguments.figure)
    write("segmenter", before, results)


if __name__ == "__main__":
    main()
