"""What DP-LaSE costs: steps per second of each kind of walk, and the time until the objective no longer falls.

Run it with ``python -m benchmarks.bench_dp_lase``; ``--quick`` takes fewer steps and no plateau, ``--only 'faces64 w'``
one generator and space. The walk of most released programs (``norm``) is what the learned ones are compared with.
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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, no plateau")
    parser.add_argument("--only", choices=CASES, help="one generator and space")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
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
