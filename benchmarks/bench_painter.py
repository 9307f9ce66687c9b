"""From a move of the mouse to paint on the screen, in a real JupyterLab.

A stroke of 60 moves a second is made inside the page; at each animation frame the canvas is read back under every place
that the mouse has passed. Beside it: the same strokes on a plain ipycanvas canvas that draws one line for each move and
does nothing else, which is the least that a painter of ipycanvas can take; and those on the stage, which the page draws
by itself and which is held to bars.

Run it with ``python -m benchmarks.bench_painter``; ``--quick`` makes one round. It needs Chromium
(``tests/browser/install-chromium``).
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import percentile, table
from tests.browser.jupyterlab import CHROMIUM_FLAGS, Lab, Server, find_chromium

SIDE = 256  # pixels of the picture and of the canvas
BARS = {50: 16.0, 90: 33.0}  # milliseconds that the stage may take: which percentile, how long
PAINTER = f"""
import numpy as np
from latent_widgets.widgets.painter.painter import MaskPainter
painter = MaskPainter(np.zeros(({SIDE}, {SIDE}, 3), np.uint8), width={SIDE}, brush=8.0, opacity=1.0, colour="#ff0000")
clear = painter.clear
painter
"""
PLAIN = f"""
import ipycanvas
canvas = ipycanvas.Canvas(width={SIDE}, height={SIDE})
canvas.stroke_style, canvas.line_width, canvas.line_cap = "#ff0000", 8, "round"
last = []
def down(x, y):
    last[:] = [(x, y)]
def move(x, y):
    if last:
        canvas.stroke_line(*last[0], x, y)
        last[:] = [(x, y)]
canvas.on_mouse_down(down)
canvas.on_mouse_move(move)
canvas.on_mouse_up(lambda x, y: last.clear())
clear = canvas.clear
canvas
"""
STAGE = f"""
import ipywidgets
import numpy as np
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.stage import Stage
picture = Picture(width={SIDE})
picture.show(np.zeros(({SIDE}, {SIDE}, 3), np.uint8))
stage = Stage(({SIDE}, {SIDE}), width={SIDE}, tool="brush", brush=8.0)
clear = stage.settle
box = ipywidgets.Box([picture, stage])
box.add_class("lw-stage")
box
"""
CELLS = {"MaskPainter": PAINTER, "one line for each move": PLAIN, "Stage": STAGE}
BASE = "one line for each move"
# For each of the places: when the mouse was there, and when paint was seen there: red, or what the page lays over it.
WATCH = """async (canvas, {points, hz, kind}) => {
    const box = canvas.getBoundingClientRect(), pen = canvas.getContext('2d'), stage = kind === 'pointer';
    const hands = stage ? canvas.parentElement : canvas, Kind = stage ? PointerEvent : MouseEvent;
    const send = (type, [x, y]) => hands.dispatchEvent(new Kind(kind + type, {
        clientX: box.left + x, clientY: box.top + y, bubbles: true, cancelable: true, view: window,
        pointerId: 1, pointerType: 'mouse', isPrimary: true, button: 0, buttons: 1}));
    const moved = [], seen = points.map(() => null);
    const kx = canvas.width / box.width, ky = canvas.height / box.height;
    let going = true;
    const look = () => {
        const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 0; i < moved.length; i++) {
            if (seen[i] !== null) continue;
            const at = 4 * (Math.floor(points[i][1] * ky) * canvas.width + Math.floor(points[i][0] * kx));
            if ((stage || data[at] > 200) && data[at + 3] > 200) seen[i] = performance.now();
        }
        if (going) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    send('down', points[0]);
    const start = performance.now();
    for (const [index, point] of points.entries()) {
        const wait = start + index * 1000 / hz - performance.now();
        if (wait > 0) await new Promise(done => setTimeout(done, wait));
        moved.push(performance.now());
        send('move', point);
    }
    send('up', points[points.length - 1]);
    const limit = performance.now() + 5000;
    while (seen.includes(null) && performance.now() < limit) await new Promise(done => setTimeout(done, 20));
    going = false;
    return points.map((_, i) => seen[i] === null ? null : seen[i] - moved[i]);
}"""


def strokes(lab: Lab, row: float, moves: int, stage: bool) -> list[float]:
    """Make one stroke and return how late each place was red, in milliseconds.

    The first place is left out: the press paints it. Places are farther apart than the brush is wide, and the rows
    run to and fro, so that nothing paints a place before the mouse is there.
    """
    step = (SIDE - 40) / 20
    columns = [*range(20), *range(19, -1, -1)]
    zigzag = [(20 + step * columns[i % 40], row + 12 * (i // 20)) for i in range(moves)]
    canvas = lab.page.locator("canvas.lw-wet" if stage else "canvas").first
    kind = "pointer" if stage else "mouse"
    found: list[float | None] = canvas.evaluate(WATCH, {"points": zigzag, "hz": 60, "kind": kind})
    missing = found.count(None)
    if missing:
        raise RuntimeError(f"{missing} of {moves} places were never painted")
    return [late for late in found[1:] if late is not None]


def main() -> None:
    """Measure in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round")
    rounds = 1 if parser.parse_args().quick else 6
    before = machine("jupyterlab", "ipywidgets", "ipykernel", "ipycanvas", "anywidget")
    late: dict[str, list[float]] = {name: [] for name in CELLS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Server(folder))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        stack.callback(chromium.close)
        before["chromium"] = chromium.version
        labs = {}
        for name, cell in CELLS.items():
            labs[name] = Lab(server, chromium.new_context(viewport={"width": 1280, "height": 1000}), name[:4], folder)
            stack.callback(labs[name].close)
            labs[name].write_notebook([cell])
            labs[name].open_notebook()
            labs[name].page.wait_for_selector("canvas")
            labs[name].page.locator("canvas").first.scroll_into_view_if_needed()
            labs[name].page.wait_for_timeout(1000)
        for _ in range(rounds):
            for name, lab in labs.items():
                lab.kernel_run("clear()")
                lab.page.wait_for_timeout(500)
                late[name] += strokes(lab, 20.0, 120, stage=name == "Stage")
        for lab in labs.values():
            lab.check()
    p50, p90 = ({name: percentile(values, q) for name, values in late.items()} for q in (50, 90))
    rows: list[list[Any]] = [[n, len(late[n]), p50[n], p90[n], p50[n] / p50[BASE], p90[n] / p90[BASE]] for n in late]
    head = ["", "moves", "p50 ms", "p90 ms", "times the plain one, p50", "p90"]
    table("Move of the mouse to paint on the screen, 60 moves a second", head, rows)
    at = {50: p50["Stage"], 90: p90["Stage"]}
    bars = [bar(f"Stage, p{q}", at[q], f"<= {most:g} ms", at[q] <= most, "ms") for q, most in BARS.items()]
    table("The stage", ["", "measured", "bar", ""], bar_rows(bars))
    write("painter", before, {"late ms": late, "bars": bars})


if __name__ == "__main__":
    main()
