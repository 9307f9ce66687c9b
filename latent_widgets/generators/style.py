"""A StyleGAN network as a :class:`Generator`: spaces z, w, w+ and s, resumable, with previews."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from latent_widgets.generators._conditions import class_vector, in_three_colours
from latent_widgets.generators._synthesis import SynthesisState
from latent_widgets.generators._values import StyleMap
from latent_widgets.generators.base import Generator
from latent_widgets.generators.stylegan1 import StyleGAN1
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import StyleGAN3

__all__ = ["StyleGenerator"]


class StyleGenerator(Generator):
    """A StyleGAN, StyleGAN2 or StyleGAN3 to explore.

    Args:
        module: The network.
        name: What to call it.
        condition: Of a conditional network, the class to draw: its number, or the class vector itself.
    """

    module: StyleGAN1 | StyleGAN2 | StyleGAN3

    def __init__(
        self, module: StyleGAN1 | StyleGAN2 | StyleGAN3, name: str = "stylegan2", condition: int | Tensor | None = None
    ) -> None:
        synthesis = module.synthesis
        super().__init__(
            module,
            name=name,
            spaces=("z", "w", "w+", "s"),
            z_dim=module.z_dim,
            w_dim=module.w_dim,
            s_dim=sum(synthesis.style_sizes),
            num_layers=synthesis.num_ws,
            layer_names=synthesis.layer_names,
            layer_index=synthesis.ws_index,
            resolution=module.resolution,
        )
        self.condition = class_vector(module.c_dim, condition)

    @property
    def w_avg(self) -> Tensor:
        """The mean of ``w``, ``(w_dim,)``."""
        return self.module.mapping.w_avg

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        """Every resolution below the full one at which the network has an RGB picture of its own."""
        return tuple(side for side in self.module.synthesis.picture_layers if side < self.resolution)

    @property
    def margins(self) -> Mapping[str, int]:
        """By layer, how many pixels of its features lie beyond each border of the picture: StyleGAN3's do."""
        return self.module.synthesis.margins

    @property
    def can_resume(self) -> bool:
        """True."""
        return True

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where each layer's style vector lies in ``s``."""
        ends = list(accumulate(self.module.synthesis.style_sizes))
        return {
            name: slice(end - size, end)
            for name, size, end in zip(self.layer_names, self.module.synthesis.style_sizes, ends, strict=True)
        }

    def styles(self, code: Tensor, space: str | None = None) -> Tensor:
        """Return the style vectors ``s`` (n, s_dim) of ``w`` or ``w+`` codes."""
        batch, space = self.check_code(code, space)
        return torch.cat(self._styles(batch, space), 1)

    def style_maps(self) -> tuple[StyleMap, ...]:
        """Return the affine maps from rows of ``w+`` to styles, for SeFa."""
        steps = zip(self.layer_names, self.layer_index, self.module.synthesis.affines(), strict=True)
        return tuple(StyleMap(name, row, affine.matrix.detach()) for name, row, affine in steps)

    def _styles(self, code: Tensor, space: str) -> list[Tensor]:
        if space == "s":
            return list(code.split(self.module.synthesis.style_sizes, 1))
        if space == "z":
            code = self._map(code)
        if code.ndim == 2:
            code = code[:, None].expand(-1, self.num_layers, -1)
        return self.module.synthesis.styles(code)

    def _map(self, z: Tensor) -> Tensor:
        c = None if self.condition is None else self.condition.to(z.device, z.dtype).expand(len(z), -1)
        w: Tensor = self.module.mapping(z, c)
        return w

    def _picture(self, state: SynthesisState) -> Tensor:
        return in_three_colours(self.module.synthesis.picture(state))

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        return self._picture(self.module.synthesis.run(self._styles(code, space))[-1])

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        last = max(self.layer_names.index(name) for name in layers) + 1 if layers else 0
        states = self.module.synthesis.run(self._styles(code, space), end=last)
        outputs, shown = {}, self.module.synthesis.picture_layers.values()
        for name in layers:
            state = states[self.layer_names.index(name)]
            outputs[name] = self._picture(state) if name in shown else state.x
        return outputs

    def _activations(self, code: Tensor, space: str) -> tuple[Any, ...]:
        styles = self._styles(code, space)
        return (self.module.synthesis.start(len(code)), *self.module.synthesis.run(styles)[:-1])

    def _resume(self, code: Tensor, space: str, state: Any, step: int) -> Tensor:
        return self._picture(self.module.synthesis.run(self._styles(code, space), state, begin=step)[-1])

    def _preview(self, code: Tensor, space: str, resolution: int) -> Tensor:
        end = self.layer_names.index(self.module.synthesis.picture_layers[resolution]) + 1
        return self._picture(self.module.synthesis.run(self._styles(code, space), end=end)[-1])

    def _growing(self, code: Tensor, space: str, resolution: int) -> Iterator[Tensor]:
        synthesis, styles = self.module.synthesis, self._styles(code, space)
        end = self.layer_names.index(synthesis.picture_layers[resolution]) + 1
        small = synthesis.run(styles, end=end)[-1]
        yield self._picture(small)
        yield self._picture(synthesis.run(styles, small, begin=end)[-1])
