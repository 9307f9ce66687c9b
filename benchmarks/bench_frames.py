"""What one picture of the explorer costs in the kernel, beside a figure drawn anew as ``interact`` and ``plt.show`` do.

Run it with ``python -m benchmarks.bench_frames``; ``--quick`` takes fewer rounds, ``--threads 1`` keeps to one core.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import matplotlib as mpl
import torch
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot as plt
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import Spread, spread_in_turn, table
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.kit.encode import encode, to_uint8

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "faces64": ("faces64", {}),
    "digits32": ("digits32", {}),
    "faces-exact 64": ("faces-exact", {"resolution": 64}),
    "faces-exact 256": ("faces-exact", {"resolution": 256}),
}
PLAIN = "figure, savefig"
FRAME_BAR = 20.0  # ms


def edits(G: lw.Generator, **options: Any) -> Callable[[], lw.Edit]:
    """Return a function that gives the next edit of a slider that is moved to and fro: no two in a row are equal."""
    start, directions = lw.Edit.of(G, seed=3), lw.random_directions(G, 1)
    moved = cycle([start.move(directions, 0, alpha / 10, **options) for alpha in (5, 6, 7, 8, 9, 8, 7, 6)])
    return lambda: next(moved)


def plain(image: Tensor) -> bytes:
    """Draw a picture as ``interact`` with ``plt.show`` does: a new figure, saved as the inline backend saves it."""
    figure, axes = plt.subplots()
    axes.imshow(to_uint8(image))
    axes.axis("off")
    data = print_figure(figure)
    plt.close(figure)
    return data


def frames(G: lw.Generator, repeats: int) -> dict[str, Spread]:
    """Time whole frames of one generator: the edit's code, its picture, the bytes for the page."""
    drawn, edit = Frames(G), edits(G)

    def exact() -> Tensor:
        return drawn.exact(edit())

    runs = {
        "JPEG, moving": lambda: encode(exact(), lossless=False),
        "PNG, at rest": lambda: encode(exact(), lossless=True),
        PLAIN: lambda: plain(exact()),
    }
    return spread_in_turn(runs, repeats)


def resumed(G: lw.Generator, repeats: int) -> dict[str, Spread]:
    """Time the synthesis from layer l on, beside the whole."""
    code = G.broadcast(G.code(3)[None])
    cache, last = G.activations(code), G.num_layers - 1
    layers = sorted({1, last // 4, last // 2, 3 * last // 4, last})
    runs: dict[str, Callable[[], object]] = {"whole": lambda: G.synthesize(code)}
    runs |= {f"from layer {i}": lambda i=i: G.resynthesize(code, cache, i) for i in layers}  # type: ignore[misc]
    return spread_in_turn(runs, repeats)


def previews(G: lw.Generator, repeats: int) -> dict[str, Spread]:
    """Time the small pictures that stand in for the exact one while a slider of a slow generator moves."""
    code = G.code(3)[None]
    runs: dict[str, Callable[[], object]] = {"exact": lambda: G.synthesize(code)}
    runs |= {f"preview {r} px": lambda r=r: G.preview(code, r) for r in G.preview_resolutions}  # type: ignore[misc]
    return spread_in_turn(runs, repeats)


def show(title: str, spreads: Mapping[str, Spread], reference: str) -> None:
    """Print spreads, each with how many times faster it is than the reference."""
    rows = [
        [name, s.median, s.p95, s.cpu, spreads[reference].median / s.median, spreads[reference].cpu / s.cpu]
        for name, s in spreads.items()
    ]
    head = ["", "median ms", "p95 ms", "CPU ms", f"times faster than {reference}", "of CPU time"]
    table(title, head, rows)


def as_json(spreads: Mapping[str, Spread]) -> dict[str, Any]:
    """Return spreads as plain values."""
    return {name: dataclasses.asdict(spread) for name, spread in spreads.items()}


def main() -> None:
    """Print every table and the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--threads", type=int, help="threads of torch; as many as it takes if not given")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    mpl.use("agg")
    repeats, before = 10 if arguments.quick else 30, machine()
    loaded = {title: lw.load(name, **options) for title, (name, options) in MODELS.items()}
    results: dict[str, Any] = {}
    for title, G in loaded.items():
        spreads = frames(G, repeats)
        results[f"frame of {title}"] = as_json(spreads)
        show(f"One frame of {title}: synthesis and encoding", spreads, PLAIN)
    spreads = resumed(loaded["faces64"], repeats)
    results["faces64 from layer l"] = as_json(spreads)
    show("faces64 from layer l on, on cached activations", spreads, "whole")
    for title in ("faces64", "faces-exact 256"):
        spreads = previews(loaded[title], repeats)
        results[f"preview of {title}"] = as_json(spreads)
        show(f"Preview of {title}", spreads, "exact")
    moving = results["frame of faces64"]["JPEG, moving"]
    bars = [
        bar("frame of faces64, median", moving["median"], f"< {FRAME_BAR:g} ms", moving["median"] < FRAME_BAR, "ms"),
        bar("the same, CPU time", moving["cpu"], f"< {FRAME_BAR:g} ms", moving["cpu"] < FRAME_BAR, "ms"),
    ]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("frames", before, {"results": results, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
