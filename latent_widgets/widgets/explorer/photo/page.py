"""The page on which a photo becomes a code: its controls and pictures; what they do is the explorer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets
from PIL import Image
from torch import Tensor

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.widgets.explorer.photo.crop import Crop
from latent_widgets.widgets.explorer.photo.drop import PhotoDrop
from latent_widgets.widgets.explorer.photo.plot import draw_crop, draw_loss
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.encode import difference
from latent_widgets.widgets.kit.log_slider import LogSlider
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["PhotoActs", "PhotoPage"]

PULL = 3e-3  # the default of inversion
LIMIT = 1.0  # the residual that gets the last colour, where the whole range from black to white is 2
SIDE = 132  # CSS pixels of the pictures


class PhotoActs(NamedTuple):
    """What the page calls."""

    taken: Callable[[bytes, str], object]
    cropped: Callable[[], object]
    start: Callable[[], object]
    onward: Callable[[], object]
    adopt: Callable[[], object]
    chosen: Callable[[], object]


class PhotoPage(ipywidgets.VBox):
    """Controls and pictures of an inversion.

    Args:
        spaces: Of the generator.
        acts: What the controls call.
        guard: Wraps handlers.
    """

    def __init__(self, spaces: Sequence[str], acts: PhotoActs, guard: Guard) -> None:
        self.silence, self._acts = Silence(), acts
        self.axes: Any = None  # of the drawing of the photo
        self._sides = (1, 1)  # its width and height
        self.drop = PhotoDrop(guard(acts.taken))
        self.message = ipywidgets.HTML()
        self.message.add_class("lw-note")
        self.message.add_class("lw-message")
        # ---- the crop
        said = tr("The photo, and the square of it that is taken; a click moves it")
        self.photo = Plot(230, 190, said, guard(self.put))
        self.target = Picture(width=SIDE, pixelated=True, alt=tr("What is taken of the photo"))
        self.size = NumberSlider(
            100, 5, 200, 1, tr("size %"), tr("Side of the square, in percent of the photo's shorter side")
        )
        self.across = NumberSlider(50, 0, 100, 1, tr("across %"), tr("Where its middle is, from left to right"))
        self.down = NumberSlider(50, 0, 100, 1, tr("down %"), tr("Where its middle is, from top to bottom"))
        self.turn = NumberSlider(
            0, -180, 180, 1, tr("rotate °"), tr("Turns the photo counter-clockwise under the square")
        )
        self.paper = ipywidgets.ColorPicker(
            value="#ffffff",
            description=tr("background"),
            tooltip=tr("The colour around the photo, and behind a transparent one"),
        )
        middle = button(tr("middle"), tr("The largest part in the middle, upright"), guard(lambda _: self.crop_whole()))
        sliders = (self.size, self.across, self.down, self.turn)
        for control in (*sliders, self.paper):
            control.observe(guard(self._changed), "value")
        for control in sliders:
            control.add_class("lw-wide")
        self.paper.add_class("lw-short")
        boxes = ipywidgets.VBox([*sliders, row(self.paper, middle)])
        boxes.add_class("lw-crop")
        self.cropping = row(self.photo, self.target, boxes)
        # ---- the search
        offered = [space for space in ("z", "w", "w+") if space in spaces]
        self.space = ipywidgets.ToggleButtons(options=offered, value=offered[-1], tooltips=[SPACES[s] for s in offered])
        self.space.add_class("lw-toggles")
        self.pull = LogSlider(
            PULL,
            -5,
            0,
            tr("easy to edit"),
            tr("Low: closest to the photo. High: edits better, since layers stay alike"),
        )
        self.steps = ipywidgets.BoundedIntText(
            200, min=1, max=10_000, description=tr("steps"), tooltip=tr("How many steps the search takes")
        )
        self.steps.add_class("lw-short")
        self.scale = ipywidgets.HBox([self.pull])
        self.scale.add_class("lw-numbered")
        self.scale.add_class("lw-between")
        self.begin = button(
            tr("find its code"), tr("Search for the code that draws this"), guard(lambda _: acts.start()), "play"
        )
        self.go_on = button(
            tr("go on from here"), tr("Search on from the code found last, with these settings"),
            guard(lambda _: acts.onward()), "step-forward",
        )  # fmt: skip
        self.use = button(
            tr("use it again"), tr("Bring the code found last back into the explorer"),
            guard(lambda _: acts.adopt()), "check",
        )  # fmt: skip
        self.space.observe(guard(lambda _: acts.chosen()), "value")
        self.searching = ipywidgets.VBox(
            [
                row(ipywidgets.Label(tr("space")), self.space, self.steps, self.scale),
                row(self.begin, self.go_on, self.use),
            ]
        )
        self.searching.layout.overflow = "visible"
        # ---- what is found
        three = (tr("The photo"), tr("What the code draws"), tr("Where the two differ"))
        self.wanted, self.drawn, self.residual = (Picture(width=SIDE, pixelated=True, alt=words) for words in three)
        self.loss = Plot(300, 190, tr("The lowest loss after each step"))
        self.found = row(self.wanted, self.drawn, self.residual, self.loss)
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        super().__init__([self.drop, self.message, self.cropping, self.searching, self.found, self.words])
        for part in (self.cropping, self.searching, self.found):
            part.layout.display = "none"
        self.tell("")
        self.offer(False, False)

    # ---- what the controls say

    @property
    def crop(self) -> Crop:
        """The square that is taken."""
        red, green, blue = (int(self.paper.value[i : i + 2], 16) / 255 for i in (1, 3, 5))
        across, down, size = (slider.value / 100 for slider in (self.across, self.down, self.size))
        return Crop(across, down, size, self.turn.value, (red, green, blue))

    def crop_whole(self) -> None:
        """Take the largest square in the middle."""
        self._put_all({self.size: 100, self.across: 50, self.down: 50, self.turn: 0})

    def put(self, x: float, y: float) -> None:
        """Move the middle of the square to a place of the drawing."""
        found = None if self.axes is None else self.photo.at(self.axes, x, y)
        if found is not None:
            shares = (100 * value / side for value, side in zip(found, self._sides, strict=True))
            across, down = (min(max(round(share), 0), 100) for share in shares)
            self._put_all({self.across: across, self.down: down})

    def _put_all(self, values: dict[NumberSlider, float]) -> None:
        with self.silence:
            for slider, value in values.items():
                slider.value = value
        self._acts.cropped()

    @heard
    def _changed(self, change: Any) -> None:
        self._acts.cropped()

    # ---- what it shows

    def tell(self, message: str) -> None:
        """Say what is missing or went wrong; nothing if empty."""
        self.message.value = page_text(message)
        self.message.layout.display = None if message else "none"

    def offer(self, fits: bool, found: bool) -> None:
        """Say what can be done next.

        Args:
            fits: Whether the search can go on from the code found last.
            found: Whether there is one.
        """
        self.go_on.disabled, self.use.disabled = not fits, not found
        self.scale.layout.display = None if self.space.value == "w+" else "none"

    def show_photo(self, photo: Image.Image, crop: Crop, target: Tensor) -> None:
        """Show a photo, and what is taken of it."""

        def draw(figure: Any) -> Any:
            self.axes, spots = draw_crop(figure, photo, crop)
            return spots

        self._sides = photo.size
        self.photo.show(draw)
        self.target.show(target, caption=tr("taken, {side} px", side=target.shape[-1]))
        self.cropping.layout.display = self.searching.layout.display = None

    def show_search(self, target: Tensor, image: Tensor, losses: Sequence[float], steps: int, at_rest: bool) -> None:
        """Show how far a search is.

        Args:
            target: The wanted picture.
            image: The best so far.
            losses: The lowest loss after each step.
            steps: How many there will be.
            at_rest: Whether this is the last.
        """
        self.wanted.show(target, lossless=at_rest, caption=tr("photo"))
        self.drawn.show(image, lossless=at_rest, caption=tr("what its code draws"))
        rest = difference(image, target, limit=LIMIT)
        self.residual.show(rest, lossless=at_rest, caption=tr("difference"))
        self.loss.show(lambda figure: draw_loss(figure, losses, steps))
        self.found.layout.display = None


SPACES = {
    "z": tr("The latent before the mapping: few pictures can be drawn, all of them usual"),
    "w": tr("The mapped latent: edits well"),
    "w+": tr("A mapped latent for each layer: draws the photo best"),
}
