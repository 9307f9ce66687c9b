"""In which range pictures are, black to white: [-1, 1], nominally, is told from what other programs write."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import map_rounding

__all__ = ["FARTHEST", "check_pictures", "range_of", "within_reach"]

# Pictures in [-1, 1] have a root mean square of at most 1. Those of generators overshoot: the shipped ones reach 1.3,
# random networks 1.4 (their pixels up to 8). What has twice the range is in another one.
FARTHEST = 2.0
BITS = (255.0, 65535.0)  # what is white in eight and in sixteen bits
DARKEST = 1 / 16  # of white: the least that the brightest pixel of a picture in eight or sixteen bits is taken to have
RINGING = 1 / 4  # of white: by how much resampling may leave the range


def range_of(pictures: Tensor, *, unbounded: bool = False) -> tuple[float, float] | None:
    """Say in which range pictures plainly are, where it is not [-1, 1].

    Each picture is looked at alone. One between 0 and 1 may be a bright one in [-1, 1], so nothing is said of it.

    Args:
        pictures: ``(n, C, H, W)``, or one without the first axis.
        unbounded: Whether values on both sides of 0 may be of any size, as in differences.

    Returns:
        What is black and what is white, such as ``(0, 255)``; None where they may be in [-1, 1], nominally.

    Example:
        >>> range_of(torch.tensor([[[-1.0, 0.2, 1.3]]])), range_of(torch.tensor([[[0.0, 31.0, 250.0]]]))
        (None, (0.0, 255.0))
        >>> range_of(torch.zeros(3, 4, 6, dtype=torch.uint8))
        (0.0, 255.0)
    """
    if not pictures.numel() or not checks.readable(pictures) or pictures.is_complex():
        return None
    rows = pictures.detach().reshape(len(pictures) if pictures.ndim == 4 else 1, -1)
    if not rows.is_floating_point():
        return _whole_range(rows)
    lows, highs = rows.aminmax(dim=1)
    far = torch.maximum(-lows, highs) > FARTHEST
    if not bool(far.any()):
        return None
    off = far & ((lows >= -RINGING * highs) & (highs > BITS[0] * DARKEST) | (lows >= 0) | (highs <= 0))
    if not unbounded:
        squares = torch.linalg.vector_norm(rows, dim=1, dtype=torch.promote_types(rows.dtype, torch.float32))
        off |= squares > FARTHEST * (1 + map_rounding(squares.dtype)) * rows.shape[1] ** 0.5
    if not bool(off.any()):
        return None
    return _guessed(float(lows[off].min()), float(highs[off].max()))


def _whole_range(rows: Tensor) -> tuple[float, float]:
    if rows.dtype == torch.bool:
        return 0.0, 1.0
    if rows.dtype == torch.uint8:
        return 0.0, BITS[0]
    rows = rows.to(torch.int64)  # the unsigned types of more bits know no extremes
    low, high = float(rows.min()), float(rows.max())
    return (0.0, next((white for white in BITS if high <= white), high)) if low >= 0 else (low, high)


def _guessed(low: float, high: float) -> tuple[float, float]:
    """The range of eight or sixteen bits where the values fill one of them, else what the values span."""
    for white in BITS:
        if low >= -RINGING * high and DARKEST * white < high <= (1 + RINGING) * white:
            return 0.0, white
    return (low, high) if high > low else (min(low, 0.0), max(high, 0.0))


def check_pictures(name: str, pictures: Tensor, *, unbounded: bool = False) -> Tensor:
    """Return pictures that are floating, finite and not plainly in another range than [-1, 1].

    Inside torch.func transforms and on the meta device only the type is looked at.

    Args:
        name: What the argument is called.
        pictures: ``(n, C, H, W)``, or one without the first axis.
        unbounded: As for :func:`range_of`.

    Returns:
        The pictures.

    Raises:
        TypeError: If they are not floating.
        ValueError: If they are not finite, or in another range; the message says how to bring them to [-1, 1].

    Example:
        >>> check_pictures("image", torch.tensor([[[0.0, 31.0, 250.0]]]))
        Traceback (most recent call last):
        ...
        ValueError: image must be in [-1, 1], from black to white, got 0 to 250. Use image / 127.5 - 1.
    """
    if not pictures.is_floating_point():
        found = range_of(pictures)
        fix = "" if found is None else f" {_fix(name, *found)}"
        raise TypeError(f"{name} must be floating in [-1, 1], got {pictures.dtype}.{fix}")
    checks.finite(name, pictures)
    found = range_of(pictures, unbounded=unbounded)
    if found is not None:
        low, high = (float(value) for value in pictures.detach().aminmax())
        raise ValueError(
            f"{name} must be in [-1, 1], from black to white, got {low:g} to {high:g}. {_fix(name, *found)}"
        )
    return pictures


def _fix(name: str, low: float, high: float) -> str:
    if low == 0 and high > 0:
        return f"Use {name} / {high / 2:g} - 1." if high != 1 else f"Use 2.0 * {name} - 1."
    return f"Use 2 * ({name} - {low:g}) / {high - low:g} - 1." if high > low else "Bring black to -1 and white to 1."


def within_reach(pictures: Tensor) -> Tensor:
    """Cut what a generator driven far out draws beyond twice the range, for those who take pictures in [-1, 1] only.

    Args:
        pictures: ``(n, C, H, W)``, floating.

    Returns:
        The pictures, of which nothing is cut as long as no pixel is beyond.
    """
    return pictures.clamp(-FARTHEST, FARTHEST)
