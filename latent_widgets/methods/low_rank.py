"""LowRankGAN: directions of a region from low-rank factors of its Jacobian's Gram (Zhu et al., NeurIPS 2021)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import negligible
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.regions.pcp import Pursuit, pcp
from latent_widgets.geometry.regions.solvers import check_count, effect, loud_rank, loudest
from latent_widgets.geometry.regions.spectra import Channels, RegionSpectra
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.values.directions import Directions, as_directions

__all__ = ["LowRank", "Transfer", "low_rank_directions", "transfer"]


@dataclass(frozen=True, eq=False)
class LowRank:
    """Directions of a region, with what the factorisation found.

    Attributes:
        directions: The directions; one unit changes the inside by one root mean square, to first order.
        inside: ``(k,)``, predicted root mean square change of a pixel inside for a unit step of the latent.
        outside: ``(k,)``, the same outside.
        locality: ``(k,)``, the share of the squared change that falls inside.
        chance: That share for a random direction.
        kept_norm: ``(k,)``, what the projection left of each direction before it was scaled to unit length; 1 without
            one.
        rank: How many principal directions the inside has.
        rank_outside: How many the outside has; so many, less ``relax``, are projected away.
        pursuits: The factorisations of inside and outside, where ``rank_method="pcp"``.
        unprojected: For ``"projection"``, the principal directions of the inside before the projection, which the
            published code saves as well.
    """

    directions: Directions
    inside: Tensor
    outside: Tensor
    locality: Tensor
    chance: float
    kept_norm: Tensor
    rank: int
    rank_outside: int
    pursuits: tuple[Pursuit, Pursuit] | None = None
    unprojected: Directions | None = None


@exact()
def low_rank_directions(
    G: Generator,
    w: Tensor,
    mask: Any,
    solver: Literal["projection", "generalized"] = "projection",
    k: int | None = None,
    *,
    rank_method: Literal["energy", "pcp"] = "energy",
    relax: int = 0,
    tolerance: float = 1e-3,
    weight: float | None = None,
    penalty: Literal["entrywise", "induced"] = "entrywise",
    channels: Channels = "rgb",
    rows: Sequence[int] | None = None,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> LowRank:
    r"""Find directions that change a region and leave the rest.

    With ``"projection"`` the principal directions of the inside's Gram are projected on the null space of the
    outside's, as in LowRankGAN; ranks come from the energy (95 % of the trace, our default) or from principal
    component pursuit as published; the directions before the projection are kept beside. With ``"generalized"`` the
    directions are generalised eigenvectors of the two Grams, as in its successor ReSeFa, with a tolerance. The picture
    keeps its three channels; the published code averages them first, which hides changes of colour;
    ``channels="mean"`` does the same.

    Args:
        G: The generator.
        w: The latent: one code, or several (``(n, d)`` or a list) of which the Grams are averaged.
        mask: The region: what :class:`~latent_widgets.Mask` takes.
        solver: ``"projection"`` or ``"generalized"``.
        k: How many directions; as many as the rank of the inside, at most 10, if not given.
        rank_method: ``"energy"`` or ``"pcp"``.
        relax: How many of the outside's quieter directions count as null (the published code's ``num_relax``, 0).
        tolerance: For ``"generalized"``, as a share of the outside's trace; 1e-3 is that of ReSeFa's program with its
            full-rank option, 0 without it.
        weight: For ``"pcp"``, the weight of the sparse part. The published code's 1/60 belongs to 512 dimensions; if
            not given it is ``sqrt(512 / d) / 60`` in ``d`` of them, and 3 / d at least, see :func:`pcp_weight`.
        penalty: For ``"pcp"``, see :func:`latent_widgets.geometry.regions.pcp.pcp`.
        channels: ``"rgb"``, ``"luminance"``, ``"chroma"``, or ``"mean"`` as in the published code.
        rows: Rows of ``w+`` that move; all if not given.
        pictures: For ``"generalized"`` at one latent, what may be spent instead of a whole pass, in pictures' worth,
            see :meth:`RegionSpectra.for_mask <latent_widgets.RegionSpectra.for_mask>`.
        seconds: The same by the clock.
        on_step: Called after each chunk of products; ``False`` raises ``Cancelled``, or ends a run with a budget.

    Returns:
        The directions and what was found; with a budget, ranks are those of what was seen.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the mask covers nothing or everything, or something does not fit.
        Warning: If a pursuit ended before it converged.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> mask = torch.zeros(16, 16, dtype=torch.bool)
        >>> mask[9:12, 5:11] = True
        >>> found = low_rank_directions(G, G.code(seed=4), mask, k=2)
        >>> len(found.directions), bool((found.locality > found.chance).all())
        (2, True)
    """
    checks.choice("solver", solver, ("projection", "generalized"))
    checks.choice("rank_method", rank_method, ("energy", "pcp"))
    checks.integer("relax", relax, low=0)
    tolerance = checks.number("tolerance", tolerance, low=0)
    if pictures is None and seconds is None:
        spectra = RegionSpectra(G, w, channels=channels, rows=rows, on_step=on_step)
    elif solver != "generalized" or rank_method != "energy":
        raise ValueError(
            f"solver must be 'generalized' and rank_method 'energy' with a budget, got {solver!r} and {rank_method!r}: "
            "the projection needs a whole pass. Leave pictures and seconds out."
        )
    else:
        wanted = 10 if k is None else k
        spectra = RegionSpectra.for_mask(
            G, w, mask, wanted, rows=rows, channels=channels, tolerance=tolerance, pictures=pictures, seconds=seconds,
            on_step=on_step,
        )  # fmt: skip
    g = spectra.grams(mask)
    if g.rest <= 0:
        raise ValueError("mask must leave a part of the picture out, got all of it. local_basis has its directions.")
    pursuits = None
    principal, outside = g.principal[1], g.outside
    ranks = (loud_rank(g.inside), loud_rank(g.outside))
    if rank_method == "pcp":
        # means over pixels, as published: the split does not depend on the scale, its numbers are read more easily
        means = (g.inside / g.numbers[0], g.outside / g.numbers[1])
        weight = pcp_weight(len(g.inside)) if weight is None else checks.number("weight", weight, low=0)
        pursuits = (pcp(means[0], weight, penalty=penalty), pcp(means[1], weight, penalty=penalty))
        _warn_of_unfinished(pursuits)
        principal = loudest(pursuits[0].low_rank)
        outside = pursuits[1].low_rank
        ranks = (pursuits[0].rank, pursuits[1].rank)
    if ranks[0] == 0:
        raise ValueError(
            f"weight must leave the region a rank, got {weight:.4g}, which leaves none. Use a larger one: by default "
            f"it is {pcp_weight(len(g.inside)):.4g} in these {len(g.inside)} dimensions."
        )
    count = min(ranks[0], 10) if k is None else checks.integer("k", k, 1, len(spectra.total))
    check_count(count, g.principal[0], g.noise)
    cut = min(max(1, ranks[1] - relax), len(spectra.total) - 1)
    vectors, kept = g.solve(count, solver, tolerance=tolerance, cut=cut, principal=principal, outside=outside)
    found = effect(g.inside, g.outside, g.numbers, vectors, g.unseen)
    parameters: dict[str, Any] = {"solver": solver, "rank_method": rank_method, "relax": relax, "tolerance": tolerance}
    parameters |= {"weight": weight, "penalty": penalty} if pursuits else {}
    parameters |= {} if spectra.seen is None else {"pictures": math.ceil(spectra.seen.pictures)}
    parameters |= {"channels": channels, "rows": None if rows is None else list(rows)}
    directions = spectra.directions_of(
        g, vectors, {"kept norm": kept}, method="low_rank_directions", parameters=parameters
    )
    unprojected = None
    if solver == "projection":
        before = principal[:, :count].T
        before = before * (before * vectors).sum(1, keepdim=True).sign()  # a projection turns nothing round
        unprojected = spectra.directions_of(g, before, {}, method="low_rank_directions", parameters=parameters)
    return LowRank(
        directions, found.inside, found.outside, found.locality, found.chance, kept, *ranks, pursuits, unprojected
    )


def pcp_weight(d: int) -> float:
    """Return LowRankGAN's weight of the sparse part, 1/60 in 512 dimensions, for ``d`` of them.

    The weight of Candès et al. falls with the square root of the dimension, so this one does. Where the weight times
    ``d`` is 1 or less, the zero matrix is the optimal low-rank part of any ``M``, so it stays at three times that.

    Example:
        >>> round(pcp_weight(512), 4), round(pcp_weight(64), 4), pcp_weight(12)
        (0.0167, 0.0471, 0.25)
    """
    return max((512 / d) ** 0.5 / 60, 3 / d)


def _warn_of_unfinished(pursuits: tuple[Pursuit, Pursuit]) -> None:
    for name, found in zip(("inside", "outside"), pursuits, strict=True):
        if not found.converged:
            warnings.warn(
                f"The pursuit of the {name} had not converged after {found.steps} steps, at a residual of "
                f"{found.residual:.2g}. Use a smaller weight, penalty='entrywise', or rank_method='energy'.",
                stacklevel=4,  # the decorator is a level
            )


@dataclass(frozen=True, eq=False)
class Transfer:
    """How directions found on one picture act on others.

    Attributes:
        locality: ``(n, k)``, the share of the squared true change that falls inside the mask of each picture; 0 where
            the picture changes by rounding alone.
        inside: ``(n, k)``, root mean square change inside.
        chance: ``(n,)``, the mean share for as many random directions of the same length.
    """

    locality: Tensor
    inside: Tensor
    chance: Tensor


@exact()
def transfer(
    G: Generator, directions: Any, codes: Tensor, masks: Sequence[Any], alpha: float = 0.1, seed: int = 0
) -> Transfer:
    """Measure whether directions found on one picture act on the same region of others, as LowRankGAN claims.

    Each direction is applied, in full and not to first order, to each code; random directions that make a latent step
    of the same length are the chance level.

    Args:
        G: The generator.
        directions: ``Directions`` in any space, or a result that carries them; they act on their own rows of ``w+``.
        codes: ``(n, d)``, or ``w+`` for directions of ``w`` and ``w+``.
        masks: One mask for each code.
        alpha: The step, in the unit of the directions.
        seed: Of the random directions, which act on the same rows.

    Returns:
        The shares, beside chance.

    Raises:
        TypeError: If ``seed`` is no integer.
        ValueError: If there is not one mask for each code, or ``seed`` is negative.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> mask = torch.zeros(16, 16, dtype=torch.bool)
        >>> mask[9:12, 5:11] = True
        >>> D = low_rank_directions(G, G.code(seed=4), mask, k=2)
        >>> transfer(G, D, G.map(G.sample_z(3, seed=1)), [mask] * 3).locality.shape
        torch.Size([3, 2])
    """
    found = as_directions(directions).for_generator(with_digits(G))
    if len(masks) != len(codes):
        raise ValueError(f"masks must be one for each of {len(codes)} codes, got {len(masks)}.")
    each = (-1, *(1,) * (found.vectors.ndim - 1))
    steps = alpha * found.unit_vectors * found.scales.reshape(each)
    own = (checks.integer("seed", seed, low=0) + 0x9E3779B9) % 2**32  # or they could lie along latents of that seed
    random = torch.randn(
        steps.shape, generator=torch.Generator("cpu").manual_seed(own), dtype=torch.float32, device="cpu"
    ).to(steps)
    space = found.space
    if space in ("w", "w+") and (space == "w+" or found.layers is not None or codes.ndim == 3):
        acts = steps.new_zeros(G.num_layers, 1)
        acts[list(range(G.num_layers) if found.layers is None else found.layers)] = 1
        steps, random = (acts * (one if one.ndim == 3 else one[:, None]) for one in (steps, random))
        space, codes = "w+", codes if codes.ndim == 3 else G.broadcast(codes)
    random = random * (steps.flatten(1).norm(dim=1) / random.flatten(1).norm(dim=1)).reshape(
        -1, *(1,) * (steps.ndim - 1)
    )
    shares, sizes, chances = [], [], []
    for code, mask in zip(codes, masks, strict=True):
        with torch.no_grad():
            after = G.synthesize(torch.cat([code + steps, code + random]), space)
            before = G.synthesize(code[None], space)
        change = after - before
        weights = as_weights(mask, *change.shape[-2:]).to(change)
        energy = change.square().sum(1)  # (2k, H, W)
        inside = (energy * weights).sum((1, 2))
        whole = energy.sum((1, 2))
        share = torch.where(negligible(whole.sqrt(), before.norm(), before.dtype), 0, inside / whole)
        shares.append(share[: len(steps)])
        sizes.append((inside[: len(steps)] / (change.shape[1] * weights.sum())).sqrt())
        chances.append(share[len(steps) :].mean())
    return Transfer(torch.stack(shares), torch.stack(sizes), torch.stack(chances))
