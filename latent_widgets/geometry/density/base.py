"""What every latent density can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import map_rounding, wide

__all__ = ["REFERENCE", "Density"]

REFERENCE = 4000  # codes behind a percentile: one standard error is below 0.8 percent


class Density(ABC):
    """The density of a latent space. Codes are ``(n, dim)`` or ``(dim,)``; what is computed follows their type.

    Attributes:
        dim: Length of a code.
        support: Lowest and highest value of every coordinate; None where there is no bound.
        reference: ``(n, dim)`` codes with which a percentile compares: for a fitted density, those of the generator.
    """

    dim: int
    support: tuple[float, float] | None = None
    reference: Tensor | None = None

    @abstractmethod
    def _log_prob(self, x: Tensor) -> Tensor:
        """Return the log density ``(n,)`` of codes ``(n, dim)``."""

    @abstractmethod
    def _sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw ``(n, dim)``."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the natural logarithm of the density; minus infinity outside a bounded support.

        Args:
            x: ``(n, dim)`` or ``(dim,)``.

        Returns:
            ``(n,)``, or a scalar for one code; in float32 at least.

        Raises:
            TypeError: If ``x`` is no tensor.
            ValueError: If its shape is wrong or a number is not finite.
        """
        x = wide(checks.finite("x", checks.shape("x", x, ("n", self.dim), (self.dim,))))
        return self._log_prob(x.reshape(-1, self.dim)).reshape(x.shape[:-1])

    def rounding(self, levels: Tensor) -> Tensor:
        """Return by how much rounding alone may change log densities: they are sums over the coordinates."""
        return 16 * torch.finfo(levels.dtype).eps * (1 + levels.abs()) * self.dim**0.5

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of the log density, in the form of ``x``."""
        with torch.inference_mode(False), torch.enable_grad():
            here = x.detach().clone().requires_grad_()
            total = self.log_prob(here).sum()
            return torch.autograd.grad(total, here)[0] if total.requires_grad else torch.zeros_like(here)

    def sample(self, n: int = 1, seed: int = 0) -> Tensor:
        """Draw codes, the same for the same seed.

        Args:
            n: How many.
            seed: A non-negative integer.

        Returns:
            ``(n, dim)``.
        """
        checks.integer("n", n, low=1)
        return self._sample(n, torch.Generator("cpu").manual_seed(checks.integer("seed", seed, low=0)))

    def percentile(self, x: Tensor) -> Tensor:
        """Return which percentage of codes is less likely than ``x``.

        The codes are the :attr:`reference`, or a sample of the density itself. Near 0 the code is an outlier; near 100
        it is closer to the mode than almost any other, which in many dimensions is just as unusual. Codes that are
        as likely, but for rounding, count by half.

        Args:
            x: ``(n, dim)`` or ``(dim,)``.

        Returns:
            ``(n,)``, or a scalar, in [0, 100].
        """
        values = self.log_prob(x)
        levels = self._levels.to(values)
        near = self.rounding(values).nan_to_num(0.0, 0.0)  # no code of the support is as likely as one outside
        places = torch.searchsorted(levels, values - near) + torch.searchsorted(levels, values + near, right=True)
        return 100 * places.to(values) / (2 * len(levels))

    @cached_property
    def _levels(self) -> Tensor:
        """The log densities of what a percentile compares with, in order."""
        reference = self.reference if self.reference is not None else self.sample(REFERENCE, seed=0)
        return self.log_prob(reference).sort().values

    def contains(self, x: Tensor) -> Tensor:
        """Return for each code whether it lies in the support; a border that a float32 was rounded to lies in it."""
        if self.support is None:
            return torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
        low, high = self.support
        edge = max(map_rounding(x.dtype), map_rounding(torch.float32)) * max(abs(low), abs(high))
        return ((x >= low - edge) & (x <= high + edge)).all(-1)

    def clamp(self, x: Tensor) -> Tensor:
        """Return ``x`` with every coordinate brought into the support."""
        return x if self.support is None else x.clamp(*self.support)
