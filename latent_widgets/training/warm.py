"""Start a generator from another that is smaller: at first it draws what that one draws.

The weights of the smaller network are the leading part of those of the larger. What leaves a new channel starts at
nothing, what enters it is drawn at random (Chen et al. 2016, "Net2Net", keep the function in the same way): the new
channels change nothing at first and learn from the first step on. Layers divide their weights by the square root of
their inputs; the weights that were there are multiplied by what that root has grown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from latent_widgets.generators.stylegan2 import StyleGAN2

__all__ = ["start_from"]


@torch.no_grad()
def start_from(model: StyleGAN2, tensors: Mapping[str, Tensor]) -> None:
    """Make ``model`` draw what a smaller network draws, at the sides that both have.

    Args:
        model: As large or larger in channels and resolution, and in everything else like the other; changed in place.
            At a side that the other lacks it draws its smaller picture, enlarged.
        tensors: The parameters and buffers of the other, by name.

    Raises:
        ValueError: If a tensor of the other has no place in ``model``.

    Example:
        >>> shape = {"z_dim": 4, "w_dim": 4, "mapping_layers": 2, "noise": False}
        >>> small = StyleGAN2(resolution=8, channels={4: 4, 8: 3}, **shape)
        >>> large = StyleGAN2(resolution=16, channels={4: 6, 8: 5, 16: 2}, **shape)
        >>> start_from(large, small.state_dict())
    """
    places = model.state_dict()
    for name in places:
        if name.startswith("mapping.") and name not in tensors:
            raise ValueError(
                f"{name} must be in the network to start from, got none. Start from one with as many layers."
            )
    for name, tensor in tensors.items():
        shape = tuple(places[name].shape) if name in places else None
        fits = shape is not None and len(shape) == tensor.ndim and all(map(int.__ge__, shape, tensor.shape))
        if not fits or (name.startswith("mapping.") and shape != tensor.shape):
            raise ValueError(
                f"{name} must have a place in the network that starts from it, which has {shape}, got "
                f"{tuple(tensor.shape)}. Start from a network of the same mapping and kind, with no more channels."
            )
    for name, place in places.items():
        if name in tensors:
            tensor = tensors[name]
            if tensor.ndim == 4:  # outputs, inputs, height, width
                place[: tensor.shape[0], tensor.shape[1] :] = 0
                tensor = tensor * math.sqrt(place.shape[1] / tensor.shape[1])
            place[tuple(map(slice, tensor.shape))] = tensor
        elif name.endswith(".torgb.weight"):
            place.zero_()
