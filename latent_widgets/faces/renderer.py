"""The procedural face renderer: continuous known factors in, a picture and its exact part maps out.

A face is a stack of layers. Each layer is a signed distance in units of the picture's half width, turned into a
coverage by a sigmoid one pixel wide, and painted over the layers below. Because every step is smooth, a picture can
be differentiated in all factors, in forward and in reverse mode; because a layer belongs to one part, what remains
visible of each part is known exactly.

All drawing is this project's own; no picture of a person went into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.faces import layers as _face_layers
from latent_widgets.faces.layers import PARTS

__all__ = [
    "FACTORS",
    "FACTOR_NAMES",
    "PARTS",
    "Factor",
    "Law",
    "Render",
    "cumulative",
    "factors_of_part",
    "quantile",
    "render",
    "sample_factors",
]


@dataclass(frozen=True)
class Law:
    """How a factor is spread over its range: a smooth, strictly increasing map of [0, 1] onto itself.

    Attributes:
        quantile: From a uniform number to the place in the range.
        cumulative: Its inverse.
    """

    quantile: Callable[[Tensor], Tensor]
    cumulative: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Factor:
    """One continuous property of a face.

    Attributes:
        name: What it is called.
        low: Smallest value.
        high: Largest value.
        law: How the values are spread over ``[low, high]``.
        parts: The parts whose look it changes, see :func:`factors_of_part`.
    """

    name: str
    low: float
    high: float
    law: Law
    parts: tuple[str, ...]


def _same(u: Tensor) -> Tensor:
    return u


def _to_centre(u: Tensor) -> Tensor:
    t = u - 0.5
    return 0.5 + t * (0.5 + 2.0 * t * t)


def _from_centre(v: Tensor) -> Tensor:
    # t / 2 + 2 t^3 = v - 1/2 has one real root: Cardano's, in its hyperbolic form
    root = math.sqrt(3.0)
    return 0.5 + torch.sinh(torch.asinh(6.0 * root * (v - 0.5)) / 3.0) / root


def _to_low_end(u: Tensor) -> Tensor:
    return torch.expm1(1.6 * u) / math.expm1(1.6)


def _from_low_end(v: Tensor) -> Tensor:
    return torch.log1p(v * math.expm1(1.6)) / 1.6


_uniform = Law(_same, _same)
_central = Law(_to_centre, _from_centre)  # more mass in the middle: the slope is 0.5 there and 2 at both ends
_early = Law(_to_low_end, _from_low_end)  # more mass near the low end
_late = Law(lambda u: 1.0 - _to_low_end(1.0 - u), lambda v: 1.0 - _from_low_end(1.0 - v))  # more near the high end


def _switch(centre: float, steepness: float) -> Law:
    """Mostly near 0 or near 1, few values between and yet no atom: a logistic in u, stretched to reach both ends."""
    low, high = (1.0 / (1.0 + math.exp(steepness * (centre - end))) for end in (0.0, 1.0))
    return Law(
        lambda u: (torch.sigmoid(steepness * (u - centre)) - low) / (high - low),
        lambda v: centre + torch.logit(low + v * (high - low)) / steepness,
    )


_LIT = ("skin", "hair", "nose", "mouth", "beard", "eyes")  # what the light shades (eyelids are lit, eyeballs are not)
_SKIN = ("skin", "nose", "mouth", "eyes")  # what is painted in the tone of the skin
_HAIR = ("hair", "brows", "beard")  # what is painted in the tone of the hair
_AROUND = ("skin", "hair", "beard", "background", "clothes", "brows", "eyes")  # what the outline of the face moves
_BEHIND = ("skin", "background", "clothes")  # what long hair lies on

FACTORS: tuple[Factor, ...] = (
    Factor("yaw", -1, 1, _central, PARTS),
    Factor("pitch", -1, 1, _central, PARTS),
    Factor("roll", -1, 1, _central, PARTS),
    Factor("face_width", 0, 1, _uniform, (*_AROUND, "glasses")),
    Factor("face_length", 0, 1, _uniform, (*_AROUND, "nose", "mouth")),
    Factor("jaw", 0, 1, _uniform, ("skin", "beard", "hair", "background")),
    Factor("skin_tone", 0, 1, _uniform, _SKIN),
    Factor("skin_hue", 0, 1, _uniform, _SKIN),
    Factor("hair_length", 0, 1, _uniform, ("hair", *_BEHIND, "beard", "brows", "eyes", "nose", "glasses")),
    Factor("hair_volume", 0, 1, _uniform, ("hair", *_BEHIND, "beard", "brows", "eyes")),
    Factor("hairline", 0, 1, _uniform, ("hair", "skin", "brows", "eyes", "nose", "glasses")),
    Factor("hair_parting", -1, 1, _central, ("hair", "skin", "brows", "eyes")),
    Factor("hair_tone", 0, 1, _uniform, _HAIR),
    Factor("hair_hue", 0, 1, _uniform, _HAIR),
    Factor("hair_wave", 0, 1, _early, ("hair", "skin", "background", "beard", "brows", "eyes")),
    Factor("brow_thickness", 0, 1, _uniform, ("brows", "skin")),
    Factor("brow_tilt", -1, 1, _central, ("brows", "skin")),
    Factor("brow_height", 0, 1, _uniform, ("brows", "skin")),
    Factor("eye_size", 0, 1, _uniform, ("eyes", "skin", "brows", "nose")),
    Factor("eye_open", 0, 1, _late, ("eyes",)),
    Factor("eye_gap", 0, 1, _uniform, ("eyes", "brows", "skin", "nose", "glasses")),
    Factor("gaze", -1, 1, _central, ("eyes",)),
    Factor("iris", 0, 1, _uniform, ("eyes",)),
    Factor("nose_width", 0, 1, _uniform, ("nose", "skin")),
    Factor("nose_length", 0, 1, _uniform, ("nose", "skin")),
    Factor("smile", -1, 1, _uniform, ("mouth", "skin", "nose", "beard")),
    Factor("mouth_open", 0, 1, _early, ("mouth", "skin", "nose", "beard")),
    Factor("lips", 0, 1, _uniform, ("mouth", "skin", "nose", "beard")),
    Factor("lip_red", 0, 1, _uniform, ("mouth",)),
    Factor("beard", 0, 1, _switch(0.60, 14.0), ("beard", "skin", "hair", "background", "clothes")),
    Factor("beard_length", 0, 1, _uniform, ("beard", "skin", "hair", "background", "clothes")),
    Factor("glasses", 0, 1, _switch(0.70, 26.0), ("glasses", "skin", "hair", "eyes", "brows", "nose")),
    Factor("glasses_size", 0, 1, _uniform, ("glasses", "skin", "hair", "eyes", "brows", "nose")),
    Factor("glasses_round", 0, 1, _uniform, ("glasses", "skin", "hair", "eyes", "brows", "nose")),
    Factor("light", -1, 1, _central, _LIT),
    Factor("background_hue", 0, 0.85, _uniform, ("background",)),
    Factor("background_tone", 0, 1, _uniform, ("background",)),
    Factor("clothes_hue", 0, 0.85, _uniform, ("clothes",)),
    Factor("clothes_tone", 0, 1, _uniform, ("clothes",)),
)
FACTOR_NAMES: tuple[str, ...] = tuple(f.name for f in FACTORS)


@dataclass(frozen=True, eq=False)
class Render:
    """What the renderer returns.

    Attributes:
        image: ``(n, 3, size, size)``, nominally in [-1, 1], never clamped.
        parts: ``(n, len(PARTS), size, size)``, how much of each part is visible; sums to one over the parts.
        coverage: ``(n, layers, size, size)``, the coverage of each painted layer before others hide it.
        shading: ``(n, 2, size, size)``, the light on skin and on hair.
    """

    image: Tensor
    parts: Tensor
    coverage: Tensor
    shading: Tensor


def quantile(u: Tensor) -> Tensor:
    """Map uniform numbers to factor values, each through its own smooth, strictly increasing law.

    Args:
        u: ``(..., len(FACTORS))`` in [0, 1].

    Returns:
        Factor values of the same shape.

    Example:
        >>> import torch
        >>> quantile(torch.full((1, len(FACTORS)), 0.5))[0, FACTOR_NAMES.index("smile")].item()
        0.0
    """
    columns = [f.low + (f.high - f.low) * f.law.quantile(u[..., i]) for i, f in enumerate(FACTORS)]
    return torch.stack(columns, -1)


def cumulative(factors: Tensor) -> Tensor:
    """Map factor values back to uniform numbers: the inverse of :func:`quantile`.

    Args:
        factors: ``(..., len(FACTORS))``, each in its own range.

    Returns:
        Numbers in [0, 1] of the same shape.

    Example:
        >>> u = torch.full((1, len(FACTORS)), 0.25)
        >>> torch.allclose(cumulative(quantile(u)), u, atol=1e-4)
        True
    """
    columns = [f.law.cumulative((factors[..., i] - f.low) / (f.high - f.low)) for i, f in enumerate(FACTORS)]
    return torch.stack(columns, -1)


def sample_factors(n: int, seed: int = 0) -> Tensor:
    """Draw the factors of ``n`` faces, all independent.

    Args:
        n: How many faces.
        seed: Seed of the draw; the same seed gives the same faces.

    Returns:
        ``(n, len(FACTORS))`` float32 on the CPU.

    Raises:
        TypeError: If ``n`` or ``seed`` is not an integer.
        ValueError: If ``n`` < 1 or ``seed`` < 0.

    Example:
        >>> sample_factors(2, seed=1).shape
        torch.Size([2, 39])
    """
    checks.integer("n", n, low=1)
    generator = torch.Generator("cpu").manual_seed(checks.integer("seed", seed, low=0, high=2**63 - 1))
    return quantile(torch.rand(n, len(FACTORS), generator=generator, dtype=torch.float32, device="cpu"))


def factors_of_part(part: str) -> tuple[str, ...]:
    """Name the factors that change how a part looks: the definition of "the true factors of hair".

    A factor is among them where the part takes its colour or light from it; or where a sweep over the factor's whole
    range, to first order and over random faces of 64 pixels, changes an average visible pixel of the part by more than
    a tenth of the way from black to white (root mean square; being hidden or uncovered counts); or where more than a
    twentieth of all that the factor changes lies in the part.

    Args:
        part: One of :data:`PARTS`.

    Returns:
        The factor names, in the order of :data:`FACTORS`.

    Raises:
        ValueError: If there is no such part.

    Example:
        >>> factors_of_part("clothes")
        ('yaw', 'pitch', 'roll', 'face_width', 'face_length', 'hair_length', 'hair_volume', 'beard', 'beard_length',
         'clothes_hue', 'clothes_tone')
    """
    checks.choice("part", part, PARTS)
    return tuple(f.name for f in FACTORS if part in f.parts)


def render(factors: Tensor, size: int = 64, zoom: float = 1.22) -> Render:
    """Draw faces from their factors.

    Args:
        factors: ``(n, len(FACTORS))``, in the order of :data:`FACTORS`; device and dtype of the result follow it.
        size: Side of the picture in pixels; edges are one pixel wide at every size.
        zoom: Magnification of the head.

    Returns:
        The pictures with their part maps, see :class:`Render`.

    Raises:
        TypeError: If ``factors`` is no tensor or ``size`` no integer.
        ValueError: If ``factors`` has the wrong shape or ``size`` is not positive.

    Example:
        >>> render(sample_factors(2), size=32).image.shape
        torch.Size([2, 3, 32, 32])
    """
    checks.shape("factors", factors, ("n", len(FACTORS)))
    checks.integer("size", size, low=1)
    named = {name: factors[:, i, None, None] for i, name in enumerate(FACTOR_NAMES)}
    scene = _face_layers.build(named, size, zoom)
    image = scene.ground
    parts = [torch.zeros_like(image[:, 0]) for _ in PARTS]
    parts[PARTS.index("background")] = torch.ones_like(image[:, 0])
    for layer in scene.layers:
        image = torch.lerp(image, layer.colour.expand_as(image), layer.coverage[:, None].expand_as(image))
        if layer.part is not None:
            hidden = 1 - layer.coverage
            parts = [part * hidden for part in parts]
            k = PARTS.index(layer.part)
            parts[k] = parts[k] + layer.coverage
    coverage = torch.stack([layer.coverage for layer in scene.layers], 1)
    return Render(image * 2 - 1, torch.stack(parts, 1), coverage, scene.shading)
