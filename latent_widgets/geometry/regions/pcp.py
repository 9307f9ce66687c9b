r"""Principal component pursuit: a symmetric matrix as a low-rank one plus a sparse one.

Candès, Li, Ma and Wright (2011, "Robust Principal Component Analysis?", equation 1.1): minimise
:math:`\|L\|_* + \lambda \|S\|_1` subject to :math:`L + S = M`, by the alternating direction method of their section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import map_rounding
from latent_widgets.core.steps import OnStep, report

__all__ = ["Pursuit", "pcp"]

Penalty = Literal["entrywise", "induced"]


@dataclass(frozen=True, eq=False)
class Pursuit:
    """What the pursuit found.

    Attributes:
        low_rank: ``(n, n)``.
        sparse: ``(n, n)``.
        rank: Of the low-rank part.
        objective: The value of the objective at ``S = M - L``.
        residual: ``|L + S - M| / |M|``, Frobenius norms.
        steps: How many iterations it took.
        converged: Whether the residual fell below the tolerance.
        stopped: ``"converged"``, ``"steps"`` or ``"cancelled"``.
    """

    low_rank: Tensor
    sparse: Tensor
    rank: int
    objective: float
    residual: float
    steps: int
    converged: bool
    stopped: str


def pcp(
    M: Tensor,
    weight: float | None = None,
    *,
    penalty: Penalty = "entrywise",
    steps: int = 10_000,
    tolerance: float = 1e-7,
    on_step: OnStep | None = None,
) -> Pursuit:
    r"""Split a symmetric matrix into a low-rank and a sparse one.

    Args:
        M: ``(n, n)``, symmetric; computed with in float64.
        weight: :math:`\lambda`; ``1 / sqrt(n)`` if not given (Candès et al. 2011). LowRankGAN's code takes 1/60.
        penalty: The constant of the method is ``n² / (4 |M|)``; ``"entrywise"`` sums all magnitudes, as Candès et al.
            do; ``"induced"`` takes the largest column sum, as LowRankGAN's code does, and stops short of the optimum.
        steps: Iterations at most; 10 000 as in LowRankGAN's code.
        tolerance: Relative residual at which it has converged; 1e-7 as in both.
        on_step: Called after each iteration with the residual; ``False`` ends the run.

    Returns:
        The two parts and how it ended.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``M`` is not square, symmetric and finite, or zero.

    Example:
        >>> M = torch.ones(6, 6) + 5 * torch.eye(6)[:1].T @ torch.eye(6)[1:2]
        >>> found = pcp((M + M.T) / 2)
        >>> found.rank, found.converged
        (1, True)
    """
    checks.shape("M", M, ("n", "n"))
    if M.shape[0] != M.shape[1]:
        raise ValueError(f"M must be square, got {tuple(M.shape)}.")
    A = checks.finite("M", M).detach().double()
    scale = float(A.norm())
    if scale == 0:
        raise ValueError("M must not be zero, got only zeros. Paint a region that answers to the latent.")
    if float((A - A.T).norm()) > 1e-6 * scale:
        raise ValueError(
            f"M must be symmetric, got one that differs from M.T by {float((A - A.T).norm()) / scale:.2g}."
        )
    checks.choice("penalty", penalty, ("entrywise", "induced"))
    n = len(A)
    weight = n**-0.5 if weight is None else checks.number("weight", weight, low=0)
    size = A.abs().sum() if penalty == "entrywise" else A.abs().sum(0).max()
    mu = float(n * n / (4 * size))
    L, S, Y = (torch.zeros_like(A) for _ in range(3))
    rank, residual, done, stopped = 0, 1.0, 0, "steps"
    for done in range(1, checks.integer("steps", steps, 1) + 1):
        L, rank = _shrink_spectrum(A - S - Y / mu, 1 / mu)
        gap = A - L - Y / mu
        S = gap.sign() * (gap.abs() - weight / mu).clamp(min=0)
        Y = Y + mu * (L + S - A)
        residual = float((L + S - A).norm()) / scale
        if residual < tolerance:
            stopped = "converged"
            break
        if not report(on_step, done, steps, residual):
            stopped = "cancelled"
            break
    nuclear = float(torch.linalg.eigvalsh(L).abs().sum())
    objective = nuclear + weight * float((A - L).abs().sum())
    return Pursuit(L.to(M), S.to(M), rank, objective, residual, done, stopped == "converged", stopped)


def _shrink_spectrum(A: Tensor, by: float) -> tuple[Tensor, int]:
    """Soft-threshold the singular values of a symmetric matrix, which are the magnitudes of its eigenvalues."""
    values, vectors = torch.linalg.eigh((A + A.T) / 2)
    kept = values.abs() - by > map_rounding(A.dtype) * values.abs().max()  # what is left is no rounding
    shrunk = values[kept].sign() * (values[kept].abs() - by)
    return (vectors[:, kept] * shrunk) @ vectors[:, kept].T, int(kept.sum())
