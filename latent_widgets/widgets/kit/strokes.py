"""Strokes as vectors, and the pixels that they cover: pure functions on arrays, in pixels of the picture.

A point ``(x, y)`` counts from the upper left corner of the picture; the middle of its first pixel is ``(0.5, 0.5)``. A
pixel belongs to a shape if its middle lies in it, so that shapes have the area that geometry gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_widgets.core import checks

__all__ = ["SHAPES", "Bits", "Stroke", "cover", "over"]

Bits = NDArray[np.bool_]
SHAPES = ("brush", "line", "rectangle", "ellipse", "polygon", "lasso")


@dataclass(frozen=True)
class Stroke:
    """One movement of the hand, as a vector.

    Attributes:
        shape: ``"brush"`` and ``"line"`` follow all points; ``"rectangle"`` and ``"ellipse"`` span the box from the
            first to the last; ``"polygon"`` and ``"lasso"`` enclose what lies inside an odd number of times.
        points: Pixels of the picture, ``((x, y), ...)``.
        size: Diameter of the pen, for brush and line.
        erase: Whether it takes away.

    Raises:
        TypeError: If a field has the wrong type.
        ValueError: If the shape is unknown, there is no point, or a number is not finite.

    Example:
        >>> Stroke("brush", [(3, 4)], 5)
        Stroke(shape='brush', points=((3.0, 4.0),), size=5.0, erase=False)
    """

    shape: str
    points: Sequence[tuple[float, float]]
    size: float = 1.0
    erase: bool = False

    def __post_init__(self) -> None:
        checks.choice("shape", self.shape, SHAPES)
        points = tuple((checks.number("x", x), checks.number("y", y)) for x, y in self.points)
        if not points:
            raise ValueError("points must be at least one, got none.")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "size", checks.number("size", self.size, low=0.5))
        object.__setattr__(self, "erase", checks.flag("erase", self.erase))

    def scaled(self, x: float, y: float) -> Stroke:
        """Return the stroke on a picture that is ``x`` times as wide and ``y`` times as high."""
        points = [(a * x, b * y) for a, b in self.points]
        return replace(self, points=points, size=max(0.5, self.size * (x * y) ** 0.5))


def cover(stroke: Stroke, height: int, width: int) -> Bits:
    """Return which pixels a stroke covers.

    Args:
        stroke: The stroke.
        height: Of the picture.
        width: Of the picture.

    Returns:
        ``(height, width)``.

    Example:
        >>> int(cover(Stroke("rectangle", [(1, 1), (4, 3)]), 6, 6).sum())
        6
    """
    out = np.zeros((height, width), bool)
    points = np.array(stroke.points, float)
    if stroke.shape in ("brush", "line"):
        radius = stroke.size / 2
        starts = points[:-1] if len(points) > 1 else points
        for a, b in zip(starts, points[1:] if len(points) > 1 else points, strict=True):
            _capsule(out, a, b, radius)
    elif stroke.shape in ("rectangle", "ellipse"):
        _box(out, points[0], points[-1], stroke.shape == "ellipse")
    else:
        _polygon(out, points)
    return out


def _window(out: Bits, low: Any, high: Any) -> tuple[tuple[slice, slice], Any, Any]:
    """The part of the picture between two corners, and the middles of its pixels as a row and a column."""
    (x0, y0), (x1, y1) = np.floor(low).astype(int), np.ceil(high).astype(int)
    x0, x1 = np.clip((x0, x1), 0, out.shape[1])
    y0, y1 = np.clip((y0, y1), 0, out.shape[0])
    return (slice(y0, y1), slice(x0, x1)), np.arange(x0, x1) + 0.5, np.arange(y0, y1)[:, None] + 0.5


def _capsule(out: Bits, a: Any, b: Any, radius: float) -> None:
    """Mark the pixels no farther than ``radius`` from the segment; at least the pixel under each end."""
    for x, y in (a, b):
        column, row = int(np.floor(x)), int(np.floor(y))
        if 0 <= row < out.shape[0] and 0 <= column < out.shape[1]:
            out[row, column] = True
    where, x, y = _window(out, np.minimum(a, b) - radius, np.maximum(a, b) + radius)
    along = b - a
    length = float(along @ along)
    t = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / length, 0, 1) if length else 0.0
    out[where] |= (x - a[0] - t * along[0]) ** 2 + (y - a[1] - t * along[1]) ** 2 <= radius**2


def _box(out: Bits, a: Any, b: Any, round_: bool) -> None:
    low, high = np.minimum(a, b), np.maximum(a, b)
    where, x, y = _window(out, low, high)
    if round_:
        (cx, cy), (rx, ry) = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
        out[where] |= ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
    else:
        out[where] |= (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])


def _polygon(out: Bits, points: Any) -> None:
    """Mark what lies inside an odd number of times: each edge turns the rest of its rows over."""
    height, width = out.shape
    turns = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, 0), strict=True):
        if y0 == y1:
            continue
        first, last = (max(int(np.ceil(min(y0, y1) - 0.5)), 0), min(int(np.ceil(max(y0, y1) - 0.5)), height))
        rows = np.arange(first, last)
        crossing = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        np.add.at(turns, (rows, np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)), 1)
    out |= (np.cumsum(turns, 1)[:, :-1] % 2).astype(bool)


def over(mask: NDArray[Any], covered: Bits, erase: bool = False) -> NDArray[Any]:
    """Return a mask with pixels added or taken away; a soft one stays soft elsewhere."""
    result = mask.copy()
    result[covered] = not erase
    return result
