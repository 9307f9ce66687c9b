"""What a mask weighs: over the pixels of an analysis, which may be fewer than those of the picture."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from latent_widgets.core.rounding import snapped
from latent_widgets.values.masks import Mask

__all__ = ["as_weights"]


def as_weights(mask: Any, height: int, width: int, picture: tuple[int, int] | None = None) -> Tensor:
    """Return the weights of a mask at the analysis size.

    Args:
        mask: A :class:`~latent_widgets.Mask`, or what that takes.
        height: Rows.
        width: Columns.
        picture: Height and width of the picture, where the analysis size is not of exactly its aspect.

    Returns:
        ``(height, width)`` float64 on the CPU; shrinking averages areas. Weights that are 0 or 1 but
        for rounding are made so.

    Raises:
        TypeError: If it holds no numbers.
        ValueError: If it is no mask, has another aspect than the picture, or selects nothing.
    """
    mask = mask if isinstance(mask, Mask) else Mask(mask)
    rows, columns = mask.tensor.shape
    high, wide = picture or (height, width)
    if rows * wide != columns * high:
        raise ValueError(f"mask must have the aspect of the picture, {high} x {wide}, got {rows} x {columns}.")
    weights = snapped(mask.weights(height, width).double().cpu())
    if not bool((weights > 0).any()):
        raise ValueError("mask must select at least one pixel, got none. Paint something first.")
    return weights
