"""How the layers of a StyleGAN3 follow from its resolution (Karras et al. 2021, section 3.2 and appendix C).

Each layer has a cutoff and a stopband frequency, both in geometric progression; sampling rates, sizes, channels,
filters and paddings follow from these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole

__all__ = ["Design", "InputSpec", "LayerSpec", "design", "low_pass"]

MARGIN = 10  # pixels computed beyond the picture's border on each side
OVERSAMPLING = 2  # of the nonlinearity
FILTER_SIZE = 6  # taps per sample


@dataclass(frozen=True)
class InputSpec:
    """The Fourier features that the synthesis starts from.

    Attributes:
        channels: How many features.
        size: Side of their grid.
        sampling_rate: Grid points per unit of length, the side of the picture.
        bandwidth: Their largest frequency.

    Raises:
        TypeError: If the sampling rate or the bandwidth is no number.
        ValueError: If one of them is out of bounds.
    """

    channels: int
    size: int
    sampling_rate: float
    bandwidth: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling_rate", checks.number("sampling_rate", self.sampling_rate, 1e-9))
        object.__setattr__(self, "bandwidth", checks.number("bandwidth", self.bandwidth, 0.0))


@dataclass(frozen=True)
class LayerSpec:
    """One layer: modulated convolution, low-pass filtered leaky ReLU.

    Attributes:
        name: Such as ``"L3_52_512"``: index, size and channels.
        in_channels: Channels that it takes.
        out_channels: Channels that it gives.
        out_size: Side of what it gives.
        kernel: Side of the convolution kernel.
        up: Oversampling before the nonlinearity.
        down: Subsampling after it.
        up_taps: Length of the filter that interpolates; 1 without one.
        down_taps: Length of the filter that removes aliasing; 1 without one.
        radial: Whether the latter is radially symmetric, and not separable.
        padding: Zeros at the left, right, top and bottom of the oversampled features; below zero they are cropped.
        torgb: Whether it makes the picture: no demodulation, no nonlinearity.
        clamp: Largest absolute activation, None for no limit.

    Raises:
        TypeError: If the clamp is no number.
        ValueError: If it is below zero.
    """

    name: str
    in_channels: int
    out_channels: int
    out_size: int
    kernel: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool
    padding: tuple[int, int, int, int]
    torgb: bool = False
    clamp: float | None = None

    def __post_init__(self) -> None:
        if self.clamp is not None:
            object.__setattr__(self, "clamp", checks.number("clamp", self.clamp, 0.0))


@dataclass(frozen=True, eq=False)
class Design:
    """What :func:`design` returns.

    Attributes:
        input: The Fourier features.
        layers: The layers, the one that makes the picture last.
        filters: The low-pass filters, ``"<layer>.up_filter"`` and ``"<layer>.down_filter"``.
    """

    input: InputSpec
    layers: tuple[LayerSpec, ...]
    filters: dict[str, Tensor]


def low_pass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor:
    """Design a low-pass filter with a Kaiser window.

    Args:
        taps: Its length.
        cutoff: Where it begins to attenuate.
        half_width: Half the width of its transition band.
        rate: The sampling rate; frequencies are in the same unit.
        radial: Whether it is a jinc on the plane, not a sinc on a line.

    Returns:
        ``(taps,)``, or ``(taps, taps)`` if radial; its sum is 1.
    """
    import_whole("scipy.signal", "scipy.special")
    import scipy.signal  # here, for the package to import quickly: it is as slow to load as the rest together
    import scipy.special

    if not radial:
        return torch.as_tensor(
            scipy.signal.firwin(taps, cutoff, width=2 * half_width, fs=rate), dtype=torch.float32, device="cpu"
        )
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(x, x[:, None])
    values = scipy.special.j1(2 * np.pi * cutoff * radius) / (np.pi * radius)
    beta = scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(taps, 2 * half_width / (rate / 2)))
    window = np.kaiser(taps, beta)
    values = values * np.outer(window, window)
    return torch.as_tensor(values / values.sum(), dtype=torch.float32, device="cpu")


def design(
    resolution: int,
    *,
    rotation: bool = False,
    channel_base: int = 32768,
    channel_max: int = 512,
    num_layers: int = 14,
    num_critical: int = 2,
    first_cutoff: float = 2.0,
    first_stopband: float = 2**2.1,
    last_stopband_rel: float = 2**0.3,
    colours: int = 3,
    clamp: float | None = 256.0,
) -> Design:
    """Lay out the layers of configuration T (equivariant to translation) or R (to rotation as well).

    Args:
        resolution: Side of the picture, a power of two.
        rotation: Configuration R: 1 x 1 convolutions, radial filters; the paper doubles ``channel_base`` and
            ``channel_max`` for it.
        channel_base: Channels times cutoff, over two.
        channel_max: Most channels.
        num_layers: Layers, without the last that makes the picture.
        num_critical: Layers at the end that are sampled critically.
        first_cutoff: Cutoff of the first layer.
        first_stopband: Its stopband.
        last_stopband_rel: Stopband of the last layer over its cutoff.
        colours: Channels of the picture.
        clamp: Largest absolute activation.

    Returns:
        The layout with its filters.

    Raises:
        ValueError: If there are no more layers than critical ones.

    Example:
        >>> plan = design(32, channel_base=512, channel_max=16)
        >>> plan.layers[0].name, plan.layers[-1].name, len(plan.layers)
        ('L0_36_16', 'L14_32_3', 15)
    """
    checks.integer("num_layers", num_layers, low=num_critical + 1)
    last_cutoff = resolution / 2
    progress = np.minimum(np.arange(num_layers + 1) / (num_layers - num_critical), 1)
    cutoffs = first_cutoff * (last_cutoff / first_cutoff) ** progress
    stopbands = first_stopband * (last_cutoff * last_stopband_rel / first_stopband) ** progress
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, resolution))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = (rates + 2 * MARGIN).astype(int)
    sizes[-2:] = resolution
    channels = np.rint(np.minimum(channel_base / 2 / cutoffs, channel_max)).astype(int)
    channels[-1] = colours
    layers, filters = [], {}
    for i in range(num_layers + 1):
        before, torgb = max(i - 1, 0), i == num_layers
        name = f"L{i}_{sizes[i]}_{channels[i]}"
        inner = max(rates[before], rates[i]) * (1 if torgb else OVERSAMPLING)  # the rate of the nonlinearity
        up, down = round(inner / rates[before]), round(inner / rates[i])
        up_taps = FILTER_SIZE * up if up > 1 and not torgb else 1
        down_taps = FILTER_SIZE * down if down > 1 and not torgb else 1
        radial = rotation and i < num_layers - num_critical
        kernel = 1 if rotation or torgb else 3
        if up_taps > 1:
            filters[f"{name}.up_filter"] = low_pass(up_taps, cutoffs[before], half_widths[before], inner)
        if down_taps > 1:
            filters[f"{name}.down_filter"] = low_pass(down_taps, cutoffs[i], half_widths[i], inner, radial)
        pad = (sizes[i] - 1) * down + 1 - (sizes[before] + kernel - 1) * up + up_taps + down_taps - 2
        low = math.floor((pad + up) / 2)
        layers.append(
            LayerSpec(
                name=name, in_channels=int(channels[before]), out_channels=int(channels[i]), out_size=int(sizes[i]),
                kernel=kernel, up=up, down=down, up_taps=up_taps, down_taps=down_taps, radial=radial,
                padding=(low, int(pad) - low, low, int(pad) - low), torgb=torgb, clamp=clamp,
            )
        )  # fmt: skip
    start = InputSpec(int(channels[0]), int(sizes[0]), float(rates[0]), float(cutoffs[0]))
    return Design(start, tuple(layers), filters)
