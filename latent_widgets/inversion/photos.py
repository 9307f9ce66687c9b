"""Photos: from a file, upright, cropped and turned, to a tensor of the shape that a generator's pictures have."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.colours import in_eight_bits, in_srgb, laid_over
from latent_widgets.core.images import open_picture
from latent_widgets.core.paths import to_read
from latent_widgets.core.rounding import beyond_unit

__all__ = ["load_photo", "read_photo"]

Colour = tuple[float, float, float]
SHEET = 4_000_000  # pixels that a crop may have before it is shrunk; more, where the photo or the result has many
FARTHEST = 10_000  # shares of a side of the photo: a crop that goes beyond holds next to nothing of it


def load_photo(
    source: Any,
    size: int | Sequence[int],
    *,
    crop: Sequence[float] | None = None,
    rotate: float = 0.0,
    background: Colour = (1.0, 1.0, 1.0),
) -> Tensor:
    """Read a photo as a picture in [-1, 1].

    The orientation that a camera wrote into the file is applied, colours are brought from the profile that the file
    carries to sRGB, transparency is laid over ``background``, grey becomes three equal channels, and of an animation
    the first frame is taken. Files are PNG, JPEG, WebP, GIF, TIFF, BMP or AVIF, of up to 200 million pixels: 23 million
    (WebP: 11 million) in any file, and six (three) for each further byte of it.

    Args:
        source: A path, the bytes of a file, a Pillow image, or an array ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``,
            uint8, or floating in [0, 1].
        size: Height and width of the result in pixels, such as ``G.picture_size``; one number for a square.
        crop: ``(left, top, right, bottom)`` as shares of the upright photo's width and height, from 0 to 1; beyond
            lies the background, as far as 10 000. Where it has not the aspect of ``size``, more is taken to either
            side. Without it, the largest rectangle of that aspect in the middle.
        rotate: Degrees, counter-clockwise about the middle of the crop: for a face that is not upright.
        background: Red, green and blue in [0, 1].

    Returns:
        ``(1, 3, height, width)`` float32 on the CPU, resampled with a Lanczos window.

    Raises:
        TypeError: If ``source`` is none of these.
        ValueError: If the file is no picture, is cut off or has more pixels than fit its size, or an argument does not
            fit.

    Example:
        >>> photo = np.zeros((40, 60), dtype=np.uint8)
        >>> load_photo(photo, 16).shape, float(load_photo(photo, 16, crop=(-1, 0, 0, 1)).mean())
        (torch.Size([1, 3, 16, 16]), 1.0)
    """
    high, wide = _sides(size)
    angle = checks.number("rotate", rotate)
    paper = _colour(background)
    photo = laid_over(_opened(source), paper)
    left, top, right, bottom = _box(crop, photo.size, high, wide)
    middle = ((left + right) / 2, (top + bottom) / 2)
    scale = max((right - left) / wide, (bottom - top) / high)  # of pixels of the photo to those of the result
    most = max(SHEET, 8 * wide * high, photo.width * photo.height)
    times = math.ceil(math.sqrt(wide * scale * high * scale / most))
    if times > 1:
        photo = _shrunk(photo, times, paper)
        middle, scale = (middle[0] / times, middle[1] / times), scale / times
    sides = wide * scale, high * scale
    if angle:  # on a sheet that holds the crop whichever way it is turned
        photo, (x, y) = _cut(photo, middle, (1.5 * max(sides) + 4,) * 2, paper)
        middle = (middle[0] - x, middle[1] - y)
        photo = photo.rotate(angle, Image.Resampling.BICUBIC, center=middle, fillcolor=paper)
    photo, _ = _cut(photo, middle, sides, paper)
    pixels = np.asarray(photo.resize((wide, high), Image.Resampling.LANCZOS), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None].contiguous()


def read_photo(source: Any, side: int) -> Image.Image:
    """Read a photo once, to crop it many times: what :func:`load_photo` makes of the result costs little.

    Args:
        source: As for :func:`load_photo`.
        side: The longest that a side of the result may be; a larger photo is shrunk.

    Returns:
        The photo upright, in the colours of sRGB: in RGB, or in RGBA where it has transparency.

    Raises:
        TypeError: If ``source`` is of no kind that can be read.
        ValueError: If the file is no picture, is cut off or has more pixels than fit its size.

    Example:
        >>> read_photo(np.zeros((40, 60), dtype=np.uint8), 30).size
        (30, 20)
    """
    side = checks.integer("side", side, low=1)
    photo = _opened(source)
    photo.thumbnail((side, side), Image.Resampling.LANCZOS)
    return photo


def _sides(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width."""
    several = isinstance(size, Sequence) and not isinstance(size, str)
    given = tuple(size) if several else (size, size)  # type: ignore[arg-type]
    if len(given) != 2:
        raise ValueError(f"size must be a number of pixels or (height, width), got {size!r}.")
    high, wide = (checks.integer("size", side, 1, 4096) for side in given)
    return high, wide


def _colour(background: Colour) -> tuple[int, int, int]:
    values = [checks.number("background", value, 0, 1) for value in background]
    if len(values) != 3:
        raise ValueError(f"background must be red, green and blue, got {len(values)} numbers.")
    red, green, blue = (round(255 * value) for value in values)
    return red, green, blue


def _opened(source: Any) -> Image.Image:
    """Upright, in the colours of sRGB: in RGB, or in RGBA where there is transparency."""
    return in_srgb("source", in_eight_bits("source", _decoded(source)))


def _decoded(source: Any) -> Image.Image:
    if isinstance(source, Image.Image):
        return open_picture("source", source)
    if isinstance(source, np.ndarray):
        return open_picture("source", _from_array(source), "an array")
    if isinstance(source, str | os.PathLike):
        path = to_read(source, "source")
        return open_picture("source", path.read_bytes(), repr(path.name), shrink=True)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return open_picture("source", bytes(source), shrink=True)
    raise TypeError(
        f"source must be a path, bytes, a Pillow image or an array, got {type(source).__name__}. A tensor in [-1, 1] "
        "needs no loading."
    )


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise ValueError(f"source must have shape (H, W), (H, W, 3) or (H, W, 4), got {array.shape}.")
    if array.dtype.kind == "f":
        array = np.asarray(array, np.float64)
        if beyond_unit(torch.from_numpy(array).float()):  # NaN fails too
            low, high = float(array.min()), float(array.max())
            raise ValueError(
                f"source must be between 0 and 1 where it is floating, got {low:g} to {high:g}. Use source / 255 for "
                "pixels of eight bits, (source + 1) / 2 for a picture in [-1, 1]."
            )
        array = np.round(255 * array.clip(0, 1)).astype(np.uint8)
    if array.dtype != np.uint8:
        raise TypeError(
            f"source must be uint8, or floating in [0, 1], got {array.dtype}. Use source.astype('uint8') for pixels of "
            "eight bits, source / 65535 for sixteen."
        )
    return Image.fromarray(array)


def _box(
    crop: Sequence[float] | None, size: tuple[int, int], high: int, wide: int
) -> tuple[float, float, float, float]:
    width, height = size
    if crop is None:
        scale = min(width / wide, height / high)
        left, top = (width - scale * wide) / 2, (height - scale * high) / 2
        return left, top, left + scale * wide, top + scale * high
    values = [checks.number("crop", value, -FARTHEST, FARTHEST) for value in crop]
    if len(values) != 4 or values[2] <= values[0] or values[3] <= values[1]:
        raise ValueError(f"crop must be (left, top, right, bottom) with left < right, top < bottom, got {tuple(crop)}.")
    left, top, right, bottom = values
    return left * width, top * height, right * width, bottom * height


def _shrunk(photo: Image.Image, times: int, paper: tuple[int, int, int]) -> Image.Image:
    """Average squares of a photo; those that reach beyond it are mixed with as much paper as they hold."""
    small = photo.reduce(times)
    across, down = (np.ones(count, np.float32) for count in small.size)
    for covered, side in zip((across, down), photo.size, strict=True):
        covered[-1] = (side - (len(covered) - 1) * times) / times
    mask = Image.fromarray(np.round(255 * np.outer(down, across)).astype(np.uint8))
    return Image.composite(small, Image.new("RGB", small.size, paper), mask)


def _cut(
    photo: Image.Image, middle: tuple[float, float], sides: tuple[float, float], paper: tuple[int, int, int]
) -> tuple[Image.Image, tuple[int, int]]:
    """Cut a rectangle of a width and height out, and say where it began; what lies beyond the photo is paper."""
    width, height = (max(1, round(side)) for side in sides)
    left, top = round(middle[0] - sides[0] / 2), round(middle[1] - sides[1] / 2)
    sheet = Image.new("RGB", (width, height), paper)
    sheet.paste(photo, (-left, -top))
    return sheet, (left, top)
