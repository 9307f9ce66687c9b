r"""Distances between all pairs of many subspaces, and their statistics without a matrix of them.

The squared sines of the principal angles of two bases are the eigenvalues of :math:`I - C^\top C`, with the cross-Gram
:math:`C`, as in :func:`~latent_widgets.geometry.subspaces.grassmann.pairwise_angles`: taken in float64 after a QR of
every basis, which leaves an error below 1e-7 rad at every angle. One product gives the cross-Grams of a tile of pairs,
one call of LAPACK their eigenvalues, and only distances are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.geometry.blocks import Blocks
from latent_widgets.geometry.quantiles import checked_shares
from latent_widgets.geometry.subspaces.grassmann import METRICS, as_basis, reduce_angles

__all__ = ["PairStatistics", "pair_statistics", "pairwise_distances"]

_TILE = 2**18  # numbers in the cross-Grams of a tile, unless a pair has more: 2 MiB, in the cache of a processor
_GROUP = 2**25  # bytes of bases that are held while all others pass, unless one block has more
_BINS = 2**20  # of the histogram: 8 MiB
_PART = 2**21  # numbers of the bases of one QR: 16 MiB


@exact()
def pairwise_distances(
    bases: Tensor, others: Tensor | None = None, metric: str = "geodesic", *, on_step: OnStep | None = None
) -> Tensor:
    """Return the distances of all pairs of many subspaces, each below 1e-7 rad off in every angle.

    Beside the result and the bases in float64 it holds less than 64 MiB, or eight times the cross-Gram of one pair
    where that is more. On one core a pair of ten dimensions takes five microseconds, of fifty 0.2 milliseconds.

    Args:
        bases: ``(m, n, k)`` orthonormal columns.
        others: ``(l, n, k)``; the same bases if not given, and then only the pairs ``i < j`` are computed.
        metric: ``"geodesic"``, in [0, sqrt(k) pi/2]; or ``"projection"``, in [0, 1].
        on_step: Called after each tile with the number of pairs so far; ``False`` raises ``Cancelled``.

    Returns:
        ``(m, l)`` distances; without ``others`` symmetric, with a zero diagonal. Nothing is differentiated.

    Raises:
        Cancelled: If ``on_step`` asked for it.
        TypeError: If one of them is no floating tensor, or types or devices differ.
        ValueError: If a shape does not fit, there is no subspace, a basis is not orthonormal, or the metric is unknown.

    Example:
        >>> I = torch.eye(5)
        >>> pairwise_distances(torch.stack([I[:, :2], I[:, 1:3], I[:, :2]]))
        tensor([[0.0000, 1.5708, 0.0000],
                [1.5708, 0.0000, 1.5708],
                [0.0000, 1.5708, 0.0000]])
    """
    checks.choice("metric", metric, METRICS)
    A = _fine(_several("bases", bases, ("m", "n", "k")), "bases")
    if others is None:
        total = len(A) * (len(A) - 1) // 2
        B = None
    else:
        _several("others", others, ("l", *bases.shape[1:]))
        checks.placed("others", checks.floating("others", others, bases.dtype), bases.device)
        B = _fine(others, "others")
        total = len(A) * len(B)
    found, done = bases.detach().new_zeros(len(A), len(A if B is None else B)), 0
    for rows, columns, distances in _tiles(A, B, metric):
        found[rows, columns] = distances
        if B is None:
            found[columns, rows] = distances.T
        within = B is None and rows == columns
        done += len(distances) * (len(distances) - 1) // 2 if within else distances.numel()
        if not report(on_step, done, total):
            raise Cancelled(f"Cancelled after {done} of {total} pairs.")
    return found


def _several(name: str, bases: Tensor, wanted: tuple[int | str, ...]) -> Tensor:
    if not len(checks.shape(name, bases, wanted)):
        raise ValueError(f"{name} must hold at least one subspace, got none.")
    return bases


@dataclass(frozen=True, eq=False)
class PairStatistics:
    """What the distances between all pairs of different subspaces are like.

    Attributes:
        count: How many pairs.
        mean: Of their distances.
        sd: Root of the mean squared deviation from :attr:`mean`.
        smallest: The smallest distance.
        largest: The largest.
        shares: Which quantiles were asked for.
        quantiles: ``(q,)`` float64, the distances below which these shares of the pairs lie.
        quantile_error: How far at most a quantile is off: the width of a bin of the histogram.
        row_means: ``(n,)`` float64, the mean distance of each subspace from the others.
        interval: Ends of the 95 % interval of the mean that a population of such subspaces has, which allows for the
            pairs that share a subspace (Hoeffding 1948: the mean is a U-statistic of order two, so its error is twice
            that of the row means). Infinite for two subspaces.
        metric: ``"geodesic"`` or ``"projection"``.
    """

    count: int
    mean: float
    sd: float
    smallest: float
    largest: float
    shares: tuple[float, ...]
    quantiles: Tensor = field(repr=False)
    quantile_error: float
    row_means: Tensor = field(repr=False)
    interval: tuple[float, float]
    metric: str

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"<PairStatistics of {self.count} pairs of {len(self.row_means)} subspaces, {self.metric}: "
            f"mean {self.mean:.3f} ({low:.3f} to {high:.3f}), sd {self.sd:.3f}, "
            f"{self.smallest:.3f} to {self.largest:.3f}>"
        )


@exact()
def pair_statistics(
    blocks: Iterable[Tensor] | Tensor,
    metric: str = "geodesic",
    *,
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    on_step: OnStep | None = None,
) -> PairStatistics:
    """Return statistics of the distances between all pairs of different subspaces, without a matrix of them.

    Some bases are held, 32 MiB of them in float64 or one block, while all that come after them pass by once. So the
    blocks are read once for every 32 MiB. Held are those, one block more, less than 128 MiB, and two numbers for each
    subspace. The blocks make no difference but for rounding, of 1e-12 of the largest distance; quantiles, which lie
    within bins of a histogram, may differ by twice :attr:`PairStatistics.quantile_error`.

    Args:
        blocks: Orthonormal columns: a tensor ``(m, n, k)``, or anything that gives blocks ``(b, n, k)`` each time it is
            iterated over, float32 or float64.
        metric: ``"geodesic"`` or ``"projection"``.
        quantiles: Which quantiles, in [0, 1].
        on_step: Called after each tile with the number of pairs and their mean so far; ``False`` raises ``Cancelled``.
            How many pairs there are is known once the blocks were read.

    Returns:
        The statistics.

    Raises:
        Cancelled: If ``on_step`` asked for it.
        TypeError: If the blocks can be read once only, or are no floating tensors of one type.
        ValueError: If there are fewer than two subspaces, a basis is not orthonormal, a block differs from the first in
            its shape or device, a share is outside [0, 1], or the metric is unknown.

    Example:
        >>> I = torch.eye(5)
        >>> found = pair_statistics([torch.stack([I[:, :2], I[:, 1:3]]), I[None, :, 3:]])
        >>> found.count, round(found.mean, 4), found.row_means.mul(1000).round().tolist()
        (3, 2.0046, [1896.0, 1896.0, 2221.0])
    """
    checks.choice("metric", metric, METRICS)
    shares = checked_shares("quantiles", quantiles)
    read, running = Blocks(blocks, ("n", "k")), _Running(metric, on_step)
    start = offset = place = 0  # the first block of those held, their first row, and how many rows there are
    while True:
        group, rest = _gathered((index, _fine(block, f"blocks[{index}]")) for index, block in read.since(start))
        if not group:
            break
        start, held = group[-1][0] + 1, torch.cat([block for _, block in group])
        del group
        place = offset + len(held)
        if rest is None:  # these are the last
            running.total = place * (place - 1) // 2
        running.add(held, offset)
        for _, block in rest or ():
            running.add(held, offset, block, place)
            place += len(block)
        running.total, offset = place * (place - 1) // 2, offset + len(held)
        del held  # before others are read
        if offset == place:
            break
    if place < 2:
        raise ValueError(f"blocks must hold at least two subspaces, got {place}.")
    return running.statistics(shares)


def _gathered(
    reading: Iterator[tuple[int, Tensor]],
) -> tuple[list[tuple[int, Tensor]], Iterator[tuple[int, Tensor]] | None]:
    """Take as many blocks as may be held, one at least; return them and what follows; None where nothing does."""
    group: list[tuple[int, Tensor]] = []
    size = 0
    for index, block in reading:
        size += block.nbytes
        if group and size > _GROUP:
            return group, chain([(index, block)], reading)
        group.append((index, block))
    return group, None


class _Running:
    """Statistics of the pairs so far."""

    def __init__(self, metric: str, on_step: OnStep | None) -> None:
        self.metric, self.on_step = metric, on_step
        self.total: int | None = None  # pairs, once it is known
        self.count, self.mean, self.scatter = 0, 0.0, 0.0
        self.smallest, self.largest, self.width = math.inf, 0.0, 0.0
        self.sums = self.bins = torch.zeros(0, dtype=torch.float64, device="cpu")

    def add(self, A: Tensor, at: int, B: Tensor | None = None, place: int = 0) -> None:
        """Take in the pairs within ``A``, whose first row is ``at``, or those with ``B``, whose first is ``place``."""
        if not len(self.bins):
            self.width = (1.0 if self.metric == "projection" else math.sqrt(A.shape[1]) * math.pi / 2) / _BINS
            self.bins = torch.zeros(_BINS, dtype=torch.int64, device=A.device)
            self.sums = A.new_zeros(0)
        end = at + len(A) if B is None else place + len(B)
        self.sums = torch.cat([self.sums, A.new_zeros(max(0, end - len(self.sums)))])
        for rows, columns, distances in _tiles(A, B, self.metric):
            self.sums[at + rows.start : at + rows.stop] += distances.sum(1)
            if B is not None:
                self.sums[place + columns.start : place + columns.stop] += distances.sum(0)
            elif rows != columns:
                self.sums[at + columns.start : at + columns.stop] += distances.sum(0)
            else:
                i, j = _upper(distances)
                distances = distances[i, j]
            if distances.numel():
                self._take(distances.flatten())
            if not report(self.on_step, self.count, self.total, self.mean):
                of = "" if self.total is None else f" of {self.total}"
                raise Cancelled(f"Cancelled after {self.count}{of} pairs.")

    def _take(self, distances: Tensor) -> None:
        count, mean = len(distances), float(distances.mean())
        apart, whole = mean - self.mean, self.count + count
        self.scatter += float((distances - mean).square().sum()) + apart**2 * self.count * count / whole
        self.mean, self.count = self.mean + apart * count / whole, whole
        low, high = distances.aminmax()
        self.smallest, self.largest = min(self.smallest, float(low)), max(self.largest, float(high))
        places = (distances / self.width).long().clamp(max=_BINS - 1)
        self.bins.scatter_add_(0, places, torch.ones_like(places))

    def statistics(self, shares: tuple[float, ...]) -> PairStatistics:
        """Return what they come to."""
        n = len(self.sums)
        rows = self.sums / (n - 1)
        half = 1.96 * 2 * float(rows.std()) / math.sqrt(n) if n > 2 else math.inf  # of a U-statistic of order two
        return PairStatistics(
            count=self.count,
            mean=self.mean,
            sd=math.sqrt(self.scatter / self.count),
            smallest=self.smallest,
            largest=self.largest,
            shares=shares,
            quantiles=self._quantiles(shares),
            quantile_error=self.width,
            row_means=rows,
            interval=(self.mean - half, self.mean + half),
            metric=self.metric,
        )

    def _quantiles(self, shares: tuple[float, ...]) -> Tensor:
        """Return ``(q,)``, between the two distances that are neighbours, each somewhere in its bin."""
        through = self.bins.cumsum(0)
        places = torch.tensor(shares, dtype=torch.float64, device=self.bins.device) * (self.count - 1)
        below, above = (self._at(place, through) for place in (places.floor(), places.ceil()))
        return below + (above - below) * (places - places.floor())

    def _at(self, place: Tensor, through: Tensor) -> Tensor:
        """Return where in ascending order the distances of some places are, as if a bin's lay evenly in it."""
        bins = torch.searchsorted(through, place.long(), right=True)
        inside = (place - through[bins] + self.bins[bins] + 0.5) / self.bins[bins]
        return ((bins + inside) * self.width).clamp(self.smallest, self.largest)


def _fine(bases: Tensor, name: str) -> Tensor:
    """Return ``(m, k, n)``, bases ``(m, n, k)`` in float64 and orthonormal to its digits."""
    m, n, k = bases.shape
    if not k:
        raise ValueError(f"{name} must have at least one column, got shape {tuple(bases.shape)}.")
    found = torch.empty(m, k, n, dtype=torch.float64, device=bases.device)
    size = max(1, _PART // max(1, n * k))
    for part, into in zip(bases.detach().split(size), found.split(size), strict=True):
        into.copy_(torch.linalg.qr(as_basis(part, name).double()).Q.mT)
    return found


def _tiles(A: Tensor, B: Tensor | None, metric: str) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield the distances of tiles of pairs, of those within ``A`` only where columns are not before rows."""
    k, n = A.shape[1:]
    pairs, wide = max(1, _TILE // k**2), len(A if B is None else B)
    width = min(wide, math.isqrt(pairs))
    height = min(len(A), width if B is None else pairs // width)
    width = width if B is None else min(wide, pairs // height)
    others = A if B is None else B
    for i in range(0, len(A), height):
        rows = slice(i, min(i + height, len(A)))
        for j in range(i if B is None else 0, wide, width):
            columns = slice(j, min(j + width, wide))
            L, R = A[rows], others[columns]
            cross = L.reshape(-1, n) @ R.reshape(-1, n).T  # (r k, c k)
            cross = cross.reshape(len(L), k, len(R), k).transpose(1, 2)
            if B is None and i == j:
                found = cross.new_zeros(len(L), len(L))
                rising = _upper(found)
                found[rising] = _distances(cross[rising], metric)
                yield rows, columns, found + found.T
            else:
                yield rows, columns, _distances(cross.reshape(-1, k, k), metric).reshape(len(L), len(R))


def _upper(square: Tensor) -> tuple[Tensor, Tensor]:
    i, j = torch.triu_indices(len(square), len(square), 1, dtype=torch.int64, device=square.device)
    return i, j


def _distances(cross: Tensor, metric: str) -> Tensor:
    """Return ``(p,)`` from cross-Grams ``(p, k, k)``."""
    unit = torch.eye(cross.shape[-1], dtype=cross.dtype, device=cross.device)
    squares = torch.linalg.eigvalsh(torch.baddbmm(unit, cross.mT, cross, alpha=-1)).clamp_(0, 1)
    return reduce_angles(torch.atan2(squares.sqrt(), (1 - squares).sqrt()), metric)
