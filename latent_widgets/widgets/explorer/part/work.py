"""From a part to sliders: what is trained, fitted and drawn; functions of frozen values, with no widget in sight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.core.steps import Cancelled, OnStep
from latent_widgets.edits.changes import with_move
from latent_widgets.edits.edit import Code, Edit, Mask, Move
from latent_widgets.faces.renderer import PARTS
from latent_widgets.generators.base import Generator
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.methods import Lelsd, lelsd
from latent_widgets.methods.lelsd.training import LelsdStep
from latent_widgets.segmentation import Features, FewShotSegmenter, Segmenter, load_segmenter, overlay
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.kit.encode import Pixels, sheet, small, to_uint8

__all__ = [
    "ExactParts",
    "Seen",
    "TrainingCourse",
    "TrainingPlan",
    "built_in",
    "look",
    "small_walks",
    "tinted",
    "train_part",
]

REACH, COUNT, SHOWN = 3.0, 5, 4  # of the small walks: how far, how many pictures, and of how many directions
THUMBNAIL, SIDE = 96, 192  # pixels of a picture of those at most, and of the one with the part at least


class ExactParts(Segmenter):
    """The part maps of a renderer, which needs no network: it knows what it draws.

    Args:
        G: The generator.
    """

    needs_codes = True

    def __init__(self, G: ExactFaces) -> None:
        super().__init__(PARTS, f"the exact part maps of {G.name!r}")
        self.generator = G

    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        if codes is None:
            raise ValueError(f"codes must be given to {self.name}, got none. Use as_segmenter for foreign pictures.")
        return self.generator.part_maps(codes, space).argmax(1)


def built_in(G: Generator) -> Segmenter | None:
    """Return what finds parts in the pictures of a generator without being asked for; None where nothing does."""
    if isinstance(G, ExactFaces):
        return ExactParts(G)
    return load_segmenter(device=G.device) if G.name == "faces64" else None


@dataclass(frozen=True)
class TrainingPlan:
    """What a hand can choose about a training.

    Attributes:
        label: The part, a name of the segmenter's; for a painted region, what to call it.
        k: How many directions.
        steps: How many steps.
        rows: Rows of ``w+`` that move; None for all.
        merge: How the masks before and after an edit merge.
        here: Whether it is for the one picture that is shown.
    """

    label: str
    k: int = 1
    steps: int = 200
    rows: tuple[int, ...] | None = None
    merge: str = "average"
    here: bool = False


@dataclass(frozen=True, eq=False)
class TrainingCourse:
    """How a training has gone so far.

    Attributes:
        steps: The steps at which it was checked.
        scores: The mean score of the directions there.
        total: How many steps there will be.
        best: The best of the scores.
        chance: The score of a change that is the same everywhere.
        band: Scores of random directions: lowest, mean, highest.
        done: Steps done.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    total: int
    best: float
    chance: float
    band: tuple[float, float, float]
    done: int

    @classmethod
    def after(cls, before: TrainingCourse | None, step: int, total: int, value: LelsdStep) -> TrainingCourse:
        """Return the course with one more step; a step between two checks adds no point to the curve."""
        steps, scores = (before.steps, before.scores) if before else ((), ())
        again = before is not None and before.done == step  # from inside of the next step
        if (value.checked and not again) or not steps:
            steps, scores = (*steps, step if value.checked else step - 1), (*scores, value.score)
        return cls(steps, scores, total, value.best, value.chance, value.band, step)


def train_part(
    G: Generator, parts: Any, plan: TrainingPlan, code: Code | None, start: Lelsd | None, on_step: OnStep
) -> Lelsd | None:
    """Train directions for a part; None where it was stopped before there was any.

    Args:
        G: The generator.
        parts: A segmenter or a mask.
        plan: What is asked for.
        code: The one picture that it is for; None for all.
        start: A training to go on with.
        on_step: As of :func:`latent_widgets.lelsd`.

    Returns:
        The best directions so far, with their scores.
    """
    merge: Any = plan.merge
    try:
        return lelsd(
            G, parts, plan.label, plan.k, steps=plan.steps, layers=plan.rows, code=code, merge=merge, start=start,
            on_step=on_step,
        )  # fmt: skip
    except Cancelled:
        return None


def small_walks(G: Generator, edit: Edit, directions: Directions) -> Pixels:
    """Draw a short walk along each of the first directions from an edit, one below the other.

    Args:
        G: The generator.
        edit: The middle.
        directions: Along which.

    Raises:
        ValueError: If the edit cannot be moved along them.
    """
    at = torch.linspace(-REACH, REACH, COUNT, dtype=torch.float32, device="cpu").tolist()
    moves = [Move.of(directions, i, alpha) for i in range(min(SHOWN, len(directions))) for alpha in at]
    codes = [with_move(edit, move).code(G) for move in moves]
    pictures = [G.synthesize(code.tensor[None], code.space) for code in codes]  # one at a time: others wait less
    return sheet(small(torch.cat(pictures), THUMBNAIL), COUNT)


@dataclass(frozen=True, eq=False)
class Seen:
    """Where a part is in a picture.

    Attributes:
        edit: Of the picture.
        picture: The picture with the part tinted; hatched where a fitted segmenter is in doubt.
        mask: Where the part is.
        sure: The mean probability of what it says; None where it does not say.
    """

    edit: Edit
    picture: Pixels
    mask: Mask
    sure: float | None


def look(G: Generator, parts: Any, label: str, edit: Edit) -> Seen:
    """Find a part in the picture of an edit.

    Args:
        G: The generator.
        parts: A segmenter or a mask.
        label: The part.
        edit: The edit.

    Raises:
        ValueError: If there is no such part, or as the segmenter raises.
    """
    code = replace(edit, mask=None).code(G)
    image = G.synthesize(code.tensor[None], code.space)
    size = (image.shape[-2], image.shape[-1])
    found = parts.weights(*size)[None] if isinstance(parts, Mask) else None
    if found is None:
        found = PartMasks.of(G, parts, label)(code.tensor[None], code.space, image)
    inside = found.to(image.device) >= HALF_COVERED
    sure = parts.confidence(code.tensor[None], code.space) if isinstance(parts, FewShotSegmenter) else None
    return Seen(edit, tinted(image, inside, sure), Mask(inside[0].cpu()), None if sure is None else float(sure.mean()))


def tinted(image: Tensor, inside: Tensor, sure: Tensor | None = None) -> Pixels:
    """Return a picture ``(1, 3, H, W)``, large enough to be looked at, with a region ``(1, H, W)`` tinted."""
    scale = max(1, -(-SIDE // max(image.shape[-2:])))
    large = [interpolate(x.to(image), scale_factor=scale) for x in (image, inside[:, None])]
    doubt = None if sure is None else interpolate(sure.to(image)[:, None], scale_factor=scale)[:, 0]
    return to_uint8(overlay(large[0], large[1][:, 0].long(), doubt))
