"""A stage in the page, over a picture of 64 x 48 pixels, and the hands that touch it."""

import numpy as np

SETUP = """
import io
import ipywidgets
import numpy as np
from PIL import Image, ImageDraw
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.stage import Stage, WalkStrip
from latent_widgets.widgets.kit.style import CSS

def png(array):
    file = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(file, "PNG")
    return file.getvalue()

def panel(*body):
    made = ipywidgets.VBox([ipywidgets.HTML(CSS), *body])
    made.add_class("lw-panel")
    return made

heard = []
def hear(kind):
    return lambda *given: heard.append((kind, *given))
"""
STAGE = """
y, x = np.mgrid[:48, :64]
picture = Picture(width=384, caption="a ramp")
picture.layout.max_width = "100%"
picture.show(np.stack([90 + x, 120 + y, 200 - x], 2).astype(np.uint8))
stage = Stage((48, 64), width=384, alt="a ramp of colours", tool="brush", brush=6.0)
drawn, answers = Image.new("L", (64, 48)), True
def answer(points, size, erase):
    heard.append(("stroke", points, size, erase))
    if answers:
        pen, radius, value = ImageDraw.Draw(drawn), size / 2, 0 if erase else 255
        pen.line(points, fill=value, width=round(size))
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)
        stage.mask = png(drawn)
stage.on_stroke(answer)
for name in ("take", "before", "brush", "tool", "trouble"):
    getattr(stage, "on_" + name)(hear(name))
box = ipywidgets.Box([picture, stage])
box.add_class("lw-stage")
whole = panel(box)
"""
# A square with a hole.
SQUARE = """
square = np.zeros((48, 64))
square[12:36, 16:40] = 255
square[20:28, 24:32] = 127
stage.mask = png(square)
"""
# The pixels of a layer (height, width, RGBA), and how many of them are not empty.
LAYER = """canvas => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, Array.from(data)];
}"""
FULL = """canvas => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let full = 0;
    for (let i = 3; i < data.length; i += 4) full += data[i] > 0;
    return full;
}"""
EVENT = """(element, [type, x, y, rest]) => {
    const box = element.getBoundingClientRect();
    element.dispatchEvent(new PointerEvent(type, {clientX: box.left + x / 64 * box.width,
        clientY: box.top + y / 48 * box.height, bubbles: true, cancelable: true, composed: true, ...rest}));
}"""


class Stage:
    """The stage's parts in the page; places are pixels of the picture."""

    def __init__(self, lab, view=0, touch=False):
        self.lab, self.mouse, self.keyboard, self.touch = lab, lab.page.mouse, lab.page.keyboard, touch
        self.box = lab.page.locator(".lw-stage").nth(view)
        self.image = self.box.locator(".lw-picture img")
        self.hands = self.box.locator(".lw-hands")
        self.ring = self.box.locator(".lw-ring")
        self.note = self.box.locator(".lw-said")
        self.button = self.box.locator("button.lw-hold")
        self.before = self.box.locator("img.lw-before")

    def layer(self, name):
        return self.box.locator(f"canvas.lw-{name}")

    def pixels(self, name):
        """The pixels of a layer."""
        height, width, flat = self.layer(name).evaluate(LAYER)
        return np.array(flat, np.uint8).reshape(height, width, 4)

    def full(self, name):
        """How many pixels of a layer are not empty."""
        return self.layer(name).evaluate(FULL)

    def settle(self):
        """Wait until it lies still in sight, as a hand does."""
        self.image.scroll_into_view_if_needed()
        self.button.tap(trial=True) if self.touch else self.button.hover(trial=True)

    def place(self, x, y):
        box = self.image.bounding_box()
        return box["x"] + x / 64 * box["width"], box["y"] + y / 48 * box["height"]

    def press(self, x, y, **button):
        self.settle()
        self.mouse.move(*self.place(x, y))
        self.mouse.down(**button)

    def stroke(self, *points, steps=8):
        self.press(*points[0])
        for point in points[1:]:
            self.mouse.move(*self.place(*point), steps=steps)
        self.mouse.up()

    def send(self, kind, x, y, **rest):
        """Make an event of a pointer inside the page."""
        self.hands.evaluate(EVENT, [kind, x, y, {"pointerId": 1, "isPrimary": True, "pointerType": "mouse"} | rest])

    def fingers(self, kind, *points):
        """Put down, move or lift fingers."""
        if not hasattr(self, "session"):
            self.session = self.lab.page.context.new_cdp_session(self.lab.page)
        places = [dict(zip("xy", self.place(*point), strict=True)) for point in points]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def heard(self, kind):
        """What the kernel has heard of one kind."""
        return [call[1:] for call in self.lab.kernel_eval("heard") if call[0] == kind]

    def hears(self, kind, count):
        """Wait until the kernel has heard so many of one kind; return the last."""
        return self.lab.eventually(lambda: found if len(found := self.heard(kind)) == count else None)[-1]

    def becomes(self, expression):
        return self.lab.eventually(lambda: self.lab.kernel_eval(expression))

    def shows(self, holds):
        return self.lab.eventually(holds)


def open_stage(lab, *cells, touch=False):
    """Show a stage with a brush; return its parts."""
    lab.write_notebook([SETUP, STAGE, *(cells or ["whole"])])
    lab.open_notebook()
    stage = Stage(lab, touch=touch)
    stage.hands.wait_for()
    lab.eventually(lambda: lab.pixels(stage.image).shape[0] == 48)
    stage.settle()
    return stage
