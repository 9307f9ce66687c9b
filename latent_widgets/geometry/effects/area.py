"""Masks at another size, by the area that pixels share: the whole keeps its mass whatever the sizes are."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["area_resample"]


def area_resample(masks: Tensor, height: int, width: int) -> Tensor:
    r"""Bring masks to another size.

    Each new pixel is the mean of the old picture over the area that it covers: :math:`A_h\, m\, A_w^\top`, where
    :math:`A_{ij}` is the share of new pixel :math:`i` that lies on old pixel :math:`j`. The mean over the picture stays
    exactly what it was, also where one size does not divide the other: there, pooling windows overlap and count pixels
    twice. Growing repeats pixels.

    Args:
        masks: ``(..., H, W)``, floating or bool.
        height: Rows.
        width: Columns.

    Returns:
        ``(..., height, width)``, floating, in the range of ``masks``.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1, or ``masks`` has fewer than two axes.

    Example:
        >>> mask = torch.zeros(5, 4)
        >>> mask[0] = 1
        >>> area_resample(mask, 2, 2)
        tensor([[0.4000, 0.4000],
                [0.0000, 0.0000]])
    """
    checks.integer("height", height, low=1)
    checks.integer("width", width, low=1)
    if masks.ndim < 2:
        raise ValueError(f"masks must have shape (..., H, W), got {tuple(masks.shape)}.")
    masks = masks if masks.is_floating_point() else masks.to(torch.float32)
    if tuple(masks.shape[-2:]) == (height, width):
        return masks
    rows, columns = _shares(masks.shape[-2], height, masks), _shares(masks.shape[-1], width, masks)
    return rows @ masks @ columns.mT


def _shares(old: int, new: int, like: Tensor) -> Tensor:
    """Which share of each new pixel lies on each old one: ``(new, old)``, rows sum to one, columns to new / old."""
    cuts = torch.arange(new + 1, dtype=torch.float64, device="cpu") * old / new
    edges = torch.arange(old + 1, dtype=torch.float64, device="cpu")
    high = torch.minimum(cuts[1:, None], edges[None, 1:])
    low = torch.maximum(cuts[:-1, None], edges[None, :-1])
    return ((high - low).clamp(min=0) * new / old).to(like)
