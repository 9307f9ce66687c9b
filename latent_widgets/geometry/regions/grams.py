"""The two Grams of one mask, inside and outside, from which its directions are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from latent_widgets.geometry.regions.solvers import Solver, generalized, loud_rank, projection

__all__ = ["RegionGrams"]


@dataclass(frozen=True, eq=False)
class RegionGrams:
    """The Grams of a mask and of what it leaves, in the reduced basis.

    Attributes:
        inside: ``(r, r)`` float64, a sum over pixels and channels.
        outside: The same outside.
        area: Weighted number of pixels inside, at the analysis size.
        rest: The same outside.
        channels: Numbers in a pixel.
        error: By which share of its own size, root mean square, rounding alone changes a derivative.
        unseen: Estimated traces, inside and outside, of what lies beyond the reduced basis; zeros after a whole pass.
    """

    inside: Tensor
    outside: Tensor
    area: float
    rest: float
    channels: int
    error: float
    unseen: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def principal(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues ``(r,)`` and eigenvectors ``(r, r)``, a column each, of the inside, the largest first."""
        values, vectors = torch.linalg.eigh(self.inside)
        return values.flip(0), vectors.flip(1)

    def solve(
        self,
        k: int,
        solver: Solver,
        *,
        tolerance: float,
        cut: int | None = None,
        principal: Tensor | None = None,
        outside: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Find directions that act inside.

        Args:
            k: How many.
            solver: ``"generalized"`` or ``"projection"``, see :mod:`latent_widgets.geometry.regions.solvers`.
            tolerance: For ``"generalized"``.
            cut: For ``"projection"``, how many of the loudest directions of the outside are removed; its
                :func:`~latent_widgets.geometry.regions.solvers.loud_rank` if not given.
            principal: For ``"projection"``, other principal directions of the inside, a column each.
            outside: For ``"projection"``, another Gram of the outside.

        Returns:
            ``(k, r)`` of unit length, and the norm ``(k,)`` that the projection left of each; 1 without one.

        Raises:
            ValueError: If nothing is left of a direction.
        """
        if solver == "generalized":
            found = generalized(self.inside, self.outside, k, tolerance, self.unseen[1])
            return found, torch.ones(k, dtype=torch.float64, device="cpu")
        principal = self.principal[1] if principal is None else principal
        outside = self.outside if outside is None else outside
        return projection(principal[:, :k].T, outside, loud_rank(outside) if cut is None else cut, self.error)

    @property
    def noise(self) -> float:
        """The energy of a direction that rounding alone leaves inside, beside the derivatives of the whole picture."""
        inside, rest = self.numbers
        return self.error**2 * float((self.inside + self.outside).trace()) * inside / (inside + rest)

    @property
    def numbers(self) -> tuple[float, float]:
        """How many numbers the two Grams sum over."""
        return self.area * self.channels, self.rest * self.channels
