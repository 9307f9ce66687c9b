r"""From the Grams inside and outside a region to its spectrum and its directions.

Two ways lead to directions that act inside. The generalised eigenvectors of
:math:`G_A n = \lambda\,(G_B + \tau\, \mathrm{tr}(G_B)\, I)\, n` (as in ReSeFa, Zhu et al. 2022, with the
regularised denominator of its program's full-rank option) weigh the inside against the outside; :math:`\tau` says how
much may move outside. The projection of LowRankGAN (Zhu et al. 2021) takes the principal directions of the inside and
removes their part in the loud directions of the outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from latent_widgets.core.grams import leading
from latent_widgets.geometry.jacobian.rank import energy_rank
from latent_widgets.geometry.jacobian.svd import fix_signs

__all__ = [
    "SOLVERS",
    "Effect",
    "RegionSpectrum",
    "Solver",
    "check_count",
    "effect",
    "generalized",
    "loud_rank",
    "loudest",
    "projection",
    "spectrum_of",
]

Solver = Literal["generalized", "projection"]
SOLVERS: tuple[Solver, ...] = ("generalized", "projection")
ENERGY = 0.95  # of a Gram, which its loud directions hold: those that count as its rank
NOISE = 1e-12  # eigenvalues of a Gram below this share of the largest are rounding: sums of float64 over all pixels


@dataclass(frozen=True, eq=False)
class RegionSpectrum:
    """How strongly a region answers to a step of the latent.

    Attributes:
        singular_values: ``(r,)``, root mean square change of a pixel inside, for a unit step along each principal
            direction.
        outside: ``(r,)``, the same change outside along the same directions.
        chance: Root mean square change inside for a step in a random direction.
        rank: Directions that hold 95 % of the energy inside.
        area: Share of the picture that is inside.
    """

    singular_values: Tensor
    outside: Tensor
    chance: float
    rank: int
    area: float


@dataclass(frozen=True, eq=False)
class Effect:
    """What unit steps along directions are predicted to change, to first order.

    Attributes:
        inside: ``(k,)``, root mean square change of a pixel inside.
        outside: ``(k,)``, the same outside.
        locality: ``(k,)``, the share of the squared change that falls inside.
        chance: That share for a random direction.
    """

    inside: Tensor
    outside: Tensor
    locality: Tensor
    chance: float


def check_count(k: int, energies: Tensor, noise: float = 0.0) -> int:
    """Return ``k`` if a region has so many directions: a pixel of three channels answers to three at most.

    Args:
        k: How many are asked for.
        energies: ``(r,)``, the eigenvalues of the inside's Gram, the largest first.
        noise: What rounding alone leaves of an energy where nothing answers.

    Returns:
        The number.

    Raises:
        ValueError: If the region has fewer, or answers to nothing.
    """
    most = int((energies > NOISE * energies[0].clamp(min=0)).sum()) if float(energies[0]) > noise else 0
    if most == 0:
        raise ValueError("mask must cover pixels that answer to the latent, got none that do. Paint somewhere else.")
    if k > most:
        raise ValueError(f"k must be at most {most}, the rank of the region, got {k}. Paint more, or ask for fewer.")
    return k


def effect(
    inside: Tensor,
    outside: Tensor,
    pixels: tuple[float, float],
    vectors: Tensor,
    unseen: tuple[float, float] = (0.0, 0.0),
) -> Effect:
    """Predict what unit steps change.

    Args:
        inside: Gram ``(r, r)``, a sum over pixels.
        outside: The other.
        pixels: How many numbers (pixels times channels) each sums over.
        vectors: ``(k, r)``, of unit length.
        unseen: Traces inside and outside of what lies beyond the basis; they count for the chance level.

    Returns:
        The prediction.
    """
    a, b = (((vectors @ gram) * vectors).sum(1).clamp(min=0) for gram in (inside, outside))
    whole = (a + b).clamp(min=torch.finfo(a.dtype).tiny)
    within, beside = (float(gram.trace()) + more for gram, more in zip((inside, outside), unseen, strict=True))
    chance = within / max(within + beside, 1e-300)
    return Effect((a / max(pixels[0], 1e-12)).sqrt(), (b / max(pixels[1], 1e-12)).sqrt(), a / whole, chance)


def spectrum_of(
    inside: Tensor,
    outside: Tensor,
    principal: Tensor,
    pixels: tuple[float, float],
    area: float,
    d: int,
    noise: float = 0.0,
    unseen: tuple[float, float] = (0.0, 0.0),
) -> RegionSpectrum:
    """Find the spectrum of a region.

    Args:
        inside: Gram ``(r, r)``, a sum over pixels.
        outside: The other.
        principal: ``(r, r)``, the eigenvectors of the inside's, a row each, the loudest first.
        pixels: How many numbers each sums over.
        area: Share of the picture inside.
        d: Dimension of the latent.
        noise: What rounding alone leaves of an energy where nothing answers.
        unseen: See :func:`effect`.

    Returns:
        The spectrum; of rank 0 where nothing answers.
    """
    found = effect(inside, outside, pixels, principal, unseen)
    chance = math.sqrt(max(float(inside.trace()) + unseen[0], 0.0) / (d * max(pixels[0], 1e-12)))
    loudest = float(found.inside[0].square()) * pixels[0]
    rank = energy_rank(found.inside, ENERGY) if loudest > noise else 0
    return RegionSpectrum(found.inside, found.outside, chance, rank, area)


def loud_rank(gram: Tensor, share: float = ENERGY) -> int:
    """Return how many eigenvectors of a Gram, the loudest, hold a share of its energy."""
    return energy_rank(torch.linalg.eigvalsh(gram).flip(0).clamp(min=0).sqrt(), share)


def loudest(gram: Tensor) -> Tensor:
    """Return the eigenvectors of a Gram, or of its low-rank part, a column each, those of largest magnitude first.

    A low-rank part may have negative eigenvalues; the published code orders by singular values.
    """
    values, vectors = torch.linalg.eigh(gram)
    return vectors[:, values.abs().argsort(descending=True)]


def generalized(inside: Tensor, outside: Tensor, k: int, tolerance: float, unseen: float = 0.0) -> Tensor:
    """Find the directions that move most inside for what they move outside.

    Args:
        inside: Gram ``(r, r)``.
        outside: The other.
        k: How many.
        tolerance: The regulariser, as a share of the outside's trace; larger values allow more outside.
        unseen: What of that trace lies beyond the basis.

    Returns:
        ``(k, r)``, of unit length, the best first; in general not orthogonal.
    """
    r = len(inside)
    floor = (float(outside.trace()) + unseen) * tolerance
    floor = max(floor, 1e-12 * float((inside + outside).trace()) / r, 1e-300)
    regular = outside + floor * torch.eye(r, dtype=outside.dtype, device="cpu")
    vectors = leading(inside, k, regular)[1].T
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return fix_signs(vectors.T)[0].T


def projection(principal: Tensor, outside: Tensor, cut: int, error: float = 0.0) -> tuple[Tensor, Tensor]:
    """Project the principal directions of the inside on the null space of the outside.

    Args:
        principal: ``(k, r)``, principal directions of the inside.
        outside: Gram of the outside, ``(r, r)``.
        cut: How many of the loudest directions of the outside are removed.
        error: Which share of a direction rounding alone may leave.

    Returns:
        ``(k, r)`` of unit length, and the norm ``(k,)`` that each kept before it was scaled to that length.

    Raises:
        ValueError: If nothing but rounding is left of a direction.
    """
    loud = loudest(outside)[:, :cut]
    left = principal - (principal @ loud) @ loud.T
    kept = left.norm(dim=1)
    gone = (kept <= error).nonzero()[:, 0].tolist()
    if gone:
        raise ValueError(
            f"cut must leave a part of every direction, got {cut}, which leaves none of direction {gone[0] + 1}. Cut "
            "less, ask for fewer directions, or use solver='generalized'."
        )
    vectors = left / kept.clamp(min=torch.finfo(left.dtype).tiny)[:, None]
    return fix_signs(vectors.T)[0].T, kept
