"""The residual discriminator of StyleGAN2 (Karras et al. 2020, section 4.1), small."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.generators.stylegan2 import Dense

__all__ = ["Discriminator"]


class _Conv(nn.Module):
    """A convolution with equalised learning rate."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, activate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel, **fresh()))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        self.gain, self.activate = 1 / math.sqrt(inputs * kernel**2), activate

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[-1] // 2)
        return F.leaky_relu(y, 0.2) * math.sqrt(2) if self.activate else y


class Discriminator(nn.Module):
    """Score pictures ``(n, 3, resolution, resolution)``: ``(n, 1)`` logits."""

    def __init__(self, resolution: int, channels: Mapping[int, int], group: int = 8) -> None:
        super().__init__()
        self.group = group
        self.first = _Conv(3, channels[resolution], 1)
        self.blocks = nn.ModuleList()
        for r in (resolution // 2**i for i in range(int(math.log2(resolution)) - 2)):
            wide, deep = channels[r], channels[r // 2]
            self.blocks.append(
                nn.ModuleList([_Conv(wide, wide), _Conv(wide, deep), _Conv(wide, deep, 1, activate=False)])
            )
        self.last = _Conv(channels[4] + 1, channels[4])
        self.hidden = Dense(channels[4] * 16, channels[4], activate=True)
        self.out = Dense(channels[4], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score ``x``."""
        x = self.first(x)
        for block in self.blocks:
            first, second, skip = block.children()
            x = (F.avg_pool2d(second(first(x)), 2) + skip(F.avg_pool2d(x, 2))) / math.sqrt(2)
        n = len(x)
        size = min(self.group, n)
        grouped = x.view(size, -1, *x.shape[1:])
        spread = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(size)
        x = torch.cat([x, spread[:, None, None, None].expand(n, 1, *x.shape[2:])], 1)
        score: Tensor = self.out(self.hidden(self.last(x).flatten(1)))
        return score
