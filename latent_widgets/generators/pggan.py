"""ProgressiveGAN (Karras et al. 2018, "Progressive Growing of GANs") at its full side, for weights that exist."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.generators.growing import ScaledConv, doubled, unit_rms

__all__ = ["PGGAN"]


class _Block(nn.Module):
    """Two convolutions, each after normalised features; the first block takes the latent, others double the side."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        super().__init__()
        self.conv0 = ScaledConv(inputs, outputs, 4 if first else 3, start=first)
        self.conv1 = ScaledConv(outputs, outputs)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            x = unit_rms(unit_rms(x) * math.sqrt(x.shape[1]))[:, :, None, None]
        else:
            x = doubled(unit_rms(x))
        x = F.leaky_relu(self.conv0(x), 0.2)
        return F.leaky_relu(self.conv1(unit_rms(x)), 0.2)


class _Image(nn.Module):
    """The last convolution, of 1 px."""

    def __init__(self, inputs: int, colours: int, tanh: bool) -> None:
        super().__init__()
        self.conv, self.tanh = ScaledConv(inputs, colours, 1, gain=1.0), tanh

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(unit_rms(x))
        return y.tanh() if self.tanh else y


class PGGAN(nn.Sequential):
    """The generator of ProgressiveGAN at its full side.

    Args:
        z_dim: Length of the latent.
        channels: Feature channels at 4 px, 8 px and so on.
        colours: Channels of the picture.
        tanh: Whether the picture ends in a hyperbolic tangent.

    Raises:
        TypeError: If ``tanh`` is neither true nor false.

    Example:
        >>> import torch
        >>> PGGAN(z_dim=5, channels=[8, 4])(torch.ones(2, 5)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, *, z_dim: int, channels: Sequence[int], colours: int = 3, tanh: bool = False) -> None:
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for i, (inputs, outputs) in enumerate(zip([z_dim, *channels[:-1]], channels, strict=True)):
            blocks[f"b{4 * 2**i}"] = _Block(inputs, outputs, first=i == 0)
        blocks["image"] = _Image(channels[-1], colours, checks.flag("tanh", tanh))
        super().__init__(blocks)
        self.z_dim, self.resolution = z_dim, 4 * 2 ** (len(channels) - 1)
