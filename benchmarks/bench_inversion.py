"""What searching for small pictures first saves an inversion at 256 px, beside searching for whole ones alone.

Run it with ``python -m benchmarks.bench_inversion``; ``--quick`` takes two targets and no network of published size,
``--targets`` another number. Targets are drawn by the network itself, whose weights are random. The errors are those of
400 steps on a network with a sixteenth of the published channels, since one search on that of published size takes most
of an hour the old way: of that the steps of every stage are timed instead, and the totals follow from their numbers.
Times are of the processor, both ways in turn.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import torch

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import table
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.inversion.search import Best, Search, Stage, Whitening, search, stages_of, whitening_of

SIDE, STEPS, STARTS, SAMPLES = 256, 400, 4, 64
TIMED, ROUNDS = 1, 3  # steps of a stage at a time, and how often
FRESH = 2000  # from this seed on: others were looked at when the stages were chosen


class Whole(StyleGenerator):
    """A network of which only whole pictures are taken."""

    preview_resolutions = ()


def networks(most: int, wide: int, latent: int) -> tuple[StyleGenerator, StyleGenerator]:
    """Return one network of random weights twice: with its small pictures, and without."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        channels = {2**i: min(most // 2**i, wide) for i in range(2, SIDE.bit_length())}
        module = StyleGAN2(z_dim=latent, w_dim=latent, resolution=SIDE, channels=channels)
    return StyleGenerator(module, "random weights"), Whole(module, "random weights")


def spent(work: Callable[[], object]) -> float:
    """Return the processor seconds that something takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def searches(targets: int) -> dict[str, dict[str, list[float]]]:
    """Search for the same targets both ways."""
    small, whole = networks(2048, 64, 128)
    found: dict[str, dict[str, list[float]]] = {
        name: {"error": [], "seconds": []} for name in ("small first", "whole pictures")
    }
    for seed in range(FRESH, FRESH + targets):
        target = small.synthesize(small.code(seed))
        for name, G in (("small first", small), ("whole pictures", whole)):
            results = []
            seconds = spent(lambda G=G, t=target, r=results: r.append(lw.invert(G, t, steps=STEPS)))
            found[name]["error"].append(results[0].relative_error)
            found[name]["seconds"].append(seconds)
        errors = (values["error"][-1] for values in found.values())
        print(f"target {seed}: relative error " + ", ".join(f"{error:.5f}" for error in errors), flush=True)
    return found


@functools.cache
def frame_of(G: StyleGenerator) -> Whitening:
    """Return the coordinates of a network, made once."""
    with torch.no_grad():
        return whitening_of(G, "w", 4, seed=0, batch=1)


def stage_seconds(G: StyleGenerator, stage: Stage) -> float:
    """Return what one step of a stage takes."""
    frame = frame_of(G)
    plan = Search(
        frame,
        frame.pictures[:1],
        lambda x, y: (x - y).square().mean((1, 2, 3)),
        lambda x, y: (x - y).square().mean((1, 2, 3)),
        3e-3,
        G.num_layers,
        at_once=1,
    )
    few = (Stage(0, TIMED, stage.codes, stage.side, stage.layered),)
    start = frame.encode(frame.codes[: stage.codes])
    with torch.enable_grad():
        return spent(lambda: list(search(plan, Best(frame, start), start, few))) / TIMED


def cost() -> list[dict[str, float]]:
    """Time the steps of each stage on a network of published size; return totals of both ways in processor seconds."""
    small, whole = networks(32768, 512, 512)
    ways = {"small first": small, "whole pictures": whole}
    stages = [(name, G, stage) for name, G in ways.items() for stage in stages_of(G, STEPS, STARTS, G.num_layers)]
    code, drawn, took = small.code(0)[None], list[float](), [list[float]() for _ in stages]
    for _ in range(ROUNDS):  # in turn: the speed of a busy machine varies
        drawn.append(spent(lambda: small.synthesize(code)))
        for times, (_, G, stage) in zip(took, stages, strict=True):
            times.append(stage_seconds(G, stage))
    picture, totals = statistics.median(drawn), []
    for name in ways:
        rows, total = [], SAMPLES * picture
        for (of, _, stage), times in zip(stages, took, strict=True):
            if of == name:
                each = statistics.median(times)
                total += each * (stage.last - stage.first)
                where = f"{stage.codes} at {stage.side or SIDE} px"
                rows.append([where, stage.last - stage.first, each, each / picture])
        table(
            f"{name}: published size, {STEPS} steps", ["codes", "steps", "processor s a step", "pictures' worth"], rows
        )
        totals.append({"seconds": total, "pictures": total / picture})
        print(
            f"{SAMPLES} samples and all steps: ~{total:.0f} s of the processor, {total / picture:.0f} pictures' worth"
        )
    return totals


def main() -> None:
    """Print the tables and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two targets, no network of published size")
    parser.add_argument("--targets", type=int, default=10, help="how many targets")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    before = machine()
    bars, results = [], {}
    if not arguments.quick:
        small, whole = cost()
        ratio = small["seconds"] / whole["seconds"]
        bars.append(bar("processor time at published size, of whole pictures", ratio, "<= 0.5", ratio <= 0.5))
        results["cost"] = {"small first": small, "whole pictures": whole}
    found = searches(2 if arguments.quick else arguments.targets)
    rows = [
        [
            name,
            statistics.mean(v["error"]),
            statistics.median(v["error"]),
            max(v["error"]),
            statistics.mean(v["seconds"]),
        ]
        for name, v in found.items()
    ]
    head = ["way", "relative error, mean", "median", "largest", "processor s"]
    table(f"{SIDE} px, a sixteenth of the channels, {len(found['small first']['error'])} targets", head, rows)
    ratio = statistics.mean(found["small first"]["error"]) / statistics.mean(found["whole pictures"]["error"])
    bars.append(bar("mean error, of whole pictures", ratio, "<= 1", ratio <= 1))
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("inversion", before, results | {"searches": found, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
