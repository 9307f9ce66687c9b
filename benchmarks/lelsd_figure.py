"""How well directions keep to a part as the picture changes more: LELSD beside first-order methods and random ones.

Run it with ``python -m benchmarks.lelsd_figure``; ``--quick`` takes one seed, one generator and few steps, and writes
nothing but the figures in ``build/bench``. Without it ``docs/images/lelsd-beside.png`` is drawn and a table written
into ``docs/lelsd.md``, in some 13 minutes of one core. What is measured is kept as it comes: ``--go-on`` takes up a run
that was cut short, and ``--draw`` draws and writes what there is.

Every direction is followed both ways from pictures that no method has seen, in steps up to 20 standard deviations.
Where the root mean square change of a picture first passes a given amount, the share of the squared change that falls
inside the part (the mask before and after, averaged) is interpolated between the two steps, linearly in the logarithm
of the change. Edits that never change the picture by as much are left out, and where that is more than half of them,
nothing is shown.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks._report import FOLDER, into_page, machine, markdown
from benchmarks.lelsd_directions import METHODS, RELEASED, Piece, Sizes, cases, directions, piece, spectra
from latent_widgets.geometry.effects.feature_layers import moved
from latent_widgets.geometry.effects.localisation import shares
from latent_widgets.geometry.effects.part_masks import merge_masks
from latent_widgets.training._files import write_json

AT = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
SHOWN = (0.05, 0.15, 0.3)  # in the table
REACH = tuple(0.03 * 1.6**i for i in range(15))  # in standard deviations: up to 21.6
DOCS = Path(__file__).resolve().parent.parent / "docs"
TARGET, IMAGE = DOCS / "lelsd.md", DOCS / "images" / "lelsd-beside.png"
BEGIN, END = "<!-- table: python -m benchmarks.lelsd_figure -->", "<!-- end of that table -->"
COLOURS = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73", "#777777")  # Okabe and Ito: told apart by all
MARKS = ("o", "s", "^", "v", "D", "x")


def follow(at: Piece, step: Tensor) -> tuple[Tensor, Tensor]:
    """Go along steps both ways.

    Args:
        at: The pictures.
        step: ``(n, ...)``, a standard deviation along the direction of each.

    Returns:
        The changes of the pictures and the shares inside, ``(len(REACH), 2 n)``; the walk ends where all have changed
        by the largest amount.
    """
    G, samples, changes, found = at.case.G, at.samples, [], []
    codes, before = samples.codes.repeat_interleave(2, 0), G.synthesize(samples.codes, samples.space)
    before = before.repeat_interleave(2, 0)
    masks, both = samples.masks.repeat_interleave(2, 0), step.repeat_interleave(2, 0)
    signs = torch.tensor([1.0, -1.0], dtype=codes.dtype, device=codes.device).repeat(len(step))
    for alpha in REACH:
        there = moved(codes, (alpha * signs).reshape(-1, *(1,) * (both.ndim - 1)) * both, None)
        after = G.synthesize(there, samples.space)
        region = masks.to(after)
        if at.masks.fixed is None:
            region = merge_masks(masks, at.masks(there, samples.space, after), "average").to(after)
        changes.append((after - before).square().mean((1, 2, 3)).sqrt())
        found.append(shares([before], [after], region).values[:, 0])
        if bool((changes[-1] > AT[-1]).all()):
            break
    return torch.stack(changes).double(), torch.stack(found).double()


def share_at(change: Tensor, inside: Tensor, amount: float) -> tuple[float | None, float]:
    """Return the mean share where the change first passes an amount, and how many edits pass it, ``(steps, edits)``."""
    values = []
    for c, s in zip(change.T, inside.T, strict=True):
        over = (c >= amount).nonzero()
        if not len(over):
            continue
        high = int(over[0])
        low = max(0, high - 1)
        t = 1.0 if high == low else math.log(amount / float(c[low])) / math.log(float(c[high]) / float(c[low]))
        values.append(float(s[low]) * (1 - t) + float(s[high]) * t)
    share = len(values) / change.shape[1]
    return (sum(values) / len(values) if share >= 0.5 else None), share


def change_at(change: Tensor, alpha: float) -> float:
    """Return the root mean square change that a step of ``alpha`` standard deviations makes, the mean over edits."""
    level = change.mean(1)
    place = min(range(len(level)), key=lambda i: abs(math.log(REACH[i] / alpha)))
    return float(level[place]) * alpha / REACH[place]  # nearly linear between two steps


def measured(sizes: Sizes, quick: bool, known: list[dict[str, Any]], keep: Callable[[], None]) -> None:
    """Measure everything that is not known yet: one entry for each generator, space, part and seed."""
    done = [(one["generator"], one["space"], one["part"], one["seed"]) for one in known]
    chosen = cases()[2:] if quick else cases()
    for seed in range(sizes.seeds):
        for case, space in [(one, space) for one in chosen for space in one.spaces]:
            jacobians = cache(partial(spectra, case, space, sizes.spectra, seed))
            for part in case.parts:
                if (case.name, space, part, seed) in done:
                    continue
                begin = time.process_time()
                at = piece(case, space, part, sizes.judge, seed)
                steps, longest = directions(at, sizes, seed, jacobians)
                paths = {name: follow(at, step) for name, step in steps.items()}
                curves = {name: [share_at(*path, amount) for amount in AT] for name, path in paths.items()}
                reach = change_at(paths[RELEASED][0], longest)
                area = float(at.samples.masks.double().mean())
                key = {"generator": case.name, "space": space, "part": part, "seed": seed, "area": area}
                known.append({**key, "released range": reach, "curves": curves})
                keep()
                spent = time.process_time() - begin
                print(f"{case.name} {space} {part}, seed {seed}: {spent:.0f} s of the processor", flush=True)
                for name, curve in curves.items():
                    print(f"  {name:24s}", *(cell([one[0]]) or "-" for one in curve), flush=True)


def cell(values: Sequence[float | None]) -> str:
    """Write the mean over seeds; nothing where one has none."""
    return "" if None in values else f"{sum(v for v in values if v is not None) / len(values):.3f}"


def panels(results: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
    """Gather the seeds of every generator, space and part."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in results:
        found.setdefault((one["generator"], one["space"], one["part"]), []).append(one)
    return found


def draw(results: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw one panel for each generator, space and part: lines are means over seeds, bands reach from low to high."""
    from matplotlib.figure import Figure

    found = panels(results)
    columns = min(5, len(found))
    figure = Figure(figsize=(2.8 * columns, 3 * math.ceil(len(found) / columns) + 0.6), layout="constrained")
    axes = figure.subplots(math.ceil(len(found) / columns), columns, squeeze=False)
    for ax in axes.flat[len(found) :]:
        ax.set_visible(False)
    for ax, ((generator, space, part), seeds) in zip(axes.flat, found.items(), strict=False):
        for name, colour, mark in zip(METHODS, COLOURS, MARKS, strict=True):
            if name not in seeds[0]["curves"]:
                continue
            rows = [[one[0] for one in s["curves"][name]] for s in seeds]
            there = [i for i in range(len(AT)) if all(row[i] is not None for row in rows)]
            x, values = [AT[i] for i in there], [[row[i] for row in rows] for i in there]
            mean = [sum(v) / len(v) for v in values]
            ax.plot(x, mean, color=colour, marker=mark, markersize=4, linewidth=1.4, label=name)
            ax.fill_between(x, [min(v) for v in values], [max(v) for v in values], color=colour, alpha=0.15, lw=0)
        area = sum(s["area"] for s in seeds) / len(seeds)
        ax.axhline(area, color="black", linestyle=":", linewidth=1, label="chance: area of the part")
        longest = sum(s["released range"] for s in seeds) / len(seeds)
        ax.axvline(longest, color=COLOURS[1], linestyle="--", linewidth=1, label="longest published step")
        ax.set(xscale="log", ylim=(0, None), title=f"{generator}, {space}: {part}")
        ax.set_xticks(AT, [f"{a:g}" for a in AT], fontsize=6)
        ax.minorticks_off()
        ax.set_xlim(0.8 * AT[0], 1.2 * AT[-1])
    figure.supxlabel("root mean square change of the picture")
    figure.supylabel("share of the squared change inside the part")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8)
    figure.savefig(path, dpi=100)


def lines(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the rows of the table."""
    head = ("generator", "space", "part", "area", "change", *METHODS)
    rows = []
    for (generator, space, part), seeds in panels(results).items():
        area = f"{sum(s['area'] for s in seeds) / len(seeds):.3f}"
        for amount in SHOWN:
            i = AT.index(amount)
            values = [cell([s["curves"][name][i][0] for s in seeds]) if name in seeds[0]["curves"] else ""
                      for name in METHODS]  # fmt: skip
            rows.append((generator, space, part, area, f"{amount:g}", *values))
    return markdown(head, rows)


def publish(results: Sequence[Mapping[str, Any]]) -> None:
    """Draw the figure of the docs and write their table."""
    draw(results, IMAGE)
    into_page(TARGET, BEGIN, END, "\n".join(["", *lines(results), ""]))


def main() -> None:
    """Measure, and write figure and table down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fashion32 alone, one seed and few steps; docs are left")
    parser.add_argument("--go-on", action="store_true", help="take up a run that was cut short")
    parser.add_argument("--draw", action="store_true", help="only draw and write what was measured before")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quick = arguments.quick
    sizes = Sizes(1, 20, 8, 4, 4, 2) if quick else Sizes(2, 100, 64, 4, 6, 4)
    name = "lelsd_figure_quick" if quick else "lelsd_figure"
    path = FOLDER / f"{name}.json"
    known = json.loads(path.read_text())["results"] if arguments.go_on or arguments.draw else []
    if not arguments.draw:
        before, begin = machine(), time.process_time()

        def keep() -> None:
            FOLDER.mkdir(parents=True, exist_ok=True)
            write_json(path, {"machine": before, "at": AT, "results": known})

        with torch.no_grad():
            measured(sizes, quick, known, keep)
        print(f"\n{(time.process_time() - begin) / 60:.1f} minutes of {before['processor']}")
    if quick:
        draw(known, FOLDER / "lelsd-beside.png")
    else:
        publish(known)


if __name__ == "__main__":
    main()
