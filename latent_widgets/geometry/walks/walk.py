"""Walks: pictures along a path through a latent space.

A straight walk adds multiples of a direction. A walk of kind ``"density"`` keeps the probability density of the code.
For the Gaussian prior of ``z`` density depends on the norm alone, so the walk follows the great circle
``cos(a) z + sin(a) |z| g``, with ``g`` the unit part of the direction perpendicular to ``z``. DP-LaSE (Li et al. 2021,
doi 10.1145/3474085.3475293) keeps the norm by rescaling ``z + e g``: the same circle, but it never gets as far as
``g``, however large the stride ``e``. A walk of kind ``"curve"`` goes from a latent ``z`` along a direction of ``w``
and follows the mapping, so that it stays on what the mapping reaches: :mod:`~latent_widgets.geometry.walks.curves`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import map_rounding, wide
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.density.iso_density import kept_component
from latent_widgets.geometry.walks.curves import CurveWalk, curve_through, warn_if_weak, z_behind
from latent_widgets.geometry.walks.value import Walk
from latent_widgets.values.directions import Directions
from latent_widgets.values.fitting import rows_of

__all__ = [
    "KINDS",
    "DensityPath",
    "Walk",
    "curve_along",
    "great_circle",
    "interpolate",
    "kinds_of",
    "refusal",
    "shift",
    "walk",
]

KINDS: dict[str, tuple[str, ...]] = {"z": ("linear", "density"), "w": ("linear",), "w+": ("linear",), "s": ("linear",)}
"""By the space of a direction: the kinds of a move, which need nothing but the direction and the code."""

DensityPath = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``density(code, direction, lengths)``: from a code ``(d,)`` along a unit direction ``(d,)``, the codes ``(m, d)`` at
the arc lengths ``(m,)`` of a path on which a density keeps its value."""


def kinds_of(G: Generator) -> tuple[str, ...]:
    """Return every kind of walk that a generator has in some space."""
    return ("linear", "density", "curve") if "w" in G.spaces else ("linear", "density")


def refusal(G: Generator, kind: str, space: str, density: DensityPath | None = None) -> str:
    """Say why no walk of a kind goes along the directions of a space.

    Args:
        G: The generator.
        kind: One of :func:`kinds_of`.
        space: Of the direction.
        density: What keeps a density outside ``z``, if there is something.

    Returns:
        A sentence with the fix; empty if there is such a walk.
    """
    if kind == "curve" and "w" not in G.spaces:
        return f"A curve follows the mapping from z to w, and {G.name!r} has none. Use kind='linear'."
    if kind == "curve" and space != "w":
        fix = "Use kind='linear'." if space != "w+" else "Use kind='linear', or guided_traversal."
        return f"direction must live in w for a curve, got one in {space}. {fix}"
    if kind == "density" and space != "z" and (density is None or space == "s"):
        return f"direction must live in z for a walk at constant density, got one in {space}. Use kind='linear'."
    return ""


@exact()
def walk(
    G: Generator,
    code: Any,
    direction: Any,
    at: Sequence[float] | Tensor = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
    unit: str | None = None,
    kind: str = "linear",
    layers: Sequence[int] | None = None,
    index: int | str = 0,
    *,
    density: DensityPath | None = None,
    on_step: OnStep | None = None,
) -> Walk:
    """Walk from a code along a direction.

    On a curve a position is how far along it a code lies; the direction says how it starts, or rather its part in the
    span of the local singular directions that hold 99 % of the energy. The walk's ``cosines`` are the smallest match on
    the way to each position, that of this part with the direction included.

    Args:
        G: The generator.
        code: Where position 0 is: ``(d,)``, ``(1, d)``, ``(1, num_layers, d)`` or a ``Code``. For a curve, a ``Code``
            whose latent is known: one in ``z``, or one with a seed.
        direction: ``Directions`` or a result that carries them, or one vector, taken to live in the space of the code.
        at: Positions; by default three steps to either side.
        unit: What they are measured in, see ``Directions``; that of the directions, ``"sd"`` for a bare vector. In
            ``"degrees"`` a straight step is as long as the arc.
        kind: ``"linear"``; ``"density"`` in ``z``, or where ``density`` is given; ``"curve"`` for a direction in ``w``.
        layers: Rows of ``w+`` to move; those of the directions, else all.
        index: Which of the directions, by number or name.
        density: For a walk of kind ``"density"`` along a direction of ``w``: what gives the path.
        on_step: Called after each step of a curve; ``False`` ends it.

    Returns:
        The walk; a ``CurveWalk`` for a curve, with fewer positions if cancelled.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator or does not exist in this space.

    Warns:
        UserWarning: If a curve hardly follows the direction: a match cosine falls below 0.7.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> W = walk(G, G.code(seed=0), torch.eye(5)[2], at=[-1, 0, 1], unit="latent")
        >>> W
        <Walk of 3 codes in w: linear, -1 to 1 latent along direction>
        >>> W.codes.shape, torch.allclose(W.codes[2] - W.codes[1], torch.eye(5)[2], atol=1e-5)
        (torch.Size([3, 5]), True)
    """
    if kind == "curve":
        return _curve(G, code, direction, at, unit, layers, index, on_step)
    start, space = G.check_code(code)
    if len(start) != 1:
        raise ValueError(f"code must be one code, got {len(start)}. Walk from each of them in turn.")
    chosen = _one_direction(G, direction, index, space)
    chosen = chosen if unit is None else chosen.in_unit(unit, G)
    rows = rows_of(layers, chosen.space, G.num_layers) if layers is not None else chosen.layers
    if layers is not None:
        G.check_space("w+")
    positions = _positions(at)
    point = start[0]
    if space == "w" and (rows is not None or chosen.space == "w+"):
        point, space = G.broadcast(start)[0], "w+"
    if space != chosen.space and (chosen.space, space) != ("w", "w+"):
        raise ValueError(f"direction must live in the space of the code, {space}, got one in {chosen.space}.")
    codes = shift(point, chosen, positions, kind=kind, rows=rows, density=density)
    found = Walk(codes, positions, space, chosen.unit, kind, chosen.names[0])
    keeper = getattr(density, "density", None)  # of a bare function no density is known
    log_prob = _standard_log_prob if space == "z" else getattr(keeper, "log_prob", None)
    if space not in ("z", "w") or log_prob is None:
        return found
    kept = kept_component(wide(point), wide(codes), chosen.unit_vectors[0], _lengths(wide(point), chosen, positions))
    return replace(found, log_density=log_prob(wide(codes)), kept=kept)


def _standard_log_prob(z: Tensor) -> Tensor:
    """The log density of the prior."""
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)


def _positions(at: Sequence[float] | Tensor) -> tuple[float, ...]:
    positions = tuple(checks.number("at", value) for value in at)
    if not positions:
        raise ValueError("at must hold at least one position, got none.")
    return positions


def _curve(
    G: Generator,
    code: Any,
    direction: Any,
    at: Sequence[float] | Tensor,
    unit: str | None,
    layers: Sequence[int] | None,
    index: int | str,
    on_step: OnStep | None,
) -> Walk:
    checks.choice("kind", "curve", kinds_of(G), refusal(G, "curve", "z"))
    begin = z_behind(G, code)
    if begin is None:
        _, space = G.check_code(code)
        fix = "Give Code(z, 'z'), or a Code with a seed."
        raise ValueError(f"code must have a known z for kind='curve', got one in {space} without. {fix}")
    chosen = _one_direction(G, direction, index, "w")
    if words := refusal(G, "curve", chosen.space):
        raise ValueError(words)
    chosen = chosen if unit is None else chosen.in_unit(unit, G)
    z, truncation = begin
    rows = chosen.layers if layers is None else layers
    path = curve_along(G, z, chosen, _positions(at), truncation=truncation, layers=rows, on_step=on_step)
    warn_if_weak(path, stacklevel=5)  # walk's decorator is a level
    return path


@exact()
def curve_along(G: Generator, z: Tensor, direction: Directions, at: Sequence[float], **options: Any) -> CurveWalk:
    """Find the codes at positions along a curve, without a warning.

    Args:
        G: A generator with a mapping network.
        z: The start, ``(z_dim,)``.
        direction: A single one in ``w``.
        at: Positions, in its unit.
        **options: Of ``curve_through``.

    Returns:
        The walk; of a run that was cancelled, the positions that were reached.
    """
    lengths = [position * float(direction.scales[0]) for position in at]
    vector = direction.to(G.device, G.dtype).unit_vectors[0]
    path = curve_through(G, z, vector, lengths, **options)
    there = tuple(p for p, length in zip(at, lengths, strict=True) if length in path.at)
    return replace(path, at=there, unit=direction.unit, name=direction.names[0])


def _one_direction(G: Generator, direction: Any, index: int | str, space: str) -> Directions:
    carried = direction if isinstance(direction, Directions) else getattr(direction, "directions", None)
    if isinstance(carried, Directions):
        return carried.for_generator(G)[index]
    vector = torch.as_tensor(getattr(direction, "tensor", direction), dtype=G.dtype, device=G.device)
    space = getattr(direction, "space", "w" if space == "w+" and vector.ndim == 1 else space)
    G.check_space(space)
    tail = (G.num_layers, G.dim(space)) if space == "w+" else (G.dim(space),)
    checks.shape("direction", vector, tail)
    return Directions(vector[None], space, names=["direction"]).in_unit("sd", G)


def shift(
    code: Tensor,
    direction: Directions,
    at: Sequence[float],
    kind: str = "linear",
    rows: Sequence[int] | None = None,
    density: DensityPath | None = None,
) -> Tensor:
    """Move one code along one direction: the step that walks and edits share.

    Args:
        code: ``(d,)``, or ``(num_layers, d)`` in ``w+``.
        direction: A single one.
        at: The positions, in the direction's unit.
        kind: One of :data:`KINDS` of the direction's space.
        rows: The rows of a ``w+`` code to move; None for all.
        density: What the kind ``"density"`` keeps outside ``z``; each row of a ``w+`` code keeps its own.

    Returns:
        ``(m, *code.shape)``.

    Raises:
        ValueError: If the kind or unit does not exist in this space, or the density walk has nowhere to go.
    """
    if density is None or direction.space not in ("w", "w+") or kind != "density":
        options = KINDS[direction.space]
        hint = "" if len(options) > 1 else f"In z there are {' and '.join(KINDS['z'])}."
        checks.choice("kind", kind, options, hint)
    given, code = code, wide(code)  # codes may be in half precision, positions on a circle may not
    vector = direction.unit_vectors[0].to(code)
    radius = code.norm() if direction.space == "z" else None
    lengths = _lengths(code, direction, at)
    if kind == "density" and radius is not None:
        return great_circle(code, vector, lengths / radius).to(given)
    if kind == "density" and density is not None:
        new = _at_density(code, vector, lengths, density)
    else:
        new = code + lengths.reshape(-1, *(1,) * code.ndim) * vector
    new = new.to(given)
    if rows is None:
        return new
    moved = torch.zeros(len(code), 1, dtype=torch.bool, device=code.device)
    moved[list(rows)] = True
    return torch.where(moved, new, given)


def _lengths(code: Tensor, direction: Directions, at: Sequence[float]) -> Tensor:
    """The positions as lengths in the units of the latent space."""
    positions = torch.as_tensor(list(at), dtype=code.dtype, device=code.device)
    if direction.unit == "degrees" and direction.space == "z":
        return torch.deg2rad(positions) * code.norm()
    return positions * direction.scales[0].to(code)


def _at_density(code: Tensor, vector: Tensor, lengths: Tensor, density: DensityPath) -> Tensor:
    if code.ndim == 1:
        return density(code, vector, lengths)
    new = code.expand(len(lengths), *code.shape).clone()
    for i, along in enumerate(vector.expand_as(code)):
        if length := float(along.norm()):
            new[:, i] = density(code[i], along / length, lengths * length)
    return new


def great_circle(z: Tensor, direction: Tensor, angles: Tensor) -> Tensor:
    """Turn a code towards a direction, keeping its norm.

    Args:
        z: ``(d,)``.
        direction: ``(d,)``; only its part perpendicular to ``z`` counts.
        angles: ``(m,)`` in radians.

    Returns:
        ``(m, d)``.

    Raises:
        ValueError: If ``z`` is zero or the direction is parallel to it.

    Example:
        >>> z = great_circle(torch.tensor([2.0, 0.0]), torch.tensor([5.0, 5.0]), torch.tensor([0.0, math.pi / 2]))
        >>> torch.allclose(z, torch.tensor([[2.0, 0.0], [0.0, 2.0]]), atol=1e-6)
        True
    """
    radius = z.norm()
    length = direction.norm()
    sideways = direction - z * (direction @ z / radius.square())
    if not bool(sideways.norm() > map_rounding(z.dtype) * length):
        raise ValueError("direction must not be parallel to the code on a great circle, got one that is, or zero.")
    sideways = sideways - z * (sideways @ z / radius.square())  # once more: the first left a rounding error along z
    column = angles[:, None]
    return column.cos() * z + column.sin() * (radius / sideways.norm()) * sideways


def interpolate(a: Tensor, b: Tensor, t: float | Tensor, kind: str = "linear") -> Tensor:
    """Go from ``a`` to ``b``.

    On a great circle the direction turns evenly (spherical linear interpolation, Shoemake 1985), and so does the norm.

    Args:
        a: ``(..., d)``.
        b: As ``a``.
        t: 0 gives ``a``, 1 gives ``b``; ``(m,)`` positions give a new first axis.
        kind: ``"linear"`` or ``"great-circle"``.

    Returns:
        ``(..., d)``, or ``(m, ..., d)``.

    Raises:
        ValueError: If the shapes differ, the kind is unknown, or no great circle is defined between opposite codes.

    Example:
        >>> a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
        >>> interpolate(a, b, 0.5), interpolate(a, b, 0.5, "great-circle").norm()
        (tensor([1., 1.]), tensor(2.0000))
    """
    checks.choice("kind", kind, ("linear", "great-circle"))
    if a.shape != b.shape:
        raise ValueError(f"b must have the shape of a, {tuple(a.shape)}, got {tuple(b.shape)}.")
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    t = t.reshape(*t.shape, *(1,) * a.ndim)
    if kind == "linear":
        return a.lerp(b, t)
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    unit_a, unit_b = a / length_a, b / length_b
    angle = 2 * torch.atan2((unit_a - unit_b).norm(dim=-1, keepdim=True), (unit_a + unit_b).norm(dim=-1, keepdim=True))
    if bool((math.pi - angle < 1e-3).any()):
        raise ValueError("a and b must not be opposite for a great circle, got opposite codes. Use kind='linear'.")
    sine = angle.sin()
    close = sine < 1e-4  # the circle is a line to rounding, and the quotients below would be 0 / 0
    sine = torch.where(close, torch.ones_like(sine), sine)
    length = length_a.lerp(length_b, t)
    turned = ((1 - t) * angle).sin() / sine * unit_a + (t * angle).sin() / sine * unit_b
    return torch.where(close, a.lerp(b, t), length * turned)
