"""Means of more subspaces than fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.geometry.blocks import Blocks
from latent_widgets.geometry.subspaces.grassmann import as_basis, karcher_steps
from latent_widgets.geometry.subspaces.mean_results import FrechetMean

__all__ = ["MEAN_METRICS", "frechet_mean"]

MEAN_METRICS = ("geodesic", "chordal")


@exact()
def frechet_mean(
    blocks: Iterable[Tensor] | Tensor,
    metric: str = "geodesic",
    *,
    max_steps: int = 100,
    tolerance: float | None = None,
    on_step: OnStep | None = None,
) -> FrechetMean:
    r"""Return the Fréchet mean of subspaces that come in blocks.

    In the geodesic metric it is the Karcher mean, as :func:`~latent_widgets.geometry.subspaces.grassmann.karcher_mean`
    finds it, from the chordal mean on; the blocks are read once for that, once for each iteration and once for the
    distances. The chordal distance is :math:`\|A A^\top - B B^\top\|_F / \sqrt 2`, the root of the sum of the squared
    sines of the angles (Edelman, Arias and Smith 1998, section 4.3, there the projection F-norm); its mean is spanned
    by the leading eigenvectors of the mean projector, and the blocks are read twice. It is not unique where the last
    eigenvalue that counts and the next are the same.

    Held are some copies of one block, eight at most, and in float64 a few of the mean projector, ``(n, n)``, or of all
    bases beside each other where their columns are no more than ``n``. At ``n = 4096`` a projector has 128 MiB, and its
    eigenvectors take a minute on one core, which grows with the cube of ``n``.

    Args:
        blocks: Orthonormal columns: a tensor ``(m, n, k)``, or anything that gives blocks ``(b, n, k)`` each time it is
            iterated over, float32 or float64. The blocks make no difference but for rounding, of ``tolerance``.
        metric: ``"geodesic"`` or ``"chordal"``.
        max_steps: Most iterations in the geodesic metric.
        tolerance: Length of the step at which to stop; ``1e3`` times the machine epsilon of the type if not given.
        on_step: Called after each iteration with the length of its step, and with that of the last between two blocks;
            ``False`` ends the run, and the blocks are read once more for the distances.

    Returns:
        The mean, or that so far, and how it was reached.

    Raises:
        Cancelled: If ``on_step`` ended it before there was any mean.
        TypeError: If the blocks can be read once only, or are no floating tensors of one type.
        ValueError: If there is no subspace, a basis is not orthonormal, a block differs from the first in its shape or
            device, a number is out of bounds, or the metric has no such mean.

    Example:
        >>> I = torch.eye(3)
        >>> found = frechet_mean([I[None, :, :1], (I[:, :1] + I[:, 1:2])[None] / 2**0.5], "chordal")
        >>> found.distances, round(found.variance, 4)
        (tensor([0.3827, 0.3827]), 0.1464)
    """
    spectral = "The spectral norm has no mean in closed form. Use 'chordal', the Frobenius norm of projectors."
    checks.choice("metric", metric, MEAN_METRICS, spectral if metric == "projection" else "")
    checks.integer("max_steps", max_steps, low=1)
    if tolerance is not None:
        checks.number("tolerance", tolerance, low=0)
    read = Blocks(blocks, ("n", "k"))

    def bases() -> Iterator[Tensor]:
        for index, block in read:
            yield as_basis(block, f"blocks[{index}]").detach()

    total = max_steps if metric == "geodesic" else 1
    mean = _chordal_mean(_reported(bases(), total, on_step))
    if metric == "geodesic":
        limit = 1e3 * torch.finfo(mean.dtype).eps if tolerance is None else float(tolerance)
        found = karcher_steps(bases, mean, max_steps, limit, on_step)
        return FrechetMean(found.mean, found.distances, metric, found.steps, found.converged, found.stopped)
    report(on_step, 1, 1)
    distances = torch.cat([torch.linalg.matrix_norm(block - mean @ (mean.mT @ block)) for block in bases()])
    return FrechetMean(mean, distances, metric, 1, True, "converged")


def _reported(blocks: Iterator[Tensor], total: int, on_step: OnStep | None) -> Iterator[Tensor]:
    for number, block in enumerate(blocks):
        if number and not report(on_step, 0, total):
            raise Cancelled("Cancelled before there was a mean.")
        yield block


def _chordal_mean(bases: Iterator[Tensor]) -> Tensor:
    """Return the leading eigenvectors of the sum of projectors, or the left singular vectors of all bases together."""
    beside: list[Tensor] = []
    width, projector, first = 0, None, None
    for block in bases:
        first = block.new_empty(0, *block.shape[1:]) if first is None else first
        columns = block.double().permute(1, 0, 2).flatten(1)  # (b, n, k) -> (n, b k)
        beside, width = [*beside, columns], width + columns.shape[1]
        if width > len(columns):
            projector = columns.new_zeros(len(columns), len(columns)) if projector is None else projector
            for part in beside:
                projector.addmm_(part, part.T)
            beside = []
    if first is None:
        raise ValueError("blocks must hold at least one subspace, got none.")
    if projector is None:
        vectors = torch.linalg.svd(torch.cat(beside, 1), full_matrices=False).U
    else:
        vectors = torch.linalg.eigh(projector).eigenvectors.flip(1)
    return vectors[:, : first.shape[2]].to(first.dtype).contiguous()
