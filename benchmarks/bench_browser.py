"""What a hand feels in a real JupyterLab: a key to a new picture, and pictures a second while a slider is dragged.

Three notebooks are driven in turn, in one run: ``LatentExplorer``; the pattern of ``interact`` and ``plt.show`` on the
same generator; and a slider that shows ready-made pictures, which is the most that this JupyterLab can do.

Run it with ``python -m benchmarks.bench_browser``; ``--quick`` makes one short round. It needs Chromium
(``tests/browser/install-chromium``).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks._browser import Drag, Probe, first_back
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import percentile, table
from tests.browser.jupyterlab import CHROMIUM_FLAGS, Lab, Server, find_chromium

STEP_BAR, RATE_BAR, LAST_BAR = 80.0, 0.9, 1.0  # ms, share of the ceiling, frames
GENERATOR = """
import base64, itertools
import ipywidgets, torch
import latent_widgets as lw
from latent_widgets.widgets.kit.encode import encode, to_uint8
{threads}
G = lw.load({model!r})
directions = lw.random_directions(G, 8)
start = lw.Edit.of(G, seed=3)
def edited(alpha):
    edit = start.move(directions, 0, alpha) if alpha else start
    with torch.no_grad():
        return edit.apply(G)
"""
EXPLORER = """
explorer = lw.LatentExplorer(G, directions, seed=3)
trail = []
explorer.observe(lambda change: trail.append(sum(move.alpha for move in change["new"].moves)), "edit")
explorer
"""
# What the page shall have shown: for each position of the slider its picture at rest, the moving one and what may stand
# in for that where drawing is slow; and the last one at rest.
EXPECTED = """
from dataclasses import replace
def expected():
    pictures = {}
    for alpha in [*set(trail), trail[-1]]:
        edit = replace(start, moves=(explorer.move(0, alpha),) if alpha else ())
        with torch.no_grad():
            exact = edit.apply(G)
            drawn = [exact] + [G.preview(edit.code(G), r) for r in G.preview_resolutions]
        files = [encode(exact, lossless=True)] + [encode(x, lossless=False) for x in drawn]
        pictures[alpha] = [f"data:image/{kind};base64,{base64.b64encode(data).decode()}" for data, kind in files]
    return trail, pictures
"""
CEILING = """
ready = itertools.cycle([encode(edited(alpha), lossless=False)[0] for alpha in (-2.0, 2.0)])
image = ipywidgets.Image(value=next(ready), format="jpeg", width=384)
slider = ipywidgets.FloatSlider(0.0, min=-5, max=5, step=0.1)
def show(change):
    image.value = next(ready)
slider.observe(show, "value")
ipywidgets.VBox([image, slider])
"""
PLAIN = """
import matplotlib.pyplot as plt
def show(alpha):
    plt.imshow(to_uint8(edited(alpha)))
    plt.axis("off")
    plt.show()
slider = ipywidgets.FloatSlider(0.0, min=-5, max=5, step=0.1)
_ = ipywidgets.interact(show, alpha=slider)
"""


@dataclass
class Subject:
    """One notebook: what is in it, where its picture and its slider are, what was measured."""

    title: str
    cells: list[str]
    picture: str
    handle: str
    reset: str
    settle: str = ""  # code that ends once nothing is under way
    steps: list[float] = field(default_factory=list)
    drags: list[Drag] = field(default_factory=list)
    exact_ms: float = 0.0  # how long the kernel took for an exact picture meanwhile, smoothed


def subjects(model: str, threads: int | None) -> dict[str, Subject]:
    """Return the three notebooks."""
    first = GENERATOR.format(model=model, threads=f"torch.set_num_threads({threads})" if threads else "")
    return {
        "explorer": Subject(
            "LatentExplorer", [first, EXPECTED, EXPLORER], ".lw-left .lw-picture img",
            ".lw-direction .lw-alpha .noUi-handle", "explorer.set_alpha(0, 0.0); trail.clear()",
            "explorer.wait(60)",
        ),
        "ceiling": Subject(
            "ready-made pictures", [first, CEILING], ".jp-OutputArea-output img", ".noUi-handle", "slider.value = 0.0"
        ),
        "plain": Subject(
            "interact + plt.show", [first, PLAIN], ".widget-interact img", ".noUi-handle", "slider.value = 0.0"
        ),
    }  # fmt: skip


@contextmanager
def opened(found: Mapping[str, Subject]) -> Iterator[tuple[dict[str, Probe], str]]:
    """Start JupyterLab and Chromium, run every notebook in a page of its own, watch each; also gives the browser."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Server(folder))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        stack.callback(chromium.close)
        probes = {}
        for name, subject in found.items():
            lab = Lab(server, chromium.new_context(viewport={"width": 1280, "height": 1000}), name, folder)
            stack.callback(lab.close)
            lab.write_notebook(subject.cells)
            lab.open_notebook()
            probes[name] = Probe(lab, subject.picture, subject.handle)
        yield probes, chromium.version


def drag(subject: Subject, probe: Probe, seconds: float) -> None:
    """Drag from the middle of the slider."""
    probe.lab.kernel_run(subject.reset)
    probe.quiet(1.0)
    subject.drags.append(probe.drag(seconds, subject.settle))


def step(subject: Subject, probe: Probe, count: int) -> None:
    """Press arrow keys, one at a time, each after all is quiet."""
    probe.lab.kernel_run(subject.reset)
    probe.quiet(1.0)
    subject.steps += [probe.step("ArrowRight") for _ in range(count)]


def judged(probe: Probe, seen: Drag) -> dict[str, Any]:
    """Compare what the explorer's page showed in a drag with what the kernel says belongs to each position.

    Args:
        probe: The explorer's.
        seen: The drag.

    Returns:
        ``late_ms``: when after the release the picture of the last position was there; ``after_release``: how many
        moving pictures came after it; ``stale``: how an older picture followed a newer one, or which one came to rest
        that is not the exact one of the last position, empty if all is well; ``unknown``: how many pictures belong to
        no position.
    """
    sent, pictures = probe.lab.kernel_eval("expected()")
    known = {probe.hash_of(source): alpha for alpha, sources in pictures.items() for source in sources}
    exact = probe.hash_of(pictures[sent[-1]][0])
    moving = [(t, h) for t, h in seen.pictures if h != exact]
    shown = [alpha for alpha, _ in groupby(known[h] for _, h in seen.pictures if h in known)]
    last = [t for t, h in moving if known.get(h) == sent[-1]]
    back, rest, why = first_back(shown, sent), seen.pictures[-1][1], []
    if back is not None:
        why.append(f"order: {shown[max(0, back - 2) : back + 2]} shown, where {shown[back]} goes back in {sent}")
    if rest != exact:
        at = f"a moving picture of {known[rest]}" if rest in known else "a picture of no position"
        exacts = {probe.hash_of(sources[0]): alpha for alpha, sources in pictures.items()}
        at = f"the exact picture of {exacts[rest]}" if rest in exacts else at
        ends = [(round(t - seen.released), known.get(h)) for t, h in seen.pictures[-3:]]
        why.append(f"rest: {at} is shown last, not the exact one of {sent[-1]}; ms after release, position: {ends}")
    return {
        "late_ms": (last[-1] if last else seen.pictures[-1][0]) - seen.released,
        "after_release": sum(t > seen.released for t, _ in moving),
        "stale": "; ".join(why),
        "unknown": sum(h not in known for _, h in moving),
    }


def late(seen: Drag) -> float:
    """How many milliseconds after the release the last picture came, where none follows at rest."""
    return seen.pictures[-1][0] - seen.released


def per_picture(drags: list[Drag]) -> dict[str, float]:
    """Return how many messages of each kind passed for each picture, the most frequent first."""
    shown = max(1, sum(len(d.pictures) for d in drags))
    kinds = {kind for d in drags for kind in d.counts}
    found = {kind: sum(d.counts.get(kind, 0) for d in drags) / shown for kind in kinds}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def frame_ms(d: Drag) -> float:
    """Mean time between two pictures of a drag."""
    return (d.released - d.began) / max(1, len(d.during))


def main() -> None:
    """Measure, print the tables and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--model", default="faces64", help="the generator; a light one leaves the panel's own cost")
    parser.add_argument("--threads", type=int, help="threads of torch in the kernels; as many as it takes if not given")
    parser.add_argument("--messages", action="store_true", help="also print the messages that passed for each picture")
    arguments = parser.parse_args()
    rounds, seconds, keys = (1, 3.0, 10) if arguments.quick else (4, 4.0, 12)
    before = machine("jupyterlab", "ipywidgets", "ipykernel") | {"generator": arguments.model}
    found, verdicts = subjects(arguments.model, arguments.threads), []
    if arguments.threads:
        before["torch threads"] = arguments.threads
    with opened(found) as (probes, before["chromium"]):
        for _ in range(rounds):
            for name, subject in found.items():
                drag(subject, probes[name], seconds)
            verdicts.append(judged(probes["explorer"], found["explorer"].drags[-1]))
            for name, subject in found.items():
                step(subject, probes[name], keys)
        found["explorer"].exact_ms = probes["explorer"].lab.kernel_eval("explorer.frames.exact_ms")
        for probe in probes.values():
            probe.lab.check()
    report(found, verdicts, before, arguments.messages)


def report(found: Mapping[str, Subject], verdicts: list[dict[str, Any]], before: dict[str, Any], talk: bool) -> None:
    """Print what was measured and write it down."""
    mine, ceiling, plain = (found[name] for name in ("explorer", "ceiling", "plain"))
    p50, p95 = ({name: percentile(s.steps, q) for name, s in found.items()} for q in (50, 95))
    rows: list[list[Any]] = [
        [s.title, p50[name], p95[name], p50["plain"] / p50[name], p95["plain"] / p95[name]] for name, s in found.items()
    ]
    head = ["", "p50 ms", "p95 ms", "times faster than interact, p50", "p95"]
    table(f"{before['generator']}: arrow key to new picture ({len(mine.steps)} keys each)", head, rows)
    rates = {name: [d.per_second for d in s.drags] for name, s in found.items()}
    shares = {
        name: statistics.median(a / b for a, b in zip(rate, rates["ceiling"], strict=True))
        for name, rate in rates.items()
    }
    lates = {name: [late(d) for d in s.drags] for name, s in found.items()} | {
        "explorer": [v["late_ms"] for v in verdicts]
    }
    in_frames = {
        name: statistics.median(t / frame_ms(d) for t, d in zip(lates[name], s.drags, strict=True))
        for name, s in found.items()
    }
    rows = [
        [s.title, statistics.median(rates[name]), shares[name], shares[name] / shares["plain"],
         statistics.median(lates[name]), in_frames[name], statistics.median(d.refreshes for d in s.drags)]
        for name, s in found.items()
    ]  # fmt: skip
    head = ["", "pictures/s", "share of the ceiling", "times interact's", "last after release ms", "in frames"]
    table(f"Dragging at 60 moves a second ({len(mine.drags)} drags each)", [*head, "page refreshes/s"], rows)
    messages = {s.title: per_picture(s.drags) for s in (mine, ceiling, plain)}
    for title, counts in messages.items() if talk else ():
        table(f"Messages per picture: {title}", ["kind", "per picture"], [[k, v] for k, v in counts.items()])
    stale = sum(bool(v["stale"]) for v in verdicts)
    bars = [
        bar("arrow key to picture, p95", p95["explorer"], f"< {STEP_BAR:g} ms", p95["explorer"] < STEP_BAR, "ms"),
        bar("pictures/s, share of the ceiling", shares["explorer"], f">= {RATE_BAR}", shares["explorer"] >= RATE_BAR),
        bar("last picture after release", in_frames["explorer"], f"<= {LAST_BAR:g} frame",
            in_frames["explorer"] <= LAST_BAR, "frames"),
        bar("the same, beyond ready-made pictures", in_frames["explorer"] - in_frames["ceiling"],
            f"<= {LAST_BAR:g} frame", in_frames["explorer"] - in_frames["ceiling"] <= LAST_BAR, "frames"),
        bar("drags with a stale picture", stale, "0", stale == 0),
    ]  # fmt: skip
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    for number, verdict in enumerate(verdicts, 1):
        if verdict["stale"]:
            print(f"Stale picture in drag {number}: {verdict['stale']}")
    results = {
        name: {"steps ms": s.steps, "pictures per second": rates[name], "last after release ms": lates[name]}
        for name, s in found.items()
    }
    print(f"\nAn exact picture took the explorer {mine.exact_ms:.3g} ms in the kernel, in the end.")
    figures = {"results": results, "exact picture ms": mine.exact_ms, "verdicts": verdicts, "messages": messages}
    name = "browser" if before["generator"] == "faces64" else f"browser-{before['generator']}"
    write(name, before, figures | {"bars": bars})


if __name__ == "__main__":
    main()
