"""Feature maps that are larger than the picture: those of StyleGAN3, whose filters are never to meet a border."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

__all__ = ["behind_picture", "margin_of"]


def behind_picture(G: Any, layer: str, features: Tensor) -> Tensor:
    """Return the part of a layer's features that lies behind the picture.

    Args:
        G: The generator; its ``margins``, if it has any, say how many pixels of each layer lie beyond each border.
        layer: The layer.
        features: ``(n, C, h, w)``, all that it gives out.

    Returns:
        ``(n, C, h - 2 margin, w - 2 margin)``.
    """
    margin = getattr(G, "margins", {}).get(layer, 0)
    return features[..., margin : features.shape[-2] - margin, margin : features.shape[-1] - margin]


def margin_of(module: nn.Module) -> int:
    """Return the margin of what a layer of the published StyleGAN3 gives out; 0 for any other module.

    Such a layer knows its size and its sampling rate, which is how many of its pixels the picture is wide.

    Args:
        module: The layer.

    Returns:
        Pixels at each border.

    Example:
        >>> layer = nn.Identity()
        >>> layer.out_size, layer.out_sampling_rate = np.array([52, 52]), 32
        >>> margin_of(layer)
        10
    """
    size: Any = getattr(module, "out_size", getattr(module, "size", None))
    rate = getattr(module, "out_sampling_rate", getattr(module, "sampling_rate", None))
    if not isinstance(rate, int | float) or np.asarray(size).dtype.kind not in "iu":
        return 0
    return max(0, round((int(np.min(size)) - rate) / 2))
