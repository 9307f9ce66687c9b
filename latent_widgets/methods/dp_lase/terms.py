"""The terms of DP-LaSE's objective, equations 4 to 10, as means or as the sums that the equations are."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from latent_widgets.geometry.density.cdf import CDF

__all__ = ["PairForm", "Reduction", "likelihood", "monotony", "orthogonality", "pair_penalty", "reduced", "variation"]

PairForm = Literal["cosine", "inner", "matrix"]
Reduction = Literal["mean", "sum"]


def reduced(values: Tensor, reduction: Reduction) -> Tensor:
    """Return the mean or the sum of all values."""
    return values.sum() if reduction == "sum" else values.mean()


def monotony(cdf: CDF, z: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Equation 4, over coordinates."""
    return reduced(cdf.monotony_loss(z), reduction)


def likelihood(cdf: CDF, z: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Equation 5, over coordinates: the negative log likelihood."""
    return reduced(-cdf.log_density(z), reduction)


def variation(changes: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Minus the squares of changes ``(directions, n, p)``, the first part of equation 8."""
    return -reduced(changes.square(), reduction)


def pair_penalty(changes: Tensor, form: PairForm, reduction: Reduction = "mean") -> Tensor:
    """How parallel the changes of different directions are, the second part of equation 8.

    Args:
        changes: ``(directions, n, p)``, the changes ``D_j`` of the same codes by different directions.
        form: ``"inner"``, the squared inner product of the changes of each code; ``"cosine"``, their squared cosine, as
            in the later released programs; or ``"matrix"``, the squared Frobenius norm of ``D_j' D_h``.
        reduction: ``"sum"``, over codes and ordered pairs of directions; or ``"mean"`` over both, of means over the
            features and, in ``"matrix"``, of the square of a mean over the codes.

    Returns:
        A number; zero for one direction or no code.
    """
    count, n, p = changes.shape
    if count < 2 or not n:
        return changes.new_zeros(())
    if form == "matrix":
        rows = (changes @ changes.mT).flatten(1)  # (directions, n * n): |D_j' D_h|^2 = <D_j D_j', D_h D_h'>
        squares = rows @ rows.T
        squares = squares if reduction == "sum" else squares / (n * p) ** 2
    else:
        each = changes.transpose(0, 1)
        inner = each @ each.mT  # (n, directions, directions)
        inner = inner if reduction == "sum" and form == "inner" else inner / p
        squares = inner.square()
        if form == "cosine":
            sizes = inner.diagonal(dim1=1, dim2=2)
            squares = squares / (sizes[:, :, None] * sizes[:, None] + torch.finfo(inner.dtype).eps)
    different = ~torch.eye(count, dtype=torch.bool, device=changes.device)
    return reduced(squares[..., different], reduction)


def orthogonality(directions: Tensor) -> Tensor:
    """Equation 10, the squared Frobenius norm of ``G G' - I`` for rows of length one."""
    return (
        (directions @ directions.T - torch.eye(len(directions), dtype=torch.float32, device="cpu").to(directions))
        .square()
        .sum()
    )
