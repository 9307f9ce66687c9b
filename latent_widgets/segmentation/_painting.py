"""What a person painted on samples of a generator, checked, and the pixels of it that a fit looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.rounding import same
from latent_widgets.generators._values import PlacedCode
from latent_widgets.generators.base import Generator

__all__ = ["Painting", "Pixels", "read_codes", "read_painting"]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some painted pixels.

    Attributes:
        sample: ``(m,)``, which sample each is of.
        row: ``(m,)``.
        column: ``(m,)``.
        label: ``(m,)``.
        weight: ``(m,)`` float64, how many painted pixels each stands for.
    """

    sample: Tensor
    row: Tensor
    column: Tensor
    label: Tensor
    weight: Tensor

    def only(self, keep: Tensor) -> Pixels:
        """Return those where ``keep`` (m,) is True."""
        return Pixels(self.sample[keep], self.row[keep], self.column[keep], self.label[keep], self.weight[keep])


@dataclass(frozen=True, eq=False)
class Painting:
    """Painted labels.

    Attributes:
        labels: ``(n, H, W)`` int64 on the CPU, -1 where nothing is painted.
        names: One name for each label.
        samples: The samples on which anything is painted.
    """

    labels: Tensor
    names: tuple[str, ...]
    samples: tuple[int, ...]

    def samples_with(self, label: int) -> int:
        """Return on how many samples a label is painted."""
        return int((self.labels == label).any(2).any(1).sum())

    def choose(self, pixels: int, seed: int) -> Pixels:
        """Choose at most ``pixels`` of the painted pixels.

        Each label of each sample gets an even share, so that small parts are not lost; what it does not need goes to
        the others. A pixel's weight says how many it stands for.

        Args:
            pixels: At most so many, but at least one a group.
            seed: Of the choice.
        """
        rng = torch.Generator("cpu").manual_seed(seed)
        groups = [
            torch.nonzero((self.labels[i] == label).flatten())[:, 0] + i * self.labels[i].numel()
            for i in self.samples
            for label in self.labels[i].unique().tolist()
            if label >= 0
        ]
        left, chosen, weights = pixels, [], []
        for position, group in enumerate(sorted(groups, key=len)):  # the small ones first: they may leave some over
            take = min(len(group), max(1, left // (len(groups) - position)))
            chosen.append(group[torch.randperm(len(group), generator=rng, dtype=torch.int64, device="cpu")[:take]])
            weights.append(torch.full((take,), len(group) / take, dtype=torch.float64, device="cpu"))
            left -= take
        flat = torch.cat(chosen)
        height, width = self.labels.shape[1:]
        place = flat % (height * width)
        return Pixels(
            flat // (height * width), place // width, place % width, self.labels.flatten()[flat], torch.cat(weights)
        )


def read_codes(G: Generator, codes: Any, space: str | None) -> tuple[Tensor, str]:
    """Return codes with their first axis, and their space; a list of codes is stacked."""
    if not isinstance(codes, list | tuple):
        return G.check_code(codes, space, name="codes")
    if not codes:
        raise ValueError("codes must hold at least one code, got none.")
    spaces = {code.space for code in codes if isinstance(code, PlacedCode)}
    if len(spaces) > 1:
        raise ValueError(f"codes must be of one space, got {', '.join(sorted(spaces))}.")
    space = space or next(iter(spaces), None)
    plain = [code.tensor if isinstance(code, PlacedCode) else code for code in codes]
    for code in plain:
        if not isinstance(code, Tensor):
            raise TypeError(f"codes must be torch tensors, got {type(code).__name__}. Use torch.as_tensor(...).")
    if len({tuple(code.shape) for code in plain}) > 1:
        raise ValueError(f"codes must have one shape, got {', '.join(sorted({str(tuple(c.shape)) for c in plain}))}.")
    stacked = torch.stack(plain)
    return G.check_code(stacked.to(G.device, G.dtype) if spaces else stacked, space, name="codes")


def read_painting(codes: Tensor, painted: Any, names: Iterable[str] | None, size: tuple[int, int]) -> Painting:
    """Check painted labels.

    Args:
        codes: ``(n, ...)``, of the painted samples.
        painted: ``(n, *size)`` integers; a list of arrays is stacked; one picture may come without its first axis.
        names: One name for each label, or None.
        size: Height and width of the pictures.

    Raises:
        TypeError: If the labels are no integers.
        ValueError: If something does not fit, too little is painted, or examples contradict each other.
    """
    if isinstance(painted, list | tuple):
        shapes = {tuple(np.shape(one)) for one in painted}
        if len(shapes) != 1:
            raise ValueError(f"painted_labels must all have one shape, got {', '.join(map(str, sorted(shapes)))}.")
        painted = torch.stack(
            [one if isinstance(one, Tensor) else torch.from_numpy(np.asarray(one)) for one in painted]
        )
    labels = painted if isinstance(painted, Tensor) else torch.from_numpy(np.asarray(painted))
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"painted_labels must be integers, -1 where nothing is painted, got {labels.dtype}.")
    labels = labels.detach().cpu().long()
    if labels.ndim == 2 and len(codes) == 1:
        labels = labels[None]
    if tuple(labels.shape) != (len(codes), *size):
        raise ValueError(
            f"painted_labels must have shape {(len(codes), *size)}, a label for each pixel of the picture of "
            f"each code, got {tuple(labels.shape)}."
        )
    highest = int(labels.max())
    if names is None and highest == 255 and not bool((labels == 254).any()):
        raise ValueError(
            "painted_labels must be 0, 1, 2 and so on, got 255, which stands for white or for void in pictures of "
            "eight bits. Use painted_labels > 0 for a mask; set what is void to -1."
        )
    if names is None:
        names = ("background", *(f"part {i}" for i in range(1, max(highest, 1) + 1)))
    named = (names,) if isinstance(names, str) else tuple(names)
    if highest >= len(named) or int(labels.min()) < -1:
        wrong = highest if highest >= len(named) else int(labels.min())
        raise ValueError(
            f"painted_labels must be between -1 (not painted) and {len(named) - 1} ({named[-1]!r}), got {wrong}."
        )
    present = [i for i in labels.unique().tolist() if i >= 0]
    if not present:
        raise ValueError("painted_labels must hold something painted, got -1 everywhere.")
    if len(present) == 1:
        raise ValueError(
            f"painted_labels must hold at least two parts, got {named[present[0]]!r} alone. Paint what is not "
            f"{named[present[0]]!r} too."
        )
    _refuse_contradictions(codes, labels, named)
    samples = tuple(int(i) for i in (labels >= 0).flatten(1).any(1).nonzero()[:, 0])
    return Painting(labels, named, samples)


def _refuse_contradictions(codes: Tensor, labels: Tensor, names: tuple[str, ...]) -> None:
    for i in range(len(codes)):
        for j in range(i):
            clash = (labels[i] >= 0) & (labels[j] >= 0) & (labels[i] != labels[j])
            if bool(clash.any()) and same(codes[i], codes[j]):
                row, column = clash.nonzero()[0].tolist()
                first, second = names[int(labels[j, row, column])], names[int(labels[i, row, column])]
                raise ValueError(
                    f"painted_labels must agree where a code comes twice, got {int(clash.sum())} pixels of samples {j} "
                    f"and {i} with two labels; at row {row}, column {column}: {first!r} and {second!r}."
                )
