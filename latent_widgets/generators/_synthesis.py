"""A synthesis as a flat list of steps: each takes the running state and one style.

So stopping at a named layer, going on from a cached state and reading features need no hooks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from latent_widgets.generators._dense import Dense

__all__ = ["BlockSynthesis", "Synthesis", "SynthesisState", "sides_of"]


@dataclass(frozen=True, eq=False)
class SynthesisState:
    """The running state.

    Attributes:
        x: Features ``(n, C, h, w)``.
        rgb: The picture so far ``(n, colours, h, w)``, None at first.
        shortcut: What the end of a residual block will add, None outside one.
    """

    x: Tensor
    rgb: Tensor | None = None
    shortcut: Tensor | None = None


class Synthesis(nn.Module):
    """The synthesis from ``w+`` to a picture.

    Attributes:
        layer_names: The steps in order, such as ``"b4.conv1"`` and ``"b4.torgb"``.
        ws_index: For each step, which row of ``w+`` styles it.
        num_ws: How many rows ``w+`` has.
        style_sizes: For each step, the length of its style vector.
        picture_layers: The steps after which there is a picture, by the side of that picture.
        tanh: Whether pictures end in a hyperbolic tangent.
        margins: For steps whose features go beyond the picture, by how many pixels at each side.
    """

    layer_names: tuple[str, ...]
    ws_index: tuple[int, ...]
    num_ws: int
    style_sizes: tuple[int, ...]
    picture_layers: dict[int, str]
    margins: Mapping[str, int] = MappingProxyType({})
    tanh = False

    def affines(self) -> list[Dense]:
        """Return for each step the map from its row of ``w+`` to its style vector."""
        raise NotImplementedError

    def styles(self, ws: Tensor) -> list[Tensor]:
        """Turn ``w+`` (n, num_ws, w_dim) into the style vectors of all steps, each (n, channels)."""
        return [affine(ws[:, i]) for affine, i in zip(self.affines(), self.ws_index, strict=True)]

    def start(self, n: int) -> SynthesisState:
        """Return the state before the first step, for ``n`` pictures."""
        raise NotImplementedError

    def step(self, i: int, state: SynthesisState, style: Tensor) -> SynthesisState:
        """Run step ``i``."""
        raise NotImplementedError

    def run(
        self, styles: Sequence[Tensor], state: SynthesisState | None = None, begin: int = 0, end: int | None = None
    ) -> list[SynthesisState]:
        """Run the steps ``begin`` to ``end`` and return the state after each."""
        state = self.start(styles[0].shape[0]) if state is None else state
        states = []
        for i in range(begin, len(self.layer_names) if end is None else end):
            state = self.step(i, state, styles[i])
            states.append(state)
        return states

    def picture(self, state: SynthesisState) -> Tensor:
        """Return the picture of a state, ``(n, colours, h, w)``."""
        if state.rgb is None:  # the last step always gives one
            raise RuntimeError("the synthesis ended without a picture.")
        return state.rgb.tanh() if self.tanh else state.rgb

    def forward(self, ws: Tensor) -> Tensor:
        """Draw the pictures of ``ws`` (n, num_ws, w_dim)."""
        return self.picture(self.run(self.styles(ws))[-1])


class BlockSynthesis(Synthesis):
    """A synthesis of blocks ``b4``, ``b8`` and so on, whose layers are its steps; it begins with a constant."""

    def _layer(self, name: str) -> Any:
        block, layer = name.split(".")
        return getattr(getattr(self, block), layer)

    def affines(self) -> list[Dense]:
        """Return for each step the map from its row of ``w+`` to its style vector."""
        return [self._layer(name).affine for name in self.layer_names]

    def start(self, n: int) -> SynthesisState:
        """Return the state before the first step, for ``n`` pictures."""
        const: Tensor = self.b4.const  # type: ignore[union-attr, assignment]
        return SynthesisState(const.expand(n, *const.shape))


def sides_of(resolution: int, channels: Mapping[int, int]) -> list[int]:
    """Return the sides of a network's blocks, from 4 to its resolution.

    Args:
        resolution: Side of the picture.
        channels: Feature channels at each side.

    Raises:
        ValueError: If ``resolution`` is not a power of two of at least 8, or a side has no channels.

    Example:
        >>> sides_of(16, {4: 3, 8: 2, 16: 1})
        [4, 8, 16]
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"resolution must be a power of two and at least 8, got {resolution}.")
    sides = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
    missing = [side for side in sides if side not in channels]
    if missing:
        raise ValueError(f"channels must name every resolution from 4 to {resolution}, got none for {missing}.")
    return sides
