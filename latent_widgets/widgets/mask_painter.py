"""Paint regions of a picture: the mask is an array in the kernel, the canvas only shows it."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from traitlets import Bool, Dict, Float, Instance, Unicode, observe, validate

from .. import _checks
from .._values import Mask
from ._canvas import colour as _colour
from ._encode import Picturelike, to_uint8
from ._mask_files import load_mask, save_mask
from ._mask_model import MaskModel, as_array
from ._mask_painter_controls import TOOLS, Controls
from ._mask_painter_gesture import Gesture
from ._mask_painter_hand import connect
from ._mask_painter_view import Canvas, Point, Viewport, composed
from ._mask_tools import Pixels, Stroke
from ._panel import Panel

__all__ = ["MaskPainter"]

# Okabe and Ito's colours; the orange-red that stands out most from faces and from digits comes first.
INKS = ("#d55e00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#e69f00", "#000000")


class MaskPainter(Panel):
    """Paint named regions of a picture with mouse, finger or keys; assign and read them from code.

    Args:
        image: ``(3, H, W)`` in [-1, 1], or ``(H, W, 3)`` uint8.
        regions: Names to begin with, or masks by name (None for an empty one); one region called "region" if not given.
        parts: Ready masks by name, as of a segmenter, to add as a whole.
        width: Of the longer side on the page, in CSS pixels.
        **keywords: Values of traits, ``executor``, ``layout`` and ``theme``.

    Raises:
        TypeError: If a keyword is unknown or a value has the wrong type.
        ValueError: If a mask does not fit the picture.

    Example:
        >>> painter = MaskPainter(np.zeros((48, 64, 3), np.uint8), ["eyes", "mouth"])
        >>> painter.paint("rectangle", [(10, 10), (26, 22)])
        >>> painter.mask, painter.regions["mouth"]
        (<Mask 48 x 64, area 6.25 %>, None)
        >>> painter.undo()
        >>> painter.mask is None
        True
        >>> painter.close()
    """

    mask = Instance(Mask, allow_none=True)
    "The selected region; None while nothing is painted. Arrays and tensors can be assigned."
    regions = Dict()
    "All regions by name, None where nothing is painted; can be assigned."
    region = Unicode("region")
    "The name of the selected region."
    tool = Unicode("brush")
    "What a stroke on the canvas does."
    erase = Bool(False)
    "Whether strokes take away."
    brush = Float(1.0)
    "Diameter of brush and line, in pixels of the picture."
    tolerance = Float(20.0)
    "How far colours may differ when filling, 0 to 255."
    opacity = Float(0.5)
    "Of the painted region."
    colour = Unicode(INKS[0])
    "Of the selected region."

    def __init__(
        self,
        image: Picturelike,
        regions: Sequence[str] | Mapping[str, Any] | None = None,
        *,
        parts: Mapping[str, Any] | None = None,
        width: int = 480,
        **keywords: Any,
    ) -> None:
        pixels = to_uint8(image).copy()
        side = _checks.integer("width", width, low=64)
        names = tuple(regions) if regions is not None else ("region",)
        self.model = MaskModel(pixels, names)
        self._parts = {name: as_array(mask, self.model.size) for name, mask in (parts or {}).items()}
        self._side, self._ready = side, False
        self._lock = threading.RLock()  # events come on one thread of the kernel, sliders on another
        self._inks = {name: INKS[i % len(INKS)] for i, name in enumerate(names)}
        given = {name: keywords.pop(name) for name in ("mask", "region") if name in keywords}
        keywords.setdefault("brush", max(1.0, round(max(self.model.size) / 16)))
        super().__init__(**keywords)
        self.view = Viewport(*self.model.size, side)
        self.canvas = Canvas(self.view)
        self.controls = Controls(self, tuple(self._parts), max(2.0, float(max(self.model.size))))
        self.own(*self.controls.spare)
        self.gesture = Gesture(self)
        connect(self, self._exclusive)
        self._lay_out()
        if isinstance(regions, Mapping) and any(mask is not None for mask in regions.values()):
            self.model.replace(regions, names[0])
        if "colour" in keywords:
            self._inks[self.model.region] = self.colour
        self._ready = True
        for name, value in given.items():
            setattr(self, name, value)
        self._publish()
        self.redraw()

    def _lay_out(self) -> None:
        import ipywidgets

        left = ipywidgets.VBox([self.canvas.widget, self.controls.below])
        right = ipywidgets.VBox(self.controls.rows)
        both = ipywidgets.HBox([left, right])
        left.add_class("lw-left")
        right.add_class("lw-right")
        right.layout.flex = "1 1 380px"
        both.add_class("lw-columns")
        self.body.children = [both]

    def _exclusive(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Guard a handler of the canvas; one at a time, none after the end. An exception ends the stroke."""

        @functools.wraps(handler)
        def run(*arguments: Any) -> None:
            with self._lock:
                if self._closed:
                    return
                try:
                    handler(*arguments)
                except Exception as error:
                    self.gesture.forget()
                    self.show_error(error)

        return run

    # ---- the picture

    @property
    def image(self) -> Pixels:
        """The picture, ``(H, W, 3)`` uint8; another can be assigned, to whose size the regions are scaled."""
        return self.model.image

    @image.setter
    def image(self, image: Picturelike) -> None:
        with self._lock:
            pixels = to_uint8(image).copy()
            if 0 in pixels.shape:
                raise ValueError(f"image must have at least one pixel, got {pixels.shape}.")
            same = pixels.shape == self.model.image.shape
            self.model.change_image(pixels)
            self.gesture.forget()
            if not same:
                self._parts = {
                    name: Mask(mask).resize(*self.model.size).__array__()  # type: ignore[arg-type]
                    for name, mask in self._parts.items()
                }
                self.view = Viewport(*self.model.size, self._side)
                self.canvas.fit(self.view)
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
        """Add the superpixel under a point, or erase it; the first time they are looked for, in the background."""
        erase, image = self.erase, self.model.image

        def found(_: Any) -> None:
            if self.model.image is image:
                self._change(self.model.pick, x, y, erase)

        self.run(lambda on_step: self.model.areas(), found, label="superpixels")

    def take(self, part: str) -> None:
        """Add a ready part to the region, or erase it."""
        _checks.choice("part", part, tuple(self._parts))
        self._change(self.model.put, self._parts[part] >= 0.5, self.erase)

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
        """Make it again."""
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
        self.say(f"saved to {path}")
        return path

    def load_mask(self, path: str | os.PathLike[str]) -> None:
        """Load such a file in place of the region, or of all; undo brings them back."""
        self._change(load_mask, self.model, path)
        self.say(f"loaded {path}")

    def _change(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Change the model, tell the traits, show it."""
        with self._lock:
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
        self.view.zoom_by(_checks.number("factor", factor, low=0), at)
        self.show_soon()

    # ---- showing

    def redraw(self) -> None:
        """Draw everything anew, as on a page that was reloaded."""
        with self._lock:
            if not self._closed:
                self.canvas.show_picture(self.model.image)
                self._show()

    def _show(self) -> None:
        """Draw the regions and the controls."""
        if not self._closed:
            model = self.model
            masks = {name: model.mask_of(name) for name in model.names}
            self.canvas.show_regions(masks, self._inks, model.region, self.opacity)
            self.controls.show(self)

    def show_soon(self) -> None:
        """Draw everything on the worker: of many requests, as while the wheel turns, the last one counts."""
        self.run(lambda on_step: self.redraw(), kind="view", frame=True)

    def _publish(self) -> None:
        """Bring the traits to the model."""
        model, before = self.model, self._ready
        self._ready = False
        try:
            old = self.regions
            found = {name: _value(model.mask_of(name), old.get(name), self.mask) for name in model.names}
            for name in model.names:
                self._inks.setdefault(name, next((ink for ink in INKS if ink not in self._inks.values()), INKS[0]))
            self.region, self.colour = model.region, self._inks[model.region]
            self.regions = found
            self.mask = found[model.region]
        finally:
            self._ready = before

    # ---- traits set from outside

    @validate("mask")
    def _valid_mask(self, proposal: Any) -> Any:
        value = proposal["value"]
        if value is not None and self._ready:
            as_array(value, self.model.size)
        return value

    @validate("tool", "brush", "opacity", "tolerance", "colour", "region")
    def _valid(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "colour":
            return _colour(name, value)
        if name == "tool":
            return _checks.choice(name, value, tuple(TOOLS))
        if name == "region":
            return _checks.choice(name, value, self.model.names) if self._ready else value
        low, high = {"brush": (0.5, None), "opacity": (0, 1), "tolerance": (0, 255)}[name]
        return _checks.number(name, value, low, high)

    @observe("mask", "regions", "region", "colour")
    def _assigned(self, change: Any) -> None:
        if not self._ready:
            return
        name, new = change["name"], change["new"]
        with self._lock:
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

    @observe("tool", "erase", "brush", "opacity", "tolerance")
    def _set(self, change: Any) -> None:
        if self._ready:
            with self._lock:
                if change["name"] == "tool":
                    self.gesture.drop()
                if change["name"] == "opacity":
                    self._show()
                self.controls.show(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "mask" and value is not None and not isinstance(value, Mask):
            value = Mask(value)
        super().__setattr__(name, value)

    def _static_image(self) -> Image.Image:
        model = self.model
        names = [*(name for name in model.names if name != model.region), model.region]
        return composed(model.image, [(model.mask_of(name), self._inks[name]) for name in names], self.opacity)

    def _describe(self) -> str:
        height, width = self.model.size
        return f"of {height} x {width}: {', '.join(self.model.names)}"


def _value(mask: Any, *known: Mask | None) -> Mask | None:
    """A region as others see it; the one that they have, if it says the same."""
    if not mask.any():
        return None
    for old in known:
        array = None if old is None else np.asarray(old)
        if array is not None and array.dtype == mask.dtype and np.array_equal(array, mask):
            return old
    return Mask(mask.copy())
