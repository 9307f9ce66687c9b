"""Low-pass filters of a few taps along both axes: those of a StyleGAN2 (Karras et al. 2019, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["FILTER", "fir", "fir_gain", "low_pass", "upsample"]

FILTER = (1.0, 3.0, 3.0, 1.0)  # the low-pass filter of the paper, along each axis


def low_pass(taps: Sequence[float]) -> tuple[float, ...]:
    """Return the taps of a filter if :func:`fir` can run it and :func:`fir_gain` is finite."""
    values = tuple(checks.number("taps", tap) for tap in taps)
    if not values or len(values) % 2 or not all(map(math.isclose, values, reversed(values))):
        raise ValueError(f"taps must be symmetric and of even length, got {values}.")
    if not values[0] or not sum(values):
        raise ValueError(f"taps must have an end and a sum other than 0, got {values}.")
    return values


def fir(x: Tensor, taps: Sequence[float], adjoint: bool = False) -> Tensor:
    """Filter pictures ``(n, C, h, w)``: the kernel is ``outer(taps, taps)`` over the product of its corners.

    Zeros are put on each side, one number less than half of the taps; a side shrinks by one. With ``adjoint`` it grows
    by one: the transposed map, which the same kernel makes, as it is symmetric. See :func:`fir_gain`.
    """
    last, pad = len(taps) - 1, len(taps) // 2 - (0 if adjoint else 1)
    x = F.pad(x, (pad, pad, pad, pad))  # adding mirrored pairs first is faster on a CPU than a depthwise convolution
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
