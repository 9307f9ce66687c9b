"""What tools do to a mask beside strokes: pure functions on arrays, in pixels of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.geometry.regions.spectra import LUMINANCE
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.kit.strokes import SHAPES, Bits, Stroke, cover, over

__all__ = [
    "SHAPES", "Bits", "Stroke", "cover", "feather", "filled", "flood", "grow", "over", "pick", "shrink", "superpixels",
    "threshold",
]  # fmt: skip

ANALYSIS = 192  # pixels of the longer side at which superpixels are found
COMPACTNESS = 0.5  # of superpixels: how many times the whole range of a colour one cell's width weighs


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
