"""Densities in other coordinates: independent ones with a learned distribution function, or whitened ones.

Also how well a density fits samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole
from latent_widgets.geometry.density.cdf import CDF
from latent_widgets.geometry.density.fitted import Density, Gaussian

__all__ = ["Goodness", "Independent", "Whitened", "goodness_of_fit"]

_GRID = 4001


@dataclass(frozen=True, eq=False)
class Independent(Density):
    """Coordinates that are independent, each with the distribution function F, as DP-LaSE assumes of ``z``.

    Args:
        cdf: F.
        dim: Length of a code.

    Example:
        >>> from latent_widgets.geometry.density.cdf import LogisticMixture
        >>> p = Independent(LogisticMixture(parts=1), dim=3)
        >>> bool((p.log_prob(torch.zeros(3)) == 3 * p.cdf.log_density(torch.zeros(()))).all())
        True
    """

    cdf: CDF
    dim: int

    def __post_init__(self) -> None:
        checks.integer("dim", self.dim, low=1)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.cdf.log_density(x).sum(1)

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        grid, values = self._table()
        share = torch.rand(n, self.dim, generator=rng, dtype=torch.float64, device="cpu").numpy()
        return torch.from_numpy(np.interp(share, values, grid)).to(self.cdf.shift)

    @torch.no_grad()
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """F over a wide grid, made increasing and scaled to end at one."""
        grid = self.cdf.shift + self.cdf.spread * torch.linspace(-12, 12, _GRID, dtype=torch.float32, device="cpu").to(
            self.cdf.shift
        )
        values = np.maximum.accumulate(self.cdf(grid).cpu().numpy())
        return grid.cpu().numpy(), (values - values[0]) / (values[-1] - values[0])


@dataclass(frozen=True, eq=False)
class Whitened(Density):
    """A density of codes, as one of the coordinates in which a Gaussian is standard.

    Args:
        density: The density of the codes, without bounds.
        prior: The Gaussian that maps codes to coordinates.

    Raises:
        ValueError: If the two are of different dimensions, or the density is bounded: boxes do not stay boxes.

    Example:
        >>> p = Gaussian(torch.zeros(2), torch.diag(torch.tensor([4.0, 1.0])))
        >>> y = torch.tensor([0.5, -1.0])
        >>> bool((Whitened(p, p).log_prob(y) - Gaussian.standard(2).log_prob(y)).abs() < 1e-6)
        True
    """

    density: Density
    prior: Gaussian

    def __post_init__(self) -> None:
        if self.density.dim != self.prior.dim:
            raise ValueError(f"density must be of dimension {self.prior.dim}, got {self.density.dim}.")
        if self.density.support is not None:
            low, high = self.density.support
            raise ValueError(
                f"density must have no bounds, got the support [{low:g}, {high:g}]. "
                "Use iso_density, which stays inside, or a Gaussian fitted to the codes."
            )

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Length of a code."""
        return self.density.dim

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.density.log_prob(self.prior.unwhiten(x)) + self.prior._log_scale

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        return self.prior.whiten(self.density._sample(n, rng))


@dataclass(frozen=True)
class Goodness:
    """How well a density fits samples that it has not seen.

    Attributes:
        ks: Kolmogorov-Smirnov distance. For independent coordinates, between F and the pooled coordinates. Else
            between the log densities of the samples and of as many codes drawn from the density.
        mass: The density's integral over the range of the samples, for independent coordinates, by the trapezoidal rule
            on a coordinate; None for densities that are normalised in closed form.
        noise: The distance that chance alone exceeds in one of twenty cases (asymptotically), for as many samples.
    """

    ks: float
    mass: float | None
    noise: float


@torch.no_grad()
def goodness_of_fit(density: Density, samples: Tensor, seed: int = 0) -> Goodness:
    """Compare a density with samples.

    Args:
        density: The density.
        samples: ``(n, dim)``, not those that it was fitted to.
        seed: Of the codes drawn for the comparison.

    Returns:
        The distances.

    Raises:
        ValueError: If the samples have another length.

    Example:
        >>> from latent_widgets.geometry.density import Gaussian
        >>> fit = goodness_of_fit(Gaussian.standard(4), Gaussian.standard(4).sample(1000, seed=1))
        >>> fit.ks < 0.1, fit.mass
        (True, None)
    """
    import_whole("scipy.stats")
    from scipy.stats import ks_1samp, ks_2samp  # here, for the package to import quickly

    checks.shape("samples", samples, ("n", density.dim))
    if isinstance(density, Independent):
        pooled = samples.detach().flatten().double()
        ks = ks_1samp(pooled.cpu().numpy(), lambda t: density.cdf(torch.from_numpy(t)).numpy()).statistic
        grid = torch.linspace(float(pooled.min()), float(pooled.max()), _GRID, dtype=torch.float32, device="cpu").to(
            density.cdf.shift
        )
        mass = float(torch.trapezoid(density.cdf.density(grid), grid))
        return Goodness(float(ks), mass, 1.358 / len(pooled) ** 0.5)
    n = len(samples)
    drawn = density.log_prob(density.sample(n, seed))
    ks = ks_2samp(density.log_prob(samples).cpu().numpy(), drawn.cpu().numpy()).statistic
    return Goodness(float(ks), None, 1.358 * (2 / n) ** 0.5)
