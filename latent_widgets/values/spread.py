"""How far latents spread: a factor of a sample's covariance, kept with the generator while its mapping stays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.rounding import map_rounding, wide
from latent_widgets.generators.base import Generator

__all__ = ["Spread", "spread_of"]

_PROBES = 8  # latents that tell whether the mapping is still the one that was measured


@dataclass(frozen=True, eq=False)
class Spread:
    """The spread of a sample of codes.

    Attributes:
        factor: ``(rows, d)``, whose product with a unit vector is as long as the standard deviation along it.
        least: The least deviation that rounding lets be seen.
    """

    factor: Tensor
    least: Tensor

    @classmethod
    def of(cls, sample: Tensor) -> Spread:
        """Measure a sample ``(n, d)``."""
        codes = wide(sample)
        least = map_rounding(sample.dtype) * codes.square().mean().sqrt()  # each coordinate's own error
        return cls((codes - codes.mean(0)) / (len(codes) - 1) ** 0.5, least)

    def along(self, units: Tensor) -> Tensor:
        """Return the standard deviations along unit vectors ``(..., d)``."""
        return (units.to(self.factor) @ self.factor.mT).norm(dim=-1)

    def small(self) -> Spread:
        """Return the same in at most ``d`` rows."""
        return Spread(torch.linalg.qr(self.factor, mode="r").R, self.least)


@torch.no_grad()
def spread_of(G: Generator, n: int, seed: int) -> Spread:
    """Return the spread of ``w``, from the last time if it was asked for then and the mapping is what it was.

    Args:
        G: The generator, which keeps the answer; whether it still holds is tried on a few latents.
        n: Size of the sample.
        seed: Of the sample.
    """
    probe = G.map(G.sample_z(_PROBES, seed))
    kept = G.kept.get("spread")
    if kept is not None and kept[0] == (n, seed, probe.dtype, probe.device) and torch.equal(kept[1], probe):
        found: Spread = kept[2]
        return found
    found = Spread.of(G.map(G.sample_z(n, seed))).small()
    G.kept["spread"] = ((n, seed, probe.dtype, probe.device), probe, found)
    return found
