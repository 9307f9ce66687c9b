"""The localisation score as the program computes it that the authors of LELSD released.

It differs in two ways from :func:`latent_widgets.geometry.effects.localisation.shares`: masks go from one layer to the
next instead of each from the full size, and a constant is added to the denominator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.geometry.effects.localisation import Shares

__all__ = ["FLOOR", "cascaded", "released_shares"]

FLOOR = 1e-6  # of the released program, added to a layer's squared change: the mean over channels, summed over pixels


def cascaded(masks: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Bring masks to the sizes of layers, the last layer first, each from the size before.

    Where the size changes the mask is interpolated linearly with corners on corners; where a layer has the size of the
    masks as they were given, it begins anew. Mass is not kept: see :func:`latent_widgets.geometry.effects.area` for
    what keeps it.

    Args:
        masks: ``(n, H, W)``, floating.
        sizes: ``(h, w)`` of each layer, from the first to the last.

    Returns:
        For each layer ``(n, h, w)``.

    Example:
        >>> mask = torch.zeros(1, 4, 4)
        >>> mask[0, 0] = 1
        >>> [small[0, 0].tolist() for small in cascaded(mask, [(2, 2), (4, 4)])]
        [[1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    now, found = masks, []
    for size in reversed([tuple(size) for size in sizes]):
        if size == tuple(masks.shape[-2:]):
            now = masks
        elif size != tuple(now.shape[-2:]):
            now = interpolate(now[:, None], size, mode="bilinear", align_corners=True)[:, 0]
        found.append(now)
    return found[::-1]


def released_shares(before: Sequence[Tensor], after: Sequence[Tensor], masks: Tensor) -> Shares:
    r"""Measure which share of each layer's squared change falls inside a mask, as the released program does.

    .. math:: \sum_{ij} m_{ij} d_{ij} \Big/ \Big(\sum_{ij} d_{ij} + 10^{-6}\Big)

    with :math:`d` the mean over channels of the squared change and :math:`m` from :func:`cascaded`. The constant takes
    from a share what it is to the whole change, :math:`1 / (1 + 10^{-6} / \sum d)`, whatever the dimension :math:`D`
    of the latent. Where features vary by about 1 and latents by 1 a coordinate, an edit by :math:`\alpha` latent
    lengths changes a pixel's :math:`d` by about :math:`\alpha^2 / D`, so over :math:`n` pixels the constant is felt for
    :math:`|\alpha|` below about :math:`10^{-3} \sqrt{D / n}`: 0.006 at 4 x 4 pixels and 512 dimensions, 0.001 at 16.

    Args:
        before: For each layer ``(n, C, h, w)``, from the first to the last.
        after: The same after the edit; may carry gradients.
        masks: ``(n, H, W)`` in [0, 1], at the size in which the segmenter gives them.

    Returns:
        The shares; every layer counts.

    Example:
        >>> masks = torch.tensor([[[1.0, 0.0], [0.5, 0.0]]])
        >>> before, after = torch.zeros(1, 1, 2, 2), torch.tensor([[[[2.0, 1.0], [1.0, 0.0]]]])
        >>> released_shares([before], [after], masks).scores
        tensor([0.7500])
    """
    values = []
    small = cascaded(masks.to(after[0]), [(new.shape[-2], new.shape[-1]) for new in after])
    for old, new, mask in zip(before, after, small, strict=True):
        change = (new - old).square().mean(1)  # (n, h, w)
        values.append((change * mask).sum((1, 2)) / (change.sum((1, 2)) + FLOOR))
    found = torch.stack(values, 1)
    return Shares(found, torch.ones_like(found, dtype=torch.bool), masks.mean((1, 2)))
