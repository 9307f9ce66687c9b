"""What the worker draws of an edit: a picture before, after or of the difference, with its words; a walk about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from .._steps import OnStep
from ..edits import Code, Edit, Move
from ..generators.base import Generator
from ..geometry.walks import Walk
from ._encode import difference
from ._frames import Frames
from ._moves import with_move

__all__ = ["VIEWS", "Drawn", "Way", "draw", "draw_moving", "small"]

VIEWS = {
    "after": "The edited picture",
    "before": "The picture without the moves",
    "difference": "Where the moves made it darker (orange) or brighter (purple)",
}


class Drawn(NamedTuple):
    """What the worker made of an edit; words and code only of an exact picture."""

    edit: Edit
    image: Any
    words: str = ""
    code: Code | None = None


def draw(frames: Frames, edit: Edit, view: str) -> Drawn:
    """Draw an edit exactly.

    Args:
        frames: Draws.
        edit: What to draw.
        view: One of :data:`VIEWS`.

    Returns:
        Its picture, words and code.
    """
    after = frames.exact(edit)
    return Drawn(edit, _seen(frames, edit, view, after), _words(frames, edit, after), frames.code)


def draw_moving(frames: Frames, edit: Edit, view: str) -> Drawn:
    """Draw an edit as well as the time between two positions of a slider allows, see :meth:`Frames.moving`."""
    return Drawn(edit, _seen(frames, edit, view, frames.moving(edit)))


def _seen(frames: Frames, edit: Edit, view: str, after: Tensor) -> Any:
    if view == "after":
        return after
    before = frames.before(edit)
    if view == "before":
        return before
    return difference(before, interpolate(after, before.shape[-2:], mode="bilinear"))


def _words(frames: Frames, edit: Edit, after: Tensor) -> str:
    """Say what a picture shows, and how much it differs from the one before the moves."""
    base = edit.base
    words = [f"seed {base.seed}" if base.code is None else f"a code in {base.code.space}"]
    words += [f"truncation {base.truncation:g}"] if base.truncation != 1 else []
    words += [f"{base.weight:.0%} of seed {base.second_seed}"] if base.second_seed is not None else []
    words += [f"layers {base.mix_layers[0]}-{base.mix_layers[-1]} of seed {base.mix_seed}"] if base.mix_layers else []
    moves = sum(move.enabled for move in edit.moves)
    if moves:
        change = (after - frames.before(edit)).square().mean().sqrt()
        words += [f"{moves} move{'s' * (moves > 1)}", f"change {float(change):.3f} rms"]
    return " · ".join(words)


def small(pictures: Tensor, side: int) -> Tensor:
    """Shrink pictures that are larger than a page shows them.

    Args:
        pictures: ``(n, 3, H, W)``.
        side: The most pixels that a side should have.

    Returns:
        Averages over whole blocks of pixels; the pictures themselves where they are small enough.
    """
    block = -(-max(pictures.shape[-2:]) // side)
    return avg_pool2d(pictures, block) if block > 1 else pictures


@dataclass(frozen=True, eq=False)
class Way:
    """Where the filmstrip goes: about an edit, along the direction of a move, from ``-reach`` to ``reach``."""

    edit: Edit
    move: Move
    reach: float
    count: int

    def walk(self, G: Generator) -> Walk:
        """Find the codes; each takes the place of the edit's own move along the direction."""
        at = [round(float(a), 6) for a in torch.linspace(-self.reach, self.reach, self.count)]
        codes = [with_move(self.edit, replace(self.move, alpha=a)).code(G) for a in at]
        tensors = torch.stack([code.tensor for code in codes])
        return Walk(tensors, tuple(at), codes[0].space, self.move.unit, self.move.kind, self.move.name)

    def draw(self, frames: Frames, on_step: OnStep | None) -> tuple[Walk, Tensor] | None:
        """Draw the walk as the picture shows it, with the edit's mask; None if ``on_step`` ended it."""
        walk = self.walk(frames.generator)
        pictures = walk.images(frames.generator, 1 if frames.slow else 3, on_step)
        return (walk, frames.masked(self.edit, pictures)) if len(pictures) == len(walk) else None
