"""How well labels agree, part by part."""

from __future__ import annotations

from torch import Tensor

from latent_widgets.core import checks

__all__ = ["part_iou"]


def part_iou(found: Tensor, truth: Tensor, parts: int) -> Tensor:
    """Return, for each part, the intersection over the union of where it was found and where it is.

    Args:
        found: Labels ``(n, H, W)``, from 0 to ``parts - 1``.
        truth: As many; -1 where nothing is known, which is left out.
        parts: How many parts there are.

    Returns:
        ``(parts,)`` float64, over all pictures together; NaN for a part that is in neither.

    Raises:
        ValueError: If the two differ in shape.

    Example:
        >>> import torch
        >>> part_iou(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, -1]), 3)
        tensor([0.5000, 0.5000,    nan], dtype=torch.float64)
    """
    checks.shape("found", found, tuple(truth.shape))
    known = truth >= 0
    pairs = truth[known].long() * parts + found[known].long()
    table = pairs.bincount(minlength=parts**2).reshape(parts, parts)
    both = table.diagonal().double()
    return both / (table.sum(0) + table.sum(1) - both)
