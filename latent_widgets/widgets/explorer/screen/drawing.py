"""What the worker draws of an edit: a picture before, after or of the difference, with its words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.edits.edit import Code, Edit
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.kit.encode import difference

__all__ = ["VIEWS", "Drawn", "draw", "draw_between", "draw_moving"]

VIEWS = {
    "after": "The edited picture",
    "before": "The picture without the moves",
    "difference": "Where the moves made it darker (orange) or brighter (purple)",
}


class Drawn(NamedTuple):
    """What the worker made of an edit; code and the plain picture after the moves only of an exact one."""

    edit: Edit
    view: str
    image: Any
    words: str = ""
    code: Code | None = None
    after: Any = None


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
    return Drawn(edit, view, _seen(frames, edit, view, after), _words(frames, edit, view, after), frames.code, after)


def draw_moving(frames: Frames, edit: Edit, view: str) -> Drawn:
    """Draw an edit as well as the time between two positions of a slider allows, see :meth:`Frames.moving`."""
    image = _seen(frames, edit, view, frames.moving(edit))
    return Drawn(edit, view, image, "" if view == "before" else frames.words)


def draw_between(frames: Frames, edit: Edit, view: str) -> Drawn | None:
    """Draw an edit at once, see :meth:`Frames.between`; None where that cannot be."""
    found = frames.between(edit) if view == "after" else None
    return None if found is None else Drawn(edit, view, *found)


def _seen(frames: Frames, edit: Edit, view: str, after: Tensor) -> Any:
    if view == "after":
        return after
    before = frames.before(edit)
    if view == "before":
        return before
    return difference(before, interpolate(after, before.shape[-2:], mode="bilinear"))


def _words(frames: Frames, edit: Edit, view: str, after: Tensor) -> str:
    """Say what a picture shows, and how much it differs from the one before the moves."""
    base, G = edit.base, frames.generator
    names = G.class_names or ("",) * G.classes
    words = [f"seed {base.seed}" if base.code is None else f"a code in {base.code.space}"]
    words += [] if base.condition is None else [f"class {base.condition} {names[base.condition]}".strip()]
    words += [f"truncation {base.truncation:g}"] if base.truncation != 1 else []
    words += [f"{base.weight:.0%} of seed {base.second_seed}"] if base.second_seed is not None else []
    words += [f"layers {base.mix_layers[0]}-{base.mix_layers[-1]} of seed {base.mix_seed}"] if base.mix_layers else []
    if edit.mask is not None:
        area = float(edit.mask.tensor.double().mean())
        words += [f"moves show in {area:.2%} of the picture" if area else "moves show nowhere: the region is empty"]
    moves = sum(move.enabled for move in edit.moves)
    if moves:
        words += [f"{moves} move{'s' * (moves > 1)}"]
        with suppress(Exception):  # a picture is not held back because the one before the moves cannot be drawn
            change = (after - frames.before(edit)).square().mean().sqrt()
            words += [f"change {float(change):.3f} rms"]
    if view == "difference":
        words += ["orange is darker, purple brighter" if moves else "no move yet, so nothing differs"]
    return " · ".join(words)
