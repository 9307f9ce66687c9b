"""Where the explorer's filmstrip goes: along the direction of a move, about an edit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .._steps import OnStep
from ..edits import Code, Edit, Move
from ..generators.base import Generator
from ..geometry.curves import WEAK_MATCH, CurveWalk, z_behind
from ..geometry.walks import Walk, curve_along, interpolate, refusal
from ._frames import SLOW_MS, Frames
from ._moves import move_along, with_move

__all__ = ["Way", "words_of"]

TOGETHER = 3  # pictures in a batch of a fast generator: two thirds of the time that they take one by one


@dataclass(frozen=True, eq=False)
class Way:
    """A walk about an edit, along the direction of a move.

    Attributes:
        edit: Where the middle is, but for its own move along the direction.
        move: Says which direction and layers; straight moves and those at constant density say that too.
        reach: The walk goes from minus to plus this far.
        count: How many codes it has.
        kind: One of :func:`~latent_widgets.geometry.walks.kinds_of`.
    """

    edit: Edit
    move: Move
    reach: float
    count: int
    kind: str = "linear"

    def refusal(self, G: Generator) -> str:
        """Say why there is no such walk; empty if there is."""
        base, words = self.edit.base, refusal(G, self.kind, self.move.space)
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

        Returns:
            The walk.

        Raises:
            ValueError: If there is no such walk, see :meth:`refusal`.
        """
        if words := self.refusal(G):
            raise ValueError(words)
        at = [round(float(a), 6) for a in torch.linspace(-self.reach, self.reach, self.count)]
        if self.kind == "curve":
            return self._curve(G, at, on_step)
        codes = [with_move(self.edit, replace(self.move, alpha=a)).code(G) for a in at]
        tensors = torch.stack([code.tensor for code in codes])
        return Walk(tensors, tuple(at), codes[0].space, self.move.unit, self.move.kind, self.move.name)

    def _curve(self, G: Generator, at: list[float], on_step: OnStep | None) -> CurveWalk:
        """Follow the mapping from the latent of the edit; layers that come from another seed stay as they are."""
        edit, move = self.edit, self.move
        z, truncation = _latent(edit, G)
        longer = [a / edit.base.truncation for a in at]  # the edit's truncation is still to come
        path = curve_along(G, z, move.direction, longer, truncation=truncation, layers=move.rows, on_step=on_step)
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
        quick = TOGETHER * (frames.exact_ms or 0.0) < SLOW_MS  # a hand that moves again waits for all of a batch
        drawn = walk.images(frames.generator, TOGETHER if quick else 1, on_step)
        return frames.masked(self.edit, drawn) if len(drawn) == len(walk) else None


def _latent(edit: Edit, G: Generator) -> tuple[Tensor, float]:
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


def words_of(walk: Walk) -> str:
    """Say what a strip shows: where it goes, and of a curve how well it follows the direction and how far it bends."""
    words = [f"{walk.name}, {walk.kind}: {walk.at[0]:g} to {walk.at[-1]:g} {walk.unit}"]
    if isinstance(walk, CurveWalk):
        match, length = float(walk.cosines.min()), float(walk.arc_length.abs().max())
        bend = float(walk.deviation.max()) / length if length else 0.0
        weak = ", weak: hardly this direction" if match < WEAK_MATCH else ""
        words += [f"bends by {100 * bend:.2g} % of its length", f"match {match:.2f}{weak}"]
    return " · ".join(words)
