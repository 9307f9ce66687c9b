"""Where a generator's changes are looked at: the picture and its feature maps, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import negligible
from latent_widgets.core.work import in_parts, nobody
from latent_widgets.generators.base import Generator
from latent_widgets.generators.margins import behind_picture
from latent_widgets.generators.place import steady, with_digits
from latent_widgets.values.directions import Directions

__all__ = ["IMAGE", "Layers", "layers_of", "moved", "names_of", "steps_of"]

IMAGE = "image"  # the name of the picture among the layers


@dataclass(frozen=True, eq=False)
class Layers:
    """Where changes are looked at, and how they are got in one pass.

    Attributes:
        G: The generator.
        names: Names of layers; ``"image"`` is the picture.
        picture: The layer that gives the picture, so that one pass gives both; None if there is none.
        at_once: How many codes are looked at in one pass.
        told: Called after each pass, where more than one is needed; what it raises ends the work.
    """

    G: Generator
    names: tuple[str, ...]
    picture: str | None
    at_once: int = 2**30
    told: Callable[[], object] = nobody

    def look(self, codes: Tensor, space: str) -> tuple[list[Tensor], Tensor]:
        """Return the features at every layer, where they lie behind the picture, and the pictures ``(n, 3, H, W)``."""
        if len(codes) <= self.at_once:
            return self._look(codes, space)
        parts = list(in_parts(lambda part: self._look(part, space), codes, self.at_once, self.told))
        features, images = zip(*parts, strict=True)
        return [torch.cat(same) for same in zip(*features, strict=True)], torch.cat(images)

    def _look(self, codes: Tensor, space: str) -> tuple[list[Tensor], Tensor]:
        inner = [name for name in self.names if name != IMAGE]
        found: dict[str, Tensor] = {}
        if self.picture is not None:
            found = self.G.features(codes, [*inner, self.picture], space)
            image = found[self.picture]
            image = image if image.shape[1] == 3 else image.expand(-1, 3, -1, -1)
        else:
            found = self.G.features(codes, inner, space) if inner else {}
            image = self.G.synthesize(codes, space)
        return [image if name == IMAGE else behind_picture(self.G, name, found[name]) for name in self.names], image

    def named(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return features by layer, without gradients: what a segmenter that reads them need not compute again."""
        return {name: f.detach() for name, f in zip(self.names, features, strict=True) if name != IMAGE}


def names_of(G: Generator) -> tuple[str, ...]:
    """Return what can be looked at by name: the layers, and the picture after them where it is none itself."""
    return tuple(dict.fromkeys((*G.layer_names, IMAGE)))


def layers_of(G: Generator, features: Sequence[str] | None = None, rows: Sequence[int] | None = None) -> Layers:
    """Choose where changes are looked at.

    Args:
        G: The generator.
        features: Names of layers, or ``"image"`` for the picture; the picture and all feature maps of the network but
            the pictures in between (``torgb``) if not given.
        rows: The rows of ``w+`` that move; features before the first of them cannot change and are left out.

    Returns:
        The layers.

    Raises:
        TypeError: If ``features`` is a string.
        ValueError: If a layer does not exist, or none is left.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}), "tiny")
        >>> layers_of(G).names, layers_of(G, rows=[2]).names
        (('b4.conv1', 'b8.conv0', 'b8.conv1', 'image'), ('b8.conv1', 'image'))
    """
    with_digits(G)
    if features is None:
        names = [name for name in G.layer_names if not name.endswith("torgb") and name != IMAGE] + [IMAGE]
    elif isinstance(features, str):
        raise TypeError(f"features must be a list of layer names, got the string {features!r}. Use [{features!r}].")
    else:
        known = [*(name for name in G.layer_names if name != IMAGE), IMAGE]
        names = [checks.choice("feature", name, known) for name in features]
    first = 0 if rows is None else min(rows)
    told = any(G.layer_index)  # a live network does not say which row styles which layer
    row_of = {n: row if told else G.num_layers - 1 for n, row in zip(G.layer_names, G.layer_index, strict=True)}
    row_of[IMAGE] = G.num_layers - 1
    reached = tuple(name for name in names if row_of[name] >= first)
    if not reached:
        raise ValueError(f"features must name a layer that the rows from {first} on reach, got {names}.")
    return Layers(steady(G), reached, _picture_layer(G))


def _picture_layer(G: Generator) -> str | None:
    if not G.layer_names:
        return None
    with torch.no_grad():
        code = G.code(0)[None]
        image, last = G.synthesize(code, G.main_space), G.features(code, [G.layer_names[-1]], G.main_space)
    found = last[G.layer_names[-1]]
    same = found.ndim == 4 and found.shape[1] in (1, 3) and found.shape[-2:] == image.shape[-2:]
    if not same:
        return None
    gap, size = (found.expand_as(image) - image).norm(), image.norm()
    return G.layer_names[-1] if bool(negligible(gap, size, image.dtype)) else None


def moved(codes: Tensor, deltas: Tensor, rows: Sequence[int] | None) -> Tensor:
    """Add displacements to codes.

    Args:
        codes: ``(n, d)``, or ``w+`` as ``(n, num_layers, d)``.
        deltas: In the shape of ``codes``; or ``(n, d)`` beside ``w+``, to be added to ``rows``.
        rows: Rows of ``w+``.

    Returns:
        The codes displaced.
    """
    if codes.ndim == deltas.ndim:
        return codes + deltas
    chosen = torch.zeros(codes.shape[1], 1, dtype=codes.dtype, device=codes.device)
    chosen[list(rows or range(codes.shape[1]))] = 1
    return codes + chosen * deltas[:, None]


def steps_of(directions: Directions) -> Tensor:
    """Return one unit along each direction, ``(k, ...)``, zero on the rows that it leaves alone.

    Example:
        >>> steps_of(Directions(torch.tensor([[3.0, 4.0]]), "z", unit="sd", scales=[10.0]))
        tensor([[6., 8.]])
    """
    vectors, layers = directions.unit_vectors, directions.layers
    steps = directions.scales.reshape(-1, *(1,) * (vectors.ndim - 1)) * vectors
    if directions.space == "w+" and layers is not None:
        kept = torch.zeros(steps.shape[1], 1, dtype=torch.float32, device="cpu").to(steps)
        kept[list(layers)] = 1
        steps = steps * kept
    return steps
