"""Latent densities: how likely is a code, and which way does that change?

All have the same interface, :class:`Density`. The prior of ``z`` is known; for ``w`` a density is fitted to mapped
latents, see :func:`fit_density`. A density of coordinates that are independent, with a distribution function that is
learned, is in :mod:`latent_widgets.geometry.density.coordinates`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import map_rounding, wide
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.density.base import REFERENCE, Density
from latent_widgets.geometry.density.boxes import TruncatedGaussian, Uniform
from latent_widgets.values.units import latent_sample

__all__ = ["Density", "FittedKind", "Gaussian", "Mixture", "TruncatedGaussian", "Uniform", "fit_density"]

FittedKind = Literal["standard", "gaussian", "mixture"]
_LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Gaussian(Density):
    """A Gaussian with any covariance: ``z`` is standard, for ``w`` it is fitted.

    Args:
        mean: ``(dim,)``; its type and device are those of samples.
        covariance: ``(dim, dim)``.
        reference: ``(n, dim)`` codes to compare with in a percentile; the density's own if not given.

    Raises:
        ValueError: If the covariance has another shape or is not positive definite.

    Example:
        >>> p = Gaussian(torch.zeros(2), torch.diag(torch.tensor([4.0, 1.0])))
        >>> p.whiten(torch.tensor([2.0, 1.0])), p.gradient(torch.tensor([2.0, 1.0]))
        (tensor([1., 1.]), tensor([-0.5000, -1.0000]))
    """

    mean: Tensor
    covariance: Tensor = field(repr=False)
    reference: Tensor | None = field(default=None, repr=False)
    _root: Tensor = field(init=False, repr=False)
    _inverse: Tensor = field(init=False, repr=False)
    _log_scale: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("mean", "covariance"):
            object.__setattr__(self, name, getattr(self, name).clone())  # what is computed from them stays as it is too
        mean, covariance = self.mean.double().cpu(), self.covariance.double().cpu()
        checks.shape("covariance", covariance, (len(mean), len(mean)))
        values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
        _positive_definite(values, map_rounding(self.covariance.dtype) * float(values.abs().max()))
        object.__setattr__(self, "_root", (vectors * values.sqrt()) @ vectors.T)
        object.__setattr__(self, "_inverse", (vectors / values.sqrt()) @ vectors.T)
        object.__setattr__(self, "_log_scale", float(values.log().sum()) / 2)

    @classmethod
    def standard(cls, dim: int, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Gaussian:
        """Return the standard Gaussian in ``dim`` dimensions."""
        return cls(torch.zeros(dim, dtype=dtype, device=device), torch.eye(dim, dtype=dtype, device=device))

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Length of a code."""
        return len(self.mean)

    def whiten(self, x: Tensor) -> Tensor:
        """Map codes to coordinates in which the density is standard."""
        return (x - self.mean.to(x)) @ self._inverse.to(x)

    def unwhiten(self, y: Tensor) -> Tensor:
        """Map standard coordinates to codes: the inverse of :meth:`whiten`."""
        return self.mean.to(y) + y @ self._root.to(y)

    def whiten_direction(self, vector: Tensor) -> Tensor:
        """Map a direction to standard coordinates."""
        return vector @ self._inverse.to(vector)

    def unwhiten_direction(self, vector: Tensor) -> Tensor:
        """Map a direction of standard coordinates to one of codes."""
        return vector @ self._root.to(vector)

    def _log_prob(self, x: Tensor) -> Tensor:
        return -0.5 * self.whiten(x).square().sum(1) - (0.5 * self.dim * _LOG_TWO_PI + self._log_scale)

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        return self.unwhiten(torch.randn(n, self.dim, generator=rng, dtype=torch.float64, device="cpu")).to(self.mean)

    def percentile(self, x: Tensor) -> Tensor:
        """Return which percentage of codes is less likely; without a reference, by the chi-squared law of the norm."""
        if self.reference is not None:
            return super().percentile(x)
        squared = self.whiten(wide(x)).square().sum(-1)
        return 100 * torch.special.gammaincc(torch.full_like(squared, self.dim / 2), squared / 2)


def _positive_definite(variances: Tensor, error: float) -> None:
    """Refuse a covariance of which a variance is rounding alone: of what is summed, or of a sum over many codes."""
    error = max(error, 1e-12 * float(variances.abs().max()))
    rank, d = int((variances > error).sum()), len(variances)
    if rank < d:
        raise ValueError(
            f"covariance must be positive definite, got one of rank {rank} in {d} dimensions. "
            "Fit with shrink=True, or project the codes on the subspace that they fill."
        )


@dataclass(frozen=True, eq=False)
class Mixture(Density):
    """A mixture of Gaussians.

    Args:
        weights: ``(m,)``, positive; they are scaled to sum to one.
        parts: The Gaussians.
        reference: As for :class:`Gaussian`.

    Raises:
        ValueError: If there is not one weight for each part, or one is not positive.

    Example:
        >>> p = Mixture(torch.ones(2), [Gaussian(torch.tensor([m]), torch.eye(1)) for m in (-3.0, 3.0)])
        >>> p.gradient(torch.zeros(1)), p.sample(3).shape
        (tensor([0.]), torch.Size([3, 1]))
    """

    weights: Tensor
    parts: Any
    reference: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.parts) != len(self.weights) or not bool((self.weights > 0).all()):
            raise ValueError(
                f"weights must be one positive number for each of {len(self.parts)} parts, got {self.weights.tolist()}."
            )
        object.__setattr__(self, "weights", self.weights / self.weights.sum())
        object.__setattr__(self, "parts", tuple(self.parts))

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Length of a code."""
        return int(self.parts[0].dim)

    def _log_prob(self, x: Tensor) -> Tensor:
        each = torch.stack([part._log_prob(x) for part in self.parts], 1)
        return torch.logsumexp(each + self.weights.to(x).log(), 1)

    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        chosen = torch.multinomial(self.weights.double().cpu(), n, replacement=True, generator=rng)
        drawn = torch.stack([part._sample(n, rng) for part in self.parts])
        return drawn[chosen.to(drawn.device), torch.arange(n, device=drawn.device, dtype=torch.int64)]


@exact()
def fit_density(
    G: Generator,
    space: str | None = None,
    kind: FittedKind | None = None,
    n: int = 10_000,
    seed: int = 0,
    *,
    components: int = 4,
    shrink: bool = False,
) -> Density:
    """Return the density of a generator's latents: the prior of ``z``, or one fitted to mapped latents.

    Args:
        G: The generator.
        space: ``"z"``, ``"w"`` or ``"s"``; the main space if not given. Rows of ``w+`` are codes of ``w``.
        kind: ``"standard"``, the prior and the default in ``z``; ``"gaussian"``, with mean and covariance of a sample,
            the default elsewhere; or ``"mixture"``, fitted by scikit-learn.
        n: Size of the sample.
        seed: Of the sample and of the fit.
        components: How many Gaussians a mixture has; 4 is our default.
        shrink: Shrink the covariance towards a multiple of the identity (Ledoit and Wolf 2004), for samples that do
            not fill the space. In a mixture, a thousandth of the mean variance is added to every variance.

    Returns:
        The density.

    Raises:
        TypeError: If a number is not an integer.
        ValueError: If the generator lacks the space, the kind does not exist there, or the covariance is degenerate.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> p = fit_density(G, "w", n=2000)
        >>> w = G.code(seed=1)
        >>> p.log_prob(w).shape, 0 < float(p.percentile(w)) < 100
        (torch.Size([]), True)
    """
    space = G.check_space(G.main_space if space is None else space)
    space = "w" if space == "w+" else space
    options = get_args(FittedKind) if space == "z" else ("gaussian", "mixture")
    chosen = checks.choice(
        "kind", options[0] if kind is None else kind, options, f"These are what there is in {space}."
    )
    d = G.dim(space)
    checks.integer("n", n, low=2)
    checks.integer("components", components, low=1)
    shrink = checks.flag("shrink", shrink)
    if chosen == "standard":
        return Gaussian.standard(d, torch.promote_types(G.dtype, torch.float32), G.device)
    x = latent_sample(with_digits(G), space, n, seed).double().cpu()
    reference = latent_sample(G, space, REFERENCE, seed + 1)  # others than those that it is fitted to
    if chosen == "mixture":
        return _fit_mixture(x, components, seed, shrink, reference)
    if shrink:
        import_whole("sklearn.covariance")
        from sklearn.covariance import ledoit_wolf  # takes a second to import

        covariance = torch.from_numpy(ledoit_wolf(x.numpy())[0])
    else:
        covariance = x.T.cov().reshape(d, d)  # of one coordinate it is a number
        error = map_rounding(G.dtype) ** 2 * float(x.square().mean())  # of the rounding of each coordinate
        _positive_definite(torch.linalg.eigvalsh(covariance), error)
    return Gaussian(x.mean(0).to(reference), covariance, reference)


def _fit_mixture(x: Tensor, components: int, seed: int, shrink: bool, reference: Tensor) -> Mixture:
    import_whole("sklearn.mixture")
    from sklearn.mixture import GaussianMixture  # takes a second to import

    if components > len(x):
        raise ValueError(f"components must be at most {len(x)}, the size of the sample, got {components}.")
    added = (1e-3 if shrink else 1e-9) * float(x.var(0).mean())
    try:
        found = GaussianMixture(components, reg_covar=added, random_state=seed % 2**32).fit(x.numpy())
    except ValueError as error:
        raise ValueError(
            f"covariance of every component must be positive definite, got one that is not ({error}). "
            "Use shrink=True, fewer components or a larger n."
        ) from None
    means, covariances = torch.from_numpy(found.means_).to(reference), torch.from_numpy(found.covariances_)
    parts = [Gaussian(mean, covariance) for mean, covariance in zip(means, covariances, strict=True)]
    return Mixture(torch.from_numpy(found.weights_).to(reference), parts, reference)
