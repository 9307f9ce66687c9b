"""Painted examples of parts, and the segmenters that are fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.core.steps import OnStep
from latent_widgets.core.texts import tr
from latent_widgets.edits.changes import same_code
from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.generators.base import Generator
from latent_widgets.segmentation import FewShotSegmenter, fit_segmenter
from latent_widgets.widgets.explorer.part.work import tinted
from latent_widgets.widgets.kit.encode import Pixels

__all__ = ["Example", "Examples", "example_of", "fit_examples"]

MOST = 8  # examples of one part
PRIORITY = -5  # of reading features, as of all that takes long
QUICK = 3000  # painted pixels of a first fit, which is there at once


@dataclass(frozen=True, eq=False)
class Example:
    """A face on which a part is painted.

    Attributes:
        code: Of the face.
        mask: Where the part is; everywhere else it is not.
        words: What to call it.
        picture: The face with the part tinted, to look at.
    """

    code: Code
    mask: Mask
    words: str
    picture: Pixels


@dataclass(frozen=True, eq=False)
class Examples:
    """Painted examples by part; each method returns new ones.

    Attributes:
        parts: For every part its examples.
    """

    parts: dict[str, tuple[Example, ...]] = field(default_factory=dict)

    def of(self, part: str) -> tuple[Example, ...]:
        """Return the examples of a part."""
        return self.parts.get(part, ())

    def add(self, part: str, example: Example) -> Examples:
        """Return them with one more; one of the same face is replaced.

        Args:
            part: Of which part.
            example: The example.

        Raises:
            ValueError: If there are enough.
        """
        kept = tuple(e for e in self.of(part) if not same_code(e.code, example.code))
        if len(kept) >= MOST:
            raise ValueError(f"examples of {part!r} must be at most {MOST}, got one more. Remove one first.")
        return Examples(self.parts | {part: (*kept, example)})

    def remove(self, part: str, example: Example) -> Examples:
        """Return them without one; without the part, where it was the last."""
        kept = tuple(e for e in self.of(part) if e is not example)
        rest = {name: found for name, found in self.parts.items() if name != part}
        return Examples(rest | ({part: kept} if kept else {}))


def example_of(G: Generator, edit: Edit, mask: Mask | None, picture: Pixels) -> Example:
    """Make an example of the picture of an edit and what is painted on it.

    Args:
        G: The generator.
        edit: Of the picture.
        mask: What is painted.
        picture: The picture.

    Raises:
        ValueError: If nothing is painted, or everything, or the picture is not that of one code.
    """
    if mask is None or not 0 < (share := float((mask.weights(*G.picture_size) >= HALF_COVERED).double().mean())) < 1:
        what = "nothing painted" if mask is None or share == 0 else "everything painted"
        raise ValueError(f"mask must mark the part and leave the rest out, got {what}. Paint on the picture.")
    if edit.mask is not None and any(m.enabled for m in edit.moves):
        raise ValueError(
            "the picture must be that of one code to be an example, got one whose moves show only inside the region. "
            "Switch that off on the region page, or reset the moves."
        )
    inside = mask.weights(*G.picture_size) >= HALF_COVERED
    image = torch.from_numpy(picture.copy()).movedim(-1, 0)[None] / 127.5 - 1  # (H, W, 3) -> (1, 3, H, W)
    words = tr("seed {seed}", seed=edit.base.seed) if edit.base.code is None else tr("a code")
    words += "*" * any(m.enabled for m in edit.moves)
    shown = tinted(image, Mask(inside).weights(*image.shape[-2:])[None].cpu() >= HALF_COVERED)
    return Example(replace(edit, mask=None).code(G), Mask(inside.cpu()), words, shown)


def fit_examples(
    G: Generator, part: str, examples: tuple[Example, ...], quick: bool, on_step: OnStep | None
) -> FewShotSegmenter:
    """Fit a segmenter to examples; others may use the generator meanwhile, but while its features are read.

    Args:
        G: The generator.
        part: What it finds.
        examples: At least one.
        quick: Whether few pixels and no score will do, for a first look.
        on_step: As of :func:`latent_widgets.fit_segmenter`.
    """
    tensors = [e.code.tensor for e in examples]
    if len({e.code.space for e in examples}) > 1:  # w and w+: of one space
        tensors = [G.broadcast(e.code.tensor[None])[0] if e.code.space == "w" else e.code.tensor for e in examples]
    labels = torch.stack([e.mask.tensor.long() for e in examples])
    sparing: dict[str, Any] = {"pixels": QUICK, "evaluate": False} if quick else {}
    shared: Any = _Sharing(G)
    found = fit_segmenter(shared, torch.stack(tensors), labels, ("rest", part), on_step=on_step, **sparing)
    found.generator = G
    return found


class _Sharing:
    """A generator that waits for its turn wherever features are read, and not while they are thought about."""

    def __init__(self, G: Generator) -> None:
        self._generator = G

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def features(self, *arguments: Any, **options: Any) -> Any:
        with self._generator.lock.turn(PRIORITY):
            return self._generator.features(*arguments, **options)
