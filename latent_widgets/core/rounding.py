"""How far rounding alone can move what is computed: the one place where noise is told from a number.

The same sum comes out otherwise in a batch of one than in a batch of five, with two threads than with one, with one
processor's vector instructions than with another's. So a computed number is never compared exactly with zero or with
another one; numbers that were given, copied or counted may be.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

__all__ = [
    "beyond_unit",
    "first_largest",
    "map_rounding",
    "negligible",
    "ranked",
    "rounding",
    "same",
    "snapped",
    "wide",
]

# A sum of n products, each rounded, is off by about sqrt(n) units (Higham and Mary 2019, "A New Approach to
# Probabilistic Rounding Error Analysis"): 68 for the 4608 of a convolution of 3 x 3 x 512, and four times that after
# sixteen of them, whose errors add like random ones. The shipped generators are off by about ten.
UNITS = 256.0
# Types narrower than float32 are summed in float32 and rounded once a layer: the root of sixteen.
NARROW_UNITS = 4.0
# A map from z to w, or a single sum of at most some hundred products: 22 for 512 of them; 4 are measured. In narrow
# types what is left is one rounding.
MAP_UNITS = 32.0
# Where a mask begins to cover a pixel: half, also where rounding has made a little less of it.
HALF_COVERED = 0.5 - UNITS * torch.finfo(torch.float32).eps
# Of a float32, half of the digits: what decompositions leave of a vector's entries where singular values are close.
# Vectors in float64 are found from float32 numbers too.
HALF_DIGITS = torch.finfo(torch.float32).eps ** 0.5


@cache
def rounding(dtype: torch.dtype) -> float:
    """Return the share of a network's features or pictures that rounding alone may change, root mean square.

    Args:
        dtype: The type in which they were computed.

    Returns:
        256 units in the last place; 4 in types narrower than float32, whose sums are held in float32.

    Example:
        >>> round(rounding(torch.float32) * 1e6), round(rounding(torch.bfloat16), 3)
        (31, 0.031)
    """
    eps = torch.finfo(dtype).eps
    return (UNITS if eps <= torch.finfo(torch.float32).eps else NARROW_UNITS) * eps


@cache
def map_rounding(dtype: torch.dtype) -> float:
    """Return the share of a code, a matrix or a sum that rounding alone may change.

    Args:
        dtype: The type in which it was computed.

    Returns:
        32 units in the last place; 1 in types narrower than float32.

    Example:
        >>> round(map_rounding(torch.float32) * 1e6, 1), round(map_rounding(torch.bfloat16), 4)
        (3.8, 0.0078)
    """
    eps = torch.finfo(dtype).eps
    return (MAP_UNITS if eps <= torch.finfo(torch.float32).eps else 1.0) * eps


def wide(values: Tensor) -> Tensor:
    """Return numbers in float32 if they are of a narrower type, in which no sum or difference is worth keeping.

    Args:
        values: Floating.

    Returns:
        The same numbers.

    Example:
        >>> wide(torch.ones(1).bfloat16()).dtype, wide(torch.ones(1).double()).dtype
        (torch.float32, torch.float64)
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def negligible(change: Tensor, whole: Tensor | float, dtype: torch.dtype) -> Tensor:
    """Return where a change is what rounding alone makes of something of that size.

    Args:
        change: Lengths or root mean squares of changes.
        whole: Those of what changed.
        dtype: The type in which it was computed.

    Returns:
        Bool, broadcast.

    Example:
        >>> negligible(torch.tensor([0.0, 1e-6, 1e-3]), 1.0, torch.float32)
        tensor([ True,  True, False])
    """
    return change <= rounding(dtype) * torch.as_tensor(whole, dtype=change.dtype, device=change.device)


def same(a: Tensor, b: Tensor) -> bool:
    """Return whether two codes, directions or columns of numbers are the same but for rounding.

    Args:
        a: The one.
        b: The other, of any floating type.

    Returns:
        Whether shapes agree and no two entries are farther apart than 32 units in the last place of the largest. If
        either is of a type narrower than float32, whether both are the same when rounded to it: no less can be told.

    Example:
        >>> a = torch.tensor([1.0, 0.1])
        >>> same(a, a * (1 + 1e-7)), same(a, a + 1e-4), same(a, a.bfloat16())
        (True, False, True)
    """
    if a.shape != b.shape:
        return False
    a, b = a.detach(), b.detach().to(a.device)
    coarse = a.dtype if torch.finfo(a.dtype).eps >= torch.finfo(b.dtype).eps else b.dtype
    if torch.finfo(coarse).eps > torch.finfo(torch.float32).eps or not a.numel():
        return torch.equal(a.to(coarse), b.to(coarse))
    x, y = a.double(), b.double()
    largest = torch.linalg.vector_norm
    sizes = torch.maximum(largest(x, math.inf), largest(y, math.inf))
    return bool(largest(x - y, math.inf) <= map_rounding(coarse) * sizes)


def first_largest(values: Tensor, dim: int, share: float = HALF_DIGITS) -> Tensor:
    """Return where the largest value is: of those that are as large but for rounding, the first.

    Args:
        values: Not negative.
        dim: Along which axis.
        share: By how much of the largest the others may be smaller to count as large.

    Returns:
        Indices, without that axis.

    Example:
        >>> int(first_largest(torch.tensor([0.5, 0.7071067, 0.7071068]), 0))
        1
    """
    return (values >= (1 - share) * values.amax(dim, keepdim=True)).to(torch.uint8).argmax(dim)


def ranked(scores: Tensor) -> Tensor:
    """Return the order from the largest score to the smallest, in which equals but for rounding stay as they are.

    Args:
        scores: ``(n,)``, what a network measured.

    Returns:
        ``(n,)`` indices.

    Example:
        >>> ranked(torch.tensor([0.2, 0.4999999, 0.5]))
        tensor([1, 2, 0])
    """
    order = scores.argsort(descending=True, stable=True)
    levels, start = scores[order].tolist(), 0
    limit = rounding(scores.dtype) * max(map(abs, levels), default=0.0)
    for end in range(1, len(levels) + 1):
        if end == len(levels) or levels[start] - levels[end] > limit:
            order[start:end] = order[start:end].sort().values
            start = end
    return order


def beyond_unit(weights: Tensor) -> bool:
    """Return whether weights leave [0, 1] by more than rounding, as sums of shares and enlarged masks may.

    Args:
        weights: Floating.

    Returns:
        Whether one does, or is NaN.

    Example:
        >>> beyond_unit(torch.tensor([0.0, 1 + 1e-7])), beyond_unit(torch.tensor([1.001]))
        (False, True)
    """
    limit = map_rounding(weights.dtype)
    return not bool(((weights >= -limit) & (weights <= 1 + limit)).all())


def snapped(weights: Tensor) -> Tensor:
    """Return weights in [0, 1], with those that are 0 or 1 but for rounding exactly that.

    Args:
        weights: Floating.

    Returns:
        A new tensor.

    Example:
        >>> snapped(torch.tensor([-1e-8, 0.5, 1 - 6e-8]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    limit = max(map_rounding(weights.dtype), map_rounding(torch.float32))  # they may have been float32
    return torch.where(weights <= limit, 0.0, torch.where(weights >= 1 - limit, 1.0, weights))
