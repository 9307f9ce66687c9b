"""How many singular values count: three rules, which need not agree."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import first_largest, rounding

__all__ = ["RANK_METHODS", "RankMethod", "energy_rank", "estimate_rank", "gap_rank", "kritchman_nadler_rank"]

RankMethod = Literal["energy", "kritchman-nadler", "gap"]
RANK_METHODS: tuple[RankMethod, ...] = ("energy", "kritchman-nadler", "gap")

# Upper quantiles of the Tracy-Widom law of order one, by the chance of exceeding them.
TRACY_WIDOM = {0.05: 0.9793, 0.01: 2.0234, 0.005: 2.4224, 0.001: 3.2724}
# By how much a share of the energy may be missed by rounding: singular values are good to 8 units of float32, like the
# floor below which they are noise, and energies are their squares.
MISSED = 16 * torch.finfo(torch.float32).eps


def estimate_rank(S: Tensor, shape: tuple[int, int], method: RankMethod = "energy", floor: float | None = None) -> int:
    """Estimate the rank of a matrix from all its singular values.

    Args:
        S: All ``min(shape)`` singular values, descending.
        shape: Rows and columns of the matrix.
        method: ``"energy"``, ``"kritchman-nadler"`` or ``"gap"``: see the functions of this module.
        floor: Values below ``floor * S[0]`` are rounding noise and count as zero; 8 times the machine epsilon if not
            given.

    Returns:
        The rank; 0 for a zero matrix.

    Raises:
        ValueError: If the method is unknown or ``S`` does not fit.

    Example:
        >>> S = torch.tensor([10.0, 5.0, 0.2, 0.1])
        >>> {method: estimate_rank(S, (50, 4), method) for method in RANK_METHODS}
        {'energy': 2, 'kritchman-nadler': 3, 'gap': 2}
    """
    checks.choice("method", method, RANK_METHODS)
    checks.finite("S", checks.shape("S", S, (min(shape),)))
    values = S.detach().double().cpu()
    limit = 8 * torch.finfo(S.dtype).eps if floor is None else checks.number("floor", floor, 0)
    values = values[(values > limit * values[0]) & (values > 0)]
    if len(values) == 0:
        return 0
    if method == "energy":
        return energy_rank(values)
    return gap_rank(values) if method == "gap" else kritchman_nadler_rank(values, max(shape))


def energy_rank(S: Tensor, share: float = 0.99) -> int:
    """Return how many singular values hold a share of the energy, the sum of their squares.

    Args:
        S: Singular values, descending.
        share: The share; 0.99 is our default.

    Returns:
        The smallest number that does. A share that is just reached is reached, whatever rounding makes of it.

    Example:
        >>> energy_rank(torch.tensor([3.0, 1.0, 0.01]), share=0.95)
        2
    """
    checks.number("share", share, 0, 1)
    energy = S.double().square().cumsum(0)
    enough = share - min(MISSED, (1 - share) / 2)  # all is all
    return int((energy < enough * energy[-1]).sum()) + 1


def gap_rank(S: Tensor) -> int:
    """Return where the quotient of neighbouring singular values is largest.

    This is the eigenvalue ratio of Ahn and Horenstein (2013, "Eigenvalue Ratio Test for the Number of Factors",
    Econometrica 81), with all positive values as candidates.

    Args:
        S: Positive singular values, descending.

    Returns:
        How many stand above the gap, the first of equal ones; 1 for a single value.

    Example:
        >>> gap_rank(torch.tensor([9.0, 8.0, 2.0, 1.0]))
        2
    """
    return 1 if len(S) == 1 else int(first_largest(S[:-1] / S[1:], 0, rounding(torch.float32))) + 1


def kritchman_nadler_rank(S: Tensor, n: int, level: float = 0.005) -> int:
    r"""Return how many singular values stand out of white noise.

    The test of Kritchman and Nadler (2008, "Determining the number of components in a factor model from limited noisy
    data", Chemometrics and Intelligent Laboratory Systems): for :math:`k = 1, 2, \dots` the eigenvalue :math:`\ell_k =
    s_k^2 / n` is a signal if it exceeds what the largest of ``p - k`` eigenvalues of pure noise would exceed with
    probability ``level``, by the Tracy-Widom law; the first that does not ends the test. The noise level comes from
    their self-consistent equations. It asks whether the tail looks like white noise; a Jacobian's tail need not.
    As in the authors' program the eigenvalue in question is left out of the noise that it is compared with, so that
    false alarms come more often than ``level`` says: for 200 x 40 numbers in 11 % of cases at 0.05, in 2 % at 0.005.

    Args:
        S: The ``p`` positive singular values, descending.
        n: The longer side of the matrix.
        level: Nominal chance of a false alarm: 0.05, 0.01, 0.005 (that of the authors' program) or 0.001.

    Returns:
        The rank, at most ``p - 1``.

    Raises:
        ValueError: If ``level`` is none of these.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> noise = torch.randn(200, 40, generator=rng)
        >>> signal = 3 * torch.randn(200, 5, generator=rng) @ torch.randn(5, 40, generator=rng)
        >>> kritchman_nadler_rank(torch.linalg.svdvals(noise + signal), 200)
        5
    """
    if level not in TRACY_WIDOM:
        raise ValueError(f"level must be one of {', '.join(map(str, TRACY_WIDOM))}, got {level!r}.")
    eigenvalues = S.double().square() / n
    p = len(eigenvalues)
    for k in range(1, p):
        a, b = math.sqrt(n - 0.5), math.sqrt(p - k - 0.5)
        centre, width = (a + b) ** 2 / n, (a + b) * (1 / a + 1 / b) ** (1 / 3) / n
        if eigenvalues[k - 1] <= _noise_level(eigenvalues, n, k) * (centre + TRACY_WIDOM[level] * width):
            return k - 1
    return p - 1


def _noise_level(eigenvalues: Tensor, n: int, k: int) -> float:
    """Solve for the noise variance given ``k`` signals, each of which has taken up some of the noise."""
    p, signals = len(eigenvalues), eigenvalues[:k]
    rest = eigenvalues[k:].sum()
    variance = rest / ((p - k) * max(1 - k / n, 1 / n))
    for _ in range(30):
        half = (signals + variance * (1 - (p - k) / n)) / 2
        root = half.square() - signals * variance
        true = half + root.clamp(min=0).sqrt()  # what the signals would be without noise
        if bool((root < 0).any()) or bool((true > signals).any()):
            break
        previous, variance = variance, (rest + (signals - true).sum()) / (p - k)
        if abs(variance - previous) <= 1e-5 * previous:
            break
    return float(variance)
