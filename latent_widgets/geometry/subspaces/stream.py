r"""The principal components of rows that come in blocks, with what goes with each row beside them.

Blocks are merged as in Ross, Lim, Lin and Yang (2008, "Incremental Learning for Robust Visual Tracking", section 3.1):
the loudest components so far, the centred block, and one row for the difference of the means have together the scatter
of all rows. The numbers beside are turned like the rows, so that what they share with a component is there at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.exact import exact

__all__ = ["Stream", "merged"]


@dataclass(frozen=True, eq=False)
class Stream:
    """What is known of all rows so far.

    Attributes:
        count: How many they were.
        mean: ``(p,)`` float64.
        rows: ``(r, p)`` float64, the components, the loudest first: orthogonal, and the squared length of each is its
            scatter, the variance times ``count - 1``.
        beside: ``(r, d)`` float64, the centred numbers beside the rows, in the coordinates of the components: for each
            the sum over all rows of its coordinate, scaled to unit length, times these numbers.
        beside_mean: ``(d,)`` float64.
        scatter: The squared deviations of all rows from their mean, also in what was not kept.
    """

    count: int
    mean: Tensor
    rows: Tensor
    beside: Tensor
    beside_mean: Tensor
    scatter: float


@exact()
def merged(stream: Stream | None, rows: Tensor, beside: Tensor, keep: int) -> Stream:
    """Add a block of rows.

    Nothing is lost as long as ``keep`` is not below the rank of all rows.

    Args:
        stream: What is known of those before; None at the beginning.
        rows: ``(n, p)``.
        beside: ``(n, d)``.
        keep: How many components to keep at most.

    Returns:
        What is known then.

    Example:
        >>> rows = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 0.0], [2.0, 1.0]])
        >>> found = merged(merged(None, rows[:2], rows[:2], 2), rows[2:], rows[2:], 2)
        >>> found.mean.tolist(), found.scatter
        ([1.0, 0.25], 4.75)
    """
    rows, beside = rows.double(), beside.double()
    mean, middle, count = rows.mean(0), beside.mean(0), len(rows)
    stack, turned, energy = rows - mean, beside - middle, 0.0
    if stream is not None:
        whole = stream.count + count
        apart = (stream.count * count / whole) ** 0.5
        stack = torch.cat([stream.rows, stack, apart * (stream.mean - mean)[None]])
        turned = torch.cat([stream.beside, turned, apart * (stream.beside_mean - middle)[None]])
        mean = stream.mean + (mean - stream.mean) * (count / whole)
        middle = stream.beside_mean + (middle - stream.beside_mean) * (count / whole)
        energy = stream.scatter - float(stream.rows.square().sum())  # what was not kept
        count = whole
    energy += float(stack.square().sum())
    _, vectors = torch.linalg.eigh(stack @ stack.T)
    turn = vectors.flip(1)[:, :keep].T
    return Stream(count, mean, turn @ stack, turn @ turned, middle, energy)
