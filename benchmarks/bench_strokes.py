"""What a hand costs: one step of a slider and one painted mask, beside the mathematics that each of them asks for.

The explorer works inline, with the page "save" open, which draws nothing. Calls are those of the package.
Run it with ``python -m benchmarks.bench_strokes``; ``--quick`` takes fewer rounds.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import torch

import latent_widgets as lw
from benchmarks._report import machine, write
from benchmarks._timing import spread_in_turn, table
from latent_widgets.generators.base import Generator
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.region.work import Settings, find_region

NAMES = ("faces64", "digits32")
PACKAGE = str(Path(lw.__file__).parent)


def calls(act: Callable[[], object]) -> tuple[int, int]:
    """Count the calls of the package's functions, and the files they are in."""
    seen: list[str] = []

    def watch(frame: FrameType, event: str, value: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen.append(frame.f_code.co_filename)

    sys.setprofile(watch)
    try:
        act()
    finally:
        sys.setprofile(None)
    return len(seen), len(set(seen))


def explorer(G: Generator, **options: bool) -> LatentExplorer:
    """Open an explorer of six sliders on a page that draws nothing."""
    made = LatentExplorer(G, executor="inline", k=6, **options)
    made.controls.page = "save"
    return made


def masks(side: int) -> Iterator[lw.Mask]:
    """Squares of a third of the picture, here and there."""
    rng = np.random.default_rng(0)
    while True:
        bits = np.zeros((side, side), bool)
        top, left = rng.integers(0, side // 2, 2)
        bits[top : top + side // 3, left : left + side // 3] = True
        yield lw.Mask(bits)


def strokes(name: str) -> dict[str, Callable[[], object]]:
    """Return what a hand does, and what of it is mathematics."""
    G = lw.load(name)
    sliding, steering = explorer(G), explorer(G, steer=True)
    alphas, painted = itertools.cycle(np.linspace(-3, 3, 61)), masks(G.resolution)
    steering.mask = next(painted)
    spectra, settings = steering.region.follower.spectra, Settings(k=6)
    assert spectra is not None
    return {
        "step of a slider": lambda: sliding.set_alpha(0, float(next(alphas))),
        "its picture": lambda: sliding.frames.exact(sliding.edit),
        "painted mask": lambda: setattr(steering, "mask", next(painted)),
        "its spectrum and directions": lambda: find_region(spectra, next(painted), settings),
    }


def main() -> None:
    """Print one table per generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before, results = machine(), {}
    for name in NAMES:
        acts = strokes(name)
        spreads = spread_in_turn(acts, 10 if arguments.quick else 40)
        counted = {what: calls(act) for what, act in acts.items()}
        table(
            name,
            ["stroke", "CPU ms", "calls", "files"],
            [[what, spread.cpu, *counted[what]] for what, spread in spreads.items()],
        )
        results[name] = {
            what: {"cpu ms": spread.cpu, "calls": counted[what][0], "files": counted[what][1]}
            for what, spread in spreads.items()
        }
    write("strokes", before, results)


if __name__ == "__main__":
    with torch.no_grad():
        main()
