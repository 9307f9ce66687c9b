"""Warpage: how much the local bases of different latents differ, next to what chance gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan, Step
from latent_widgets.core.work import Stopped, Work, affordable, check_budget, timed
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.differential import Differential, differential, mapping_jacobians
from latent_widgets.geometry.jacobian.functions import target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.targets import check_target
from latent_widgets.geometry.subspaces.grassmann import (
    METRICS,
    as_basis,
    pairwise_angles,
    principal_angles,
    reduce_angles,
)
from latent_widgets.geometry.subspaces.haar import haar_sample
from latent_widgets.values.directions import as_directions

__all__ = ["Interval", "WarpageMap", "warpage"]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval.

    Attributes:
        mean: The mean.
        low: Lower end.
        high: Upper end.
        count: Over how many distances.
    """

    mean: float
    low: float
    high: float
    count: int

    def __repr__(self) -> str:
        return f"<Interval {self.mean:.3f} ({self.low:.3f} to {self.high:.3f}) of {self.count}>"


@dataclass(frozen=True, eq=False)
class WarpageMap:
    """Distances between the local bases of ``n`` latents, for every ``k`` up to ``max_k``.

    The bases are kept, so :meth:`at` gives another ``k`` or metric without the generator. All distances but ``raw`` are
    divided by the mean distance of two uniformly random subspaces (Haar): 0 is the same subspace, 1 is chance.

    Attributes:
        z: ``(n, z_dim)`` latents.
        codes: ``(n, d)``, in the main space.
        space: The main space.
        target: ``"w"``, ``"image"`` or a layer.
        bases: ``(n, d, max_k)`` orthonormal columns, largest singular value first; the first ``k`` of them count.
        close_bases: The same at latents close to ``z``.
        epsilon: How close, in ``z``.
        singular_values: ``(n, r)``.
        compared: For each name ``(d, max)`` columns, the leading of which are compared.
        k: Dimension of the subspaces compared.
        metric: ``"geodesic"`` or ``"projection"``.
        total: How many latents were asked for.
        stopped: ``"finished"``, or ``"cancelled"`` if there are fewer.
        pictures: How many products were asked for, or what the seconds came to; None where latents were given.
    """

    z: Tensor
    codes: Tensor
    space: str
    target: str
    bases: Tensor
    close_bases: Tensor
    epsilon: float
    singular_values: Tensor
    compared: Mapping[str, Tensor] = field(repr=False)
    k: int
    metric: str
    total: int
    stopped: str
    pictures: int | None = None

    def __len__(self) -> int:
        return len(self.z)

    def __repr__(self) -> str:
        part = "" if self.stopped == "finished" else f" of {self.total}, {self.stopped}"
        return f"<WarpageMap of {len(self)}{part} latents in {self.space}: k = {self.k}, {self.metric}>"

    @property
    def max_k(self) -> int:
        """The largest ``k`` that :meth:`at` can give."""
        return self.bases.shape[2]

    def at(self, k: int | None = None, metric: str | None = None) -> WarpageMap:
        """Return the map for another dimension or metric.

        Args:
            k: Dimension of the subspaces, up to :attr:`max_k`; as it is if not given.
            metric: ``"geodesic"`` or ``"projection"``; as it is if not given.

        Returns:
            The map, on the same bases.

        Raises:
            TypeError: If ``k`` is not an integer.
            ValueError: If one of them is out of bounds.
        """
        k = self.k if k is None else checks.integer("k", k, 1, self.max_k)
        return replace(self, k=k, metric=checks.choice("metric", self.metric if metric is None else metric, METRICS))

    # ---- distances between latents

    @cached_property
    def raw(self) -> Tensor:
        """``(n, n)`` distances, not divided."""
        return reduce_angles(pairwise_angles(self.bases[:, :, : self.k]), self.metric)

    @property
    def distances(self) -> Tensor:
        """``(n, n)`` distances over the Haar mean; zero on the diagonal."""
        return self.raw / self.haar

    @cached_property
    def close(self) -> Tensor:
        """``(n,)`` distances between each latent's basis and that of its close partner."""
        angles = principal_angles(self.bases[:, :, : self.k], self.close_bases[:, :, : self.k])
        return reduce_angles(angles, self.metric) / self.haar

    def angles(self, i: int, j: int) -> Tensor:
        """Return the ``k`` principal angles, in radians, between the bases of two latents."""
        return principal_angles(self.bases[i, :, : self.k], self.bases[j, :, : self.k])

    # ---- what they are compared with

    @cached_property
    def haar(self) -> float:
        """The mean distance of two uniformly random subspaces, by which all others are divided."""
        return float(self._haar_sample.mean())

    @property
    def _haar_sample(self) -> Tensor:
        return reduce_angles(haar_sample(self.bases.shape[1], self.k), self.metric)

    def to(self, name: str) -> Tensor:
        """Return the distances ``(n,)`` of all local bases from a compared basis.

        Args:
            name: One of :attr:`compared`.

        Returns:
            The distances over the Haar mean.

        Raises:
            ValueError: If there is no such basis or it has fewer than ``k`` directions.
        """
        basis = self.compared[checks.choice("name", name, tuple(self.compared))]
        if basis.shape[1] < self.k:
            raise ValueError(
                f"k must be at most {basis.shape[1]} for {name!r}, which has no more directions, got {self.k}."
            )
        other = basis[:, : self.k].expand(len(self), -1, -1)
        return reduce_angles(principal_angles(self.bases[:, :, : self.k], other), self.metric) / self.haar

    @cached_property
    def baselines(self) -> dict[str, Interval]:
        """Means with 95 % intervals, all over the Haar mean.

        ``"close"``: pairs ``epsilon`` apart. ``"random"``: all pairs of the map; its interval allows for the pairs that
        share a latent. ``"haar"``: chance. And one for each compared basis with at least ``k`` directions.
        """
        found = {"close": _interval(self.close)}
        n = len(self)
        if n > 1:
            rows = self.distances.sum(1) / (n - 1)  # each latent's mean distance from the others
            error = 2 * float(rows.std()) / math.sqrt(n) if n > 2 else math.inf  # of a U-statistic of order two
            mean = float(rows.mean())
            found["random"] = Interval(mean, mean - 1.96 * error, mean + 1.96 * error, n * (n - 1) // 2)
        found["haar"] = _interval(self._haar_sample / self.haar)
        found |= {name: _interval(self.to(name)) for name, basis in self.compared.items() if basis.shape[1] >= self.k}
        return found

    @property
    def distortion(self) -> float:
        """The mean distance of random pairs over that of close pairs: how fast the tangent spaces turn for their size.

        Choi et al. (arXiv 2205.13182, "Analyzing the Latent Space of GAN through Local Dimension Estimation") call the
        inconsistency of intrinsic tangent spaces Distortion. This quotient, at one ``k`` for all latents, is our
        reading of it, not a number to be compared with theirs. NaN where bases differ
        from their close partners by rounding alone.
        """
        pairs = self.baselines
        if "random" not in pairs or not pairs["close"].mean > self._rounding:
            return math.nan
        return pairs["random"].mean / pairs["close"].mean

    @cached_property
    def distortion_interval(self) -> Interval:
        """:attr:`distortion` with its 95 % interval, by leaving out one latent after the other (the jackknife).

        It is of the logarithm, as quotients are skewed. A few close pairs turn much more than the others, so maps of 64
        latents of ``faces64`` lie between 10.7 and 22.8; 23 of 24 such intervals held the value of 800 latents, 15.3.
        The count is that of the latents. NaN where the distortion is, or below four latents.
        """
        n, distortion = len(self), self.distortion
        if math.isnan(distortion) or n < 4:
            return Interval(distortion, math.nan, math.nan, n)
        distances, close = self.distances.double(), self.close.double()
        random = (distances.sum() - 2 * distances.sum(1)) / ((n - 1) * (n - 2))
        logs = (random / ((close.sum() - close) / (n - 1))).log()
        half = 1.96 * math.sqrt((n - 1) / n * float((logs - logs.mean()).square().sum()))
        return Interval(distortion, distortion * math.exp(-half), distortion * math.exp(half), n)

    @property
    def _rounding(self) -> float:
        """The distance that rounding alone makes: an error over the gap behind the last singular value that counts."""
        S, eps = self.singular_values.double(), torch.finfo(self.bases.dtype).eps
        if S.shape[1] <= self.k:  # those behind it are not known
            return 100 * eps
        gaps = (S[:, self.k - 1] - S[:, self.k]).clamp(min=eps * S[:, 0])
        return max(100 * eps, 8 * eps * float((S[:, 0] / gaps).median()) * math.sqrt(self.k) / self.haar)


def _interval(values: Tensor) -> Interval:
    mean, n = float(values.mean()), len(values)
    half = 1.96 * float(values.std()) / math.sqrt(n) if n > 1 else math.inf
    return Interval(mean, mean - half, mean + half, n)


@exact()
def warpage(
    G: Generator,
    n: int = 64,
    k: int = 10,
    seed: int = 0,
    metric: Literal["geodesic", "projection"] = "geodesic",
    on_step: OnStep | None = None,
    compare: Mapping[str, Any] | None = None,
    *,
    target: str = "w",
    max_k: int | None = None,
    epsilon: float | None = None,
    pictures: int | None = None,
    seconds: float | None = None,
) -> WarpageMap:
    """Measure how much the local bases of random latents differ.

    Choi et al. (ICLR 2022, "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of
    GANs") compare the subspaces of the first ``k`` local directions at random and at close latents on the
    Grassmannian, beside uniformly random ones and the global directions of GANSpace and SeFa. Bases are computed once
    and serve every ``k``.

    Args:
        G: The generator.
        n: How many latents.
        k: Dimension of the subspaces compared.
        seed: Of the latents.
        metric: ``"geodesic"``; or ``"projection"``, which saturates at 1 for all but the smallest ``k``.
        on_step: Called as latents are finished, and in between; ``False`` ends the run, and the map has those that were
            finished.
        compare: For each name ``Directions``, a result that carries them, or orthonormal columns, in the same space.
        target: ``"w"`` as published; ``"image"`` or a layer for the right singular vectors of the synthesis.
        max_k: The largest ``k`` to keep for later; 50, as in the official sweep, or one below the dimension if not
            given.
        epsilon: Distance in ``z`` of close latents; if not given ``0.1 sqrt(z_dim / 512)``, which is the official 0.1
            for 512 dimensions and the same angle for others. The step is perpendicular to ``z``: the norm makes no
            difference to a network that normalises it.
        pictures: How many pictures' worth of work to do, instead of ``n``: products with the Jacobian, of which a
            latent and its close partner take twice the dimension. For the target ``"w"`` they are of the mapping alone.
        seconds: How long it may take, about: turned into products by the first of them.

    Returns:
        The map.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``k`` is not below the dimension, the generator has no mapping network and the target is
            ``"w"``, a compared basis does not fit, or pictures or seconds are too few or both given.
        Stopped: A ``Cancelled``, if ``on_step`` ends the run before the first latent is finished.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> flat, bent = (warpage(ExactFaces(resolution=16, entanglement=e), n=4, k=3) for e in (0.0, 1.0))
        >>> bool(flat.distances.max() < 1e-5), bool(bent.baselines["random"].mean > 0.2)
        (True, True)
    """
    checks.integer("n", n, 1)
    checks.choice("metric", metric, METRICS)
    check_target(G, target)
    d = G.dim(G.main_space)
    limit = min(d, G.z_dim) - 1  # all d directions span everything: nothing to compare
    k = checks.integer("k", k, 1, limit)
    keep = min(max(50, k), limit) if max_k is None else checks.integer("max_k", max_k, k, limit)
    compared = {name: _columns(G, name, value, d, keep) for name, value in (compare or {}).items()}
    radius = 0.1 * math.sqrt(G.z_dim / 512) if epsilon is None else checks.number("epsilon", epsilon, 0)
    each = 2 * d  # products of a latent and its partner
    pictures = check_budget(pictures, seconds, each, "one latent")
    asked = None if pictures is None and seconds is not None else n if pictures is None else pictures // each
    work = Work(on_step, asked, begins=target == "w")  # the bases of a few latents are quick there
    first = G.sample_z(1, seed)
    product = _product(G, first, target)
    seconds_each = timed(product, work.inside) / (d if target == "w" else 1)
    if seconds is not None:
        n = affordable(lambda many: many * each * seconds_each, float(seconds), "seconds", "one latent")
        pictures = n * each
    n = n if pictures is None else pictures // each
    work.expect(Plan(n * each, seconds_each, "product"), n * each, n)
    z = G.sample_z(n, seed)
    near = _close(z, radius, seed)
    found: list[Differential] = []
    m = 0

    def inside(step: Step) -> bool:
        if step.total is None or step.index < step.total:
            work.inside()
        return True

    try:
        for both in zip(z.split(size := 16 if target == "w" else 1), near.split(size), strict=True):
            # latents, then their close partners
            found.append(differential(G, torch.cat(both), target, keep, on_step=inside, inside=inside))
            m += len(both[0])
            work.draw(len(both[0]) * each)
            if not work.tell(m):
                break
    except Stopped:
        if not found:
            raise
    halves = [torch.arange(len(part.z), device=z.device, dtype=torch.int64).chunk(2) for part in found]

    def gathered(name: str, half: int) -> Tensor:
        return torch.cat([getattr(part, name)[both[half]] for part, both in zip(found, halves, strict=True)])

    return WarpageMap(
        z=z[:m],
        codes=gathered("codes", 0),
        space=G.main_space,
        target=target,
        bases=gathered("directions", 0),
        close_bases=gathered("directions", 1),
        epsilon=radius,
        singular_values=gathered("singular_values", 0),
        compared=compared,
        k=k,
        metric=metric,
        total=n,
        stopped="finished" if m == n else "cancelled",
        pictures=pictures,
    )


def _product(G: Generator, z: Tensor, target: str) -> Callable[[], Tensor]:
    """What a product with the Jacobian does; of the mapping, all those of a latent, which are made at once."""
    if target == "w":
        mapping_jacobians(G, z)
        return lambda: mapping_jacobians(G, z)
    f = target_function(G, G.map(z)[0] if "w" in G.spaces else z[0], target)
    J = JacobianOperator(f, f.x0)
    vector = torch.ones_like(f.x0)
    J @ vector
    return lambda: J @ vector


def _close(z: Tensor, radius: float, seed: int) -> Tensor:
    generator = torch.Generator("cpu").manual_seed(seed + 1)
    step = torch.randn(z.shape, generator=generator, dtype=torch.float64, device="cpu").to(z)
    step = step - z * ((step * z).sum(1, keepdim=True) / z.square().sum(1, keepdim=True))
    return z + radius * step / step.norm(dim=1, keepdim=True)


def _columns(G: Generator, name: str, value: Any, d: int, keep: int) -> Tensor:
    label = f"compare[{name!r}]"
    if isinstance(value, Tensor):
        columns = as_basis(value, label)
        if columns.ndim != 2 or columns.shape[0] != d:
            raise ValueError(f"{label} must have shape ({d}, k), got {tuple(columns.shape)}.")
        return columns[:, :keep].to(G.device, G.dtype, copy=True)
    directions = as_directions(value, label).for_generator(G)
    if directions.space != G.main_space:
        raise ValueError(f"{label} must be directions in {G.main_space}, got {directions.space}.")
    return as_basis(directions[:keep], label)
