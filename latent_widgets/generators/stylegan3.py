"""StyleGAN3 (Karras et al. 2021, "Alias-Free Generative Adversarial Networks") in plain PyTorch.

The synthesis starts from Fourier features that ``w`` shifts and rotates. Every layer is a modulated convolution and a
leaky ReLU between two resampling filters; configurations T and R differ in kernels and filters. There are no custom
operators, so forward mode, reverse mode and ``vmap`` all work, on any device. Style vectors are normalised for each
picture alone, so that a picture does not depend on its batch; demodulation makes that immaterial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import fresh
from latent_widgets.generators._bands import band, resampled
from latent_widgets.generators._dense import GAIN, Dense, drawn
from latent_widgets.generators._plain import convolved, pays, pieces
from latent_widgets.generators._synthesis import Synthesis, SynthesisState
from latent_widgets.generators.stylegan2 import MappingNetwork
from latent_widgets.generators.stylegan3_layers import InputSpec, LayerSpec, design

__all__ = ["StyleGAN3", "make_stylegan3"]


class FourierInput(nn.Module):
    """Fourier features under a rotation and a translation that depend on ``w``.

    Its style vector is ``(cos, sin, x, y)``, the first two up to a common factor.
    """

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, spec: InputSpec, w_dim: int) -> None:
        super().__init__()
        self.spec, self.inputs = spec, 4
        self.affine = Dense(w_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0], **fresh()))
        self.weight = nn.Parameter(drawn(spec.channels, spec.channels))
        self.register_buffer("freqs", drawn(spec.channels, 2))
        self.register_buffer("phases", torch.empty(spec.channels, **fresh()).uniform_(-0.5, 0.5))
        self.register_buffer(
            "transform", torch.zeros(3, 3, **fresh()).fill_diagonal_(1)
        )  # of the user: moves the whole picture
        if not self.freqs.is_meta:
            radii = self.freqs.norm(dim=1, keepdim=True)
            self.freqs.mul_(spec.bandwidth / (radii * (radii.square() / 4).exp()))

    def forward(self, style: Tensor) -> Tensor:
        """Draw the features (n, channels, size, size) of style vectors (n, 4)."""
        dtype, spec = style.dtype, self.spec
        wide = torch.promote_types(dtype, torch.float32)  # angles of many turns need the digits
        style, freqs = style.to(wide), self.freqs.to(wide)
        cos, sin, x, y = (style / style[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1).unflatten(1, (3, 3))
        move = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1).unflatten(1, (3, 3))
        placed = turn @ move @ self.transform.to(wide)  # (n, 3, 3)
        phases = self.phases.to(wide) + (freqs @ placed[:, :2, 2:])[:, :, 0]  # (n, channels)
        freqs = freqs @ placed[:, :2, :2]  # (n, channels, 2)
        # frequencies that the transform brings beyond the band fade out
        fade = 1 - (freqs.norm(dim=2) - spec.bandwidth) / (spec.sampling_rate / 2 - spec.bandwidth)
        ticks = (torch.arange(spec.size, device=style.device, dtype=wide) + 0.5 - spec.size / 2) / spec.sampling_rate
        turns = (
            freqs[:, :, 0, None, None] * ticks  # along x
            + freqs[:, :, 1, None, None] * ticks[:, None]
            + phases[:, :, None, None]
        )  # (n, channels, size, size)
        waves = (2 * math.pi * turns).sin() * fade.clamp(0, 1)[:, :, None, None]
        weight = self.weight / math.sqrt(spec.channels)
        return torch.einsum("oc,nchw->nohw", weight, waves.to(dtype))


class AliasFreeLayer(nn.Module):
    """A modulated convolution, then bias, interpolation, leaky ReLU, low-pass filter and subsampling."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, spec: LayerSpec, w_dim: int) -> None:
        super().__init__()
        self.spec, self.inputs = spec, spec.in_channels
        self.affine = Dense(w_dim, spec.in_channels, bias=1.0)
        self.weight = nn.Parameter(drawn(spec.out_channels, spec.in_channels, spec.kernel, spec.kernel))
        self.bias = nn.Parameter(torch.zeros(spec.out_channels, **fresh()))
        self.register_buffer("magnitude_ema", torch.ones([], **fresh()))
        shape = (spec.down_taps, spec.down_taps) if spec.radial else (spec.down_taps,)
        self.register_buffer(
            "up_filter",
            torch.full((spec.up_taps,), 1 / spec.up_taps, **fresh()) if spec.up_taps > 1 else None,
        )
        self.register_buffer(
            "down_filter",
            torch.full(shape, 1 / math.prod(shape), **fresh()) if spec.down_taps > 1 else None,
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map features (n, in_channels, h, w) under ``style`` (n, in_channels) to (n, out_channels, size, size)."""
        spec = self.spec
        if spec.torgb:
            weight: Tensor = self.weight
            style = style / math.sqrt(spec.in_channels * spec.kernel**2)
        else:
            weight = self.weight * self.weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean(1, keepdim=True).rsqrt()
        scale = self.magnitude_ema.rsqrt().expand(len(x), spec.out_channels)
        if not spec.torgb:
            scale = scale * torch.rsqrt(style.square() @ weight.square().sum((2, 3)).T + 1e-8)
        bias = self.bias[:, None, None]
        given = len(x) * spec.out_channels * spec.out_size**2
        if not pays(given, x, style, self.weight, self.bias):
            y = F.conv2d(x * style[:, :, None, None], weight, padding=spec.kernel - 1)
            return self._filtered(y * scale[:, :, None, None] + bias)
        y = convolved(x, style, weight, scale, padding=spec.kernel - 1)
        if y.shape[2] == spec.out_size and spec.up_taps == spec.down_taps == 1:
            return self._filtered(y.add_(bias), over=True)
        out = y.new_empty(*y.shape[:2], spec.out_size, spec.out_size)
        for part, to, offset in pieces(y, out, bias[None], fill=4 * out[0, 0].numel()):
            to.copy_(self._filtered(part.add_(offset), over=True))
        return out

    def _filtered(self, y: Tensor, over: bool = False) -> Tensor:
        """Interpolate, activate and subsample; what is interpolated is written over where ``over`` says so."""
        spec, gain = self.spec, 1.0 if self.spec.torgb else GAIN  # a leaky ReLU passes it on
        y = _resample(y, self.up_filter, up=spec.up, padding=spec.padding, gain=spec.up**2 * gain)
        if not spec.torgb:
            y = F.leaky_relu_(y, 0.2) if over else F.leaky_relu(y, 0.2)
        if spec.clamp is not None:
            y = y.clamp_(-spec.clamp, spec.clamp) if over else y.clamp(-spec.clamp, spec.clamp)
        return _resample(y, self.down_filter, down=spec.down)


def _resample(
    x: Tensor,
    taps: Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Sequence[int] = (0, 0, 0, 0),
    gain: float = 1.0,
) -> Tensor:
    """Insert zeros, pad, convolve with the filter, keep every ``down``-th sample."""
    n, channels, h, w = x.shape
    if taps is not None and taps.ndim == 1 and x.device.type == "cpu":
        taps = taps.to(x.dtype) * math.sqrt(gain)  # along each axis
        left, right, top, bottom = padding
        columns = band(w, taps, up, down, (left, right))
        same = h == w and (left, right) == (top, bottom)
        return resampled(x, columns if same else band(h, taps, up, down, (top, bottom)), columns)
    if up > 1:
        x = F.pad(x[:, :, :, None, :, None], (0, up - 1, 0, 0, 0, up - 1)).reshape(n, channels, up * h, up * w)
    x = F.pad(x, tuple(padding))
    if taps is None:
        return (x if gain == 1.0 else x * gain)[:, :, ::down, ::down]
    kernel = taps.to(x.dtype).flip(tuple(range(taps.ndim)))  # a convolution in the mathematical sense
    if taps.ndim == 2:
        return F.conv2d(x, (kernel * gain).expand(channels, 1, -1, -1), stride=down, groups=channels)
    kernel = kernel * math.sqrt(gain)  # along each axis
    x = F.conv2d(x, kernel[:, None].expand(channels, 1, -1, -1), stride=(down, 1), groups=channels)
    return F.conv2d(x, kernel[None].expand(channels, 1, -1, -1), stride=(1, down), groups=channels)


class SynthesisNetwork(Synthesis):
    """The synthesis from ``w+`` to a picture: the Fourier features have the first row, each layer one of its own."""

    def __init__(self, w_dim: int, input: InputSpec, layers: Sequence[LayerSpec], output_scale: float) -> None:
        super().__init__()
        self.w_dim, self.output_scale = w_dim, checks.number("output_scale", output_scale)
        self.input = FourierInput(input, w_dim)
        for spec in layers:
            self.add_module(spec.name, AliasFreeLayer(spec, w_dim))
        self.layer_names = ("input", *(spec.name for spec in layers))
        self.num_ws = len(self.layer_names)
        self.ws_index = tuple(range(self.num_ws))
        self.style_sizes = (4, *(spec.in_channels for spec in layers))
        self.picture_layers = {layers[-1].out_size: layers[-1].name}
        self.margins = _margins(input, layers)

    def affines(self) -> list[Dense]:
        """Return for each step the map from its row of ``w+`` to its style vector."""
        return [getattr(self, name).affine for name in self.layer_names]

    def start(self, n: int) -> SynthesisState:
        """Return the state before the first step, for ``n`` pictures: empty."""
        return SynthesisState(self.input.weight.new_empty(n, 0, 0, 0))

    def step(self, i: int, state: SynthesisState, style: Tensor) -> SynthesisState:
        """Run step ``i``."""
        layer = getattr(self, self.layer_names[i])
        if i == 0:
            return SynthesisState(layer(style))
        x = layer(state.x, style)
        return SynthesisState(x, x * self.output_scale) if i == self.num_ws - 1 else replace(state, x=x)


def _margins(input: InputSpec, layers: Sequence[LayerSpec]) -> dict[str, int]:
    """The pixels of each layer beyond the picture, which is as many samples wide as its sampling rate says."""
    rate, margins = input.sampling_rate, {"input": input.size - input.sampling_rate}
    for spec in layers:
        rate *= spec.up / spec.down
        margins[spec.name] = spec.out_size - rate
    return {name: max(0, round(margin / 2)) for name, margin in margins.items()}


class StyleGAN3(nn.Module):
    """Mapping and synthesis together; :func:`make_stylegan3` lays out the layers of the paper's configurations.

    Args:
        z_dim: Length of the input latent.
        w_dim: Length of the mapped latent.
        resolution: Side of the picture.
        input: The Fourier features.
        layers: The layers, the one that makes the picture last.
        mapping_layers: Depth of the mapping network.
        c_dim: Length of the class vector; 0 for none.
        mapping_lr: Learning-rate multiplier of the mapping network.
        output_scale: Factor of the picture.
        mapping_widths: What the mapping's layers take, and what the last gives; all ``w_dim`` but the first by default.

    Raises:
        ValueError: If the layers do not fit together.
    """

    def __init__(
        self,
        *,
        z_dim: int,
        w_dim: int,
        resolution: int,
        input: InputSpec,
        layers: Sequence[LayerSpec],
        mapping_layers: int = 2,
        c_dim: int = 0,
        mapping_lr: float = 0.01,
        output_scale: float = 0.25,
        mapping_widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _need_fit(input, layers, resolution)
        self.z_dim, self.w_dim, self.c_dim, self.resolution = z_dim, w_dim, c_dim, resolution
        self.mapping = MappingNetwork(z_dim, w_dim, c_dim, mapping_layers, mapping_lr, widths=mapping_widths)
        self.synthesis = SynthesisNetwork(w_dim, input, layers, output_scale)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Draw the pictures of ``z`` (n, z_dim)."""
        w = self.mapping(z, c)
        return self.synthesis(w[:, None].expand(-1, self.synthesis.num_ws, -1))


def _need_fit(input: InputSpec, layers: Sequence[LayerSpec], resolution: int) -> None:
    """Refuse layers of which one does not take what the one before gives."""
    size, channels = input.size, input.channels
    for spec in layers:
        inner = (size + spec.kernel - 1) * spec.up + spec.padding[0] + spec.padding[1] - spec.up_taps + 1
        given = (inner - spec.down_taps) // max(spec.down, 1) + 1
        if (given, channels) != (spec.out_size, spec.in_channels) or spec.padding[:2] != spec.padding[2:] or inner < 1:
            raise ValueError(
                f"layers must fit together, got {spec.name} with {spec.in_channels} channels and side {spec.out_size} "
                f"after {channels} channels, from which it would give side {given}."
            )
        size, channels = spec.out_size, spec.out_channels
    if size != resolution or not layers[-1].torgb:
        raise ValueError(f"the last layer must make the picture of {resolution} px, got side {size}.")


def make_stylegan3(
    *,
    z_dim: int,
    w_dim: int,
    resolution: int,
    mapping_layers: int = 2,
    c_dim: int = 0,
    mapping_widths: Sequence[int] | None = None,
    **options: Any,
) -> StyleGAN3:
    """Build a StyleGAN3 with random weights.

    Args:
        z_dim: Length of the input latent.
        w_dim: Length of the mapped latent.
        resolution: Side of the picture, a power of two.
        mapping_layers: Depth of the mapping network.
        c_dim: Length of the class vector; 0 for none.
        mapping_widths: What the mapping's layers take, and what the last gives; all ``w_dim`` but the first by default.
        **options: Those of :func:`~latent_widgets.generators.stylegan3_layers.design`: ``rotation=True`` for
            configuration R, ``channel_base``, ``channel_max`` and more.

    Returns:
        The network.

    Example:
        >>> net = make_stylegan3(z_dim=4, w_dim=4, resolution=16, channel_base=64, channel_max=4)
        >>> net(torch.zeros(2, 4)).shape
        torch.Size([2, 3, 16, 16])
    """
    plan = design(resolution, **options)
    network = StyleGAN3(
        z_dim=z_dim, w_dim=w_dim, resolution=resolution, input=plan.input, layers=plan.layers,
        mapping_layers=mapping_layers, c_dim=c_dim, mapping_widths=mapping_widths,
    )  # fmt: skip
    network.synthesis.load_state_dict(plan.filters, strict=False)
    return network
