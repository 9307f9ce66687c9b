"""What DP-LaSE costs, and what its training gains over the closed form.

Run it with ``python -m benchmarks.bench_dp_lase``; ``--quick`` takes fewer steps and no plateau, ``--only 'faces64 w'``
one generator and space. The walk of most released programs (``norm``) is what the learned ones are compared with.
``--variation`` prints instead how much the features change along trained directions, along those of the closed form and
along random ones, at equal strides from codes that no method saw.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import torch

import latent_widgets as lw
from benchmarks._report import machine, write
from benchmarks._timing import table
from latent_widgets.geometry.density.iso_density import norm_preserving
from latent_widgets.methods.dp_lase.looked import Looked, change, middle_layer
from latent_widgets.methods.dp_lase.terms import pair_penalty

KINDS: dict[str, dict[str, Any]] = {
    "norm-preserving": {"walk": "norm"},
    "learned, F a mixture": {},
    "learned, F a network": {"cdf": "network"},
}
CASES = {"digits32 z": ("digits32", "z"), "faces64 z": ("faces64", "z"), "faces64 w": ("faces64", "w")}


def steps_per_second(G: lw.Generator, space: str, steps: int, options: dict[str, Any]) -> tuple[float, float, float]:
    """Return steps per second of the processor and on the clock, and seconds of the processor before the first."""
    marks: list[tuple[float, float]] = []
    begun = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few steps may leave a network that falls somewhere

        def mark(step: lw.Step) -> None:
            if "total" in step.value:  # not while F is fitted
                marks.append((time.process_time(), time.perf_counter()))

        lw.dp_lase(G, space, steps=steps + 1, patience=None, on_step=mark, **options)
    (cpu, clock), (last_cpu, last_clock) = marks[0], marks[-1]
    return steps / (last_cpu - cpu), steps / (last_clock - clock), cpu - begun


SHARES = (0.25, 0.5, 1.0)  # of the norm
TRAINED: dict[str, dict[str, Any]] = {
    "trained, begun at random": {},
    "trained, begun at the closed form": {"begin": "variation"},
}
PRESETS: dict[str, dict[str, Any]] = {
    "released preset": {"preset": "released", "k": 8},
    "equations preset": {"preset": "equations"},
}


def variation(
    name: str, space: str, seed: int, steps: int, codes: int, trained: dict[str, dict[str, Any]]
) -> dict[str, list[float]]:
    """Return, for each set of directions, the change of the features at each stride, and how alike the changes are.

    A row is the root mean square change of the scaled features at each of the strides, the mean squared cosine of the
    changes of two directions at the middle stride, the objective at the end of training, and processor seconds.
    """
    G = lw.load(name)
    layer = middle_layer(G)
    looked, prior = Looked(G, space, (layer,)), None
    sets, rest = {}, {}
    for kind, options in trained.items():
        begun = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few steps may leave a network that falls somewhere
            found = lw.dp_lase(G, space, **{"layer": layer, "seed": seed, "steps": steps, "patience": None} | options)
        prior = prior or found.prior
        sets[kind] = found.directions
        rest[kind] = [float(found.curve["total"][-50:].mean()), time.process_time() - begun]
    begun = time.process_time()
    sets["closed form"] = lw.feature_directions(G, layer, 8, space=space, seed=seed)
    rest["closed form"] = [float("nan"), time.process_time() - begun]
    sets["random"] = lw.random_directions(G, 8, space=space, seed=seed)
    rest["random"] = [float("nan"), 0.0]
    z = G.sample_z(codes, seed=1000 + seed)
    with torch.no_grad():
        points = (G.map(z) if space == "w" else z).double()
        y = prior.whiten(points)
        before = looked.blocks(points.to(G.dtype))
        scales = looked.scales(points.to(G.dtype), True)
        rows = {}
        for kind, found in sets.items():
            along = prior.whiten_direction(found.vectors.double())
            along = along / along.norm(dim=1, keepdim=True)
            changes = []
            for share in SHARES:
                ends = [norm_preserving(y, g.expand_as(y), share * y.norm(dim=1)) for g in along]
                after = [looked.blocks(prior.unwhiten(end).to(G.dtype)) for end in ends]
                changes.append(torch.stack([change(each, before, scales) for each in after]))
            sizes = [float(each.square().mean((1, 2)).sqrt().mean()) for each in changes]
            rows[kind] = [*sizes, float(pair_penalty(changes[1], "cosine")), *rest[kind]]
    return rows


def print_variation(only: str | None, steps: int, quick: bool, presets: bool) -> None:
    """Print how much each set of directions changes the features."""
    before, results = machine(), {}
    seeds, steps, codes = (1, 3, 8) if quick else (3, steps, 64)
    trained = TRAINED | (PRESETS if presets else {})
    for label in [only] if only else CASES:
        runs = []
        for seed in range(seeds):
            runs.append(variation(*CASES[label], seed, steps, codes, trained))
            results[f"{label}, seed {seed}"] = runs[-1]
        rows = []
        for kind in runs[0]:
            columns = torch.tensor([run[kind] for run in runs], dtype=torch.float64).T
            spread = columns.std(1, correction=1) if seeds > 1 else torch.zeros(len(columns))
            rows.append([kind, *[f"{c.mean():.3f} ± {s:.3f}" for c, s in zip(columns, spread, strict=True)]])
        head = ["directions", *[f"stride {share:g}" for share in SHARES], "cos^2 of pairs", "objective", "CPU s"]
        table(
            f"{label}: 8 directions, the middle layer, {steps} steps, {seeds} seeds, {codes} codes a seed", head, rows
        )
        write("dp_lase_variation", before, {"results": results})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, no plateau")
    parser.add_argument("--only", choices=CASES, help="one generator and space")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--variation", action="store_true", help="print how much the features change instead")
    parser.add_argument("--steps", type=int, default=150, help="of each training, with --variation")
    parser.add_argument("--presets", action="store_true", help="train the presets too, with --variation")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.variation:
        print_variation(arguments.only, arguments.steps, arguments.quick, arguments.presets)
        return
    before, results = machine(), {}
    for name, space in [CASES[arguments.only]] if arguments.only else CASES.values():
        G = lw.load(name)
        rows = []
        kinds = KINDS | {"learned, a given Gaussian": {"density": lw.fit_density(G, space)}}
        for kind, options in kinds.items():
            speed, clock, first = steps_per_second(G, space, 3 if arguments.quick else 40, options)
            results[f"{name} {space}, {kind}"] = {"steps per CPU s": speed, "steps per s": clock, "CPU s before": first}
            rows.append([kind, speed, clock, first])
        head = ["walk", "steps per CPU s", "steps per s", "CPU s before the first"]
        table(f"{name} in {space}: 16 codes, 8 directions, the middle layer", head, rows)
        if not arguments.quick:
            started, cpu = time.perf_counter(), time.process_time()
            found = lw.dp_lase(G, space, steps=2000, patience=100)
            taken = {"CPU s": time.process_time() - cpu, "s": time.perf_counter() - started, "steps": found.best_step}
            results[f"{name} {space}, plateau"] = taken | {"stopped": found.stopped}
            ends = [float(found.curve[term][-50:].mean()) for term in ("den", "var")]
            row = [found.stopped, found.best_step, found.steps, taken["CPU s"], taken["s"], *ends]
            head = ["", "best step", "steps", "CPU s", "s", "den at the end", "var at the end"]
            table("Until nothing is gained for 100 steps", head, [row])
    write("dp_lase", before, {"results": results})


if __name__ == "__main__":
    main()
