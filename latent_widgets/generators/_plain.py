"""Layers of which nobody asks for a derivative: they may write over what they made, piece by piece, in the cache.

On a CPU a pass over new memory costs ten times one over memory that is at hand, so what follows a convolution runs on
a few rows or channels at a time. The layers compute the same in the same order of factors with and without derivatives;
the two agree up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["coloured", "convolved", "is_plain", "laid", "pays", "pieces", "room", "slabs"]

PIECE = 2**18  # numbers in a piece: 1 MiB in single precision, what the second cache of a core holds

MANY = 2**20  # numbers, from which new memory costs more than the many small steps


def pays(numbers: int, *tensors: Tensor) -> bool:
    """Whether a layer should write over the numbers that it gives: there are many, and :func:`is_plain` allows it."""
    return numbers >= MANY and is_plain(*tensors)


def is_plain(*tensors: Tensor) -> bool:
    """Whether tensors of one type lie on the CPU, and nothing differentiates, batches or retypes what becomes of them.

    Example:
        >>> x = torch.ones(2)
        >>> is_plain(x), is_plain(x, x.double()), is_plain(x.clone().requires_grad_())
        (True, False, False)
    """
    first = tensors[0]
    return (
        first.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and all(x.dtype == first.dtype and x.device == first.device and not _is_followed(x) for x in tensors)
    )


def _is_followed(x: Tensor) -> bool:
    if torch._C._functorch.is_functorch_wrapped_tensor(x) or (x.requires_grad and torch.is_grad_enabled()):
        return True
    return forward_ad.unpack_dual(x).tangent is not None


def convolved(x: Tensor, style: Tensor, weight: Tensor, scale: Tensor, padding: int) -> Tensor:
    """Convolve pictures of features, scaled by style before and by ``scale`` after: what is smaller takes the factors.

    Args:
        x: Features ``(n, inputs, h, w)``.
        style: ``(n, inputs)``.
        weight: ``(outputs, inputs, k, k)``.
        scale: ``(n, outputs)``.
        padding: Zeros at each side.

    Returns:
        ``(n, outputs, h', w')``, in memory of its own.
    """
    if weight.numel() > x[0].numel():
        return F.conv2d(x * style[:, :, None, None], weight, padding=padding).mul_(scale[:, :, None, None])
    n, inputs = style.shape
    own = weight * style[:, None, :, None, None] * scale[:, :, None, None, None]  # (n, outputs, inputs, k, k)
    y = F.conv2d(x.reshape(1, n * inputs, *x.shape[2:]), own.flatten(0, 1), padding=padding, groups=n)
    return y.reshape(n, -1, *y.shape[2:])


def coloured(x: Tensor, own: Tensor, bias: Tensor) -> Tensor:
    """Return pictures whose colours are weighted sums of the channels of ``x``, with weights ``(n, colours, C)``."""
    return torch.baddbmm(bias[:, None], own, x.flatten(2)).unflatten(2, x.shape[2:])


def pieces(*tensors: Tensor, fill: int = 0) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors ``(n, C, ...)`` into views ``(1, c, ...)`` of the same few channels of one picture.

    Of a tensor with one picture, or one channel, all get the same.

    Args:
        *tensors: What to cut.
        fill: How many numbers come of a channel meanwhile; those of the first tensor if not given.

    Yields:
        A view of each.

    Example:
        >>> [x.shape for x, _ in pieces(torch.zeros(1, 3, 512, 512), torch.zeros(1, 3, 1, 1))]
        [torch.Size([1, 1, 512, 512]), torch.Size([1, 1, 512, 512]), torch.Size([1, 1, 512, 512])]
    """
    n, channels = tensors[0].shape[:2]
    count = max(1, PIECE // max(1, fill or tensors[0][0, 0].numel()))
    for i in range(n):
        rows = [x[i : i + 1] if len(x) > 1 else x for x in tensors]
        for first in range(0, channels, count):
            yield tuple(x[:, first : first + count] if x.shape[1] > 1 else x for x in rows)


def laid(x: Tensor) -> Tensor:
    """Return features whose channels lie together for each pixel on a CPU, whose convolutions then copy less."""
    return x.contiguous(memory_format=_layout(x))


def room(like: Tensor, height: int, width: int) -> Tensor:
    """Return features that lie so, of another size and not yet written."""
    size = (*like.shape[:2], height, width)
    return torch.empty(size, dtype=like.dtype, device=like.device, memory_format=_layout(like))


def _layout(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.device.type == "cpu" else torch.contiguous_format


def slabs(out: Tensor) -> Iterator[tuple[int, int, int]]:
    """Cut features ``(n, C, h, w)`` into a few rows of one picture; elsewhere than on a CPU all rows are taken at once.

    Yields:
        The number of a picture, and the first of its rows and the one after the last.

    Example:
        >>> list(slabs(torch.zeros(1, 64, 100, 64)))
        [(0, 0, 64), (0, 64, 100)]
    """
    n, channels, height, width = out.shape
    count = max(1, PIECE // max(1, channels * width)) if out.device.type == "cpu" else max(height, 1)
    for i in range(n):
        for first in range(0, height, count):
            yield i, first, min(first + count, height)
