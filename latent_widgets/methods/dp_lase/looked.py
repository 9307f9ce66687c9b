"""What is to change: the features of one or several layers, side by side in one row a code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.feature_layers import IMAGE, names_of

__all__ = ["Looked", "change", "check_layer", "first_styles", "middle_layer"]

_STYLE = "s:"  # before the name of the layer whose style vector is meant


@dataclass(frozen=True, eq=False)
class Looked:
    """The features of some layers.

    Attributes:
        G: The generator.
        space: Where codes live.
        names: ``"image"``, layers, ``"s"`` for all styles, or ``"s:layer"`` for those of a layer.
    """

    G: Generator
    space: str
    names: tuple[str, ...]

    @property
    def inner(self) -> tuple[str, ...]:
        """What gradients pass on the way to these features: layers and the picture, as far as they are looked at."""
        return tuple(name for name in self.names if not _is_style(self.G, name)) or (IMAGE,)

    def blocks(self, codes: Tensor) -> list[Tensor]:
        """Return the flat features ``(n, p_i)`` of each name."""
        G, names = self.G, self.names
        layers = [name for name in names if name != IMAGE and not _is_style(G, name)]
        found: dict[str, Tensor] = G.features(codes, layers, self.space) if layers else {}
        styles = _styles(G, codes, self.space) if any(_is_style(G, name) for name in names) else {}
        found = {**found, **({IMAGE: G.synthesize(codes, self.space)} if IMAGE in names else {}), **styles}
        return [found[name].flatten(1) for name in names]

    def scales(
        self, codes: Tensor, scaled: bool, blocks: Callable[[Tensor], list[Tensor]] | None = None
    ) -> tuple[float, ...]:
        """Return what the features of each name are divided by.

        Args:
            codes: ``(n, d)``, over which features vary.
            scaled: Whether the mean variance of all features becomes one, and the share of each name in it the same.
            blocks: Looks at them; :meth:`blocks` if not given.

        Returns:
            A number for each name; ones where features stay as they are.
        """
        if not scaled:
            return (1.0,) * len(self.names)
        found = (blocks or self.blocks)(codes)
        total = sum(block.shape[1] for block in found)
        spreads = [float(b.var(0).mean().sqrt().clamp(min=torch.finfo(b.dtype).tiny)) for b in found]
        return tuple(s * (len(found) * b.shape[1] / total) ** 0.5 for s, b in zip(spreads, found, strict=True))


def change(after: list[Tensor], before: list[Tensor], scales: Sequence[float]) -> Tensor:
    """Return the scaled change ``(..., p)`` of all features."""
    return torch.cat([(a - b) / s for a, b, s in zip(after, before, scales, strict=True)], -1)


def middle_layer(G: Generator) -> str:
    """Return the layer whose features are looked at by default."""
    names = names_of(G)
    return names[(len(names) - 1) // 2]


def first_styles(G: Generator, count: int = 3) -> tuple[str, ...] | None:
    """Return the names of the style vectors of the first layers that draw no picture; None without styles."""
    names = [_STYLE + name for name in _slices(G) if "rgb" not in name.lower()]
    return tuple(names[:count]) or None


def check_layer(G: Generator, layer: Any) -> tuple[str, ...]:
    """Return the names of layers if all can be looked at.

    Args:
        G: The generator.
        layer: A name, or a sequence of different ones.

    Returns:
        The names.

    Raises:
        TypeError: If it is neither.
        ValueError: If a name does not exist, or is there twice.
    """
    names = (layer,) if isinstance(layer, str) else layer
    if not isinstance(names, Sequence):
        raise TypeError(f"layer must be a name or a sequence of names, got {type(layer).__name__}.")
    offered = tuple(dict.fromkeys((*names_of(G), *(["s"] if _slices(G) else []))))
    for name in names:
        if _is_style(G, name) and name != "s":
            checks.choice("layer", name.removeprefix(_STYLE), tuple(_slices(G)), "These have styles.")
        else:
            checks.choice("layer", name, offered)
    if len(set(names)) < max(len(names), 1):
        raise ValueError(f"layer must name one or more layers, each once, got {list(names)}.")
    return tuple(names)


def _slices(G: Generator) -> dict[str, slice]:
    """Where each layer's style vector lies among the styles; nothing where there are none."""
    return getattr(G, "style_slices", {})


def _is_style(G: Generator, name: Any) -> bool:
    return isinstance(name, str) and bool(_slices(G)) and (name == "s" or name.startswith(_STYLE))


def _styles(G: Any, codes: Tensor, space: str) -> dict[str, Tensor]:
    styles: Tensor = G.styles(codes, space)
    return {"s": styles} | {_STYLE + name: styles[:, part] for name, part in _slices(G).items()}
