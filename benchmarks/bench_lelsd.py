"""What training a LELSD direction costs, beside the published training, written down as it is described.

Run it with ``python -m benchmarks.bench_lelsd``; ``--quick`` takes 40 of our steps instead of 200. Both train one
direction of ``faces64`` for the mouth, with the same segmenter. Times are of the processor, which other programs hardly
change; ours include the preparation and the checks on held-out pictures. The score of both is measured outside of their
time, in the same way.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import table
from latent_widgets.geometry.effects.localisation import localisation
from latent_widgets.methods import lelsd
from latent_widgets.segmentation import Segmenter, load_segmenter
from latent_widgets.values.directions import Directions

PART = "mouth"
EVERY = 10


@dataclass(frozen=True)
class Run:
    """A training: after how many seconds of the processor and how many steps which score was reached."""

    seconds: list[float]
    steps: list[int]
    scores: list[float]

    def reaching(self, score: float) -> tuple[float, int] | None:
        """Return the seconds and steps after which a score was first reached."""
        for seconds, step, value in zip(self.seconds, self.steps, self.scores, strict=True):
            if value >= score:
                return seconds, step
        return None


def judged(G: lw.Generator, S: Segmenter, vector: Tensor) -> float:
    """Return the score of a direction of ``w`` on pictures that no training sees."""
    D = Directions(vector[None].detach(), "w", generator=G.name, weights_hash=G.weights_hash)
    return float(localisation(G, D, S, PART, n=32, seed=1000).scores[0])


def ours(G: lw.Generator, S: Segmenter, steps: int) -> Run:
    """Train with the defaults, but to the end."""
    stamps, vectors, index = [], [], []
    begin = time.process_time()

    def watch(step: lw.Step) -> None:
        if step.index and step.value.checked:
            stamps.append(time.process_time() - begin)
            vectors.append(step.value.directions.vectors[0])
            index.append(step.index)

    lelsd(G, S, PART, steps=steps, patience=None, on_step=watch)
    return Run(stamps, index, [judged(G, S, vector) for vector in vectors])


def published(G: lw.Generator, S: Segmenter, steps: int) -> Run:
    """Train as published: fresh pictures in every step, both passes with gradients, masks through 8-bit pictures.

    The batch has one alpha, the rate is 1e-3 and halves every quarter, and masks shrink by cascaded bilinear
    interpolation with aligned corners.
    """
    names = [name for name in G.layer_names if not name.endswith("torgb")]
    picture = G.layer_names[-1]
    u = torch.randn(1, G.dim("w"), generator=torch.Generator().manual_seed(0))
    u = (u / u.norm()).requires_grad_()
    optimizer = torch.optim.Adam([u], lr=1e-3)
    index = S.part_index(PART)
    stamps, vectors, done, spent = [], [], [], 0.0

    def segment(image: Tensor) -> Tensor:
        bytes_ = [((p.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy() for p in image.detach()]
        back = torch.stack([torch.from_numpy(np.array(b)).permute(2, 0, 1).float() / 127.5 - 1 for b in bytes_])
        return (S(back) == index).float()

    for step in range(steps):
        begin = time.process_time()
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * 0.5 ** ((step + 1) // max(1, steps // 4))
        z = torch.from_numpy(np.random.RandomState(54321 + step).randn(4, G.z_dim)).float()
        with torch.enable_grad():
            w = G.map(z).requires_grad_()
            base = G.features(w, [*names, picture])
            alpha = torch.from_numpy(np.random.RandomState(54321 + step).uniform(-1, 1, 1)).float()
            edited = G.features(w + alpha * u, [*names, picture])
            mask = (segment(base[picture]) + segment(edited[picture])) / 2
            side, loss = mask.shape[-1], 0.0
            for name in reversed(names):
                if base[name].shape[-1] != side:
                    side = base[name].shape[-1]
                    mask = F.interpolate(mask[:, None], (side, side), mode="bilinear", align_corners=True)[:, 0]
                change = (base[name].detach() - edited[name]).square().mean(1)
                loss = loss - ((change * mask).sum((1, 2)) / (change.sum((1, 2)) + 1e-6)).mean() / len(names)
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        spent += time.process_time() - begin
        if (step + 1) % EVERY == 0:
            stamps.append(spent)
            vectors.append(u[0].detach().clone())
            done.append(step + 1)
    return Run(stamps, done, [judged(G, S, vector) for vector in vectors])


def main() -> None:
    """Print the table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 of our steps instead of 200")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before = machine()
    steps = 40 if arguments.quick else 200
    G, S = lw.load("faces64"), load_segmenter("faces64")
    area = float(localisation(G, lw.random_directions(G, k=1), S, PART, n=32, seed=1000).chance[0])
    runs = {"published, batch of 4": published(G, S, 200), "ours, batch of 8": ours(G, S, steps)}
    final = runs["ours, batch of 8"].scores[-1]
    goal = 0.95 * final
    rows, results = [], {}
    for name, run in runs.items():
        there = run.reaching(goal)
        own = run.reaching(0.95 * run.scores[-1])
        per_step = (run.seconds[-1] - run.seconds[0]) / (run.steps[-1] - run.steps[0])
        before_steps = run.seconds[0] - per_step * run.steps[0]
        rows.append(
            [
                name,
                before_steps,
                per_step,
                f"{run.scores[-1]:.3f}, step {run.steps[-1]}",
                "not reached" if there is None else f"{there[0]:.3g} s, step {there[1]}",
                "" if own is None else f"{own[0]:.3g} s, step {own[1]}",
            ]
        )
        results[name] = {
            "preparation": before_steps,
            "seconds per step": per_step,
            "seconds": run.seconds,
            "steps": run.steps,
            "scores": run.scores,
        }
    head = [
        "",
        "preparation, CPU s",
        "CPU s a step",
        "score at the end",
        f"to 95 % of ours ({goal:.3f})",
        "to 95 % of its own",
    ]
    table(f"faces64, {PART} (area {area:.3f})", head, rows)
    ours_there, theirs_there = (run.reaching(goal) for run in reversed(runs.values()))
    longest = runs["published, batch of 4"].seconds[-1]
    faster = (longest if theirs_there is None else theirs_there[0]) / ours_there[0] if ours_there else float("nan")
    what = "times faster to 95 % of our score" + (" (at least: not reached)" if theirs_there is None else "")
    bars = [
        bar(what, faster, "> 1", faster > 1),
        bar("score", final, f"> {area:.3f}, the area", final > area),
    ]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("lelsd", before, {"results": results, "area": area, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()
