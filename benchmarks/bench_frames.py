"""What one picture of the explorer costs in the kernel, beside a figure drawn anew as ``interact`` and ``plt.show`` do.

Networks of published size are timed beside their published form, which ``tests/published_networks.py`` has in PyTorch's
ordinary operations.

Run it with ``python -m benchmarks.bench_frames``; ``--quick`` takes fewer rounds and an eighth of the channels,
``--threads 1`` keeps to one core, ``--only networks`` leaves the built-in generators out.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import matplotlib as mpl
import torch
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot as plt
from torch import Tensor

import latent_widgets as lw
from benchmarks import bench_checkpoints
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import Spread, in_turn, spread_in_turn, table
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.kit.encode import encode, to_uint8
from tests import published_networks
from tests.reference import relative

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "faces64": ("faces64", {}),
    "faces128": ("faces128", {}),
    "digits32": ("digits32", {}),
    "faces-exact 64": ("faces-exact", {"resolution": 64}),
    "faces-exact 256": ("faces-exact", {"resolution": 256}),
}
PLAIN = "figure, savefig"
FRAME_BAR = 20.0  # ms
NETWORKS = {
    "StyleGAN2, 256 px": (bench_checkpoints.stylegan2, published_networks.stylegan2, 0.8),
    "StyleGAN3-T, 256 px": (bench_checkpoints.stylegan3, published_networks.stylegan3, 0.6),
}
"""How each is made, its published form, and the most that ours may take of the time of that."""


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


def networks(base: int, batches: Mapping[int, int]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time frozen networks beside their published forms, in processor time.

    Args:
        base: 32768 for the published width.
        batches: For each number of pictures at once, how many rounds.
    """
    results: dict[str, Any] = {}
    bars, rows = [], []
    for title, (make, published, most) in NETWORKS.items():
        network = make(256, base)
        for batch, repeats in batches.items():
            ws = network.mapping(torch.randn(batch, 512))[:, None].expand(-1, network.synthesis.num_ws, -1)
            runs: dict[str, Callable[[], object]] = {
                "ours": lambda ws=ws, net=network: net.synthesis(ws),  # type: ignore[misc]
                "published": lambda ws=ws, net=network, draw=published: draw(net, ws),  # type: ignore[misc]
            }
            cpu = in_turn(runs, repeats, time.process_time)
            ratio, name = cpu["ours"] / cpu["published"], f"{title}, batch {batch}"
            error = float(relative(network.synthesis(ws[:1]), published(network, ws[:1])))
            rows.append([name, cpu["ours"], cpu["published"], ratio, error])
            results[name] = {"CPU ms": cpu, "ratio": ratio, "relative L2": error}
            bars.append(bar(f"{name}: share of the published form's time", ratio, f"<= {most}", ratio <= most))
    table("Frozen networks", ["", "ours, CPU ms", "published form", "ratio", "relative L2"], rows)
    return results, bars


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
    parser.add_argument("--only", choices=["built-in", "networks"], help="the half that is to run")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    mpl.use("agg")
    repeats, before = 10 if arguments.quick else 30, machine()
    results: dict[str, Any] = {}
    bars: list[dict[str, Any]] = []
    if arguments.only in (None, "built-in"):
        bars += built_in(results, repeats)
    if arguments.only in (None, "networks"):
        found, more = networks(4096, {1: 1, 8: 1}) if arguments.quick else networks(32768, {1: 3, 8: 1})
        results |= found
        bars += more
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("frames", before, {"results": results, "bars": bars})


def built_in(results: dict[str, Any], repeats: int) -> list[dict[str, Any]]:
    """Time frames of the generators that come with the package, into ``results``; return the bars."""
    loaded = {title: lw.load(name, **options) for title, (name, options) in MODELS.items()}
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
    return [
        bar("frame of faces64, median", moving["median"], f"< {FRAME_BAR:g} ms", moving["median"] < FRAME_BAR, "ms"),
        bar("the same, CPU time", moving["cpu"], f"< {FRAME_BAR:g} ms", moving["cpu"] < FRAME_BAR, "ms"),
    ]


if __name__ == "__main__":
    with torch.no_grad():
        main()
