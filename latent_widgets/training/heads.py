"""What a frozen reader of faces can say of a generator while it trains: heads, moments, and the nearest render.

The heads are a projected critic (Sauer et al. 2021, "Projected GANs Converge Faster"): at every scale of the frozen
trunk a fixed random mixing of the channels, then a small critic of its own. The moments are those of feature matching
(Salimans et al. 2016), carried over many steps: the mean and the covariance of the reader's features over the generated
pictures are drawn to those over renders, so that what the generator leaves out costs it something. And the nearest
render is that of the factors that the reader finds in a picture: one that no render resembles is drawn to it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.faces.renderer import FACTORS, render
from latent_widgets.readers.regressor import SIZE, FactorRegressor

__all__ = ["Alike", "Heads", "Moments", "Nearest", "Reader", "at_size"]


def at_size(x: Tensor) -> Tensor:
    """Bring pictures to the size that the reader looks at: an average of larger ones."""
    if x.shape[-1] > SIZE:
        return F.avg_pool2d(x, x.shape[-1] // SIZE)
    return x if x.shape[-1] == SIZE else F.interpolate(x, (SIZE, SIZE), mode="bilinear")


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
        x = at_size(x)
        scales = []
        for layer in self.regressor.trunk:
            x = layer(x)
            scales.append(x)
        return scales, F.silu(self.regressor.embed(x.flatten(1)))

    def read(self, features: Tensor) -> Tensor:
        """Return the factors that are read from features (n, 64)."""
        return self.regressor.mean + self.regressor.spread * self.regressor.read(features.float())


class Heads(nn.Module):
    """One small critic on each scale of a reader.

    Args:
        widths: The channels of the scales.
        hidden: Channels inside a head.
        seed: Of the fixed mixing.
    """

    def __init__(self, widths: list[int], hidden: int = 32, seed: int = 7) -> None:
        super().__init__()
        rng, norm = torch.Generator("cpu").manual_seed(seed), nn.utils.parametrizations.spectral_norm
        self.heads = nn.ModuleList()
        for i, width in enumerate(widths):
            self.register_buffer(
                f"mix{i}",
                torch.randn(width, width, 1, 1, generator=rng, dtype=torch.float32, device="cpu") / math.sqrt(width),
            )
            first = norm(nn.Conv2d(width, hidden, 3, padding=1, **fresh()))
            second = norm(nn.Conv2d(hidden, hidden, 3, padding=1, **fresh()))
            last = norm(nn.Conv2d(hidden, 1, 1, **fresh()))
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
        self.register_buffer("first", torch.zeros(x.shape[1], dtype=torch.float32, device="cpu"))
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


class Nearest(nn.Module):
    """How far generated pictures are from the renders of what is read in them.

    Readings are first given the mean and the spread that they have on renders, factor by factor over many steps: else
    what the generator draws too seldom would be drawn more seldom still. A picture no farther than half of all renders
    are from theirs, whose factors are not read without error either, is left alone; one twice as far counts in full.

    Args:
        reader: The frozen reader.
        renders: Pictures ``(n, 3, H, W)`` to learn mean, spread and the usual distance from.
        memory: Share of what was that one step keeps.
    """

    low: Tensor
    high: Tensor
    aim: Tensor
    usual: Tensor
    found: Tensor

    def __init__(self, reader: Reader, renders: Tensor, memory: float = 0.98) -> None:
        super().__init__()
        self.memory = memory
        for end in ("low", "high"):
            self.register_buffer(
                end, torch.tensor([getattr(factor, end) for factor in FACTORS], dtype=torch.float32, device="cpu")
            )
        with torch.no_grad():
            readings = torch.cat([reader.read(reader(part)[1]) for part in renders.split(100)])
            self.register_buffer("aim", torch.stack([readings.mean(0), readings.std(0)]))
            self.register_buffer("found", torch.stack([readings.mean(0), readings.square().mean(0)]))
            apart = [self._apart(x, y).square().mean((1, 2, 3)).sqrt() for x, y in zip(
                renders[:400].split(50), readings[:400].split(50), strict=True
            )]  # fmt: skip
        self.register_buffer("usual", torch.cat(apart).median())

    def _apart(self, images: Tensor, factors: Tensor) -> Tensor:
        return at_size(images) - render(factors.clamp(self.low, self.high), SIZE).image

    def forward(self, images: Tensor, readings: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean absolute distance of ``images``, those that are far off alone, and the root mean square."""
        with torch.no_grad():
            now = torch.stack([readings.mean(0), readings.square().mean(0)])
            self.found.copy_(self.found.lerp(now, 1 - self.memory))
            spread = (self.found[1] - self.found[0].square()).clamp(min=1e-4).sqrt()
            stretch = (self.aim[1] / spread).clamp(0.5, 2.0)
            factors = (readings - self.found[0]) * stretch + self.aim[0]
        apart = self._apart(images, factors)
        far = apart.detach().square().mean((1, 2, 3)).sqrt()
        counts = (far / self.usual - 1).clamp(0, 1)
        return (apart.abs().mean((1, 2, 3)) * counts).mean(), (far / self.usual).median()


class Alike(nn.Module):
    """How far pictures are from those that they should be: pixel by pixel, and in a reader's features.

    Args:
        features: Of real pictures, ``(n, d)``: a difference counts in units of their standard deviation.
        weight: Of the features, beside 1 for the pixels.
        floor: A feature that varies less than this is measured in units of this.
    """

    spread: Tensor

    def __init__(self, features: Tensor, weight: float = 0.05, floor: float = 0.05) -> None:
        super().__init__()
        self.weight = weight
        self.register_buffer("spread", features.float().std(0).clamp(min=floor))

    def forward(self, images: Tensor, wanted: Tensor, read: Tensor, to_read: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean absolute difference of two sets of pictures, and the mean square of their features'."""
        return (images - wanted).abs().mean(), ((read - to_read).float() / self.spread).square().mean()
