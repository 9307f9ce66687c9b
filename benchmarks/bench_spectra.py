"""What the leading singular values of a picture cost, in pictures, with an interval for each.

Run it with ``python -m benchmarks.bench_spectra``; ``--quick`` takes a narrower 256 px network, ``--block`` several
vectors at once, ``--no-lanczos`` leaves out what was there before, which takes longest. Costs are processor time over
that of one picture at full size, drawn amid the same run. Cold starts are random, and look at the network first; warm
ones begin with the result at another latent, a tenth of a standard deviation away along the first local direction. The
spectrum of random weights falls otherwise than that of trained ones, so both are there.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import Amid, table
from benchmarks.bench_jacobian import published_size
from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import OnStep, Step
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.svd import SVD
from latent_widgets.values.units import latent_sd

STEP = 0.1  # standard deviations
LATENTS = 12


@dataclass(frozen=True)
class Run:
    """A decomposition, the processor seconds that it took, and those of each picture that was drawn amid it."""

    found: SVD
    seconds: float
    pictures: list[float]

    @property
    def worth(self) -> float:
        """What it took, in pictures."""
        return self.seconds / statistics.median(self.pictures)

    def row(self, name: str, products: tuple[int, int] | None = None) -> list[Any]:
        """Say what it cost and how good it is."""
        low, high = self.found.bounds
        forward, backward = products or self.found.products or (0, 0)
        first = float(self.found.S[0])
        return [name, forward, backward, self.worth, float((high - low).max()) / first]


def timed(run: Callable[[OnStep], SVD], picture: Callable[[], Any]) -> Run:
    """Run it once."""
    amid = Amid(picture)
    found = run(amid)
    return Run(found, amid.seconds, amid.pictures)


def operator(G: lw.Generator, w: Tensor) -> JacobianOperator:
    """Return the Jacobian of the picture."""
    f = image_function(G, w)
    return JacobianOperator(f, f.x0)


def moved(G: lw.Generator, w: Tensor, found: SVD) -> Tensor:
    """Return the latent after a step of the slider along the first local direction."""
    direction = found.V[:, :1].mT
    return w + STEP * latent_sd(G, direction, "w") * direction[0]


def inside(found: SVD, true: Tensor) -> int:
    """Count the singular values that lie in their intervals."""
    low, high = (end.double() for end in found.bounds)
    wanted = true[: len(found.S)]
    return int(((wanted >= low) & (wanted <= high)).sum())


def _keep(kept: list[SVD], step: Step) -> None:
    kept.append(step.value)


def quality(k: int, block: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compare with the whole matrix in float64, at latents of the built-in faces, at the end and at every stage."""
    G = lw.load("faces64")
    exact = G.to(dtype=torch.float64)
    rows, counts = [], {"cold": [0, 0], "warm": [0, 0], "stages": [0, 0]}
    errors: dict[str, list[float]] = {"cold": [], "warm": []}
    pairs: dict[str, list[int]] = {"cold": [], "warm": []}
    for seed in range(LATENTS):
        w, start = G.code(seed), None
        for name in ("cold", "warm"):
            true = torch.linalg.svdvals(operator(exact, w.double()).dense())
            staged: list[SVD] = []
            J = operator(G, w)
            found = J.svd(k, "progressive", start=start, block=block, on_step=partial(_keep, staged))
            for part in staged[:-1]:
                counts["stages"][0] += inside(part, true)
                counts["stages"][1] += len(part.S)
            counts[name][0] += inside(found, true)
            counts[name][1] += k
            errors[name].append(float((true[:k] - found.S).abs().max() / true[0]))
            pairs[name].append(found.products[0] if found.products else 0)
            w, start = moved(G, w, found), found
    for name in ("cold", "warm"):
        good, whole = counts[name]
        rows.append([name, sum(pairs[name]) / LATENTS, f"{good} of {whole}", max(errors[name])])
    rows.append(["all stages before", "", f"{counts['stages'][0]} of {counts['stages'][1]}", ""])
    head = ["", "products each way", "true values inside", "largest error / first"]
    table(f"faces64, top {k} of 64, {LATENTS} latents, against float64", head, rows)
    shares = {name: good / whole for name, (good, whole) in counts.items()}
    bars = [
        bar(f"faces64: true values inside, {name}", shares[name], "1", shares[name] >= 1) for name in ("cold", "warm")
    ]
    return {"inside": shares, "errors": errors, "products": pairs}, bars


def cost(base: int, k: int, block: int, lanczos: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measure a 256 px network in pictures."""
    G = published_size(base)
    w = G.code(0)

    def picture() -> Tensor:
        return G.synthesize(w[None])

    for _ in range(3):
        picture()
    load_rules()
    cold = timed(lambda on_step: operator(G, w).svd(k, "progressive", block=block, on_step=on_step), picture)
    there = moved(G, w, cold.found)
    warm = timed(lambda on_step: operator(G, there).svd(k, start=cold.found, block=block, on_step=on_step), picture)
    rows = [cold.row("cold"), warm.row("warm, after a step of the slider")]
    results: dict[str, Any] = {"picture s": cold.pictures + warm.pictures, "cold": rows[0], "warm": rows[1]}
    if lanczos:
        made = [0]

        def run(on_step: OnStep) -> SVD:
            def count(step: Step) -> Any:
                made[0] = step.index
                return on_step(step)

            return operator(G, w).svd(k, "lanczos", left=False, on_step=count)

        before = timed(run, picture)
        results["lanczos"] = before.row("lanczos, to rounding", (made[0] + k, made[0] + k))
        rows.append(results["lanczos"])
        results["inside, cold"] = inside(cold.found, before.found.S.double())
    head = ["", "forward", "backward", "pictures' worth", "widest interval / first"]
    table(f"Top {k} of a 256 px StyleGAN2, widest layer {min(512, base // 4)}, block {block}", head, rows)
    if lanczos:
        print(f"of the values by Lanczos iteration, {results['inside, cold']} of {k} lie inside the intervals")
    worth = [run.worth for run in (cold, warm)]
    return results, [
        bar(f"top {k} with bounds, cold", worth[0], "<= 110 pictures", worth[0] <= 110),
        bar(f"top {k} with bounds, warm", worth[1], "<= 55 pictures", worth[1] <= 55),
    ]


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the channels at 256 px")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    parser.add_argument("--block", type=int, default=1, help="vectors multiplied at once")
    parser.add_argument("--no-lanczos", action="store_true", help="leave out the Lanczos iteration to rounding")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before = machine("scipy")
    results: dict[str, Any] = {}
    results["faces64"], bars = quality(20, arguments.block)
    base = 4096 if arguments.quick else 32768
    results["256 px"], more = cost(base, 20, arguments.block, not arguments.no_lanczos)
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars + more))
    write("spectra", before, {"results": results, "bars": bars + more})


if __name__ == "__main__":
    with torch.no_grad():
        main()
