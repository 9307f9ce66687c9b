"""A StyleGAN2 network as a :class:`Generator`: spaces z, w, w+ and s, resumable, with previews."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from latent_widgets.generators.base import Generator
from latent_widgets.generators.stylegan2 import State, StyleGAN2

__all__ = ["StyleGenerator"]


class StyleGenerator(Generator):
    """A StyleGAN2 to explore.

    Args:
        module: The network.
        name: What to call it.
    """

    module: StyleGAN2

    def __init__(self, module: StyleGAN2, name: str = "stylegan2") -> None:
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

    @property
    def w_avg(self) -> Tensor:
        """The mean of ``w``, ``(w_dim,)``."""
        return self.module.mapping.w_avg

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        """Every resolution of the network below the full one: its own RGB so far."""
        return tuple(self.module.synthesis.resolutions[:-1])

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

    def _styles(self, code: Tensor, space: str) -> list[Tensor]:
        if space == "s":
            return list(code.split(self.module.synthesis.style_sizes, 1))
        if space == "z":
            code = self._map(code)
        if code.ndim == 2:
            code = code[:, None].expand(-1, self.num_layers, -1)
        return self.module.synthesis.styles(code)

    def _map(self, z: Tensor) -> Tensor:
        w: Tensor = self.module.mapping(z)
        return w

    def _picture(self, state: State) -> Tensor:
        if state.rgb is None:
            raise RuntimeError("the synthesis ended without a picture.")
        return state.rgb

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        return self._picture(self.module.synthesis.run(self._styles(code, space))[-1])

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        last = max(self.layer_names.index(name) for name in layers) + 1 if layers else 0
        states = self.module.synthesis.run(self._styles(code, space), end=last)
        outputs = {}
        for name in layers:
            state = states[self.layer_names.index(name)]
            outputs[name] = self._picture(state) if name.endswith("torgb") else state.x
        return outputs

    def _activations(self, code: Tensor, space: str) -> tuple[Any, ...]:
        styles = self._styles(code, space)
        return (self.module.synthesis.start(len(code)), *self.module.synthesis.run(styles)[:-1])

    def _resume(self, code: Tensor, space: str, state: Any, step: int) -> Tensor:
        return self._picture(self.module.synthesis.run(self._styles(code, space), state, begin=step)[-1])

    def _preview(self, code: Tensor, space: str, resolution: int) -> Tensor:
        end = self.layer_names.index(f"b{resolution}.torgb") + 1
        return self._picture(self.module.synthesis.run(self._styles(code, space), end=end)[-1])
