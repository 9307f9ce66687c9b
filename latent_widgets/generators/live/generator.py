"""A network of someone else as a :class:`Generator`: functions that call it, and hooks that live for one call."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.generators._conditions import in_three_colours
from latent_widgets.generators._values import StyleMap
from latent_widgets.generators.base import Generator
from latent_widgets.generators.live.frozen import FrozenNoise, held
from latent_widgets.generators.live.parts import LiveParts, picture_of
from latent_widgets.generators.live.styles import style_maps
from latent_widgets.generators.live.watching import watching
from latent_widgets.generators.margins import margin_of

__all__ = ["LiveGenerator"]

_MEAN_OF = 2000  # latents, for the mean of w where the network has none


class LiveGenerator(Generator):
    """A network of someone else, to explore.

    Args:
        parts: How to call it.
        name: What to call it.
        resolution: Side of its pictures in pixels, or height and width.
        value_range: Of its pictures; they are brought to [-1, 1].
        layers: Dotted names of submodules that :meth:`features` accepts.
        noise: Takes the place of what the network draws at random; None leaves it alone.
    """

    def __init__(
        self,
        parts: LiveParts,
        name: str,
        resolution: int | tuple[int, int],
        value_range: tuple[float, float] = (-1.0, 1.0),
        layers: Sequence[str] = (),
        noise: FrozenNoise | None = None,
    ) -> None:
        z_dim = torch.Size(parts.z_shape).numel()
        super().__init__(
            parts.module,
            name=name,
            spaces=("z",) if parts.mapping is None else ("z", "w", "w+") if parts.num_layers > 1 else ("z", "w"),
            z_dim=z_dim,
            w_dim=parts.w_dim,
            num_layers=parts.num_layers,
            layer_names=layers,
            resolution=resolution,
        )
        self.parts, self.value_range = parts, value_range
        self.own_network = False  # whatever its layers are, who calls them is someone else
        self.condition, self.noise = parts.condition, noise
        self._means: dict[int | None, tuple[int, Tensor]] = {}  # of w, by class, and of which weights

    @property
    def w_avg(self) -> Tensor:
        """The mean of ``w`` as the network knows it, or over 2000 seeded latents; zero for ``z``."""
        if self.parts.mapping is None:
            return super().w_avg
        mean = self._sampled_mean() if self.parts.w_avg is None else self.parts.w_avg
        if mean.ndim == 2 and self.condition is not None:  # one for each class
            mean = self.condition.to(mean) @ mean
        return mean.to(self.device, self.dtype)

    def _sampled_mean(self) -> Tensor:
        tensors = chain(self.module.parameters(), self.module.buffers())
        changes = sum(tensor._version for tensor in tensors if not tensor.is_inference())  # someone may train on
        found = self._means.get(self.class_number)
        if found is None or found[0] != changes:
            with ThreadPoolExecutor(1) as outside:  # of transforms and inference, which belong to a thread
                found = changes, outside.submit(self._mean_now).result()
            self._means[self.class_number] = found
        return found[1]

    @torch.no_grad()
    def _mean_now(self) -> Tensor:
        return self._map(self.sample_z(_MEAN_OF, seed=0)).mean(0)

    @cached_property  # read for every layer of every batch
    def margins(self) -> dict[str, int]:
        """By layer, how many pixels of its features lie beyond each border of the picture, where it says so."""
        return {name: margin_of(self.module.get_submodule(name)) for name in self.layer_names}

    def style_maps(self) -> tuple[StyleMap, ...]:
        """Return the affine maps from rows of ``w+`` to styles, for SeFa; none where the network has no such layers."""
        if self.parts.synthesis is None or not self.w_dim:
            return ()
        synthesis, c = self.parts.synthesis, self.condition
        return style_maps(self.module, lambda ws: synthesis(ws, c), self.num_layers, self.w_dim)

    def _map(self, z: Tensor) -> Tensor:
        if self.parts.mapping is None:
            raise NotImplementedError
        return self.parts.mapping(z.reshape(len(z), *self.parts.z_shape), self.condition).to(self.dtype)

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        with held(self.noise, len(code)):
            if self.parts.synthesis is None or (space == "z" and self.parts.mapping is None):
                return self._picture(self.parts.draw(code.reshape(len(code), *self.parts.z_shape), self.condition))
            rows = self._map(code) if space == "z" else code
            if rows.ndim == 2:
                rows = rows[:, None].expand(-1, self.num_layers, -1)
            return self._picture(self.parts.synthesis(rows, self.condition))

    def _picture(self, result: Any) -> Tensor:
        low, high = self.value_range
        x = in_three_colours(picture_of(result)).to(self.dtype)
        return x if (low, high) == (-1.0, 1.0) else (x - low) * (2 / (high - low)) - 1

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        with exact(), watching(self.module, layers) as seen:  # fused layers would not call their parts
            self._synthesize(code, space)
        return {name: seen[name][0].to(self.dtype) for name in layers}
