"""Any density as a path for ``walk(kind="density", density=...)``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from latent_widgets.geometry.density.fitted import Density, Gaussian
from latent_widgets.geometry.density.iso_density import iso_density
from latent_widgets.geometry.walks.walk import great_circle

__all__ = ["KeptDensity"]


@dataclass(frozen=True, eq=False)
class KeptDensity:
    """A path on which a density keeps its value.

    For a Gaussian it is a great circle in the coordinates in which the Gaussian is standard; its positions are lengths
    of the straight step that has the same length there as the arc. For other densities the straight step is projected.

    Args:
        density: The density, such as :func:`latent_widgets.geometry.density.fit_density` gives.

    Example:
        >>> import torch
        >>> from latent_widgets.geometry.walks import walk
        >>> from latent_widgets.geometry.density import fit_density
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> path = KeptDensity(fit_density(G, "w", n=2000))
        >>> W = walk(G, G.code(seed=0), torch.eye(G.w_dim)[2], at=[-1, 0, 1], kind="density", density=path)
        >>> levels = path.density.log_prob(W.codes)
        >>> bool((levels.max() - levels.min()) < 1e-3)
        True
    """

    density: Density

    def __call__(self, code: Tensor, direction: Tensor, lengths: Tensor) -> Tensor:
        """Walk from ``code`` (d,) along ``direction`` (d,) of length one: ``(m, d)`` at the lengths ``(m,)``."""
        if not isinstance(self.density, Gaussian):
            return iso_density(self.density, code, direction, lengths)
        start, along = self.density.whiten(code), self.density.whiten_direction(direction)
        return self.density.unwhiten(great_circle(start, along, lengths * along.norm() / start.norm()))

    def turn(self, code: Tensor, direction: Tensor) -> float | None:
        """Return by how many degrees a step of length one turns on the circle of a Gaussian; None for others."""
        if not isinstance(self.density, Gaussian):
            return None
        start, along = self.density.whiten(code), self.density.whiten_direction(direction)
        return math.degrees(float(along.norm() / start.norm()))
