"""Walks: pictures along a path through a latent space.

A straight walk adds multiples of a direction. A walk of kind ``"density"`` keeps the probability density of the code.
For the Gaussian prior of ``z`` density depends on the norm alone, so the walk follows the great circle
``cos(a) z + sin(a) |z| g``, with ``g`` the unit part of the direction perpendicular to ``z``. DP-LaSE (Li et al. 2021,
doi 10.1145/3474085.3475293) keeps the norm by rescaling ``z + e g``: the same circle, but it never gets as far as
``g``, however large the stride ``e``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latent_widgets import _checks
from latent_widgets._figures import new_figure
from latent_widgets._fitting import rows_of
from latent_widgets._steps import OnStep, report
from latent_widgets.directions import Directions
from latent_widgets.generators.base import Generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "Walk", "great_circle", "interpolate", "shift", "walk"]

KINDS: dict[str, tuple[str, ...]] = {"z": ("linear", "density"), "w": ("linear",), "w+": ("linear",), "s": ("linear",)}


@dataclass(frozen=True, eq=False)
class Walk:
    """Codes along a path.

    Attributes:
        codes: ``(m, d)``, or ``(m, num_layers, d)`` in ``w+``.
        at: The ``m`` positions.
        space: Where the codes live.
        unit: What the positions are measured in.
        kind: How the path runs, such as ``"linear"``.
        name: Label of the axis.
    """

    codes: Tensor
    at: tuple[float, ...]
    space: str
    unit: str
    kind: str
    name: str = ""

    def __len__(self) -> int:
        return len(self.codes)

    def images(self, G: Generator, batch: int = 8, on_step: OnStep | None = None) -> Tensor:
        """Draw the pictures along the walk, without derivatives.

        Args:
            G: The generator.
            batch: How many are drawn at once.
            on_step: Called after each batch with the pictures so far.

        Returns:
            ``(m, 3, H, W)``; fewer if ``on_step`` returned ``False``.

        Raises:
            TypeError: If ``batch`` is no integer.
            ValueError: If ``batch`` is below 1 or the codes are not the generator's.
        """
        _checks.integer("batch", batch, low=1)
        parts: list[Tensor] = []
        chunks = self.codes.to(G.device, G.dtype).split(batch)
        for i, codes in enumerate(chunks):
            with torch.no_grad():
                parts.append(G.synthesize(codes, self.space))
            if not report(on_step, i + 1, len(chunks), parts[-1]):
                break
        return torch.cat(parts)

    def plot(self, G: Generator) -> Figure:
        """Draw the walk as a strip of pictures with their positions.

        Args:
            G: The generator.

        Returns:
            A matplotlib figure.
        """
        images = self.images(G).clamp(-1, 1).add(1).div(2).permute(0, 2, 3, 1).float().cpu().numpy()
        figure = new_figure(1.4 * len(self), 1.9)
        for axes, image, at in zip(figure.subplots(1, len(self), squeeze=False)[0], images, self.at, strict=True):
            axes.imshow(image)
            axes.set(xticks=[], yticks=[], xlabel=f"{at:g}")
        figure.supxlabel(" ".join(word for word in (self.name, f"[{self.unit}]", self.kind) if word), fontsize="medium")
        return figure


def walk(
    G: Generator,
    code: Any,
    direction: Any,
    at: Sequence[float] | Tensor = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
    unit: str | None = None,
    kind: str = "linear",
    layers: Sequence[int] | None = None,
    index: int | str = 0,
) -> Walk:
    """Walk from a code along a direction.

    Args:
        G: The generator.
        code: Where position 0 is: ``(d,)``, ``(1, d)``, ``(1, num_layers, d)`` or a ``Code``.
        direction: ``Directions`` or a result that carries them, or one vector, taken to live in the space of the code.
        at: Positions.
        unit: What they are measured in, see ``Directions``; that of the directions, ``"sd"`` for a bare vector. In
            ``"degrees"`` a straight step is as long as the arc.
        kind: ``"linear"``; in ``z`` also ``"density"``.
        layers: Rows of ``w+`` to move; those of the directions, else all.
        index: Which of the directions, by number or name.

    Returns:
        The walk.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator or does not exist in this space.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> W = walk(G, G.code(seed=0), torch.eye(5)[2], at=[-1, 0, 1], unit="latent")
        >>> W.codes.shape, torch.allclose(W.codes[2] - W.codes[1], torch.eye(5)[2], atol=1e-5)
        (torch.Size([3, 5]), True)
    """
    start, space = G.check_code(code)
    if len(start) != 1:
        raise ValueError(f"code must be one code, got {len(start)}. Walk from each of them in turn.")
    chosen = _one_direction(G, direction, index, space)
    chosen = chosen if unit is None else chosen.in_unit(unit, G)
    rows = rows_of(layers, chosen.space, G.num_layers) if layers is not None else chosen.layers
    if layers is not None:
        G.check_space("w+")
    positions = tuple(_checks.number("at", value) for value in at)
    if not positions:
        raise ValueError("at must hold at least one position, got none.")
    point = start[0]
    if space == "w" and (rows is not None or chosen.space == "w+"):
        point, space = G.broadcast(start)[0], "w+"
    if space != chosen.space and (chosen.space, space) != ("w", "w+"):
        raise ValueError(f"direction must live in the space of the code, {space}, got one in {chosen.space}.")
    codes = shift(point, chosen, positions, kind=kind, rows=rows)
    return Walk(codes, positions, space, chosen.unit, kind, chosen.names[0])


def _one_direction(G: Generator, direction: Any, index: int | str, space: str) -> Directions:
    carried = direction if isinstance(direction, Directions) else getattr(direction, "directions", None)
    if isinstance(carried, Directions):
        return carried[index].for_generator(G)
    vector = torch.as_tensor(getattr(direction, "tensor", direction)).to(G.device, G.dtype)
    space = getattr(direction, "space", "w" if space == "w+" and vector.ndim == 1 else space)
    G.check_space(space)
    tail = (G.num_layers, G.dim(space)) if space == "w+" else (G.dim(space),)
    _checks.shape("direction", vector, tail)
    return Directions(vector[None], space, names=["direction"]).in_unit("sd", G)


def shift(
    code: Tensor,
    direction: Directions,
    at: Sequence[float],
    kind: str = "linear",
    rows: Sequence[int] | None = None,
) -> Tensor:
    """Move one code along one direction: the step that walks and edits share.

    Args:
        code: ``(d,)``, or ``(num_layers, d)`` in ``w+``.
        direction: A single one.
        at: The positions, in the direction's unit.
        kind: One of :data:`KINDS` of the direction's space.
        rows: The rows of a ``w+`` code to move; None for all.

    Returns:
        ``(m, *code.shape)``.

    Raises:
        ValueError: If the kind or unit does not exist in this space, or the density walk has nowhere to go.
    """
    options = KINDS[direction.space]
    hint = "" if len(options) > 1 else f"In z there are {' and '.join(KINDS['z'])}."
    _checks.choice("kind", kind, options, hint)
    vector = direction.unit_vectors[0]
    positions = torch.as_tensor(list(at), dtype=code.dtype, device=code.device)
    radius = code.norm() if direction.space == "z" else None
    if direction.unit == "degrees" and radius is not None:
        lengths = torch.deg2rad(positions) * radius
    else:
        lengths = positions * direction.scales[0]
    if kind == "density" and radius is not None:
        return great_circle(code, vector, lengths / radius)
    steps = lengths.reshape(-1, *(1,) * code.ndim) * vector
    if rows is None:
        return code + steps
    moved = torch.zeros(len(code), 1, dtype=torch.bool, device=code.device)
    moved[list(rows)] = True
    return torch.where(moved, code + steps, code)


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
    if not bool(sideways.norm() > 1e-6 * length):
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
    _checks.choice("kind", kind, ("linear", "great-circle"))
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
