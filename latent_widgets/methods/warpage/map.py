"""What warpage gives: distances between the local bases of many latents, next to what chance gives."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.geometry.subspaces.grassmann import METRICS, principal_angles, reduce_angles
from latent_widgets.geometry.subspaces.haar import haar_sample
from latent_widgets.geometry.subspaces.pairs import pairwise_distances
from latent_widgets.methods.warpage.files import read_map, write_map

__all__ = ["Interval", "WarpageMap"]


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
        generator: Name of the generator that it was measured on; None if unknown.
        weights_hash: Hash of its weights; None if unknown.
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
    generator: str | None = None
    weights_hash: str | None = None

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

    # ---- files

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a safetensors file; all but the tensors is JSON in its header. It is written whole or not at all.

        It holds the bases for every ``k``, not the generator.

        Args:
            path: Where to; ends in ``.safetensors``.

        Returns:
            The path, ``~`` written out.

        Raises:
            TypeError: If a field has another type than it should.
            ValueError: If the path ends otherwise, or a field does not fit the others, so that :meth:`load` would
                refuse the file.

        Example:
            >>> from latent_widgets.generators.exact import ExactFaces
            >>> from latent_widgets.methods.warpage import warpage
            >>> M = warpage(ExactFaces(resolution=16), n=3, k=2)
            >>> M.save("map.txt")
            Traceback (most recent call last):
            ...
            ValueError: path must end in .safetensors, got 'map.txt'.
        """
        return write_map(path, {each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote, or what a sweep has finished, bit for bit; nothing in it is ever executed.

        Args:
            path: The file, or the folder of a sweep of warpage, finished or not.

        Returns:
            The map, its tensors in the types that they had, on the CPU. It needs no generator.

        Raises:
            ValueError: If the file is missing, damaged, of another kind, or written by a newer version.

        Example:
            >>> import tempfile
            >>> from latent_widgets.generators.exact import ExactFaces
            >>> from latent_widgets.methods.warpage import warpage
            >>> M = warpage(ExactFaces(resolution=16), n=3, k=2)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     N = WarpageMap.load(M.save(f"{folder}/map.safetensors"))
            >>> N, torch.equal(N.distances, M.distances)
            (<WarpageMap of 3 latents in w: k = 2, geodesic>, True)
        """
        return cls(**read_map(path))

    # ---- distances between latents

    @cached_property
    def raw(self) -> Tensor:
        """``(n, n)`` distances, not divided."""
        return pairwise_distances(self.bases[:, :, : self.k], metric=self.metric)

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
