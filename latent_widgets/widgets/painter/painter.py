"""Paint regions of a picture: the mask is an array in the kernel, the canvas only shows it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from traitlets import validate

from latent_widgets.core import checks
from latent_widgets.core.texts import tr
from latent_widgets.widgets.jobs.turns import HANDS
from latent_widgets.widgets.kit.encode import Picturelike, Pixels
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.still import Still, pixels_of
from latent_widgets.widgets.painter.cell_watch import CellWatch
from latent_widgets.widgets.painter.controls import FileActs, PainterControls
from latent_widgets.widgets.painter.easel import Brush, Easel
from latent_widgets.widgets.painter.files import load_mask, read_mask, save_mask
from latent_widgets.widgets.painter.gesture import Gesture
from latent_widgets.widgets.painter.hand import connect
from latent_widgets.widgets.painter.later import Later
from latent_widgets.widgets.painter.model import MaskModel, mask_array
from latent_widgets.widgets.painter.parts import Parts
from latent_widgets.widgets.painter.regions import INKS, inks_for, masks_of
from latent_widgets.widgets.painter.tools import Stroke
from latent_widgets.widgets.painter.traits import PainterTraits
from latent_widgets.widgets.painter.view import Canvas, Point, Viewport, composed

__all__ = ["MaskPainter"]


class MaskPainter(PainterTraits):
    """Paint named regions of a picture with mouse, finger or keys; assign and read them from code.

    Args:
        image: ``(3, H, W)`` in [-1, 1], ``(H, W, 3)`` uint8, an image of Pillow's, or the ``picture`` of an explorer,
            which ``traitlets.dlink((explorer, "picture"), (painter, "picture"))`` makes follow what the explorer shows.
        regions: Names to begin with, or masks by name (None for an empty one); one region called "region" if not given.
        parts: Ready masks by name to add as a whole; or ``(labels, names)``, an integer map ``(H, W)`` and the name of
            each label.
        segmenter: Finds parts in the picture that is shown, once one is wanted: one of
            :mod:`latent_widgets.segmentation`, or another callable from pictures ``(1, 3, H, W)`` in [-1, 1] to integer
            labels ``(1, H, W)``, with the ``names`` of these.
        width: Of the longer side on the page, in CSS pixels.
        **keywords: Values of traits, ``executor``, ``layout`` and ``theme``.

    Raises:
        TypeError: If a keyword is unknown or a value has the wrong type.
        ValueError: If a mask does not fit the picture.

    Example:
        >>> import numpy as np
        >>> painter = MaskPainter(np.zeros((48, 64, 3), np.uint8), ["eyes", "mouth"])
        >>> painter.paint("rectangle", [(10, 10), (26, 22)])
        >>> painter.mask, painter.regions["mouth"]
        (<Mask 48 x 64, area 6.25 %>, None)
        >>> painter.undo()
        >>> painter.mask is None
        True
        >>> painter.close()
    """

    lock = HANDS
    "Held while a painter changes. Linked panels call each other from within a change, so that there is one for all."
    _watch: CellWatch | None = None

    def __init__(
        self,
        image: Picturelike | Still | Image.Image,
        regions: Sequence[str] | Mapping[str, Any] | None = None,
        *,
        parts: Mapping[str, Any] | tuple[Any, Any] | None = None,
        segmenter: Callable[..., Any] | None = None,
        width: int = 480,
        **keywords: Any,
    ) -> None:
        pixels = pixels_of(image).copy()
        side = checks.integer("width", width, low=64)
        self.model = MaskModel(pixels, tuple(regions) if regions is not None else ("region",))
        names = self.model.names
        self.parts = Parts(parts, segmenter, self.model.size)
        self._side = side
        self._inks = {name: INKS[i % len(INKS)] for i, name in enumerate(names)}
        self.silence = Silence()  # entered while the painter sets its own traits
        given = {name: keywords.pop(name) for name in ("mask", "region") if name in keywords}
        keywords.setdefault("brush", max(1.0, round(max(self.model.size) / 16)))
        super().__init__(**keywords)
        self.canvas = Canvas(Viewport(*self.model.size, side))
        self._easel = Easel(
            model=self.model, canvas=self.canvas, brush=self._as_brush, set_trait=self.set_trait, change=self._change,
            settle=self.settle, redraw=self.redraw, run=self.run, say=self.say,
        )  # fmt: skip
        self.later = Later(self._easel, self.parts.find)
        self.gesture = Gesture(self._easel, {"fill": self.later.fill, "superpixel": self.later.pick})
        files = FileActs(self.save_mask, self.load_mask, self.take_file)
        self.controls = PainterControls(self._easel, self.later, files, self.parts.names, self.guard)
        self.own(*self.controls.spare)
        connect(self._easel, self.gesture, self.controls.take_focus, self._exclusive)
        self.body.children = [self.controls.around(self.canvas.widget)]
        self._watch = CellWatch(self._wait)
        if isinstance(regions, Mapping) and any(mask is not None for mask in regions.values()):
            self.model.replace(regions, names[0])
        if "colour" in keywords:
            self._inks[self.model.region] = self.colour
        self.observe(self._assigned, ["mask", "regions", "region", "colour"])
        self.observe(self._set, ["tool", "erase", "brush", "opacity", "tolerance"])
        self.observe(self._followed, "picture")
        for name, value in given.items():
            setattr(self, name, value)
        self._publish()
        self.redraw()

    def _exclusive(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Guard a handler of the canvas; one at a time, none after the end. An exception ends the stroke."""

        @functools.wraps(handler)
        def run(*arguments: Any) -> None:
            with self.lock:
                if self._closed:
                    return
                try:
                    handler(*arguments)
                except Exception as error:
                    self.gesture.forget()
                    self.show_error(error)

        return run

    # ---- the traits

    @validate("mask", "region")
    def _fits(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "region":
            return checks.choice(name, value, self.model.names)
        if value is not None and not self.silence:
            mask_array(value, self.model.size)
        return value

    @heard
    def _assigned(self, change: Any) -> None:
        name, new = change["name"], change["new"]
        with self.lock:
            try:
                if name == "mask":
                    self.model.assign(new)
                elif name == "regions":
                    self.model.replace(new)
                elif name == "region":
                    self.model.select(new)
                else:
                    self._inks[self.model.region] = new
            finally:  # what was refused does not stay
                self._publish()
            self.gesture.forget()
            self._show()

    def _set(self, change: Any) -> None:
        with self.lock:
            if change["name"] == "tool":
                self.gesture.drop()
            if change["name"] == "opacity":
                self._show()
            self.controls.show()

    def _followed(self, change: Any) -> None:
        if change["new"] is not None:
            self._paint_on(change["new"].pixels)

    def _publish(self) -> None:
        """Bring the traits to the model. Nobody answers; but a picture may come back from who is linked."""
        model = self.model
        with self.silence:
            masks = masks_of(model, self.regions, self.mask)
            self._inks = inks_for(model.names, self._inks)
            self.region, self.colour = model.region, self._inks[model.region]
            self.regions, self.mask = masks, masks[model.region]

    def _as_brush(self) -> Brush:
        return Brush(self.tool, self.brush, self.erase, self.tolerance, self.opacity, self.colour)

    # ---- the picture

    @property
    def view(self) -> Viewport:
        """The part of the picture that is seen."""
        return self.canvas.port

    @property
    def image(self) -> Pixels:
        """The picture, ``(H, W, 3)`` uint8; another can be assigned, to whose size the regions are scaled."""
        return self.model.image

    @image.setter
    def image(self, image: Picturelike | Still | Image.Image) -> None:
        self._paint_on(pixels_of(image))

    def _paint_on(self, pixels: Pixels) -> None:
        """Show another picture: one of the same size goes under the regions and under a stroke that is being made."""
        if 0 in pixels.shape:
            raise ValueError(f"image must have at least one pixel, got {pixels.shape}.")
        with self.lock:
            if self._closed:
                return
            same = pixels.shape == self.model.image.shape
            self.model.change_image(pixels.copy())
            if same:
                return self.canvas.show_picture(self.model.image)
            self.gesture.forget()
            self.parts.fit(*self.model.size)
            self.canvas.fit(Viewport(*self.model.size, self._side))
            self._publish()
            self.redraw()

    # ---- what a hand can do, others can call

    def paint(self, shape: str, points: Sequence[Point], size: float | None = None, erase: bool | None = None) -> None:
        """Make a stroke.

        Args:
            shape: ``"brush"``, ``"line"``, ``"rectangle"``, ``"ellipse"``, ``"polygon"`` or ``"lasso"``.
            points: ``(x, y)`` in pixels of the picture.
            size: Diameter of the pen; that of the brush if not given.
            erase: Whether it takes away; as :attr:`erase` says if not given.
        """
        size, erase = self.brush if size is None else size, self.erase if erase is None else erase
        self._change(self.model.stroke, Stroke(shape, points, size, erase))

    def fill(self, x: float, y: float) -> None:
        """Add the area of similar colour around a point, up to what is painted; or erase what is painted around it."""
        self._change(self.model.fill, x, y, self.tolerance, self.erase)

    def pick(self, x: float, y: float) -> None:
        """Add the superpixel under a point, or erase it."""
        self._change(self.model.pick, x, y, self.erase)

    def take(self, part: str) -> None:
        """Add a ready part to the region, or erase it."""
        self._change(self.model.put, self.parts.find(part, self.model.image), self.erase)

    def threshold(self, low: float, high: float) -> None:
        """Make the region all pixels whose luminance, 0 to 255, is between two numbers."""
        self._change(self.model.threshold, low, high)

    def invert(self) -> None:
        """Exchange inside and outside."""
        self._change(self.model.invert)

    def grow(self, pixels: float = 1.0) -> None:
        """Move the edge outwards by pixels of the picture."""
        self._change(self.model.grow, pixels)

    def shrink(self, pixels: float = 1.0) -> None:
        """Move the edge inwards."""
        self._change(self.model.shrink, pixels)

    def feather(self, radius: float = 2.0) -> None:
        """Make the edge soft."""
        self._change(self.model.feather, radius)

    def clear(self) -> None:
        """Empty the region."""
        self._change(self.model.clear)

    def undo(self) -> None:
        """Take the last change back, whoever made it."""
        self._change(self.model.undo)

    def redo(self) -> None:
        """Take the last :meth:`undo` back."""
        self._change(self.model.redo)

    def add(self, name: str, mask: Any = None) -> None:
        """Add a region and select it."""
        self._change(self.model.add, name, mask)

    def remove(self, name: str) -> None:
        """Remove a region."""
        self._change(self.model.remove, name)

    def save_mask(self, path: str | os.PathLike[str]) -> Path:
        """Save the region as ``.png`` or ``.npy``, or all regions with their strokes as ``.json``."""
        path = save_mask(self.model, path)
        self.say(tr("saved to {path}", path=path))
        return path

    def load_mask(self, path: str | os.PathLike[str]) -> None:
        """Load such a file in place of the region, or of all; undo brings them back."""
        self._change(load_mask, self.model, path)
        self.say(tr("loaded {path}", path=path))

    def take_file(self, name: str, data: bytes) -> None:
        """Take the content of such a file, as it is uploaded."""
        self._change(read_mask, self.model, name, data)
        self.say(tr("loaded {path}", path=name))

    def settle(self, region: str, mask: Any) -> None:
        """Replace a region by what a tool made of it; the selected one stays, and a stroke that is being made."""
        with self.lock:
            if not self._closed:
                here = self.model.region
                self.model.select(region)
                try:
                    self.model.assign(mask)
                finally:
                    self.model.select(here)
                self._publish()
                self._show()

    def _change(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Change the model, tell the traits, show it."""
        with self.lock:
            self.gesture.forget()
            call(*arguments)
            self._publish()
            self._show()

    def zoom_by(self, factor: float, at: Point | None = None) -> None:
        """Zoom by a factor, about a point of the picture or the middle of the view; 0 shows the whole picture.

        Args:
            factor: More than 1 goes nearer.
            at: ``(x, y)`` in pixels of the picture; stays where it is on the screen.
        """
        self._easel.zoom_by(checks.number("factor", factor, low=0), at)

    # ---- showing

    def redraw(self) -> None:
        """Draw everything anew, as on a page that was reloaded."""
        with self.lock:
            if not self._closed:
                self.canvas.show_picture(self.model.image)
                self._show()

    def _show(self) -> None:
        """Draw the regions and the controls."""
        if not self._closed:
            model = self.model
            masks = {name: model.mask_of(name) for name in model.names}
            self.canvas.show_regions(masks, self._inks, model.region, self.opacity)
            self.gesture.draw_again()
            self.controls.show()

    def show_soon(self) -> None:
        """Draw everything on the worker: of many requests, as while the wheel turns, the last one counts."""
        self._easel.show_soon()

    def _wait(self, on: bool) -> None:
        """Say that a cell holds the kernel, or that it has ended."""
        if not self._closed:
            self.controls.waiting.layout.visibility = "visible" if on else "hidden"

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.close()
        if "gesture" in vars(self):
            self.gesture.forget()
        super()._stop()

    def _static_image(self) -> Image.Image:
        model = self.model
        names = [*(name for name in model.names if name != model.region), model.region]
        return composed(model.image, [(model.mask_of(name), self._inks[name]) for name in names], self.opacity)

    def _describe(self) -> str:
        height, width = self.model.size
        return f"of {height} x {width}: {', '.join(self.model.names)}"
