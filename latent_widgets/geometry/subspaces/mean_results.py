"""What means of subspaces give: the mean, and how far all others are from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

__all__ = ["FrechetMean", "KarcherMean"]


@dataclass(frozen=True, eq=False)
class KarcherMean:
    """The mean of subspaces.

    Attributes:
        mean: ``(n, k)`` orthonormal columns: the point whose squared distances to all add up to the least, nearby.
        distances: ``(m,)``, the geodesic distance from the mean to each.
        steps: How many iterations were made.
        converged: Whether the last step was shorter than the tolerance.
        stopped: ``"converged"``, ``"max_steps"`` or ``"cancelled"``.
    """

    mean: Tensor
    distances: Tensor
    steps: int
    converged: bool
    stopped: str


@dataclass(frozen=True, eq=False)
class FrechetMean:
    """The subspace from which the squared distances to many others add up to the least.

    Attributes:
        mean: ``(n, k)`` orthonormal columns.
        distances: ``(m,)``, the distance from the mean to each, in the metric.
        metric: ``"geodesic"`` or ``"chordal"``.
        steps: How many iterations were made; one for the chordal mean, which has a closed form.
        converged: Whether the last step was shorter than the tolerance.
        stopped: ``"converged"``, ``"max_steps"`` or ``"cancelled"``.
    """

    mean: Tensor = field(repr=False)
    distances: Tensor = field(repr=False)
    metric: str
    steps: int
    converged: bool
    stopped: str

    @property
    def variance(self) -> float:
        """The mean of the squared distances."""
        return float(self.distances.double().square().mean())
