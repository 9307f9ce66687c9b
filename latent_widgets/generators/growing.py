"""What the networks share that were grown layer by layer, before StyleGAN2: scaled convolutions and doubled pixels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.generators.stylegan2 import drawn

__all__ = ["GAIN", "ScaledConv", "doubled", "unit_rms"]

GAIN = math.sqrt(2.0)  # He's: keeps the variance through a leaky ReLU; here in the weights, not behind the activation
_EPS = 1e-8


class ScaledConv(nn.Module):
    """A convolution with equalised learning rate (Karras et al. 2018, section 4.1) that keeps the side.

    One with ``start`` takes a picture of 1 px to one of ``kernel`` px.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, gain: float = GAIN, start: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        self.scale = gain / math.sqrt(inputs * kernel * kernel)
        self.padding = kernel - 1 if start else kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``(n, inputs, h, w)``."""
        weight, bias = (self.weight * self.scale).to(x.dtype), self.bias.to(x.dtype)
        return F.conv2d(x, weight, bias, padding=self.padding)


def doubled(x: Tensor) -> Tensor:
    """Double the resolution of ``(n, c, h, w)``: each pixel becomes four.

    Returns:
        ``(n, c, 2 h, 2 w)``.

    Example:
        >>> doubled(torch.tensor([[[[1.0, 2.0]]]]))
        tensor([[[[1., 1., 2., 2.],
                  [1., 1., 2., 2.]]]])
    """
    n, channels, h, w = x.shape
    return x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2).reshape(n, channels, 2 * h, 2 * w)


def unit_rms(x: Tensor) -> Tensor:
    """Scale the channels of each pixel, or the numbers of each latent, to a root mean square of one."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + _EPS)
