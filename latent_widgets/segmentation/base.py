"""What every segmenter can do: pictures in, one label a pixel out, with a name for each label.

A segmenter either looks at pictures, or reads the features of a generator at the codes that drew them. Callers that
have both, as LELSD does, give both and need not know which one it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.pictures import check_pictures
from latent_widgets.core.words import shown, whole

__all__ = ["Features", "Part", "Segmenter"]

Features = Mapping[str, Tensor]  # what a generator's layers give out, by name
Part = str | int | Sequence[str | int]  # one part, or several taken together


class Segmenter(ABC):
    """Pictures ``(n, 3, H, W)`` in [-1, 1] in, labels ``(n, H, W)`` out; device follows the input.

    Args:
        names: One name for each label; the first is the background.
        name: What to call the segmenter in errors.

    Attributes:
        names: One name for each label: ``names[label]``.
        name: What it is called.
        needs_codes: Whether it works on the codes of a generator and not on foreign pictures.

    Raises:
        TypeError: If a name is no string.
        ValueError: If there are no names, or two are equal.
    """

    needs_codes = False

    def __init__(self, names: Iterable[str], name: str = "segmenter") -> None:
        if isinstance(names, str):
            raise TypeError(f"names must be a list of part names, got the string {names!r}. Use [{names!r}].")
        self.names = tuple(names)
        self.name = name
        if not self.names or not all(isinstance(part, str) for part in self.names):
            raise TypeError(f"names must be one string for each label, got {shown(list(self.names))}.")
        self.names = tuple(map(whole, self.names))
        double = sorted({part for part in self.names if self.names.count(part) > 1})
        if double:
            raise ValueError(f"names must differ, got {', '.join(map(repr, double))} twice.")

    @abstractmethod
    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        """Label checked ``images``, or ``codes``; what comes back is checked by :meth:`labels`."""

    # ---- what users call

    def __call__(self, images: Tensor) -> Tensor:
        """Label pictures ``(n, 3, H, W)``: ``(n, H, W)`` int64."""
        return self.labels(images)

    def labels(
        self,
        images: Tensor | None = None,
        codes: Any = None,
        *,
        space: str | None = None,
        features: Features | None = None,
    ) -> Tensor:
        """Label pictures, or the pictures of codes; no gradient flows.

        A caller that has everything gives everything: each segmenter takes what it needs and leaves the rest.

        Args:
            images: ``(n, 3, H, W)``, nominally in [-1, 1].
            codes: The codes that drew them, for a segmenter that :attr:`needs_codes`.
            space: The space of the codes; found from the shape if not given.
            features: The features of the codes, where the caller has them already: a layer found here is not run again.
                Of each the part behind the picture: StyleGAN3's features go beyond it.

        Returns:
            ``(n, H, W)`` int64, from 0 to ``len(names) - 1``, on the device of the input.

        Raises:
            TypeError: If the pictures are no floating tensor, or the segmenter gave out something other than integers.
            ValueError: If what the segmenter needs is missing, or a shape or a label is wrong.
            RuntimeError: If the segmenter itself failed; the message says which one and how.
        """
        if images is not None:
            self._check_images(images)
        elif not self.needs_codes:
            raise ValueError(f"images must be given to {self.name}, got none. It looks at pictures.")
        with torch.no_grad():
            found = self._labels(images, codes, space, features)
        return found if images is None else self._check_labels(found, images)

    def mask(self, images: Tensor | None, part: Part, codes: Any = None, **options: Any) -> Tensor:
        """Say where a part is.

        Args:
            images: As for :meth:`labels`.
            part: Its name or label; or several, which are taken together.
            codes: As for :meth:`labels`.
            **options: ``space`` and ``features`` of :meth:`labels`.

        Returns:
            ``(n, H, W)`` bool; floating weights in [0, 1] where the segmenter has soft regions.

        Raises:
            ValueError: If there is no such part, or as for :meth:`labels`.
        """
        wanted = self.part_indices(part)
        labels = self.labels(images, codes, **options)
        return torch.isin(labels, torch.tensor(wanted, dtype=torch.int64, device=labels.device))

    def part_index(self, part: str | int) -> int:
        """Return the label of one part.

        Args:
            part: Its name, or already its label.

        Returns:
            The label.

        Raises:
            ValueError: If there is no such part; the message lists all.
            TypeError: If it is neither a string nor an integer.
        """
        if isinstance(part, str):
            return self.names.index(checks.choice("part", part, self.names))
        return checks.integer("part", part, low=0, high=len(self.names) - 1)

    def part_indices(self, part: Part) -> list[int]:
        """Return the labels of one part, or of several taken together, in order."""
        several = [part] if isinstance(part, str) or not isinstance(part, Iterable) else list(part)
        if not several:
            raise ValueError(f"part must name at least one of {', '.join(map(repr, self.names))}, got none.")
        return sorted({self.part_index(one) for one in several})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {', '.join(self.names)}>"

    # ---- checks

    def _check_images(self, images: Tensor) -> None:
        check_pictures("images", checks.shape("images", images, ("n", 3, "H", "W")))

    def _check_labels(self, labels: Any, images: Tensor) -> Tensor:
        """Return what a segmenter gave out as int64 on the device of the pictures, or say what is wrong with it."""
        if isinstance(labels, np.ndarray):
            labels = torch.from_numpy(labels)
        if not isinstance(labels, Tensor):
            raise TypeError(f"the labels of {self.name} must be a tensor, got {type(labels).__name__}.")
        if labels.is_floating_point() or labels.is_complex():
            raise TypeError(f"the labels of {self.name} must be integers, got {labels.dtype}. Use logits.argmax(1).")
        wanted = (len(images), *images.shape[-2:])
        if tuple(labels.shape) != wanted:
            raise ValueError(
                f"the labels of {self.name} must have shape {wanted}, one for each pixel of the pictures, "
                f"got {tuple(labels.shape)}."
            )
        labels = labels.to(images.device, torch.int64)
        if labels.numel() and (int(labels.min()) < 0 or int(labels.max()) >= len(self.names)):
            raise ValueError(
                f"the labels of {self.name} must be between 0 and {len(self.names) - 1}, one for each of its names, "
                f"got {int(labels.min())} to {int(labels.max())}."
            )
        return labels
