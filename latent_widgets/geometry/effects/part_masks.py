"""From whatever says where a part is, a segmenter, a callable, a label map or a painted mask, to its mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.pictures import within_reach
from latent_widgets.core.rounding import snapped
from latent_widgets.generators.base import Generator
from latent_widgets.segmentation import FixedMask, ForeignSegmenter, Part, Segmenter
from latent_widgets.values.masks import Mask

__all__ = ["PartMasks", "Parts", "merge_masks"]

MERGES = ("average", "union", "intersection")
NAMELESS = 255  # a callable without names may give labels up to this
Parts = Any  # a Segmenter, a callable from pictures to labels, a label map, or a mask


def merge_masks(before: Tensor, after: Tensor, how: str) -> Tensor:
    """Merge the masks of a part before and after an edit.

    Args:
        before: ``(n, H, W)``, bool or in [0, 1].
        after: The same.
        how: ``"average"``, ``"union"`` or ``"intersection"``; of soft masks, as of independent events.

    Returns:
        ``(n, H, W)``, floating.

    Raises:
        ValueError: If ``how`` is none of these.

    Example:
        >>> a, b = torch.tensor([[[1.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.0]]])
        >>> merge_masks(a, b, "average")
        tensor([[[1.0000, 0.5000, 0.0000]]])
    """
    checks.choice("merge", how, MERGES)
    dtype = next((m.dtype for m in (before, after) if m.is_floating_point()), torch.float32)
    a, b = before.to(dtype), after.to(dtype)
    if how == "average":
        return (a + b) / 2
    return a * b if how == "intersection" else a + b - a * b


@dataclass(frozen=True, eq=False)
class PartMasks:
    """Where one part is in any picture of a generator.

    Attributes:
        label: What to call the part.
        fixed: ``(H, W)``, for a mask that is the same in every picture; None where a segmenter looks.
        segmenter: Says where the part is; None for a fixed mask.
        part: Which of its parts.
    """

    label: str
    fixed: Tensor | None = None
    segmenter: Segmenter | None = None
    part: Part = 0

    @classmethod
    def of(cls, G: Generator, parts: Parts, part: Part | None = None) -> PartMasks:
        """Read what a user gave.

        Args:
            G: The generator.
            parts: A :class:`~latent_widgets.segmentation.Segmenter`; any callable from pictures ``(n, 3, H, W)`` to
                integer labels ``(n, H, W)``, with or without part names as ``names``; a label map ``(H, W)``; or
                whatever :class:`~latent_widgets.Mask` takes.
            part: A name or label, or several that count as one. Beside a mask it is only its name.

        Returns:
            The masks.

        Raises:
            TypeError: If ``parts`` or ``part`` has the wrong type.
            ValueError: If there is no such part, or a mask is empty or covers everything.
        """
        if isinstance(parts, str) or parts is None:
            raise TypeError(
                f"parts must be a segmenter, a callable, a label map or a mask, got {parts!r}. "
                "Use lw.load_segmenter() or paint a mask."
            )
        if isinstance(parts, FixedMask):
            parts = parts.region
        if callable(parts):
            return cls._seen(parts, part)
        mask, label = _drawn(parts, part)
        weights = snapped(mask.tensor.double())
        if not bool((weights > 0).any() and (weights < 1).any()):
            what = "everything" if bool((weights > 0).any()) else "nothing"
            raise ValueError(f"parts must mark some of the picture and leave some out, got a mask of {what}.")
        return cls(label, mask.tensor.to(G.device))

    @classmethod
    def _seen(cls, parts: Any, part: Part | None) -> PartMasks:
        names = tuple(getattr(parts, "names", ()))
        if not names:
            numbers, label = _numbers(part)
            nameless = [f"part {i}" for i in range(max(NAMELESS, *numbers) + 1)]
            return cls(label, None, ForeignSegmenter(parts, nameless), numbers)
        segmenter = parts if isinstance(parts, Segmenter) else ForeignSegmenter(parts, names)
        if part is None:
            raise ValueError(f"part must say which part, got None. The parts are {', '.join(names)}.")
        label = " + ".join(names[i] for i in segmenter.part_indices(part))
        return cls(label, None, segmenter, part)

    def __call__(
        self, codes: Tensor, space: str, images: Tensor, features: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Return the masks of pictures; no gradient flows.

        Args:
            codes: Their codes, for segmenters that read features instead.
            space: The space of the codes.
            images: ``(n, 3, H, W)``.
            features: Features at these codes, by layer, which such segmenters need not compute again.

        Returns:
            ``(n, H, W)``, bool or in [0, 1]; a fixed mask in the size in which it was given.

        Raises:
            ValueError: If the segmenter gives labels of another shape or number.
            RuntimeError: If it fails; the message says how.
        """
        if self.segmenter is None:
            fixed: Tensor = self.fixed  # type: ignore[assignment]  # one of the two is there
            return fixed.expand(len(codes), -1, -1)
        with torch.no_grad():
            images = within_reach(images.detach())
            return self.segmenter.mask(images, self.part, codes.detach(), space=space, features=features)


def _drawn(parts: Any, part: Part | None) -> tuple[Mask, str]:
    """Read a mask; or of a label map the part that a number asks for."""
    labels = _whole(parts)
    if labels is None or part is None or isinstance(part, str):
        try:
            return Mask(parts), "region" if part is None else str(part)
        except ValueError:
            if labels is None or labels.ndim != 2:
                raise
    if labels.ndim != 2:
        raise ValueError(f"parts must be one label map (H, W), got shape {labels.shape}.")
    numbers, label = _numbers(part)
    found = np.isin(labels, numbers)
    if not found.any():
        there = ", ".join(map(str, np.unique(labels)[:8]))
        raise ValueError(f"part must be a label of the map, got {part!r}, which is nowhere in it. There are {there}.")
    return Mask(torch.from_numpy(found)), label


def _whole(parts: Any) -> np.ndarray | None:
    """What may be a label map, as an array; None for weights and for what is neither."""
    if isinstance(parts, Mask) or (isinstance(parts, Tensor) and parts.is_floating_point()):
        return None
    try:
        labels = np.asarray(parts.detach().cpu() if isinstance(parts, Tensor) else parts)
    except (ValueError, OSError):  # Mask says what is wrong
        return None
    return labels if labels.dtype.kind in "iu" else None


def _numbers(part: Any) -> tuple[tuple[int, ...], str]:
    """The labels meant by ``part`` where labels have no names, and what to call them."""
    several = tuple(part) if isinstance(part, (list, tuple)) else (part,)
    if not several or any(one is None or isinstance(one, str) for one in several):
        raise ValueError(f"part must be a label, an integer, where parts have no names, got {part!r}.")
    numbers = tuple(checks.integer("part", one, low=0) for one in several)
    return numbers, " + ".join(f"part {i}" for i in numbers)
