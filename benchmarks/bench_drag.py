"""A drag on a slow generator in a real JupyterLab: a random StyleGAN2 of published width at 256 px.

The same explorer is dragged in two ways in turn: as it is, and as before, with a small picture drawn anew for each
position of the slider; beside a slider that shows ready-made pictures.

Run it with ``python -m benchmarks.bench_drag``; ``--quick`` makes one short round. It needs Chromium
(``tests/browser/install-chromium``).
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import table
from benchmarks.bench_browser import CEILING, EXPLORER, GENERATOR, Subject, drag, frame_ms, late, opened

SHARE_BAR = 0.7  # of the ready-made pictures a second
LOAD = "G = lw.load({model!r})"
RANDOM = """
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
torch.manual_seed(0)
channels = {{2**i: min(512, {base} // 2**i) for i in range(2, 9)}}
network = StyleGAN2(z_dim=512, w_dim=512, resolution=256, channels=channels)
G = StyleGenerator(network.eval().requires_grad_(False), "random 256 px")
"""
WAYS = {
    "as it is": "frames.Frames.between = between",
    "as before": "frames.Frames.between = lambda self, edit: None",
}
# A hand begins at rest, on a slider of which nothing is known, with no filmstrip under way.
RESET = "explorer.set_alpha(0, 0.0); explorer.wait(120); explorer.frames._line = None"
SHOWN, PAGE = "explorer\n", 'explorer.controls.page = "code"\n'
TIMED = """
import time
from latent_widgets.widgets.explorer.screen import frames
between, exact, took = frames.Frames.between, frames.Frames.exact, []
def timed(self, edit):
    start = time.perf_counter()
    picture = exact(self, edit)
    took.append(1000 * (time.perf_counter() - start))
    return picture
frames.Frames.exact = timed
"""


def main() -> None:
    """Measure, print the table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of an eighth of the channels")
    parser.add_argument("--base", type=int, help="width of the network; 32768 is the published one")
    arguments = parser.parse_args()
    rounds, seconds = (1, 3.0) if arguments.quick else (3, 4.0)
    before, base = machine("jupyterlab"), arguments.base or (4096 if arguments.quick else 32768)
    cell = GENERATOR.replace(LOAD, RANDOM).format(base=base, threads="torch.set_num_threads(1)")
    found = {
        "explorer": Subject(
            "LatentExplorer", [cell, TIMED, EXPLORER.replace(SHOWN, PAGE + SHOWN)], ".lw-left .lw-picture img",
            ".lw-direction .lw-alpha .noUi-handle", RESET, "explorer.wait(120)",
        ),
        "ceiling": Subject(
            "ready-made pictures", [cell, CEILING], ".jp-OutputArea-output img", ".noUi-handle", "slider.value = 0.0"
        ),
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in (*WAYS, "ready-made")}
    rest: dict[str, list[float]] = {name: [] for name in rates}
    over: dict[str, list[float]] = {way: [] for way in WAYS}  # beyond its own forward time and one frame
    exact: list[float] = []
    with opened(found) as (probes, _):
        kernel = probes["explorer"].lab
        for _ in range(rounds):
            for way, setting in WAYS.items():
                kernel.kernel_run(setting)
                drag(found["explorer"], probes["explorer"], seconds)
                seen = found["explorer"].drags[-1]
                rates[way].append(seen.per_second)
                exact.append(kernel.kernel_eval("took[-1]"))
                rest[way].append(late(seen))
                over[way].append(late(seen) - exact[-1] - frame_ms(seen))
            drag(found["ceiling"], probes["ceiling"], seconds)
            rates["ready-made"].append(found["ceiling"].drags[-1].per_second)
            rest["ready-made"].append(late(found["ceiling"].drags[-1]))
        for probe in probes.values():
            probe.lab.check()
    middle = {name: statistics.median(values) for name, values in rates.items()}
    share = {name: value / middle["ready-made"] for name, value in middle.items()}
    one, frame = statistics.median(exact), 1000 / middle["as it is"]
    beyond = {way: statistics.median(over[way]) for way in WAYS}
    rows = [[way, middle[way], share[way], statistics.median(rest[way]), beyond[way]] for way in WAYS]
    rows.append(["ready-made", middle["ready-made"], 1.0, statistics.median(rest["ready-made"]), ""])
    head = ["", "pictures/s", "share of ready-made", "last after release, ms", "beyond a picture and a frame, ms"]
    table(f"Dragging a StyleGAN2 of 256 px; an exact picture takes {one:.0f} ms", head, rows)
    later = beyond["as it is"] + frame - statistics.median(rest["ready-made"])
    bars = [
        bar("pictures/s, share of ready-made", share["as it is"], f">= {SHARE_BAR}", share["as it is"] >= SHARE_BAR),
        bar("exact picture, beyond one and a frame", beyond["as it is"], "<= 0 ms", beyond["as it is"] <= 0, "ms"),
        bar("the same, beyond one and a ready-made picture's way", later, "<= 0 ms", later <= 0, "ms"),
    ]
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("drag", before, {"rates": rates, "rest ms": rest, "over ms": over, "exact ms": exact, "bars": bars})


if __name__ == "__main__":
    main()
