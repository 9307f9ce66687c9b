"""What the worker draws of an edit: a picture before, after or of the difference, with its words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.core.texts import tr, trn
from latent_widgets.edits.edit import Code, Edit
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.kit.encode import difference

__all__ = ["VIEWS", "Drawn", "draw", "draw_between", "draw_moving"]

VIEWS = {
    "after": tr("The edited picture"),
    "before": tr("The picture without the moves"),
    "difference": tr("Where the moves made it darker (orange) or brighter (purple)"),
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
    words = [tr("seed {seed}", seed=base.seed) if base.code is None else tr("a code in {space}", space=base.code.space)]
    if base.condition is not None:
        words += [tr("class {number} {name}", number=base.condition, name=names[base.condition]).strip()]
    if base.truncation != 1:
        words += [tr("truncation {value}", value=f"{base.truncation:g}")]
    if base.second_seed is not None:
        words += [tr("{share} of seed {seed}", share=f"{base.weight:.0%}", seed=base.second_seed)]
    if base.mix_layers:
        first, last = base.mix_layers[0], base.mix_layers[-1]
        words += [tr("layers {first}-{last} of seed {seed}", first=first, last=last, seed=base.mix_seed)]
    if edit.mask is not None:
        area = float(edit.mask.tensor.double().mean())
        shown = tr("moves show in {area} of the picture", area=f"{area:.2%}")
        words += [shown if area else tr("moves show nowhere: the region is empty")]
    moves = sum(move.enabled for move in edit.moves)
    if moves:
        words += [trn("{count} move", "{count} moves", moves)]
        with suppress(Exception):  # a picture is not held back because the one before the moves cannot be drawn
            change = (after - frames.before(edit)).square().mean().sqrt()
            words += [tr("change {amount} rms", amount=f"{float(change):.3f}")]
    if view == "difference":
        words += [tr("orange is darker, purple brighter") if moves else tr("no move yet, so nothing differs")]
    return " · ".join(words)
