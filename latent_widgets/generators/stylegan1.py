"""StyleGAN (Karras et al. 2019, "A Style-Based Generator Architecture"), the first, for weights that exist.

Its styles scale and shift normalised features, so a style vector has two numbers for each channel: all scales, then all
shifts. It was grown layer by layer; only the picture of its full side is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import fresh
from latent_widgets.generators._synthesis import BlockSynthesis, SynthesisState, sides_of
from latent_widgets.generators.growing import GAIN, ScaledConv, doubled
from latent_widgets.generators.stylegan2 import Dense, MappingNetwork, drawn

__all__ = ["FUSED_FROM", "StyleGAN1"]

FUSED_FROM = 128  # px from which the published networks double the side by a transposed convolution
_EPS = 1e-8


class _Layer(nn.Module):
    """A convolution, noise, bias and activation; then the features are normalised, scaled and shifted.

    The first of all has no convolution. One with ``up`` doubles the side and blurs: if ``fused``, by one transposed
    convolution.
    """

    noise_const: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, *, first: bool, up: bool, noise: bool, fused: bool
    ) -> None:
        super().__init__()
        self.affine = Dense(w_dim, 2 * outputs)
        if not first:
            self.weight = nn.Parameter(drawn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        if noise:
            self.noise_strength = nn.Parameter(torch.zeros(outputs, **fresh()))
            self.register_buffer("noise_const", drawn(resolution, resolution))
        self.first, self.up, self.noise, self.fused, self.outputs = first, up, noise, fused, outputs
        self.scale = GAIN / math.sqrt(9 * inputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Run on ``x`` (n, inputs, h, w) under ``style`` (n, 2 outputs)."""
        if not self.first:
            x = self._convolved(x, (self.weight * self.scale).to(x.dtype))
        if self.noise:
            x = x + self.noise_const * self.noise_strength[:, None, None]
        x = F.leaky_relu(x + self.bias[:, None, None], 0.2)
        x = x - x.mean((2, 3), keepdim=True)
        x = x * torch.rsqrt(x.square().mean((2, 3), keepdim=True) + _EPS)
        scale, shift = style[:, :, None, None].chunk(2, 1)
        return x * (scale + 1) + shift

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, padding=1)
        if not self.fused:
            return _blur(F.conv2d(doubled(x), weight, padding=1))
        wide = F.pad(weight, (1, 1, 1, 1))
        wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
        return _blur(F.conv_transpose2d(x, wide.transpose(0, 1), stride=2, padding=1))


def _blur(x: Tensor) -> Tensor:
    """Filter by 1 2 1 along each axis, with zeros around."""
    x = F.pad(x, (1, 1, 1, 1))
    for axis in (2, 3):
        size = x.shape[axis] - 2
        x = (x.narrow(axis, 0, size) + x.narrow(axis, 2, size)) / 4 + x.narrow(axis, 1, size) / 2
    return x


class _Block(nn.Module):
    """The layers of one resolution; it only holds the modules."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int, noise: bool, fused: bool) -> None:
        super().__init__()
        first = side == 4
        if first:
            self.const = nn.Parameter(torch.ones(outputs, 4, 4, **fresh()))
        self.conv0 = _Layer(inputs, outputs, w_dim, side, first=first, up=not first, noise=noise, fused=fused)
        self.conv1 = _Layer(outputs, outputs, w_dim, side, first=False, up=False, noise=noise, fused=False)


class _SynthesisNetwork(BlockSynthesis):
    def __init__(
        self, w_dim: int, resolution: int, channels: Mapping[int, int], colours: int, noise: bool, fused_from: int
    ) -> None:
        super().__init__()
        self.w_dim, self.resolution, self.colours = w_dim, resolution, colours
        sides = sides_of(resolution, channels)
        for side in sides:
            inputs = channels[4] if side == 4 else channels[side // 2]
            self.add_module(f"b{side}", _Block(inputs, channels[side], w_dim, side, noise, side >= fused_from))
        self.image = ScaledConv(channels[resolution], colours, 1, gain=1.0)
        self.layer_names = tuple(f"b{side}.{layer}" for side in sides for layer in ("conv0", "conv1"))
        self.num_ws = len(self.layer_names)
        self.ws_index = tuple(range(self.num_ws))
        self.style_sizes = tuple(2 * self._layer(name).outputs for name in self.layer_names)
        self.picture_layers = {resolution: self.layer_names[-1]}

    def step(self, i: int, state: SynthesisState, style: Tensor) -> SynthesisState:
        x = self._layer(self.layer_names[i])(state.x, style)
        return SynthesisState(x, self.image(x) if i == self.num_ws - 1 else None)


class StyleGAN1(nn.Module):
    """Mapping and synthesis together.

    Args:
        z_dim: Length of the input latent.
        w_dim: Length of the mapped latent.
        resolution: Side of the picture, a power of two, at least 8.
        channels: Feature channels at each resolution from 4 to ``resolution``.
        mapping_layers: Depth of the mapping network.
        c_dim: Length of the class vector; 0 for none. Latent and class are normalised together.
        noise: Whether layers have (fixed) noise inputs.
        mapping_lr: Learning-rate multiplier of the mapping network.
        colours: Channels of the picture.
        fused_from: Side from which it is doubled by a transposed convolution.
        tanh: Whether the picture ends in a hyperbolic tangent.
        mapping_widths: What the mapping's layers take, and what the last gives; all ``w_dim`` but the first by default.

    Raises:
        TypeError: If ``tanh`` is neither true nor false.
        ValueError: If ``resolution`` is not a power of two or a resolution has no channels.

    Example:
        >>> net = StyleGAN1(z_dim=3, w_dim=4, resolution=8, channels={4: 5, 8: 2})
        >>> net(torch.ones(2, 3)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        *,
        z_dim: int,
        w_dim: int,
        resolution: int,
        channels: Mapping[int, int],
        mapping_layers: int = 8,
        c_dim: int = 0,
        noise: bool = True,
        mapping_lr: float = 0.01,
        colours: int = 3,
        fused_from: int = FUSED_FROM,
        tanh: bool = False,
        mapping_widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        sides_of(resolution, channels)
        self.z_dim, self.w_dim, self.c_dim, self.resolution = z_dim, w_dim, c_dim, resolution
        self.mapping = MappingNetwork(z_dim, w_dim, c_dim, mapping_layers, mapping_lr, True, mapping_widths)
        self.synthesis = _SynthesisNetwork(w_dim, resolution, channels, colours, noise, fused_from)
        self.synthesis.tanh = checks.flag("tanh", tanh)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Draw the pictures of ``z`` (n, z_dim)."""
        w = self.mapping(z, c)
        return self.synthesis(w[:, None].expand(-1, self.synthesis.num_ws, -1))
