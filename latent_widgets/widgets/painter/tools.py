"""What tools do to a mask: pure functions on arrays, in pixels of the picture.

A point ``(x, y)`` counts from the upper left corner of the picture; the middle of its first pixel is ``(0.5, 0.5)``. A
pixel belongs to a shape if its middle lies in it, so that shapes have the area that geometry gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.geometry.regions.spectra import LUMINANCE
from latent_widgets.widgets.kit.encode import Pixels

__all__ = [
    "SHAPES", "Stroke", "cover", "feather", "filled", "flood", "grow", "over", "pick", "shrink", "superpixels",
    "threshold",
]  # fmt: skip

Bits = NDArray[np.bool_]
SHAPES = ("brush", "line", "rectangle", "ellipse", "polygon", "lasso")
ANALYSIS = 192  # pixels of the longer side at which superpixels are found
COMPACTNESS = 0.5  # of superpixels: how many times the whole range of a colour one cell's width weighs


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


def flood(image: Pixels, x: float, y: float, tolerance: float, open_: Bits | None = None) -> Bits:
    """Return the connected area of similar colour around a point.

    Args:
        image: ``(H, W, 3)``.
        x: Column.
        y: Row.
        tolerance: How far each of R, G, B may be from that of the point, 0 to 255.
        open_: ``(H, W)``, where it may go; everywhere if not given.

    Returns:
        ``(H, W)``; empty if the point is outside or not open. Neighbours are left, right, above and below.
    """
    import_whole("scipy.ndimage")
    from scipy import ndimage

    checks.number("tolerance", tolerance, 0, 255)
    column, row = int(np.floor(x)), int(np.floor(y))
    empty = np.zeros(image.shape[:2], bool)
    if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
        return empty
    alike = (np.abs(image.astype(np.int16) - image[row, column]) <= tolerance).all(-1)
    if open_ is not None:
        alike &= open_
    labels, _ = ndimage.label(alike)
    return labels == labels[row, column] if labels[row, column] else empty


def filled(
    image: Pixels, mask: NDArray[Any], x: float, y: float, tolerance: float = 20.0, erase: bool = False
) -> NDArray[Any]:
    """Return a mask with the area of similar colour around a point, up to what is painted; or without one that was.

    Args:
        image: ``(H, W, 3)``.
        mask: ``(H, W)``.
        x: Column.
        y: Row.
        tolerance: See :func:`flood`.
        erase: Whether to take away what is painted around the point.

    Returns:
        ``(H, W)``.
    """
    painted = hard(mask)
    return over(mask, flood(image, x, y, tolerance, painted if erase else ~painted), erase)


def threshold(image: Pixels, low: float, high: float) -> Bits:
    """Return the pixels whose luminance, 0 to 255, is between two numbers, both included."""
    if checks.number("low", low) > checks.number("high", high):
        raise ValueError(f"low must be at most high, got {low:g} and {high:g}.")
    luminance = image @ np.array(LUMINANCE)
    return np.asarray((luminance >= low) & (luminance <= high))


def hard(mask: NDArray[Any]) -> Bits:
    """Return where a mask weighs half or more."""
    return mask if mask.dtype == bool else mask >= HALF_COVERED


def grow(mask: NDArray[Any], pixels: float) -> Bits:
    """Return all pixels no farther than ``pixels`` from the mask."""
    import_whole("scipy.ndimage")
    from scipy import ndimage

    bits = hard(mask)
    checks.number("pixels", pixels, low=0)
    return ndimage.distance_transform_edt(~bits) <= pixels if bits.any() else bits.copy()


def shrink(mask: NDArray[Any], pixels: float) -> Bits:
    """Return the pixels farther than ``pixels`` from the rest: what :func:`grow` does to the rest, seen from here."""
    return ~grow(~hard(mask), pixels)


def feather(mask: NDArray[Any], radius: float) -> NDArray[np.float32]:
    """Return a mask with soft edges: smoothed by a Gaussian of standard deviation ``radius`` pixels."""
    import_whole("scipy.ndimage")
    from scipy import ndimage

    checks.number("radius", radius, low=0)
    return np.clip(ndimage.gaussian_filter(mask.astype(np.float32), radius, mode="nearest"), 0, 1)


def superpixels(image: Pixels, count: int = 150) -> NDArray[np.int32]:
    """Divide a picture into small areas of similar colour: k-means of colour and place, begun on a grid.

    Args:
        image: ``(H, W, 3)``.
        count: About how many.

    Returns:
        ``(H, W)``, the number of each pixel's area. Found at 192 pixels of the longer side at most, on which alone the
        time depends.
    """
    import_whole("sklearn.cluster")
    from sklearn.cluster import KMeans

    checks.integer("count", count, low=1)
    height, width, _ = image.shape
    shrunk = min(1.0, ANALYSIS / max(height, width))
    h, w = max(1, round(height * shrunk)), max(1, round(width * shrunk))
    small = np.asarray(Image.fromarray(image).resize((w, h), Image.Resampling.BOX), np.float32) / 255
    step = max(1.0, (h * w / count) ** 0.5)
    rows, columns = np.mgrid[0:h, 0:w].astype(np.float32)
    place = np.stack([rows, columns], -1) * (COMPACTNESS / step)
    features = np.concatenate([small, place], -1)  # (h, w, 5)
    cells = [max(1, round(n / step)) for n in (h, w)]
    at = [((np.arange(cell) + 0.5) * n / cell).astype(int) for n, cell in zip((h, w), cells, strict=True)]
    seeds = features[np.ix_(*at)].reshape(-1, 5)
    flat = features.reshape(-1, 5)
    if len(seeds) >= len(flat):
        labels = np.arange(len(flat))
    else:
        labels = KMeans(len(seeds), init=seeds, n_init=1, max_iter=8).fit(flat).labels_
    back = np.ix_(*(np.minimum(np.arange(n) * m // n, m - 1) for n, m in ((height, h), (width, w))))
    return labels.reshape(h, w).astype(np.int32)[back]


def pick(labels: NDArray[np.int32], x: float, y: float) -> Bits:
    """Return the connected area of one label around a point; empty if the point is outside."""
    import_whole("scipy.ndimage")
    from scipy import ndimage

    column, row = int(np.floor(x)), int(np.floor(y))
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
        return np.zeros(labels.shape, bool)
    parts, _ = ndimage.label(labels == labels[row, column])
    return parts == parts[row, column]
