"""Densities of bounded support: coordinates in an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.geometry.density.base import Density

__all__ = ["TruncatedGaussian", "Uniform"]


@dataclass(frozen=True, eq=False)
class TruncatedGaussian(Density):
    """Independent standard Gaussian coordinates cut off at ``bound``, as BigGAN samples them.

    Args:
        dim: Length of a code.
        bound: Largest magnitude of a coordinate.
        dtype: Floating type of samples.

    Raises:
        ValueError: If ``dim`` or ``bound`` is not positive.
    """

    dim: int
    bound: float = 2.0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        checks.integer("dim", self.dim, low=1)
        _positive("bound", self.bound)

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value of a coordinate."""
        return -self.bound, self.bound

    def _log_prob(self, x: Tensor) -> Tensor:
        inside = math.log(math.erf(self.bound / math.sqrt(2)))
        values = -0.5 * x.square().sum(1) - self.dim * (math.log(2 * math.pi) / 2 + inside)
        return torch.where(self.contains(x), values, -math.inf)

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        share = torch.rand(n, self.dim, generator=rng, dtype=torch.float64, device="cpu")
        inside = math.erf(self.bound / math.sqrt(2))
        x = math.sqrt(2) * torch.erfinv(inside * (2 * share - 1))
        return x.to(self.dtype).clamp(*self.support)


@dataclass(frozen=True, eq=False)
class Uniform(Density):
    """Independent coordinates, uniform between ``low`` and ``high``: every code inside is as likely as any other.

    Args:
        dim: Length of a code.
        low: Lowest value of a coordinate.
        high: Highest.
        dtype: Floating type of samples.

    Raises:
        ValueError: If ``dim`` is not positive or ``high`` not above ``low``.

    Example:
        >>> Uniform(2).log_prob(torch.tensor([[0.0, 0.5], [0.0, 1.5]]))
        tensor([-1.3863,    -inf])
    """

    dim: int
    low: float = -1.0
    high: float = 1.0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        checks.integer("dim", self.dim, low=1)
        _positive("high - low", self.high - self.low)

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value of a coordinate."""
        return self.low, self.high

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.where(self.contains(x), x.new_tensor(-self.dim * math.log(self.high - self.low)), -math.inf)

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        share = torch.rand(n, self.dim, generator=rng, dtype=torch.float64, device="cpu")
        return (self.low + (self.high - self.low) * share).to(self.dtype).clamp(self.low, self.high)


def _positive(name: str, value: float) -> float:
    if not checks.number(name, value) > 0:
        raise ValueError(f"{name} must be above 0, got {value:g}.")
    return value
