"""Where the explorer's filmstrip goes: along the direction of a move, about an edit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latent_widgets.core.steps import OnStep
from latent_widgets.edits.changes import move_along, with_move
from latent_widgets.edits.edit import Base, Code, Edit, Move
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.walks.curves import CurveWalk, z_behind
from latent_widgets.geometry.walks.walk import Walk, curve_along, interpolate, refusal
from latent_widgets.geometry.walks.walk import walk as walk_along
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.walk.densities import Densities
from latent_widgets.widgets.kit.reach import positions

__all__ = ["Way", "latent_of"]


@dataclass(frozen=True, eq=False)
class Way:
    """A walk about an edit, along the direction of a move.

    Attributes:
        edit: Where the middle is, but for its own move along the direction.
        move: Says which direction and layers; straight moves and those at constant density say that too.
        reach: The walk goes from minus to plus this far.
        count: How many codes it has.
        kind: One of :func:`~latent_widgets.geometry.walks.kinds_of`.
        densities: What a walk of kind ``"density"`` in ``w`` keeps; there is no such walk without.
    """

    edit: Edit
    move: Move
    reach: float
    count: int
    kind: str = "linear"
    densities: Densities | None = None

    def refusal(self, G: Generator) -> str:
        """Say why there is no such walk; empty if there is."""
        base, words = self.edit.base, "" if self._in_w else refusal(G, self.kind, self.move.space)
        if words or self.kind != "curve":
            return words
        if base.second_seed is not None and base.weight and base.blend != "z":
            return "The edit must start from one seed for a curve, got two mixed in w. Take the second away."
        if base.code is not None and z_behind(G, base.code) is None:
            return f"The edit must start from a seed for a curve, got a code in {base.code.space} whose z is unknown."
        return "" if base.truncation else "truncation must not be 0 for a curve, got 0: that is the average picture."

    def walk(self, G: Generator, on_step: OnStep | None = None) -> Walk:
        """Find the codes; each takes the place of the edit's own move along the direction.

        Args:
            G: The generator.
            on_step: Called after each step of a curve; ``False`` ends it.

        Raises:
            ValueError: If there is no such walk, see :meth:`refusal`; none of constant density that goes so far; or
                no weights.
        """
        if words := self.refusal(with_weights(G)):
            raise ValueError(words)
        at = positions(self.reach, self.count)
        if self.kind == "curve":
            return self._curve(G, at, on_step)
        if self._in_w:
            return self._kept(G, at)
        codes = [with_move(self.edit, replace(self.move, alpha=a)).code(G) for a in at]
        tensors = torch.stack([code.tensor for code in codes])
        return Walk(tensors, tuple(at), codes[0].space, self.move.unit, self.move.kind, self.move.name)

    @property
    def _in_w(self) -> bool:
        """Whether this is a walk at constant density in ``w``."""
        return self.kind == "density" and self.densities is not None and self.move.space in ("w", "w+")

    def _start(self, G: Generator) -> Code:
        """The code in ``w`` or ``w+`` of the edit without its move along the direction, and without those in ``s``."""
        own = move_along(self.edit, self.move.direction)
        rest = tuple(m for m in self.edit.moves if m is not own and m.space != "s")
        return replace(self.edit, moves=rest).code(G)

    def turn(self, G: Generator) -> float | None:
        """By how many degrees a step of one unit turns, at constant density; None for a walk that is no one circle."""
        move, densities = self.move, self.densities
        if self.kind != "density" or densities is None or move.space not in ("z", "w"):
            return None
        if move.space == "z" and move.unit == "degrees":
            return 1.0
        if move.space == "z":
            own = move_along(self.edit, move.direction)
            n = len(self.edit.moves) if own is None else self.edit.moves.index(own)
            before = replace(self.edit, moves=self.edit.moves[:n])
            point = before.code(G).tensor if G.main_space == "z" else latent_of(before, G)[0]
        else:
            point = self._start(G).tensor
        if point.ndim > 1 or move.rows is not None:
            return None
        direction = move.direction.to(point.device, point.dtype)
        turn = densities.path(move.space).turn(point, direction.unit_vectors[0])
        return None if turn is None else turn * float(direction.scales[0])

    def _kept(self, G: Generator, at: list[float]) -> Walk:
        """Keep the density fitted to ``w``, of every row that moves; moves in ``s`` come after."""
        assert self.densities is not None
        start, path, move = self._start(G), self.densities.path("w"), self.move
        direction = move.direction.to(start.tensor.device, start.tensor.dtype)
        unit, scale = direction.unit_vectors[0], float(direction.scales[0])
        points, along = (t.reshape(-1, unit.shape[-1]) for t in torch.broadcast_tensors(start.tensor, unit))
        turns = [path.turn(point, vector) or 0.0 for point, vector in zip(points, along, strict=True)]
        if not self.reach * scale * max(turns) <= 180:
            raise ValueError(
                f"reach must be at most {180 / (scale * max(turns)):.2g} {move.unit} for a walk at constant density "
                f"from this code, half way round, got {self.reach:g}. Raise the truncation, or go less far."
            )
        found = walk_along(G, start, direction, at, kind="density", layers=move.rows, density=path)
        later = tuple(m for m in self.edit.moves if m.space == "s")
        if not later:
            return found
        codes = [Edit(Base(code=Code(code, found.space)), later).code(G) for code in found.codes]
        tensors = torch.stack([code.tensor for code in codes])
        return replace(found, codes=tensors, space="s", log_density=None, kept=None)

    def _curve(self, G: Generator, at: list[float], on_step: OnStep | None) -> CurveWalk:
        """Follow the mapping from the latent of the edit; layers that come from another seed stay as they are."""
        edit, move = self.edit, self.move
        z, truncation = latent_of(edit, G)
        longer = [a / edit.base.truncation for a in at]  # the edit's truncation is still to come
        options = {"truncation": truncation, "layers": move.rows, "on_step": on_step}
        path = curve_along(G.of_class(edit.base.condition), z, move.direction, longer, **options)
        own = move_along(edit, move.direction)
        others = tuple(m for m in edit.moves if m is not own and m.space != "z")
        codes, space = path.codes, path.space
        if len(path):
            start = replace(edit.base, seed=None, second_seed=None, weight=0.0, blend=None, code=Code(codes[0], space))
            points = [replace(start, code=Code(code, space)) for code in codes]
            found = [replace(edit, base=point, moves=others).code(G) for point in points]
            codes, space = torch.stack([code.tensor for code in found]), found[0].space
        there = tuple(a for a, far in zip(at, longer, strict=True) if far in path.at)
        return replace(path, codes=codes, space=space, at=there)

    def pictures(self, walk: Walk, frames: Frames, on_step: OnStep | None) -> Tensor | None:
        """Draw a walk as the explorer shows it, with the edit's mask; None if it was not found or drawn whole."""
        if len(walk) < self.count:
            return None
        drawn = walk.images(frames.generator, frames.together, on_step)
        return frames.masked(self.edit, drawn) if len(drawn) == len(walk) else None


def latent_of(edit: Edit, G: Generator) -> tuple[Tensor, float]:
    """The ``z`` that the mapping turns into an edit's start, its moves in ``z`` made, and the truncation of a code."""
    base = edit.base
    found = (G.sample_z(1, int(base.seed or 0))[0], 1.0) if base.code is None else z_behind(G, base.code)
    assert found is not None  # refusal() would have said so
    z, truncation = found
    if base.second_seed is not None and base.weight:
        z = interpolate(z, G.sample_z(1, base.second_seed)[0], base.weight, "great-circle")
    for move in edit.moves:
        if move.enabled and move.space == "z":
            z = move.apply(G, z)
    return z, truncation
