r"""How much of what a direction changes falls inside a part, in the picture and in every feature map.

The localisation score of LELSD (Pajouheshgar, Zhang and Süsstrunk, ICASSP 2022) for one layer is the share

.. math:: \sum_{ij} \tilde S_{ij}\, |r - r_e|^2_{ij} \Big/ \sum_{ij} |r - r_e|^2_{ij}

of the squared change of the features :math:`r` that falls inside the mask :math:`\tilde S`, at the size of the layer.
The score is its mean over layers. A change that is the same everywhere scores exactly the mask's share of the area:
chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import rounding
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.area import area_resample
from latent_widgets.geometry.effects.feature_layers import Layers, layers_of, moved, steps_of
from latent_widgets.geometry.effects.part_masks import MERGES, PartMasks, Parts, merge_masks
from latent_widgets.geometry.effects.part_samples import PartSamples, part_samples
from latent_widgets.segmentation import Part
from latent_widgets.values.directions import Directions, as_directions

__all__ = [
    "MODES",
    "Localisation",
    "Scene",
    "Shares",
    "alpha_range",
    "localisation",
    "shares",
    "spread_alphas",
]

MODES = ("inside", "outside")


@dataclass(frozen=True, eq=False)
class Shares:
    """The localisation scores of single edits.

    Attributes:
        values: ``(n, layers)``; 0 where nothing changed.
        changed: ``(n, layers)`` bool, whether anything changed.
        areas: ``(n,)``, the share of the area that the mask covers: chance.
    """

    values: Tensor
    changed: Tensor
    areas: Tensor

    @property
    def scores(self) -> Tensor:
        """``(n,)``, the means over the layers that changed."""
        return self.values.sum(1) / self.changed.sum(1).clamp(min=1)

    @property
    def per_layer(self) -> Tensor:
        """``(layers,)``, the means over the edits."""
        return self.values.sum(0) / self.changed.sum(0).clamp(min=1)


def shares(before: Sequence[Tensor], after: Sequence[Tensor], masks: Tensor) -> Shares:
    """Measure which share of each layer's squared change falls inside a mask.

    A layer that changed by no more than rounding has no score and does not count.

    Args:
        before: For each layer ``(n, C, h, w)``.
        after: The same after the edit; may carry gradients.
        masks: ``(n, H, W)`` in [0, 1], at any size.

    Returns:
        The shares.

    Example:
        >>> masks = torch.tensor([[[1.0, 0.0], [0.5, 0.0]]])
        >>> before, after = torch.zeros(1, 1, 2, 2), torch.tensor([[[[2.0, 1.0], [1.0, 0.0]]]])
        >>> shares([before], [after], masks).scores  # (4 + 1 / 2) / (4 + 1 + 1)
        tensor([0.7500])
    """
    values, changed = [], []
    for old, new in zip(before, after, strict=True):
        change = (new - old).square().mean(1)  # (n, h, w)
        whole = change.sum((1, 2))
        small = area_resample(masks.to(change), *change.shape[-2:])
        noise = old.square().mean(1).sum((1, 2)) * rounding(old.dtype) ** 2
        alive = whole.detach() > noise
        inside = (change * small).sum((1, 2))
        values.append(torch.where(alive, inside / torch.where(alive, whole, 1.0), 0.0))
        changed.append(alive)
    areas = masks.mean((1, 2))
    return Shares(torch.stack(values, 1), torch.stack(changed, 1), areas)


@dataclass(frozen=True, eq=False)
class Scene:
    """What edits are measured by: where changes are looked at, and where they ought to be.

    Attributes:
        layers: Where changes are looked at.
        masks: The part.
        rows: The rows of ``w+`` on which a step of ``w`` acts; None for all.
        merge: How the masks before and after merge.
        mode: ``"inside"`` or ``"outside"``.
        score: What makes shares of features before and after and of masks.
    """

    layers: Layers
    masks: PartMasks
    rows: Sequence[int] | None
    merge: str
    mode: str
    score: Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], Shares] = shares

    def edit(self, samples: PartSamples, index: Tensor, deltas: Tensor) -> Shares:
        """Displace samples and measure the shares; gradients flow through the features, never through the masks.

        Args:
            samples: The samples.
            index: Which of them, ``(n,)``.
            deltas: ``(n, ...)``.

        Returns:
            The shares.
        """
        codes, before, region = samples.take(index, self.layers)
        codes = moved(codes, deltas, self.rows)
        after, images = self.layers.look(codes, samples.space)
        if self.masks.fixed is None:
            new = self.masks(codes, samples.space, images, self.layers.named(after))
            region = merge_masks(region, new, self.merge)
        region = region.to(images)
        return self.score(before, after, region if self.mode == "inside" else 1 - region)

    def measure(self, samples: PartSamples, step: Tensor, alphas: Tensor, batch: int = 32) -> Shares:
        """Apply one step to all samples, each times its own alpha, and measure the shares."""
        found = []
        parts = torch.arange(len(samples), dtype=torch.int64, device="cpu").split(min(batch, self.layers.at_once))
        for index in parts:
            deltas = alphas[index].to(step).reshape(-1, *(1,) * step.ndim) * step
            found.append(self.edit(samples, index, deltas))
            if len(parts) > 1:
                self.layers.told()
        return Shares(*(torch.cat([getattr(f, name) for f in found]) for name in ("values", "changed", "areas")))


@dataclass(frozen=True, eq=False)
class Localisation:
    """Localisation scores of directions, beside chance.

    Attributes:
        scores: ``(k,)``, means over edits and layers.
        layer_scores: ``(k, layers)``.
        layers: Names of the layers; ``"image"`` is the picture.
        chance: ``(k,)``, the score of a change that is the same everywhere: the mask's share of the area.
        part: What the part is called.
        count: Over how many codes.
    """

    scores: Tensor
    layer_scores: Tensor
    layers: tuple[str, ...]
    chance: Tensor
    part: str
    count: int


@exact()
def localisation(
    G: Generator,
    directions: Directions | Any,
    parts: Parts,
    part: Part | None = None,
    *,
    n: int = 32,
    alpha: float = 1.0,
    min_alpha: float | None = None,
    features: Sequence[str] | None = None,
    merge: str = "average",
    mode: str = "inside",
    code: Any = None,
    truncation: float = 1.0,
    seed: int = 0,
    batch: int = 32,
) -> Localisation:
    """Measure how much of what directions change falls inside a part.

    Every direction is measured on the same codes, in which the part is visible, with the same steps in standard
    deviations of the latents, half of them forwards and half back.

    Args:
        G: The generator.
        directions: ``Directions`` in any space, or a result that carries them.
        parts: A segmenter or any callable from pictures ``(n, 3, H, W)`` to integer labels ``(n, H, W)``, a label map,
            or a mask.
        part: Which part.
        n: How many codes.
        alpha: The longest step, in standard deviations along the direction.
        min_alpha: The shortest; a fifth of the longest if not given.
        features: Layers to look at, see :func:`layers_of`.
        merge: How the masks before and after merge: ``"average"`` as published, ``"union"`` or ``"intersection"``.
        mode: ``"inside"``, or ``"outside"`` for the share that falls outside.
        code: One code or several to measure at; codes are drawn if not given.
        truncation: Of the codes that are drawn.
        seed: Of the codes that are drawn.
        batch: Edits in one pass.

    Returns:
        The scores.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator, or the part is not visible.

    Example:
        >>> from latent_widgets import faces, random_directions
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> mask = torch.zeros(16, 16, dtype=torch.bool)
        >>> mask[9:12, 5:11] = True
        >>> found = localisation(G, random_directions(G, k=2), mask, n=4, features=["image"])
        >>> found.scores.shape, round(float(found.chance[0]), 3)
        (torch.Size([2]), 0.07)
    """
    D = as_directions(directions).for_generator(G)
    checks.choice("merge", merge, MERGES)
    checks.choice("mode", mode, MODES)
    checks.integer("batch", batch, low=1)
    scene = Scene(layers_of(G, features, D.layers), PartMasks.of(G, parts, part), D.layers, merge, mode)
    space = "w+" if D.space == "w" and D.layers is not None else D.space
    low, high = alpha_range(alpha, min_alpha)
    with torch.no_grad():
        samples = part_samples(scene.layers, scene.masks, space, n=n, seed=seed, code=code, truncation=truncation)
        alphas = spread_alphas(len(samples), low, high)
        found = [scene.measure(samples, step, alphas, batch) for step in steps_of(D.in_unit("sd", G))]
    return Localisation(
        torch.stack([f.scores.mean() for f in found]),
        torch.stack([f.per_layer for f in found]),
        scene.layers.names,
        torch.stack([f.areas.mean() for f in found]),
        scene.masks.label,
        len(samples),
    )


def alpha_range(alpha: float, min_alpha: float | None) -> tuple[float, float]:
    """Return the shortest and the longest step: a fifth of the longest where the shortest is not given."""
    high = checks.number("alpha", alpha)
    if high <= 0:
        raise ValueError(f"alpha must be positive, got {high:g}.")
    return (high / 5 if min_alpha is None else checks.number("min_alpha", min_alpha, 0, high)), high


def spread_alphas(n: int, low: float, high: float) -> Tensor:
    """Return ``n`` steps, evenly spread in length, every second one back."""
    lengths = low + (high - low) * (torch.arange(n, dtype=torch.float64, device="cpu") + 0.5) / n
    return lengths * (1 - 2 * (torch.arange(n, dtype=torch.int64, device="cpu") % 2))
