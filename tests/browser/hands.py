"""What hands do in the middle of something, and explorers of all that somebody may bring."""

import inspect

from tests.browser.first import First
from tests.spread import Spread

# An explorer whose trainings are short, with a region to train for.
TRAINER = """
import latent_widgets as lw
G = lw.load()
explorer = lw.LatentExplorer(G, seed=7, k=4)
explorer
"""
# Everything that a hand can change, as plain values, and each row as the page has it.
SCENE = """
def scene():
    state, shelf = explorer.state, explorer.state.shelf
    return [
        explorer.edit.to_json(), [(one.title, one.directions.names, one.closed) for one in shelf.open], shelf.row,
        None if state.mask is None else state.mask.tensor.tolist(), state.steer, state.confine, len(state.bookmarked),
        explorer.seed, explorer.selected_index, explorer.layers, explorer.directions.names,
    ]
"""
ROWS = """panel => [...panel.querySelectorAll('.lw-direction')].map(row => [
    row.querySelector('.lw-name input').value, row.querySelector('.lw-number input').value,
    row.classList.contains('lw-active')])"""
CHIPS = "panel => [...panel.querySelectorAll('.lw-chip-name')].map(chip => chip.textContent)"
# Networks that work, but look like no other: what an explorer of each begins with.
NETWORKS = f"""
import torch
from torch import nn
from torch.nn.functional import interpolate
import latent_widgets as lw
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.explorer.screen import frames
frames.SLOW_MS = 1e9  # however busy the machine is, exact pictures are quick enough

{inspect.getsource(Spread)}
def exact():
    picture = to_uint8(explorer.edit.apply(G))
    step = max(1, len(picture) // 64)
    return picture[::step, ::step].tobytes().hex()
"""
# Those pixels of an <img>: the driver takes minutes for a million of them.
THIN = """async img => {
    await img.decode();
    const side = img.naturalHeight, step = Math.max(1, Math.floor(side / 64)), canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext('2d'), found = [];
    context.drawImage(img, 0, 0);
    const {data} = context.getImageData(0, 0, side, side);
    for (let y = 0; y < side; y += step)
        for (let x = 0; x < side; x += step) found.push(...data.slice(4 * (y * side + x), 4 * (y * side + x) + 3));
    return found;
}"""
ODD = {
    "one pixel": "G = lw.load(Spread(1, 1), z_dim=6, value_range=(-1, 1))",
    "1024 pixels": "G = lw.load(Spread(8, 1024), z_dim=6, value_range=(-1, 1))",
    "classes": "G = lw.load('fashion32')",
    "no mapping, no layers": "G = lw.load('digits32')",
    "one number": "G = lw.load(Spread(4, 16, z_dim=1), z_dim=1, value_range=(-1, 1))",
}
MANY = """
D = lw.Directions(torch.randn(300, 64, generator=torch.Generator().manual_seed(1)), "w")
explorer = lw.LatentExplorer(G, D, seed=7)
explorer
"""
LONG = 200 * "x"
HEBREW, ARABIC = "חיוך רחב", "ابتسامة"
NAMES = ["<b onclick='go()'>bold</b>", HEBREW, ARABIC, LONG, "$x^2$ \\(y\\)", "a\u202eb"]
NAMED = f"""
D = lw.Directions(torch.eye(6, G.w_dim), "w", names={NAMES!r}, method={NAMES[0] + LONG!r})
explorer = lw.LatentExplorer(G, D, seed=7)
explorer
"""


class Hands(First):
    """The explorer's first screen, and hands that stop in the middle."""

    def take(self, row):
        """Press on the handle of a slider."""
        handle = self.handle(row)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.lab.page.mouse.move(x, y)
        self.lab.page.mouse.down()
        return x, y

    def pull(self, place, dx):
        """Move on with the button down."""
        x, y = place
        self.lab.page.mouse.move(x + dx, y, steps=10)

    def begin_stroke(self):
        """Take the brush and draw half a stroke."""
        self.button("brush").click()
        self.picture.scroll_into_view_if_needed()
        mouse = self.lab.page.mouse
        mouse.move(*self.at(25, 45))
        mouse.down()
        mouse.move(*self.at(34, 45), steps=10)

    def exact(self):
        shown = self.picture.evaluate(THIN)
        return shown == list(bytes.fromhex(self.lab.kernel_eval("exact()")))

    def seen(self):
        """What the page shows, apart from the pictures."""
        return self.panel.evaluate(ROWS), self.panel.evaluate(CHIPS)

    def overflowing(self):
        """What of the panel sticks out of its cell."""
        return self.panel.evaluate(OVERFLOWING)


OVERFLOWING = """panel => {
    const right = panel.closest('.jp-Cell').getBoundingClientRect().right;
    return [...panel.querySelectorAll('button, input, select, img, canvas, .noUi-target, .widget-label, .widget-html')]
        .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.lw-mute > .widget-label'))
        .filter(e => e.getBoundingClientRect().right > right)
        .map(e => [e.className, e.title || e.textContent.slice(0, 40)]);
}"""
