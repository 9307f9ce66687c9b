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

from latent_widgets import _checks
from latent_widgets._fitting import rows_of
from latent_widgets._steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.differential import Differential, differential
from latent_widgets.geometry.rank import energy_rank
from latent_widgets.geometry.walks import Walk

__all__ = ["CurveWalk", "curve_traversal", "guided_traversal"]

Variant = Literal["matched", "smooth"]
VARIANTS = ("matched", "smooth")
WEAK_MATCH = 0.7


@dataclass(frozen=True, eq=False, kw_only=True)
class CurveWalk(Walk):
    """A walk along a curve.

    Attributes:
        z: ``(m, z_dim)``, the latents of the codes.
        indices: ``(m,)``, which singular direction was followed at each point (for a guided traversal ``(m, layers)``,
            and -1 at the end, from which no step was made).
        cosines: ``(m,)``, how well each point's direction continues that of its neighbour on the side of the start: the
            absolute cosine in the space of the codes; 1 at the start.
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
    on_step: OnStep | None = None,
) -> CurveWalk:
    r"""Follow one direction of the Local Basis along a curve, to both sides of a latent.

    Each step moves ``z`` by :math:`(I/N)\, v_k / s_k`, and so ``w`` by :math:`I/N` to first order; at the new point the
    direction is the :math:`u_j` with the largest :math:`|u_k^\top u_j|`, turned, together with its :math:`v_j`, so that
    :math:`v_k^\top v_j \ge 0`. The negative side is a traversal of its own. Defaults are those of the official
    notebook.

    Two parts are extensions. The variant ``"smooth"`` carries the direction itself along: at each point it is
    projected on the span of the leading directions and scaled to length one, so that nothing jumps where singular
    values cross. The targets ``"image"`` and layers follow the right singular vectors of the synthesis through the
    space of the code.

    Directions whose singular value is below 1/1000 of the largest are never followed: a step along them is rounding
    noise.

    Args:
        G: The generator.
        z: The start, ``(z_dim,)`` or ``(1, z_dim)``.
        index: Which direction to follow, 0 for the largest singular value.
        length: How far to go to each side, :math:`I`, in the space of the codes.
        steps: In how many steps, :math:`N`.
        target: ``"w"`` as published, ``"image"`` or one of ``G.layer_names``.
        variant: ``"matched"`` as published, or ``"smooth"``.
        direction: For ``"smooth"``, the direction to start along instead of the one at ``index``, in the space of the
            codes.
        candidates: How many leading directions to match or project on. If not given, 100 for ``"matched"``, as in the
            official notebook's guided traversal; for ``"smooth"`` those that hold 99 % of the energy at each point,
            since a part along a quiet direction takes a long step in the input.
        sides: Which sides to walk.
        layers: Rows of ``w+`` that follow the curve, while the others keep the start; all if not given.
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
    _checks.choice("variant", variant, VARIANTS)
    _checks.choice("sides", sides, ("both", "positive", "negative"))
    _checks.integer("steps", steps, 1)
    if candidates is not None:
        _checks.integer("candidates", candidates, 1)
    step = _checks.number("length", length, 0) / steps
    rows = rows_of(layers, G.main_space, G.num_layers)
    found = _start(G, z, target)
    first = _first_point(found, index, direction, variant, candidates)
    signs = {"both": (1, -1), "positive": (1,), "negative": (-1,)}[sides]
    branches: list[list[_Point]] = []
    done, stopped = 0, "finished"
    for sign in signs:
        points, here = [first], found
        while len(points) <= steps and stopped == "finished":
            last = points[-1]
            vectors = here.step_vectors[0]
            if variant == "matched":
                moved = vectors[:, last.index] * (last.direction @ here.directions[0][:, last.index]).sign()
            else:
                moved = vectors @ (here.directions[0].T @ last.direction)
            new_z = last.z + sign * step * moved
            ahead = differential(G, new_z, target)
            points.append(_continue(last, here, ahead, variant, candidates))
            here, done = ahead, done + 1
            if not report(on_step, done, len(signs) * steps, points[-1].code):
                stopped = "cancelled"
        branches.append(points)
        if stopped != "finished":
            break
    return _assembled(G, branches, signs, step, rows, found, stopped, f"{variant} direction {index + 1}")


def _start(G: Generator, z: Tensor, target: str) -> Differential:
    found = differential(G, z, target)
    if found.total != 1:
        raise ValueError(f"z must be one latent, got {found.total}. Traverse from each of them in turn.")
    return found


def _width(found: Differential, variant: str, candidates: int | None) -> int:
    """How many leading directions may be followed at a point."""
    usable = int(found.usable[0].sum())
    if candidates is None:
        candidates = 100 if variant == "matched" else energy_rank(found.singular_values[0])
    return min(candidates, usable, found.directions.shape[2])


def _first_point(
    found: Differential, index: int, direction: Tensor | None, variant: str, candidates: int | None
) -> _Point:
    _checks.integer("index", index, 0, min(int(found.usable[0].sum()), found.directions.shape[2]) - 1)
    basis = found.directions[0]
    chosen = basis[:, index]
    if direction is not None:
        if variant != "smooth":
            raise ValueError("direction must be None for the variant 'matched', got one. Use variant='smooth'.")
        given = _checks.finite("direction", _checks.shape("direction", direction, (len(basis),))).to(basis)
        kept = basis[:, : _width(found, variant, candidates)]
        chosen = kept @ (kept.T @ given)
        if not bool(chosen.norm() > 1e-6 * given.norm()):
            raise ValueError("direction must have a part in the span of the leading directions, got one without.")
        chosen = chosen / chosen.norm()
    return _Point(found.z[0], found.codes[0], chosen, index, 1.0)


def _continue(last: _Point, here: Differential, ahead: Differential, variant: str, candidates: int | None) -> _Point:
    """Find the direction again at the next point."""
    basis = ahead.directions[0][:, : _width(ahead, variant, candidates)]
    cosines = basis.T @ last.direction
    index = int(cosines.abs().argmax())
    if variant == "smooth":
        kept = basis @ cosines
        return _Point(ahead.z[0], ahead.codes[0], kept / kept.norm(), index, float(kept.norm()))
    before = here.inputs[0][:, last.index] * (last.direction @ here.directions[0][:, last.index]).sign()
    turned = before @ ahead.inputs[0][:, index] < 0  # the sign is decided in the input, the match in the output
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
    weak = [i - middle for i, point in enumerate(points) if point.cosine < WEAK_MATCH]
    if weak:
        worst = min(point.cosine for point in points)
        warnings.warn(
            f"The direction is hardly the same from step {min(weak, key=abs)} on: a match cosine is {worst:.2f}, below "
            f"{WEAK_MATCH}. Take more steps, fewer units of length, or variant='smooth'.",
            stacklevel=3,
        )
    return CurveWalk(
        codes=codes if rows is None else _injected(G, codes, start.code, rows),
        at=tuple(step * (i - middle) for i in range(len(points))),
        space=found.space if rows is None else "w+",
        unit="latent",
        kind="curve",
        name=name,
        z=torch.stack([point.z for point in points]),
        indices=torch.tensor([point.index for point in points]),
        cosines=torch.tensor([point.cosine for point in points], dtype=codes.dtype),
        arc_length=arc,
        deviation=deviation,
        stopped=stopped,
    )


def _injected(G: Generator, codes: Tensor, start: Tensor, rows: tuple[int, ...]) -> Tensor:
    """``w+`` codes whose rows follow the curve and whose other rows keep the start."""
    moved = torch.zeros(G.num_layers, 1, dtype=torch.bool, device=codes.device)
    moved[list(rows)] = True
    return torch.where(moved, codes[:, None], start)


def guided_traversal(
    G: Generator,
    z: Tensor,
    direction: Any,
    steps: int = 80,
    rate: float = 0.05,
    *,
    candidates: int = 100,
    spread: float = 1.0,
    seed: int = 0,
    follow: Literal["direction", "previous"] = "direction",
    layers: Sequence[int] | None = None,
    on_step: OnStep | None = None,
) -> CurveWalk:
    r"""Let a given direction choose among the local directions, step by step.

    After the official notebook on stochastic traversal of Choi et al. (ICLR 2022): at each point, for each row
    :math:`g_l` of the given direction, the local direction :math:`u_j` with the largest :math:`|g_l^\top u_j|` is
    chosen, and ``z`` moves by ``rate`` times :math:`c_l\, v_j`, turned to the side of :math:`g_l`, summed over the
    rows. There is no division by the singular value. The notebook recommends ``rate * steps`` of about 4 and draws
    :math:`c_l` from :math:`U(a, 2 - a)` with :math:`a = 0.2`; here ``spread`` is :math:`a`, and its default of 1 draws
    nothing.

    Args:
        G: A generator with a mapping network.
        z: The start, ``(z_dim,)`` or ``(1, z_dim)``.
        direction: ``(w_dim,)`` or ``(num_layers, w_dim)``, or ``Directions`` in ``w`` or ``w+``, of which the first
            counts.
        steps: How many.
        rate: How far ``z`` moves in a step, for each row.
        candidates: How many leading directions to choose from; 100 in the notebook.
        spread: The smallest factor drawn, in [0, 1].
        seed: Of the factors.
        follow: ``"direction"``, or ``"previous"`` to follow what was chosen in the step before.
        layers: Rows of ``w+`` that follow the curve, while the others keep the start; all if not given.
        on_step: Called after each step; ``False`` ends the run.

    Returns:
        The walk, ``steps + 1`` points from the start on.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator or a number is out of bounds.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> z = G.sample_z(1)
        >>> W = guided_traversal(G, z, torch.eye(G.w_dim)[0], steps=5)
        >>> W.codes.shape[0], bool(W.codes[-1, 0] > W.codes[0, 0])
        (6, True)
    """
    _checks.integer("steps", steps, 1)
    _checks.integer("candidates", candidates, 1)
    _checks.number("rate", rate, 0)
    low = _checks.number("spread", spread, 0, 1)
    _checks.choice("follow", follow, ("direction", "previous"))
    rows = rows_of(layers, G.main_space, G.num_layers)
    here = _start(G, z, "w")
    wanted = _guide(G, direction)  # (rows, w_dim)
    reference = wanted
    random = torch.Generator().manual_seed(_checks.integer("seed", seed, 0))
    latents, codes, indices, cosines = [here.z[0]], [here.codes[0]], [], [torch.ones(())]
    stopped = "finished"
    for i in range(steps):
        basis, inputs = here.directions[0][:, :candidates], here.inputs[0][:, :candidates]
        inner = reference @ basis  # (rows, candidates)
        chosen = inner.abs().argmax(1)
        signs = inner.gather(1, chosen[:, None]).sign()
        factors = low + (2 - 2 * low) * torch.rand(len(wanted), 1, generator=random, dtype=torch.float64).to(basis)
        here = differential(G, here.z[0] + rate * (factors * signs * inputs.T[chosen]).sum(0), "w")
        taken = signs * basis.T[chosen]
        reference = taken if follow == "previous" else wanted
        latents, codes = [*latents, here.z[0]], [*codes, here.codes[0]]
        indices.append(chosen.cpu())
        cosines.append(((taken * wanted).sum(1) / wanted.norm(dim=1)).mean().cpu())
        if not report(on_step, i + 1, steps, here.codes[0]):
            stopped = "cancelled"
            break
    path = torch.stack(codes)
    away = path - path[0]
    line = wanted.mean(0) / wanted.mean(0).norm()
    return CurveWalk(
        codes=path if rows is None else _injected(G, path, path[0], rows),
        at=tuple(rate * i for i in range(len(path))),
        space="w" if rows is None else "w+",
        unit="latent",
        kind="guided",
        name="guided traversal",
        z=torch.stack(latents),
        indices=torch.stack([*indices, torch.full_like(indices[0], -1)]),
        cosines=torch.stack(cosines),
        arc_length=torch.cat([path.new_zeros(1), away.diff(dim=0).norm(dim=1).cumsum(0)]),
        deviation=(away - (away @ line)[:, None] * line).norm(dim=1),
        stopped=stopped,
    )


def _guide(G: Generator, direction: Any) -> Tensor:
    carried = direction if hasattr(direction, "for_generator") else getattr(direction, "directions", None)
    if carried is not None:
        direction = carried[0].for_generator(G).vectors[0]
    guide: Tensor = _checks.shape("direction", direction, (G.dim("w"),), (G.num_layers, G.dim("w")))
    guide = _checks.finite("direction", guide).to(G.device, G.dtype).reshape(-1, G.dim("w"))
    if not bool((guide.norm(dim=1) > 0).any()):
        raise ValueError("direction must not be zero, got one that is.")
    return guide[guide.norm(dim=1) > 0]
