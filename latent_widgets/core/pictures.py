"""In which range pictures are, black to white: [-1, 1], nominally, is told from what other programs write."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["BROUGHT", "DRAWN", "check_pictures", "range_of", "within_reach"]

# The root mean square of a picture in [-1, 1] is at most 1. Pictures of generators overshoot: those of the shipped ones
# have 1.3 at most, of random StyleGAN2 networks 3.8 in 99 of 100 cases and 31 in the worst of 3840; single pixels have
# much more. Pixels of eight bits about their middle have 40 to 75.
BROUGHT = 4.0  # the largest that a picture may have which somebody brings
DRAWN = 40.0  # and one that a generator may have drawn, far out
TWICE = 2.0  # what no pixel is above where none is below 0
BITS = (255.0, 65535.0)  # what is white in eight and in sixteen bits
DARKEST = 1 / 16  # of white: the least that the brightest pixel of a picture in eight or sixteen bits is taken to have
RINGING = 1 / 4  # of white: by how much resampling may leave the range


def range_of(pictures: Tensor, reach: float = DRAWN) -> tuple[float, float] | None:
    """Say in which range pictures plainly are, where it is not [-1, 1].

    Each picture is looked at alone. One between 0 and 1 may be a bright one in [-1, 1], so nothing is said of it.

    Args:
        pictures: ``(n, C, H, W)``, or one without the first axis.
        reach: The largest root mean square that a picture in [-1, 1], nominally, is taken to have where it has values
            on both sides of 0.

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
    off = _off(rows, reach)
    return _guessed(float(rows[off].min()), float(rows[off].max())) if bool(off.any()) else None


def _off(rows: Tensor, reach: float) -> Tensor:
    """Which of several pictures, a row each, are plainly not in [-1, 1]."""
    lows, highs = rows.aminmax(dim=1)
    one_sided = ((lows >= 0) & (highs > TWICE)) | ((highs <= 0) & (lows < -TWICE))
    lengths = torch.linalg.vector_norm(rows, dim=1, dtype=torch.promote_types(rows.dtype, torch.float32))
    return one_sided | (lengths > reach * rows.shape[1] ** 0.5)


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


def check_pictures(name: str, pictures: Tensor, reach: float = DRAWN) -> Tensor:
    """Return pictures that are floating, finite and not plainly in another range than [-1, 1].

    Inside torch.func transforms and on the meta device only the type is looked at.

    Args:
        name: What the argument is called.
        pictures: ``(n, C, H, W)``, or one without the first axis.
        reach: As for :func:`range_of`; :data:`BROUGHT` for pictures that no generator of the caller's has drawn.

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
    found = range_of(pictures, reach)
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
    """Clamp pictures of a generator that was driven so far out that they are plainly not in [-1, 1].

    For those who hand them on to what refuses such pictures: a search is not to end with one of them.

    Args:
        pictures: ``(n, C, H, W)``, floating.

    Returns:
        The pictures, those far out as a screen shows them.
    """
    if not pictures.numel() or not checks.readable(pictures):
        return pictures
    off = _off(pictures.detach().flatten(1), DRAWN)[:, None, None, None]
    return torch.where(off, pictures.clamp(-1, 1), pictures)
