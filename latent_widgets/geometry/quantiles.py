"""Quantiles of the spectra of more latents than fit in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.geometry.blocks import Blocks

__all__ = ["checked_shares", "spectrum_quantiles"]


def spectrum_quantiles(
    blocks: Iterable[Tensor] | Tensor,
    q: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    *,
    memory: int = 2**28,
) -> Tensor:
    """Return quantiles of each singular value over all latents: exact, however many there are.

    They are those of ``torch.quantile``: at the place ``q (m - 1)`` among the ``m`` values in ascending order, and
    between two of them on the line through both. As many columns as fit in ``memory`` are held at a time, in main
    memory, and the blocks are read once to count the latents and once for each such group of columns.

    Args:
        blocks: Singular values, one row a latent: a tensor ``(m, r)``, or anything that gives blocks ``(b, r)`` each
            time it is iterated over, float32 or float64. The order of rows and their blocks make no difference.
        q: Which quantiles, in [0, 1].
        memory: Bytes of values held at once, beside one block.

    Returns:
        ``(len(q), r)``, of the type and on the device of the blocks.

    Raises:
        TypeError: If the blocks can be read once only, or are no floating tensors of one type.
        ValueError: If there is no latent, a value is not finite, a block differs from the first in its shape or
            device, a share is outside [0, 1], or not even one column fits in ``memory``.

    Example:
        >>> spectrum_quantiles([torch.tensor([[4.0, 1.0], [8.0, 2.0]]), torch.tensor([[5.0, 0.0]])], (0.25, 0.5))
        tensor([[4.5000, 0.5000],
                [5.0000, 1.0000]])
    """
    shares = checked_shares("q", q)
    checks.integer("memory", memory, low=1)
    read, count, first = Blocks(blocks, ("r",)), 0, None
    for _, block in read:
        _check(block, count)
        count, first = count + len(block), block.new_empty(0, block.shape[1]) if first is None else first
    if first is None:
        raise ValueError("blocks must hold at least one latent, got none.")
    column = count * first.element_size()
    if column > memory:
        raise ValueError(
            f"memory must be at least {column} bytes, one column of {count} latents, got {memory}. Give more of it, or "
            "fewer latents."
        )
    together = min(first.shape[1], memory // column)
    found = [
        _quantiles(_columns(read, start, min(together, first.shape[1] - start), count), shares)
        for start in range(0, first.shape[1], max(1, together))
    ]
    return torch.cat([first.new_zeros(len(shares), 0), *(part.to(first.device) for part in found)], 1)


def checked_shares(name: str, q: Sequence[float]) -> tuple[float, ...]:
    """Return shares of which quantiles can be taken.

    Args:
        name: What the argument is called.
        q: What was given.

    Returns:
        The shares.

    Raises:
        TypeError: If they are no numbers, or no sequence of them.
        ValueError: If one is outside [0, 1] or there is none.
    """
    if not isinstance(q, Iterable) or isinstance(q, str | bytes) or (isinstance(q, Tensor) and q.ndim == 0):
        raise TypeError(f"{name} must be several numbers, got {type(q).__name__}. Use a list.")
    shares = tuple(checks.number(f"{name}[{index}]", share, 0, 1) for index, share in enumerate(q))
    if not shares:
        raise ValueError(f"{name} must hold at least one share between 0 and 1, got none.")
    return shares


def _check(block: Tensor, before: int) -> None:
    bad = ~block.isfinite().all(1)
    if bool(bad.any()):
        place = int(bad.nonzero()[0, 0])
        value = next(value for value in block[place].tolist() if not math.isfinite(value))
        raise ValueError(
            f"blocks must hold finite singular values, got {value} at latent {before + place}. Leave that latent out."
        )


def _columns(read: Blocks, start: int, width: int, count: int) -> Tensor:
    """Return some columns of all rows, ``(width, count)``."""
    first, held, end = True, torch.zeros(0, dtype=torch.float64, device="cpu"), 0
    for _, block in read:
        if first:
            first, held = False, torch.zeros(width, count, dtype=block.dtype, device="cpu")
        held[:, end : end + len(block)] = block.detach()[:, start : start + width].T
        end += len(block)
    return held


def _quantiles(values: Tensor, shares: tuple[float, ...]) -> Tensor:
    """Return ``(q, width)`` of ``(width, count)``, which is put in another order."""
    last = values.shape[1] - 1
    low = [math.floor(share * last) for share in shares]
    high = [min(place + 1, last) for place in low]
    values.numpy().partition(sorted({*low, *high}), axis=1)  # in place, and without the indices that sort would hold
    below, above = values[:, low].double(), values[:, high].double()
    parts = torch.tensor(
        [share * last - place for share, place in zip(shares, low, strict=True)], dtype=torch.float64, device="cpu"
    )
    return (below + (above - below) * parts).to(values.dtype).T
