"""The terms of DP-LaSE's objective, equations 4 to 10."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from latent_widgets.geometry.density.cdf import CDF

__all__ = ["PairForm", "likelihood", "monotony", "orthogonality", "pair_penalty", "variation"]

PairForm = Literal["cosine", "inner"]


def monotony(cdf: CDF, z: Tensor) -> Tensor:
    """Equation 4, as a mean over coordinates."""
    return cdf.monotony_loss(z).mean()


def likelihood(cdf: CDF, z: Tensor) -> Tensor:
    """Equation 5, as a mean over coordinates: the negative log likelihood."""
    return -cdf.log_density(z).mean()


def variation(changes: Tensor) -> Tensor:
    """Minus the mean square of changes ``(pairs, n, p)``, the first part of equation 8."""
    return -changes.square().mean()


def pair_penalty(changes: Tensor, form: PairForm) -> Tensor:
    """How parallel the changes of two directions are, the second part of equation 8.

    Args:
        changes: ``(2, n, p)``, the changes of the same codes by two different directions; ``(1, n, p)`` if there is
            only one direction.
        form: ``"inner"``, the squared inner product as in the paper, here of means instead of sums over the features;
            or ``"cosine"``, the squared cosine of the later released programs.

    Returns:
        The mean over the codes; zero for one direction.
    """
    if len(changes) < 2:
        return changes.new_zeros(())
    first, second = changes
    inner = (first * second).mean(1)
    if form == "inner":
        return inner.square().mean()
    squares = first.square().mean(1) * second.square().mean(1)
    return (inner.square() / (squares + torch.finfo(inner.dtype).eps)).mean()


def orthogonality(directions: Tensor) -> Tensor:
    """Equation 10, the squared Frobenius norm of ``G G' - I`` for rows of length one."""
    return (
        (directions @ directions.T - torch.eye(len(directions), dtype=torch.float32, device="cpu").to(directions))
        .square()
        .sum()
    )
