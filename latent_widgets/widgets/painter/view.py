"""What a painter shows: the part of the picture in view, the regions over it, and the stroke that is being made.

The kernel draws at the size of the screen, whatever that of the picture is: a message is never larger than the view,
and every pixel of a small picture is a sharp square.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latent_widgets.core.images import open_picture
from latent_widgets.core.imports import import_whole
from latent_widgets.widgets.kit.canvas import Pen, batch, paste, polyline, restyle
from latent_widgets.widgets.kit.encode import Pixels

__all__ = ["Canvas", "Point", "Viewport", "composed", "outline", "tint"]

PICTURE, OTHERS, PAINT, HINTS = range(4)  # layers, from the lowest
MOST_ZOOM = 64.0  # pixels of the screen for one of the picture
Point = tuple[float, float]


class Viewport:
    """Which part of a picture is seen, and where its pixels lie on the screen.

    Args:
        height: Of the picture.
        width: Of the picture.
        side: Pixels of the screen for the longer side, at most.
    """

    def __init__(self, height: int, width: int, side: int) -> None:
        self.height, self.width = height, width
        fit = side / max(height, width)
        self.fit = float(int(fit)) if fit >= 1 else fit  # whole squares
        self.shape = (max(1, round(height * self.fit)), max(1, round(width * self.fit)))
        self.zoom = 1.0
        self.middle: Point = (width / 2, height / 2)

    @property
    def scale(self) -> float:
        """Pixels of the screen for one of the picture."""
        return self.fit * self.zoom

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what is seen, in pixels of the picture."""
        w, h = self.width / self.zoom, self.height / self.zoom
        left = min(max(self.middle[0] - w / 2, 0), self.width - w)
        top = min(max(self.middle[1] - h / 2, 0), self.height - h)
        return left, top, left + w, top + h

    def to_image(self, x: float, y: float) -> Point:
        """Return which point of the picture lies at a place of the screen."""
        left, top, right, bottom = self.box
        return left + x * (right - left) / self.shape[1], top + y * (bottom - top) / self.shape[0]

    def to_view(self, points: Iterable[Point]) -> list[Point]:
        """Return where points of the picture lie on the screen."""
        left, top, right, bottom = self.box
        sx, sy = self.shape[1] / (right - left), self.shape[0] / (bottom - top)
        return [((x - left) * sx, (y - top) * sy) for x, y in points]

    def zoom_by(self, factor: float, at: Point | None = None) -> None:
        """Zoom by a factor, 0 to see all; the point ``at`` of the picture stays where it is."""
        left, top, right, bottom = self.box
        middle = ((left + right) / 2, (top + bottom) / 2)
        x, y = at or middle
        before = self.zoom
        self.zoom = min(max(self.zoom * factor, 1.0), max(1.0, MOST_ZOOM / self.fit))
        share = before / self.zoom
        self.middle = (x + (middle[0] - x) * share, y + (middle[1] - y) * share)

    def pan(self, dx: float, dy: float) -> None:
        """Move the view by pixels of the picture."""
        left, top, right, bottom = self.box
        self.middle = ((left + right) / 2 + dx, (top + bottom) / 2 + dy)
        left, top, right, bottom = self.box
        self.middle = ((left + right) / 2, (top + bottom) / 2)


def tint(mask: NDArray[Any], port: Viewport, ink: str, opacity: float) -> bytes:
    """Return a region as seen, as PNG: one colour, whose opacity follows the weights.

    Args:
        mask: ``(H, W)``.
        port: The view.
        ink: The colour, ``"#rrggbb"``.
        opacity: Of full weight, 0 to 1.
    """
    weights = np.where(mask, np.uint8(255), np.uint8(0)) if mask.dtype == bool else np.rint(mask * 255).astype(np.uint8)
    seen = _seen(Image.fromarray(weights), port)
    image = Image.frombytes("P", seen.size, seen.tobytes())
    image.putpalette(list(bytes.fromhex(ink[1:])) * 256)
    file = io.BytesIO()
    alphas = bytes(np.rint(np.arange(256) * opacity).astype(np.uint8))
    image.save(file, "PNG", transparency=alphas, compress_level=1)
    return file.getvalue()


def _seen(image: Image.Image, port: Viewport) -> Image.Image:
    height, width = port.shape
    how = Image.Resampling.NEAREST if port.scale >= 1 else Image.Resampling.BOX
    return image.resize((width, height), how, box=port.box)


def composed(image: Pixels, masks: Sequence[tuple[NDArray[Any], str]], opacity: float) -> Image.Image:
    """Return the picture with regions over it, at its own size or, if small, some times that.

    Args:
        image: ``(H, W, 3)``.
        masks: Regions and their colours, the lowest first.
        opacity: Of the regions.
    """
    height, width, _ = image.shape
    port = Viewport(height, width, max(256, height, width))
    page = _seen(Image.fromarray(image), port).convert("RGBA")
    for mask, ink in masks:
        page.alpha_composite(open_picture("paint", tint(mask, port, ink, opacity)).convert("RGBA"))
    return page.convert("RGB")


class Canvas:
    """The canvas on the page. It is only drawn on, never read back.

    Args:
        port: The view.
    """

    def __init__(self, port: Viewport) -> None:
        import_whole("ipycanvas")
        from ipycanvas import MultiCanvas

        self.widget = MultiCanvas(4, width=port.shape[1], height=port.shape[0])
        self.widget.add_class("lw-canvas")
        self.fit(port)

    def fit(self, port: Viewport) -> None:
        """Take the size of the view; what was drawn is gone then."""
        self.port = port
        height, width = port.shape
        self.widget.layout.width = f"{width}px"
        if (self.widget.height, self.widget.width) != (height, width):
            self.widget.width, self.widget.height = width, height

    def show_picture(self, image: Pixels) -> None:
        """Draw the picture; call :meth:`show_regions` afterwards where the view has moved."""
        file = io.BytesIO()
        _seen(Image.fromarray(image), self.port).save(file, "PNG", compress_level=1)
        with batch(self.widget):
            paste(self.widget[PICTURE], file.getvalue())

    def show_regions(
        self, masks: Mapping[str, NDArray[Any]], inks: Mapping[str, str], top: str, opacity: float
    ) -> None:
        """Draw the regions, and drop the stroke that is drawn over them.

        Args:
            masks: By name; those that did not change may be left out, except for ``top``.
            inks: Their colours.
            top: The selected one.
            opacity: Its opacity; the others have half of it.
        """
        mine = tint(masks[top], self.port, inks[top], opacity)
        others = [name for name in masks if name != top]
        page = Image.new("RGBA", (self.port.shape[1], self.port.shape[0]))
        for name in others:
            paint = tint(masks[name], self.port, inks[name], opacity / 2)
            page.alpha_composite(open_picture("paint", paint).convert("RGBA"))
        file = io.BytesIO()
        page.save(file, "PNG", compress_level=1)
        with batch(self.widget):
            paste(self.widget[OTHERS], file.getvalue())
            paste(self.widget[PAINT], mine)
            self.widget[HINTS].clear()

    def pen(self, size: float, ink: str, opacity: float, erase: bool) -> Pen:
        """Return what draws the pieces of a brush's stroke as it will look.

        Args:
            size: Of the brush, in pixels of the picture.
            ink: Its colour.
            opacity: Of the region.
            erase: Whether it takes away.
        """
        return Pen(self.widget[PAINT], ink, max(1.0, size * self.port.scale), opacity, erase)

    def hint(self, *lines: Sequence[Point]) -> None:
        """Draw outlines, white on black, in place of the last ones.

        Args:
            *lines: Points of the picture.
        """
        layer = self.widget[HINTS]
        with batch(self.widget):
            layer.clear()
            for line in lines:
                for ink, width in (("#000000", 3.0), ("#ffffff", 1.2)):
                    restyle(layer, ink, width)
                    polyline(layer, self.port.to_view(line))


def outline(shape: str, a: Point, b: Point) -> list[Point]:
    """Return the outline of a rectangle or an ellipse that spans the box from ``a`` to ``b``."""
    if shape == "rectangle":
        return [a, (b[0], a[1]), b, (a[0], b[1]), a]
    turn = np.linspace(0, 2 * np.pi, 49)
    x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    return [(x + (b[0] - x) * float(np.cos(t)), y + (b[1] - y) * float(np.sin(t))) for t in turn]
