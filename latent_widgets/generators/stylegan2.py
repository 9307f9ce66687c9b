"""StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN") in plain PyTorch.

One class serves the built-in generator and checkpoints trained elsewhere. There are no custom operators, so forward
mode, reverse mode and ``vmap`` all work, on any device. Parameter names follow the widespread layout ``mapping.fc0``,
``synthesis.b8.conv0``. Of the paper's figure 7 there are all three architectures: ``skip`` adds up RGB pictures,
``resnet`` adds up features, ``orig`` is a plain chain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import fresh
from latent_widgets.core.taping import is_taped
from latent_widgets.generators._dense import GAIN, Dense, drawn
from latent_widgets.generators._fir import FILTER, fir, fir_gain, low_pass, upsample
from latent_widgets.generators._kind import SLOPE, Kind
from latent_widgets.generators._plain import coloured, laid, pays, room, slabs
from latent_widgets.generators._synthesis import BlockSynthesis, SynthesisState, sides_of
from latent_widgets.generators._taped import TapedColours, TapedLayer

__all__ = ["ARCHITECTURES", "Dense", "MappingNetwork", "StyleGAN2", "SynthesisNetwork", "SynthesisState", "drawn"]

ARCHITECTURES = ("skip", "resnet", "orig")


def _unit_rms(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Embedding(nn.Module):
    """A row of numbers for each class, without scale or bias."""

    def __init__(self, classes: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(outputs, classes))

    def forward(self, c: Tensor) -> Tensor:
        """Map class vectors ``(n, classes)`` to ``(n, outputs)``."""
        return F.linear(c, self.weight)


class MappingNetwork(nn.Module):
    """The mapping from ``z`` (and a class vector ``c`` where there is one) to ``w``.

    With ``joint`` both are normalised together, as in the TensorFlow program, and not each for itself.
    """

    w_avg: Tensor

    def __init__(
        self, z_dim: int, w_dim: int, c_dim: int = 0, num_layers: int = 8, lr: float = 0.01, joint: bool = False,
        widths: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.z_dim, self.w_dim, self.c_dim, self.joint = z_dim, w_dim, c_dim, joint
        self.num_layers = checks.integer("mapping_layers", num_layers, 0, 64)
        lr = checks.number("mapping_lr", lr, 1e-9)
        if widths is None:
            widths = [z_dim + ((z_dim if joint else w_dim) if c_dim else 0)] + [w_dim] * num_layers
        elif len(widths) != num_layers + 1 or widths[-1] != w_dim or (widths[0] != z_dim) != bool(c_dim):
            raise ValueError(f"mapping_widths must lead to w_dim {w_dim} in {num_layers} layers, got {list(widths)}.")
        if c_dim:
            self.embed = (Embedding if joint else Dense)(c_dim, widths[0] - z_dim)
        for i in range(num_layers):
            self.add_module(f"fc{i}", Dense(widths[i], widths[i + 1], activate=True, lr=lr))
        self.register_buffer("w_avg", torch.zeros(w_dim, **fresh()))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Map ``z`` (n, z_dim) and, if conditional, ``c`` (n, c_dim) to ``w`` (n, w_dim), without truncation."""
        if not self.c_dim:
            x = _unit_rms(z)
        elif c is None:
            raise ValueError(
                f"c must be given: this network is conditional, with class vectors of length {self.c_dim}."
            )
        elif self.joint:
            x = _unit_rms(torch.cat([z, self.embed(c)], 1))
        else:
            x = torch.cat([_unit_rms(z), _unit_rms(self.embed(c))], 1)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        return x


class ModulatedConv(nn.Module):
    """A modulated convolution with demodulation, bias, optional noise and activation.

    With ``up`` it doubles the resolution. The style scales the input channels, so that one ordinary convolution serves
    the whole batch (equal to scaling the weights). ``gain`` scales what comes out, and the clamp with it.
    """

    noise_const: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        w_dim: int,
        resolution: int,
        *,
        up: bool = False,
        noise: bool = True,
        clamp: float | None = None,
        taps: Sequence[float] = FILTER,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(drawn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        self.up, self.clamp, self.inputs, self.taps, self.gain = up, clamp, inputs, taps, gain
        if noise:
            self.noise_strength = nn.Parameter(torch.zeros([], **fresh()))
            self.register_buffer("noise_const", drawn(resolution, resolution))
        self.noise = noise

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Convolve ``x`` (n, inputs, h, w) under ``style`` (n, inputs)."""
        given = len(self.bias) * x[:, 0].numel() * (4 if self.up else 1)
        plain = pays(given, x, style, self.weight, self.bias)
        style = style / math.sqrt(self.inputs * 9)  # the equalised learning rate, here and not in the many weights
        energy = F.linear(style.square(), self.weight.square().sum((2, 3)))
        # all gains go into what is small: a leaky ReLU passes them on, and every pass over the features costs
        scale = torch.rsqrt(energy + 1e-8) * (GAIN * self.gain * (fir_gain(self.taps) if self.up else 1.0))
        shift = (self.bias * (GAIN * self.gain))[:, None, None]
        noise = self.noise_const * (self.noise_strength * (GAIN * self.gain)) if self.noise else None
        limit = None if self.clamp is None else self.clamp * self.gain
        kind = Kind(self.taps if self.up else None, limit)
        if plain:
            return self._over(kind, x, style, scale, shift, noise)
        if is_taped(self.weight, self.bias, self.noise_strength if self.noise else None) and x.dtype == style.dtype:
            taped: Tensor = TapedLayer.apply(x, style, scale, self.weight.to(x.dtype), shift, noise, kind)
            return taped
        scale = scale[:, :, None, None]
        weight, x = self.weight.to(x.dtype), x * style[:, :, None, None]
        if self.up:
            x = fir(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), self.taps)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = x * scale if noise is None else torch.addcmul(noise, x, scale)
        x = F.leaky_relu(x + shift, SLOPE)
        return x if limit is None else x.clamp(-limit, limit)

    def _over(self, kind: Kind, x: Tensor, style: Tensor, scale: Tensor, shift: Tensor, noise: Tensor | None) -> Tensor:
        # The same where nobody asks for derivatives: what follows the convolution writes over it, some rows at a time.
        # The channels of a pixel lie together, as the convolution wants them.
        x, factor = laid(x), scale[:, :, None, None]
        scaled = not self.up and len(x) == 1 and self.weight.numel() <= x.numel()  # what is smaller takes the factors
        if scaled:
            own = self.weight * style[0, :, None, None] * scale[0, :, None, None, None]
            y = F.conv2d(x, own, padding=1)
        else:
            y = kind.convolved(x * style[:, :, None, None], self.weight)
        out = room(y, y.shape[2] - 1, y.shape[3] - 1) if self.up else y
        for i, first, last in slabs(out):
            rows = out[i : i + 1, :, first:last]
            if not scaled:
                torch.mul(kind.filtered(y[i : i + 1], first, last), factor[i : i + 1], out=rows)
            kind.activate(rows, shift, None if noise is None else noise[first:last])
        return out


class ToRGB(nn.Module):
    """The modulated 1 x 1 convolution, without demodulation, that turns features into a picture."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, clamp: float | None = None) -> None:
        super().__init__()
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(drawn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs, **fresh()))
        self.inputs, self.clamp = inputs, clamp

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map features (n, inputs, h, w) under ``style`` (n, inputs) to a picture (n, outputs, h, w)."""
        style = style / math.sqrt(self.inputs)
        taped = is_taped(self.weight, self.bias) and x.dtype == self.weight.dtype
        if taped or pays(x.numel(), x, style, self.weight, self.bias):
            own = self.weight[:, :, 0, 0] * style[:, None]  # each picture's, which are fewer to scale than its numbers
            y: Tensor = TapedColours.apply(x, own, self.bias) if taped else coloured(x, own, self.bias)
        else:
            y = F.conv2d(x * style[:, :, None, None], self.weight.to(x.dtype), self.bias.to(x.dtype))
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class Shortcut(nn.Module):
    """The 1 x 1 convolution past the two layers of a residual block; it doubles the resolution."""

    def __init__(self, inputs: int, outputs: int, *, taps: Sequence[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(outputs, inputs, 1, 1))
        self.gain, self.taps = math.sqrt(0.5 / inputs), taps

    def forward(self, x: Tensor) -> Tensor:
        """Map features (n, inputs, h, w) to (n, outputs, 2 h, 2 w)."""
        return upsample(F.conv2d(x, self.weight * self.gain), self.taps)


class Block(nn.Module):
    """The layers of one resolution; it only holds the modules, :class:`SynthesisNetwork` runs them."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        w_dim: int,
        resolution: int,
        *,
        residual: bool,
        colours: int,
        noise: bool,
        clamp: float | None,
        taps: Sequence[float],
    ) -> None:
        super().__init__()
        gain = math.sqrt(0.5) if residual and inputs else 1.0  # the sum of two keeps the variance of one
        if inputs:
            self.conv0 = ModulatedConv(inputs, outputs, w_dim, resolution, up=True, noise=noise, clamp=clamp, taps=taps)
        else:
            self.const = nn.Parameter(drawn(outputs, 4, 4))
        self.conv1 = ModulatedConv(outputs, outputs, w_dim, resolution, noise=noise, clamp=clamp, taps=taps, gain=gain)
        if colours:
            self.torgb = ToRGB(outputs, colours, w_dim, clamp=clamp)
        if residual and inputs:
            self.skip = Shortcut(inputs, outputs, taps=taps)


class SynthesisNetwork(BlockSynthesis):
    """The synthesis from ``w+`` to a picture."""

    def __init__(
        self,
        w_dim: int,
        resolution: int,
        channels: Mapping[int, int],
        *,
        noise: bool = True,
        clamp: float | None = None,
        taps: Sequence[float] = FILTER,
        architecture: str = "skip",
        colours: int = 3,
    ) -> None:
        super().__init__()
        self.taps, self.architecture, self.colours = low_pass(taps), architecture, colours
        clamp = None if clamp is None else checks.number("clamp", clamp, 0.0)
        self.w_dim, self.resolution = w_dim, resolution
        self.resolutions = sides_of(resolution, channels)
        names, index = [], []
        for r in self.resolutions:
            shown = colours if architecture == "skip" or r == resolution else 0
            block = Block(
                0 if r == 4 else channels[r // 2], channels[r], w_dim, r,
                residual=architecture == "resnet", colours=shown, noise=noise, clamp=clamp, taps=taps,
            )  # fmt: skip
            self.add_module(f"b{r}", block)
            layers = [*(["conv0"] if r > 4 else []), "conv1", *(["torgb"] if shown else [])]
            first = 0 if r == 4 else 2 * int(math.log2(r)) - 5
            names += [f"b{r}.{layer}" for layer in layers]
            index += [first + i for i in range(len(layers))]
        self.layer_names, self.ws_index = tuple(names), tuple(index)
        self.num_ws = index[-1] + 1
        self.style_sizes = tuple(self._layer(name).inputs for name in names)
        self.picture_layers = {r: f"b{r}.torgb" for r in self.resolutions if f"b{r}.torgb" in names}

    def step(self, i: int, state: SynthesisState, style: Tensor) -> SynthesisState:
        """Run step ``i``."""
        name = self.layer_names[i]
        layer = self._layer(name)
        if isinstance(layer, ModulatedConv):
            x = layer(state.x, style)
            if state.shortcut is not None:
                return replace(state, x=x + state.shortcut, shortcut=None)
            skip = getattr(getattr(self, name.split(".")[0]), "skip", None)
            return replace(state, x=x, shortcut=None if skip is None else skip(state.x))
        rgb = layer(state.x, style)
        if state.rgb is not None:
            rgb = rgb + upsample(state.rgb, self.taps)
        return replace(state, rgb=rgb)


class StyleGAN2(nn.Module):
    """Mapping and synthesis together.

    Args:
        z_dim: Length of the input latent.
        w_dim: Length of the mapped latent.
        resolution: Side of the picture, a power of two, at least 8.
        channels: Feature channels at each resolution from 4 to ``resolution``.
        mapping_layers: Depth of the mapping network.
        c_dim: Length of the class vector; 0 for none.
        noise: Whether layers have (fixed) noise inputs.
        clamp: Largest absolute activation, None for no limit.
        mapping_lr: Learning-rate multiplier of the mapping network (Karras et al. 2019, appendix C: 0.01).
        architecture: ``"skip"``, ``"resnet"`` or ``"orig"``.
        colours: Channels of the picture.
        taps: The low-pass filter along each axis: symmetric, of even length.
        joint: Whether latent and class are normalised together.
        tanh: Whether the picture ends in a hyperbolic tangent.
        mapping_widths: What the mapping's layers take, and what the last gives; all ``w_dim`` but the first by default.

    Raises:
        ValueError: If ``resolution`` is not a power of two, a resolution has no channels, or there is no such
            architecture.
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
        clamp: float | None = None,
        mapping_lr: float = 0.01,
        architecture: str = "skip",
        colours: int = 3,
        taps: Sequence[float] = FILTER,
        joint: bool = False,
        tanh: bool = False,
        mapping_widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        sides_of(resolution, channels)
        checks.choice("architecture", architecture, ARCHITECTURES)
        self.z_dim, self.w_dim, self.c_dim, self.resolution = z_dim, w_dim, c_dim, resolution
        joint = checks.flag("joint", joint)
        self.mapping = MappingNetwork(z_dim, w_dim, c_dim, mapping_layers, mapping_lr, joint, mapping_widths)
        self.synthesis = SynthesisNetwork(
            w_dim, resolution, channels,
            noise=noise, clamp=clamp, taps=taps, architecture=architecture, colours=colours,
        )  # fmt: skip
        self.synthesis.tanh = checks.flag("tanh", tanh)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Draw the pictures of ``z`` (n, z_dim)."""
        w = self.mapping(z, c)
        return self.synthesis(w[:, None].expand(-1, self.synthesis.num_ws, -1))
