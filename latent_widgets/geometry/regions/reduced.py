"""The Jacobians of pooled pictures in a basis of few coordinates, and what that loses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Step
from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["MOST", "WHOLE", "reduced"]

WHOLE = 128  # up to this many coordinates nothing is discarded; beyond, so many are kept at least
MOST = 256  # and so many at most, unless asked for more
QUIET = 5e-6  # of the energy: a two-hundredth of the default tolerance, see _rank


@exact()
def reduced(
    operators: list[JacobianOperator], rank: int | None, tiles: int, on_step: OnStep | None
) -> tuple[Tensor, Tensor, float]:
    """Return pooled Jacobians in a common basis.

    Where all of them fit into memory one pass of ``d`` products each is all; else the Gram takes ``d`` reverse products
    more, and the reduced rows and the energy of each tile take another pass.

    Args:
        operators: The Jacobians, pooled, at each latent.
        rank: Coordinates to keep; chosen if not given.
        tiles: Tiles along each side, for what is stated as lost.
        on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.

    Returns:
        The basis ``(d, r)``, the Jacobians ``(n, channels, h, w, r)``, both on the CPU, and the largest share of a
        tile's energy that the reduction lost.
    """
    steps = [_staged(on_step, i, len(operators)) for i in range(len(operators))]
    J, d = operators[0], operators[0].shape[1]
    if (rank or d) == d and (rank == d or d <= WHOLE):
        parts = [J.dense(step).cpu().reshape(*J.output_shape, d) for J, step in zip(operators, steps, strict=True)]
        return torch.eye(d, dtype=J.dtype, device="cpu"), torch.stack(parts), 0.0
    held = None
    if J.fits_beside(len(operators)):
        held = [J.dense(step).cpu() for J, step in zip(operators, steps, strict=True)]
        grams = [(one.T @ one).double() for one in held]
    else:
        grams = [J.gram(step).double().cpu() for J, step in zip(operators, steps, strict=True)]
    energy, vectors = torch.linalg.eigh(torch.stack(grams).sum(0))
    keep = rank or _rank(energy)
    basis = vectors[:, -keep:].flip(1).to(J.dtype)  # (d, r), loudest first
    lost, parts = 0.0, []
    for i, J in enumerate(operators):
        kept = (held[i] @ basis if held else (J @ basis.to(J.device)).cpu()).reshape(*J.output_shape, keep)
        whole = held[i].square().sum(1).reshape(J.output_shape).sum(0) if held else _energy(J)
        lost = max(lost, _worst_loss(whole, kept, tiles))
        parts.append(kept)
    return basis, torch.stack(parts), lost


def _rank(energy: Tensor) -> int:
    # A coordinate with the share e of the energy can add at most e / (e + t) to what a direction found with the
    # tolerance t reaches, as inside and outside together are e there.
    wanted = int((energy > QUIET * energy.sum()).sum())
    return min(max(WHOLE, wanted), MOST, len(energy))


def _staged(on_step: OnStep | None, index: int, total: int) -> OnStep | None:
    if on_step is None:
        return None
    return lambda step: on_step(Step(index * (step.total or 0) + step.index, total * (step.total or 0), step.value))


def _energy(J: JacobianOperator) -> Tensor:
    """The energy of each pixel over all coordinates, a chunk at a time."""
    energy = torch.zeros(J.output_shape[1:], dtype=torch.float64, device="cpu")
    for _, block in J.blocks():  # (columns, m)
        energy += block.double().square().sum(0).reshape(J.output_shape).sum(0).cpu()
    return energy


def _worst_loss(energy: Tensor, kept: Tensor, tiles: int) -> float:
    """The largest share of a tile's energy that the kept columns miss."""
    held = kept.double().square().sum((0, -1))
    tile = [F.adaptive_avg_pool2d(e.double()[None], tiles)[0] for e in (energy, held)]
    share = 1 - tile[1] / tile[0].clamp(min=1e-300)
    return float(share.max().clamp(min=0))
