"""Curves that follow the local singular directions, so that they stay on the image of the mapping.

Iterative curve traversal is due to Choi et al. (ICLR 2022, "Do Not Escape From the Manifold: Discovering the Local
Coordinates on the Latent Space of GANs"): step in ``z`` so that ``w`` moves along a singular direction, take the
differential anew, find the direction again, and go on.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import first_largest, negligible, rounding, snapped
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.differential import Differential, differential, differential_at
from latent_widgets.geometry.jacobian.rank import energy_rank
from latent_widgets.geometry.walks.value import Walk
from latent_widgets.values.fitting import rows_of

__all__ = [
    "CurveWalk",
    "curve_through",
    "curve_traversal",
    "injected",
    "start_of",
    "traversed",
    "warn_if_weak",
    "z_behind",
]

Variant = Literal["matched", "fixed", "smooth"]
VARIANTS = ("matched", "fixed", "smooth")
SIDES = {"both": (1, -1), "positive": (1,), "negative": (-1,)}
WEAK_MATCH = 0.7


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CurveWalk(Walk):
    """A walk along a curve.

    Attributes:
        z: ``(m, z_dim)``, the latents of the codes; NaN for codes that were reached without one.
        indices: ``(m,)``, which singular direction was followed at each point (for a guided traversal ``(m, layers)``,
            and -1 at the end, from which no step was made).
        cosines: ``(m,)``, how well each point's direction continues that of its neighbour on the side of the start: the
            absolute cosine in the space of the codes; at the start 1, or that of a given direction with its part in the
            span of the leading directions.
        arc_length: ``(m,)``, the length of the curve from the start to each point, in the space of the codes, negative
            on the negative side.
        deviation: ``(m,)``, the distance of each point from the straight line through the start along the first
            direction.
        stopped: ``"finished"`` or ``"cancelled"``.
    """

    z: Tensor
    indices: Tensor
    cosines: Tensor
    arc_length: Tensor
    deviation: Tensor
    stopped: str = "finished"


@dataclass(frozen=True, eq=False)
class _Point:
    """One point of a curve, with the unit direction in the code space along which it goes on."""

    z: Tensor
    code: Tensor
    direction: Tensor
    index: int
    cosine: float


@exact()
def curve_traversal(
    G: Generator,
    z: Tensor,
    index: int = 0,
    length: float = 12.0,
    steps: int = 12,
    *,
    target: str = "w",
    variant: Variant = "matched",
    direction: Tensor | None = None,
    candidates: int | None = None,
    sides: Literal["both", "positive", "negative"] = "both",
    layers: Sequence[int] | None = None,
    scaled: bool = True,
    on_step: OnStep | None = None,
) -> CurveWalk:
    r"""Follow one direction of the Local Basis along a curve, to both sides of a latent.

    Each step moves ``z`` by :math:`(I/N)\, v_k / s_k`, and so ``w`` by :math:`I/N` to first order; at the new point the
    direction is the :math:`u_j` with the largest :math:`|u_k^\top u_j|`, turned, together with its :math:`v_j`, so that
    :math:`v_k^\top v_j \ge 0`. The negative side is a traversal of its own. Defaults are those of the official
    notebook. Their program has two more options: with the variant ``"fixed"`` the direction is the one of the same
    index at every point, whatever it does, and with ``scaled=False`` a step is :math:`(I/N)\, v_k`, a length in ``z``.

    Two parts are extensions. The variant ``"smooth"`` carries the direction itself along: at each point it is
    projected on the span of the leading directions and scaled to length one, so that nothing jumps where singular
    values cross. The targets ``"image"`` and layers follow the right singular vectors of the synthesis through the
    space of the code; in ``w`` such a curve leaves what the mapping reaches, and only the start has a latent.

    Directions whose singular value is below 1/1000 of the largest are never followed: a step along them is rounding
    noise.

    Args:
        G: The generator.
        z: The start, ``(z_dim,)`` or ``(1, z_dim)``.
        index: Which direction to follow, 0 for the largest singular value.
        length: How far to go to each side, :math:`I`, in the space of the codes.
        steps: In how many steps, :math:`N`.
        target: ``"w"`` as published, ``"image"`` or one of ``G.layer_names``.
        variant: ``"matched"`` as published, ``"fixed"`` as in the official program without its comparison, or
            ``"smooth"``.
        direction: For ``"smooth"``, the direction to start along instead of the one at ``index``, in the space of the
            codes.
        candidates: How many leading directions to match or project on. If not given, 100 for ``"matched"``, as in the
            official notebook's guided traversal; for ``"smooth"`` those that hold 99 % of the energy at each point,
            since a part along a quiet direction takes a long step in the input.
        sides: Which sides to walk.
        layers: Rows of ``w+`` that follow the curve, while the others keep the start; all if not given.
        scaled: Whether a step is divided by the singular value, so that ``length`` is one in ``w``; without it, for the
            target ``"w"`` and all variants but ``"smooth"``, it is one in ``z``.
        on_step: Called after each step; ``False`` ends the run.

    Returns:
        The walk, ``2 * steps + 1`` points with the start in the middle; fewer if cancelled.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the generator has no mapping network and the target is ``"w"``, or something does not fit.

    Warns:
        UserWarning: If a match cosine falls below 0.7: what follows is hardly the same direction.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16, entanglement=0.0)
        >>> W = curve_traversal(G, G.sample_z(1, seed=1), index=2, length=3.0, steps=4)
        >>> len(W), W.indices.tolist(), bool(W.deviation.max() < 1e-4)
        (9, [2, 2, 2, 2, 2, 2, 2, 2, 2], True)
    """
    made = traversed(G, z, index, length, steps, target, variant, direction, candidates, sides, layers, scaled, on_step)
    warn_if_weak(made, stacklevel=4)  # the decorator is a level
    return made


@exact()
def traversed(
    G: Generator,
    z: Tensor,
    index: int,
    length: float,
    steps: int,
    target: str,
    variant: Variant,
    direction: Tensor | None = None,
    candidates: int | None = None,
    sides: Literal["both", "positive", "negative"] = "both",
    layers: Sequence[int] | None = None,
    scaled: bool = True,
    on_step: OnStep | None = None,
) -> CurveWalk:
    """Follow a curve as :func:`curve_traversal` does, without a warning."""
    checks.choice("variant", variant, VARIANTS)
    checks.choice("sides", sides, tuple(SIDES))
    checks.integer("steps", steps, 1)
    if not checks.flag("scaled", scaled) and (variant == "smooth" or target != "w"):
        raise ValueError(
            f"scaled must be True for variant {variant!r} and target {target!r}, got False. "
            "Use variant='matched' or 'fixed' with target='w'."
        )
    if candidates is not None:
        checks.integer("candidates", candidates, 1)
    step = checks.number("length", length, 0) / steps
    rows = rows_of(layers, G.main_space, G.num_layers)
    signs = SIDES[sides]
    found = start_of(G, z, target)
    first = _first_point(found, index, direction, variant, candidates)
    name = f"{variant} direction {index + 1}"
    return _trace(G, found, first, step, steps, signs, variant, candidates, rows, name, on_step, scaled)


def _trace(
    G: Generator,
    found: Differential,
    first: _Point,
    step: float,
    steps: int,
    signs: tuple[int, ...],
    variant: str,
    candidates: int | None,
    rows: tuple[int, ...] | None,
    name: str,
    on_step: OnStep | None,
    scaled: bool = True,
) -> CurveWalk:
    """Take the steps of a curve to each side."""
    branches: list[list[_Point]] = []
    done, stopped = 0, "finished"
    for sign in signs:
        points, here = [first], found
        while len(points) <= steps and stopped == "finished":
            last = points[-1]
            vectors = here.step_vectors[0] if scaled else here.inputs[0]
            if variant == "smooth":
                moved = vectors @ (here.directions[0].T @ last.direction)
            else:
                moved = vectors[:, last.index] * (last.direction @ here.directions[0][:, last.index]).sign()
            if found.target == "w" or found.space == "z":
                ahead = differential(G, last.z + sign * step * moved, found.target)
            else:  # the singular vectors of the synthesis are steps of the code itself
                ahead = differential_at(G, (last.code + sign * step * moved)[None], found.target)
            points.append(_continue(last, here, ahead, variant, candidates))
            here, done = ahead, done + 1
            if not report(on_step, done, len(signs) * steps, points[-1].code):
                stopped = "cancelled"
        branches.append(points)
        if stopped != "finished":
            break
    return _assembled(G, branches, signs, step, rows, found, stopped, name)


def start_of(G: Generator, z: Tensor, target: str) -> Differential:
    """Take the differential where a curve begins."""
    found = differential(G, z, target)
    if found.total != 1:
        raise ValueError(f"z must be one latent, got {found.total}. Traverse from each of them in turn.")
    return found


def _width(found: Differential, variant: str, candidates: int | None) -> int:
    """How many leading directions may be followed at a point."""
    usable = int(found.usable[0].sum())
    if candidates is None:
        candidates = energy_rank(found.singular_values[0]) if variant == "smooth" else 100
    return min(candidates, usable, found.directions.shape[2])


def _first_point(
    found: Differential, index: int, direction: Tensor | None, variant: str, candidates: int | None
) -> _Point:
    checks.integer("index", index, 0, min(int(found.usable[0].sum()), found.directions.shape[2]) - 1)
    basis = found.directions[0]
    chosen, share = basis[:, index], 1.0
    if direction is not None:
        if variant != "smooth":
            raise ValueError(f"direction must be None for the variant {variant!r}, got one. Use variant='smooth'.")
        given = checks.finite("direction", checks.shape("direction", direction, (len(basis),))).to(basis)
        kept = basis[:, : _width(found, variant, candidates)]
        chosen = kept @ (kept.T @ given)
        if bool(negligible(chosen.norm(), given.norm(), given.dtype)):
            raise ValueError("direction must have a part in the span of the leading directions, got one without.")
        share = float(chosen.norm() / given.norm())
        chosen = chosen / chosen.norm()
    return _Point(found.z[0], found.codes[0], chosen, index, share)


def _continue(last: _Point, here: Differential, ahead: Differential, variant: str, candidates: int | None) -> _Point:
    """Find the direction again at the next point."""
    basis = ahead.directions[0][:, : _width(ahead, variant, candidates)]
    cosines = basis.T @ last.direction
    index = min(last.index, len(cosines) - 1) if variant == "fixed" else int(first_largest(cosines.abs(), 0))
    if variant == "smooth":
        kept = basis @ cosines
        return _Point(ahead.z[0], ahead.codes[0], kept / kept.norm(), index, float(kept.norm()))
    before = here.inputs[0][:, last.index] * (last.direction @ here.directions[0][:, last.index]).sign()
    # the sign is decided in the input, the match in the output; where they are perpendicular it stays
    turned = before @ ahead.inputs[0][:, index] < -rounding(basis.dtype)
    chosen = -basis[:, index] if turned else basis[:, index]
    return _Point(ahead.z[0], ahead.codes[0], chosen, index, float(cosines[index].abs()))


def _assembled(
    G: Generator,
    branches: list[list[_Point]],
    signs: tuple[int, ...],
    step: float,
    rows: tuple[int, ...] | None,
    found: Differential,
    stopped: str,
    name: str,
) -> CurveWalk:
    """Put the sides together, from the far end of the negative one to that of the positive one."""
    by_sign = dict(zip(signs, branches, strict=False))
    negative, positive = by_sign.get(-1, [])[1:][::-1], by_sign.get(1, [])[1:]
    start = branches[0][0]
    points = [*negative, start, *positive]
    middle = len(negative)
    codes = torch.stack([point.code for point in points])
    pieces = codes.diff(dim=0).norm(dim=1)
    arc = torch.cat([-pieces[:middle].flip(0).cumsum(0).flip(0), pieces.new_zeros(1), pieces[middle:].cumsum(0)])
    away = codes - start.code
    deviation = (away - (away @ start.direction)[:, None] * start.direction).norm(dim=1)
    return CurveWalk(
        codes=codes if rows is None else injected(G, codes, start.code, rows),
        at=tuple(step * (i - middle) for i in range(len(points))),
        space=found.space if rows is None else "w+",
        unit="latent",
        kind="curve",
        name=name,
        z=torch.stack([point.z for point in points]),
        indices=torch.tensor([point.index for point in points], dtype=torch.int64, device="cpu"),
        cosines=torch.tensor([point.cosine for point in points], dtype=codes.dtype, device="cpu"),
        arc_length=arc,
        deviation=deviation,
        stopped=stopped,
    )


def warn_if_weak(walk: CurveWalk, stacklevel: int = 2) -> None:
    """Warn where the direction was hardly found again.

    Args:
        walk: The curve.
        stacklevel: Of whom the warning speaks, see :func:`warnings.warn`.
    """
    if not len(walk):  # cancelled before any position was reached
        return
    middle = int(walk.z.new_tensor(walk.at).abs().argmin())
    weak = [i - middle for i, cosine in enumerate(walk.cosines.tolist()) if cosine < WEAK_MATCH]
    if weak:
        warnings.warn(
            f"The direction is hardly the same from step {min(weak, key=abs)} on: a match cosine is "
            f"{float(walk.cosines.min()):.2f}, below {WEAK_MATCH}. Take more steps, fewer units of length, or "
            "variant='smooth'.",
            stacklevel=stacklevel,
        )


@exact()
def injected(G: Generator, codes: Tensor, start: Tensor, rows: tuple[int, ...]) -> Tensor:
    """Return ``w+`` codes whose rows follow the curve and whose other rows keep the start."""
    moved = torch.zeros(G.num_layers, 1, dtype=torch.bool, device=codes.device)
    moved[list(rows)] = True
    return torch.where(moved, codes[:, None], start)


@exact()
def curve_through(
    G: Generator,
    z: Tensor,
    direction: Tensor,
    lengths: Sequence[float],
    *,
    truncation: float = 1.0,
    candidates: int | None = None,
    layers: Sequence[int] | None = None,
    steps: int = 12,
    on_step: OnStep | None = None,
) -> CurveWalk:
    """Find the codes at given lengths along the smooth curve that starts along a direction, without a warning.

    Between two of its steps a curve is a straight line in ``z``, so the codes are exactly those that it passes.

    Args:
        G: A generator with a mapping network.
        z: The start, ``(z_dim,)``.
        direction: ``(w_dim,)``, see :func:`curve_traversal`.
        lengths: How far along the curve each code lies, in the units of ``w``; negative on the other side.
        truncation: Of the mapping, which shrinks the curve with everything else.
        candidates: As for :func:`curve_traversal`.
        layers: Rows of ``w+`` that follow the curve, while the others keep the start; all if not given.
        steps: In how many to go to the farthest of them; 12 as in the official notebook.
        on_step: Called after each step; ``False`` ends the run.

    Returns:
        The walk, one point for each length. Its cosines are the smallest on the way from the start, that of the given
        direction with its part in the span of the leading ones included. Cancelled, it holds the points that were
        reached, perhaps none.

    Raises:
        ValueError: If the generator has no mapping network, or something does not fit.
    """
    if not checks.number("truncation", truncation):
        raise ValueError("truncation must not be 0 for a curve, got 0: every latent gives the average picture then.")
    at = torch.as_tensor([checks.number("lengths", length) for length in lengths], dtype=torch.float64, device="cpu")
    inside = at / abs(truncation)
    reach = float(inside.abs().max()) or 1.0
    signs = tuple(sign for sign in (1, -1) if bool((sign * at > 0).any())) or (1,)
    rows = rows_of(layers, G.main_space, G.num_layers)
    found = start_of(G, z, "w")
    first = _first_point(found, 0, direction if truncation > 0 else -direction, "smooth", candidates)
    path = _trace(G, found, first, reach / steps, steps, signs, "smooth", candidates, None, "curve", on_step)
    knots = torch.as_tensor(path.at, dtype=torch.float64, device="cpu")
    edge = 1e-9 * reach  # of float64 positions, which are sums of few numbers
    reached = (inside > knots[0] - edge) & (inside < knots[-1] + edge)
    inside, at = inside[reached], at[reached]
    right = torch.searchsorted(knots, inside).clamp(1, len(knots) - 1)
    share = ((inside - knots[right - 1]) / (knots[right] - knots[right - 1])).to(path.z)
    latents = path.z[right - 1].lerp(path.z[right], share[:, None])
    middle = path.at.index(0.0)
    inwards = path.cosines[: middle + 1].flip(0).cummin(0).values.flip(0)
    outwards = path.cosines[middle:].cummin(0).values
    codes, start = G.map(latents, truncation), G.map(found.z, truncation)[0]
    away = codes - start
    place = snapped(share).cpu()  # what lies on a knot but for rounding has not gone on to the next
    far = torch.where(inside < 0, right - (place < 1).long(), right - (place == 0).long())
    return CurveWalk(
        codes=codes if rows is None else injected(G, codes, start, rows),
        at=tuple(at.tolist()),
        space="w" if rows is None else "w+",
        unit="latent",
        kind="curve",
        z=latents,
        indices=path.indices[far],
        cosines=torch.cat([inwards, outwards[1:]])[far],
        arc_length=abs(truncation) * path.arc_length[right - 1].lerp(path.arc_length[right], share),
        deviation=(away - (away @ first.direction)[:, None] * first.direction).norm(dim=1),
        stopped=path.stopped,
    )


@exact()
def z_behind(G: Generator, code: Any) -> tuple[Tensor, float] | None:
    """Return the latent that the mapping turns into a code, with the truncation; None where it is not known.

    Args:
        G: The generator.
        code: Anything; a ``Code`` says what it comes from if it lives in ``z`` or has a seed.

    Returns:
        ``(z_dim,)`` and a number.
    """
    if getattr(code, "space", None) == "z":
        return G.check_code(code)[0][0], 1.0
    seed, truncation = getattr(code, "seed", None), getattr(code, "truncation", None)
    return None if seed is None else (G.sample_z(1, seed)[0], 1.0 if truncation is None else truncation)
