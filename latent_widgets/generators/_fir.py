"""Low-pass filters of a few taps along both axes: those of a StyleGAN2 (Karras et al. 2019, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["FILTER", "Reach", "fir", "fir_gain", "fir_rows", "low_pass", "reach_of", "upsample"]

FILTER = (1.0, 3.0, 3.0, 1.0)  # the low-pass filter of the paper, along each axis


def low_pass(taps: Sequence[float]) -> tuple[float, ...]:
    """Return the taps of a filter if :func:`fir` can run it and :func:`fir_gain` is finite."""
    values = tuple(checks.number("taps", tap) for tap in taps)
    if not values or len(values) % 2 or not all(map(math.isclose, values, reversed(values))):
        raise ValueError(f"taps must be symmetric and of even length, got {values}.")
    if not values[0] or not sum(values):
        raise ValueError(f"taps must have an end and a sum other than 0, got {values}.")
    return values


def fir(x: Tensor, taps: Sequence[float]) -> Tensor:
    """Filter pictures ``(n, C, h, w)``: the kernel is ``outer(taps, taps)`` over the product of its corners.

    Zeros are put on each side, one number less than half of the taps, so that a side shrinks by one. See
    :func:`fir_gain`.
    """
    pad = len(taps) // 2 - 1
    return _filtered(F.pad(x, (pad, pad, pad, pad)), taps)


def fir_rows(rows: Tensor, taps: Sequence[float], reach: Reach) -> Tensor:
    """Filter the rows that :func:`reach_of` names."""
    return _filtered(F.pad(rows, (reach.pad, reach.pad, reach.above, reach.below)), taps)


class Reach(NamedTuple):
    """Which rows a filter needs for some rows of its result, and how many zeros on each side, above and below them."""

    first: int
    last: int
    pad: int
    above: int
    below: int


def reach_of(taps: Sequence[float], first: int, last: int, height: int, adjoint: bool = False) -> Reach:
    """Say what the rows ``first`` up to ``last`` of a filtered picture need of its ``height`` rows.

    With ``adjoint`` they are those of the transposed map, by which a side grows by one; the same kernel makes it, as it
    is symmetric, after one more zero on each side.

    Example:
        >>> reach_of(FILTER, 0, 8, 17), reach_of(FILTER, 8, 16, 17)
        (Reach(first=0, last=10, pad=1, above=1, below=0), Reach(first=7, last=17, pad=1, above=0, below=1))
    """
    pad = len(taps) // 2 - (0 if adjoint else 1)
    begin, end = first - pad, last + len(taps) - 1 - pad
    return Reach(max(begin, 0), min(end, height), pad, max(-begin, 0), max(end - height, 0))


def _filtered(x: Tensor, taps: Sequence[float]) -> Tensor:
    last = len(taps) - 1  # adding mirrored pairs first is faster on a CPU than a depthwise convolution
    for axis in (2, 3):
        size = x.shape[axis] - last
        pairs = [x.narrow(axis, i, size) + x.narrow(axis, last - i, size) for i in range(len(taps) // 2)]
        y = pairs[0]
        for pair, tap in zip(pairs[1:], taps[1:], strict=False):
            y = torch.add(y, pair, alpha=tap / taps[0])
        x = y
    return x


def fir_gain(taps: Sequence[float]) -> float:
    """Return what makes the sum of that kernel 4, for the zeros between the pixels."""
    return 4.0 * (taps[0] / sum(taps)) ** 2


def upsample(x: Tensor, taps: Sequence[float]) -> Tensor:
    """Double the resolution: insert zeros, then low-pass (for four taps: two zeros before, one after)."""
    n, channels, h, w = x.shape
    x = F.pad(x[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1)).reshape(n, channels, 2 * h, 2 * w)
    return fir(F.pad(x, (1, 0, 1, 0)), taps) * fir_gain(taps)
