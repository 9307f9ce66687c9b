"""Resampling along an axis as products with a matrix in a band, block by block: what a CPU does fastest.

A depthwise convolution with twelve taps keeps a processor waiting for memory, and inserted zeros double its work. A
block of the matrix is a small dense one, and such products run at the speed of the large convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Band", "band", "resampled"]

BLOCK = 32  # samples of the finer side in a product: wider blocks multiply more zeros, narrower ones are many

Band = list[tuple[int, int, Tensor]]
"""For each block of what comes out: the first sample that goes in, the one after the last, and the matrix."""


def band(size: int, taps: Tensor, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)) -> Band:
    """Write resampling down: insert zeros, pad, convolve with taps, keep every ``down``-th sample.

    Args:
        size: Samples that go in.
        taps: The filter.
        up: Samples for each that goes in.
        down: Of which every so manyth is kept.
        padding: Zeros before and after; below zero samples are cropped.

    Returns:
        The blocks.

    Example:
        >>> [(first, last, matrix)] = band(3, torch.ones(2), up=2)
        >>> first, last, matrix.shape
        (0, 3, torch.Size([5, 3]))
        >>> matrix @ torch.tensor([1.0, 2.0, 3.0])
        tensor([1., 2., 2., 3., 3.])
    """
    count, device = len(taps), taps.device
    outputs = (size * up + sum(padding) - count) // down + 1
    # where a sample lies, counted from the first that the filter sees for the output: tap count - 1 - place is its own
    at = torch.arange(size, dtype=torch.int64, device=device) * up + padding[0]
    inside = (at >= 0) & (at < size * up + sum(padding))
    blocks, block = [], max(1, BLOCK // down)
    for begin in range(0, outputs, block):
        rows = torch.arange(begin, min(begin + block, outputs), dtype=torch.int64, device=device) * down
        place = count - 1 - (at - rows[:, None])
        used = (place >= 0) & (place < count) & inside
        seen = used.any(0).nonzero()
        first, last = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 1)
        place, used = place[:, first:last], used[:, first:last]
        blocks.append((first, last, torch.where(used, taps[place.clamp(0, count - 1)], 0)))
    return blocks


def resampled(x: Tensor, rows: Band, columns: Band) -> Tensor:
    """Resample features ``(n, C, h, w)`` along both axes, the one first after which there is less."""
    if sum(len(m) for _, _, m in rows) > x.shape[2]:
        return _along_rows(_along_columns(x, columns), rows)
    return _along_columns(_along_rows(x, rows), columns)


def _along_rows(x: Tensor, blocks: Band) -> Tensor:
    return torch.cat([matrix @ x[:, :, first:last] for first, last, matrix in blocks], 2)


def _along_columns(x: Tensor, blocks: Band) -> Tensor:
    return torch.cat([x[..., first:last] @ matrix.T for first, last, matrix in blocks], 3)
