"""What a frozen reader of faces can say of a generator while it trains: heads on its features, and their moments.

The heads are a projected critic (Sauer et al. 2021, "Projected GANs Converge Faster"): at every scale of the frozen
trunk a fixed random mixing of the channels, then a small critic of its own. The moments are those of feature matching
(Salimans et al. 2016), carried over many steps: the mean and the covariance of the reader's features over the generated
pictures are drawn to those over renders, so that what the generator leaves out costs it something.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.regressor import SIZE, FactorRegressor

__all__ = ["Heads", "Moments", "Reader"]


class Reader(nn.Module):
    """The frozen regressor, which gives the outputs of every layer of its trunk and its features in one pass."""

    def __init__(self, regressor: FactorRegressor) -> None:
        super().__init__()
        self.regressor = regressor.eval().requires_grad_(False)

    @property
    def widths(self) -> list[int]:
        """The channels of each layer of the trunk."""
        return [layer.conv.out_channels for layer in self.regressor.trunk]  # type: ignore[union-attr, misc]

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Read pictures (n, 3, H, W); larger ones are averaged down to 64 pixels, smaller ones enlarged."""
        if x.shape[-1] > SIZE:
            x = F.avg_pool2d(x, x.shape[-1] // SIZE)
        elif x.shape[-1] < SIZE:
            x = F.interpolate(x, (SIZE, SIZE), mode="bilinear")
        scales = []
        for layer in self.regressor.trunk:
            x = layer(x)
            scales.append(x)
        return scales, F.silu(self.regressor.embed(x.flatten(1)))


class Heads(nn.Module):
    """One small critic on each scale of a reader.

    Args:
        widths: The channels of the scales.
        hidden: Channels inside a head.
        seed: Of the fixed mixing.
    """

    def __init__(self, widths: list[int], hidden: int = 32, seed: int = 7) -> None:
        super().__init__()
        rng, norm = torch.Generator().manual_seed(seed), nn.utils.parametrizations.spectral_norm
        self.heads = nn.ModuleList()
        for i, width in enumerate(widths):
            self.register_buffer(f"mix{i}", torch.randn(width, width, 1, 1, generator=rng) / math.sqrt(width))
            first = norm(nn.Conv2d(width, hidden, 3, padding=1))
            second = norm(nn.Conv2d(hidden, hidden, 3, padding=1))
            last = norm(nn.Conv2d(hidden, 1, 1))
            self.heads.append(nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last))

    def forward(self, scales: list[Tensor]) -> list[Tensor]:
        """Score each scale: logits (n, places) each."""
        mixed = [F.conv2d(x, getattr(self, f"mix{i}")) for i, x in enumerate(scales)]
        return [head(x).flatten(1).float() for head, x in zip(self.heads, mixed, strict=True)]


class Moments(nn.Module):
    """The first two moments of a reader's features over generated pictures, against those over real ones.

    Args:
        features: Of real pictures, ``(n, d)``; their mean and covariance are the aim.
        memory: Share of what was that one step keeps: 0.95 looks back over twenty batches.
        floor: Directions that vary less than this share of the widest are measured in units of that share.
    """

    mean: Tensor
    whiten: Tensor
    aim: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, features: Tensor, memory: float = 0.95, floor: float = 0.02) -> None:
        super().__init__()
        x, self.memory = features.double(), memory
        values, vectors = torch.linalg.eigh(torch.cov(x.T))
        whiten = vectors / values.clamp(min=floor * float(values[-1])).sqrt()
        y = (x - x.mean(0)) @ whiten
        self.register_buffer("mean", x.mean(0).float())
        self.register_buffer("whiten", whiten.float())
        self.register_buffer("aim", (y.T @ y / len(y)).float())
        self.register_buffer("first", torch.zeros(x.shape[1]))
        self.register_buffer("second", (y.T @ y / len(y)).float())

    def forward(self, features: Tensor) -> Tensor:
        """Return how far both moments are from their aim, with this batch (n, d) taken in: ``log(1 + square)``."""
        y = (features.float() - self.mean) @ self.whiten
        first = self.first.lerp(y.mean(0), 1 - self.memory)
        second = self.second.lerp(y.T @ y / len(y), 1 - self.memory)
        self.first.copy_(first.detach())
        self.second.copy_(second.detach())
        # the gradient of one batch is as small as its share: made up for here
        off = (first.square().sum() + (second - self.aim).square().sum() / 2) / (1 - self.memory) / len(self.mean)
        return torch.log1p(off)  # far off, the direction counts and not the distance
