"""The critic of the later generators: StyleGAN2's residual discriminator, leaner, for classes and several sizes.

Four things differ from :mod:`latent_widgets.training.discriminator`, which made ``faces64``. The second convolution of
a block runs after the halving, on a quarter of the pixels. A picture of a smaller size enters where its size is
reached, through a convolution of its own; a larger one enters there too, halved, and what the larger block adds starts
at nothing. A network with classes scores how well a picture fits its class, by a projection (Miyato and Koyama 2018,
"cGANs with Projection Discriminator", equation 3). And where the factors of the real pictures are known, the critic can
be made to read them, so that it looks at what makes a face.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.generators.stylegan2 import Dense

__all__ = ["Critic"]


class _Conv(nn.Module):
    """A convolution with equalised learning rate; a leaky ReLU passes its gain on, so the weights can carry it."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, activate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel, **fresh()))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        self.activate, self.gain = activate, math.sqrt(2.0 if activate else 1.0)
        self.scale = self.gain / math.sqrt(inputs * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, self.weight * self.scale, self.bias * self.gain, padding=self.weight.shape[-1] // 2)
        return F.leaky_relu_(y, 0.2) if self.activate else y


class _Half(nn.Module):
    """A residual block that halves the picture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(inputs, inputs), _Conv(inputs, outputs)
        self.skip = _Conv(inputs, outputs, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.avg_pool2d(self.first(x), 2)) + self.skip(F.avg_pool2d(x, 2))
        return y.mul_(math.sqrt(0.5))


class Critic(nn.Module):
    """Score pictures ``(n, colours, side, side)``: ``(n, 1)`` logits.

    Args:
        resolution: Side of the largest pictures.
        channels: Feature channels at each resolution from 4 to ``resolution``.
        colours: Channels of a picture.
        c_dim: Length of the class vector; 0 for none.
        smallest: Side of the smallest pictures; ``resolution`` by default.
        factors: How many known factors it can read; 0 for none.
        group: Pictures whose spread is compared in the last block (Karras et al. 2018, section 3).
    """

    def __init__(
        self,
        resolution: int,
        channels: Mapping[int, int],
        *,
        colours: int = 3,
        c_dim: int = 0,
        smallest: int | None = None,
        factors: int = 0,
        group: int = 8,
    ) -> None:
        super().__init__()
        self.group, self.c_dim, wide = group, c_dim, channels[4]
        sides = [2**i for i in range(int(math.log2(resolution)), 2, -1)]
        entries = [side for side in sides if side >= (smallest or resolution)]
        self.enter = nn.ModuleDict({str(side): _Conv(colours, channels[side], 1) for side in entries})
        self.blocks = nn.ModuleDict({str(side): _Half(channels[side], channels[side // 2]) for side in sides})
        self.fade = nn.ParameterDict({str(side): nn.Parameter(torch.zeros([], **fresh())) for side in entries[:-1]})
        self.last = _Conv(wide + 1, wide)
        self.hidden, self.out = Dense(wide * 16, wide, activate=True), Dense(wide, 1)
        if c_dim:
            self.embed = Dense(c_dim, wide)
        if factors:
            self.read = Dense(wide, factors)

    def look(self, images: Tensor) -> Tensor:
        """Return what all judgements start from, ``(n, channels[4])``."""
        side = images.shape[-1]
        x = self.enter[str(side)](images)
        while side > 4:
            x = self.blocks[str(side)](x)
            if str(side) in self.fade:
                images = F.avg_pool2d(images, 2)
                x = self.enter[str(side // 2)](images) + self.fade[str(side)] * x
            side //= 2
        n = len(x)
        size = min(self.group, n)
        grouped = x.float().reshape(size, -1, *x.shape[1:])
        spread = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(size)
        x = torch.cat([x, spread.to(x.dtype)[:, None, None, None].expand(n, 1, 4, 4)], 1)
        seen: Tensor = self.hidden(self.last(x).flatten(1))
        return seen

    def score(self, seen: Tensor, c: Tensor | None = None) -> Tensor:
        """Score what was seen, of classes ``c`` (n, c_dim) where there are any."""
        score: Tensor = self.out(seen)
        if self.c_dim:
            if c is None:
                raise ValueError(f"c must be given: this critic knows {self.c_dim} classes.")
            score = score + (seen * self.embed(c)).sum(1, keepdim=True) / math.sqrt(seen.shape[1])
        return score.float()

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Score ``images``."""
        return self.score(self.look(images), c)
