"""From whatever people have as a mask, an array, a tensor or a picture, to the weights that it stands for.

Floating numbers are weights. Integers and pictures are what some program painted, each in its own shades: two shades
are outside and inside, whatever they are; many are weights by brightness, or the labels of several regions, which are
refused, since only the reader knows which one is meant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.images import is_transparent, open_picture
from latent_widgets.core.rounding import beyond_unit, rounding

__all__ = ["WEIGHTS", "read_mask", "read_picture"]

WEIGHTS = "latent_widgets.weights"  # in the text of a PNG of ours whose brightness is the weight, whatever its shades
WHITES = (255, 65535)  # of eight bits and of sixteen
SOME, MANY = 10_000, 2_000  # pixels that are looked at first, and colours among them that no soft edge has
FEW = 32  # shades: more of them are a soft edge, not labels
DIM = 1 / 4  # of white: shades that are all darker were written to be told apart, not to be seen
NEAR = 1 / 16  # of white: how far lossy compression moves black and white away from edges
APART = 2  # levels of 255 by which rounding may move the colour of half-transparent paint
BRIGHTNESS = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue, ITU-R BT.709

Levels = NDArray[np.int64]


def read_mask(value: Any, name: str = "mask") -> Tensor:
    """Read a mask.

    ==========================  ========================================================================
    bool                        itself
    floating                    weights in [0, 1]
    integers, grey pictures     two shades: the brighter is inside; more: weights by brightness, or refused as labels
    transparency                the paint, where it has one colour; grey paint of several shades by its brightness
    colours, palettes           two: the brighter is inside; shades between two: how near they are to the brighter
    ==========================  ========================================================================

    Args:
        value: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 1)`` of numbers, as tensor, array or lists; colours ``(H, W, 3)``
            or ``(H, W, 4)`` of eight bits; or an image of Pillow's.
        name: What to call it in errors.

    Returns:
        ``(H, W)``, bool, or floating in [0, 1]; on the device of the input.

    Raises:
        TypeError: If it holds no numbers.
        ValueError: If it has another shape, weights outside [0, 1], several labels, or many colours.

    Example:
        >>> read_mask(np.array([[0, 1, 1]], np.uint8)), read_mask(np.array([[17, 200]], np.uint8))
        (tensor([[False,  True,  True]]), tensor([[False,  True]]))
    """
    if isinstance(value, Image.Image):
        return _of_image(name, open_picture(name, value, needs=_needs))
    value = getattr(value, "tensor", value)  # of a Mask
    value = (value if isinstance(value, Tensor) else _numbers(name, value)).detach()
    if value.is_complex():
        raise TypeError(f"{name} must be real, got {value.dtype}. Use {name}.abs() > 0.")
    colours = _colours(value)
    if colours is not None:
        return _of_colours(name, colours).to(value.device)
    value = _plane(name, value)
    if value.dtype == torch.bool:
        return value
    if value.is_floating_point():
        return _weights(name, value)
    return _of_shades(name, value.cpu().to(torch.int64).numpy()).to(value.device)


def read_picture(data: bytes, name: str = "mask") -> Tensor:
    """Read a mask from the bytes of a picture file.

    Args:
        data: The bytes.
        name: What to call it in errors.

    Returns:
        As :func:`read_mask` does of pictures.

    Raises:
        ValueError: If it is no picture, or as for :func:`read_mask`.
    """
    return _of_image(name, open_picture(name, data, needs=_needs))


def _needs(mode: str) -> int:
    """How many bytes a pixel of a picture takes while it is read: shades are counted, colours are measured."""
    return 28 if mode in ("1", "L", "I", "F") or mode.startswith("I;16") else 52


# ---- numbers


def _numbers(name: str, value: Any) -> Tensor:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must have shape (H, W), got rows of different lengths.") from None
    if array.dtype.kind not in "buifc" or isinstance(value, str | bytes):
        raise TypeError(
            f"{name} must be an array, a tensor or a Pillow image, got {type(value).__name__} of {array.dtype}. "
            "PIL.Image.open(path) reads a file."
        )
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)  # torch computes little with these types
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _colours(value: Tensor) -> NDArray[np.uint8] | None:
    """Return ``(H, W, 3)`` or ``(H, W, 4)`` in eight bits, for colours of eight bits or as matplotlib reads files."""
    shape = tuple(value.shape)
    if len(shape) == 4 and shape[0] == 1:
        value, shape = value[0], shape[1:]
    if len(shape) != 3 or 0 in shape:
        return None
    if value.dtype == torch.uint8 and shape[0] in (3, 4) and shape[2] not in (3, 4):
        return value.movedim(0, -1).cpu().numpy()  # as torchvision reads files
    if shape[2] not in (3, 4) or shape[0] == 1:
        return None
    if value.dtype == torch.uint8:
        return value.cpu().numpy()
    if value.is_floating_point() and not beyond_unit(value):
        return np.rint(255 * value.double().clamp(0, 1).cpu().numpy()).astype(np.uint8)
    return None


def _plane(name: str, value: Tensor) -> Tensor:
    """Take axes of length one away around ``(H, W)``."""
    plane = value
    while plane.ndim > 2 and plane.shape[0] == 1:
        plane = plane[0]
    while plane.ndim > 2 and plane.shape[-1] == 1:
        plane = plane[..., 0]
    if plane.ndim != 2 or 0 in plane.shape:
        raise ValueError(f"{name} must have shape (H, W), got {tuple(value.shape)}.")
    return plane


def _weights(name: str, value: Tensor) -> Tensor:
    checks.finite(name, value)
    low, high = (float(end) for end in value.aminmax())
    if beyond_unit(value):
        fix = f" Use {name} / 255 for grey of eight bits, {name} > 0 for what is painted." if high > 1 else ""
        raise ValueError(f"{name} must be between 0 and 1, got {low:g} to {high:g}.{fix}")
    if any(abs(high * white - 1) <= rounding(value.dtype) for white in WHITES) and value.unique().numel() == 2:
        raise ValueError(
            f"{name} must have weights up to 1, got {low:g} and {high:g} alone, as when pixels of 0 and 1 are divided "
            f"by 255. Use {name} > 0."
        )
    return value.clamp(0, 1)


# ---- shades


def _of_shades(name: str, levels: Levels) -> Tensor:
    shades = _distinct(levels)
    if len(shades) == 1:
        inside = _everywhere(name, int(shades[0]))
        return torch.full(levels.shape, inside, dtype=torch.bool, device="cpu")
    if len(shades) == 2:
        return torch.from_numpy(levels == shades[1])
    white = next((white for white in WHITES if shades[-1] <= white), None)
    if white is None or shades[0] < 0 or _are_dark(shades, white):
        raise _labels_refused(name, shades)
    if len(shades) <= FEW and not (len(shades) == 3 and {0, white} <= set(shades.tolist())) and _flat(levels):
        if _was_compressed(levels, white):
            return torch.from_numpy(2 * levels > white)
        raise _labels_refused(name, shades)
    return torch.from_numpy((levels / white).astype(np.float32))


def _distinct(levels: Levels) -> Levels:
    if levels.min() >= 0 and levels.max() <= WHITES[-1]:
        return np.flatnonzero(np.bincount(levels.ravel()))  # quicker than sorting all of them
    return np.unique(levels)


def _everywhere(name: str, shade: int) -> bool:
    """Whether a single shade is inside: black is not, white is, and so is 1, which is white in masks of 0 and 1."""
    if shade in (0, 1, *WHITES):
        return shade > 0
    raise ValueError(
        f"{name} must have an inside and an outside, got the shade {shade} everywhere. Use pixels > 0 for all of it."
    )


def _are_dark(shades: Levels, white: int) -> bool:
    """Whether all are dark, but for a white that says "unknown": labels, then."""
    return bool(shades[shades < white][-1] < DIM * white)


def _was_compressed(levels: Levels, white: int) -> bool:
    """Whether there are black and white alone, but for what lossy compression makes of them."""
    off = np.minimum(levels, white - levels)
    return bool((off < DIM * white).all() and (off <= NEAR * white).mean() > 0.9)


def _flat(levels: Levels) -> bool:
    """Whether most pixels between the darkest and the brightest shade lie amid pixels of their own shade."""
    edge = np.pad(levels, 1, mode="edge")
    beside = (edge[:-2, 1:-1], edge[2:, 1:-1], edge[1:-1, :-2], edge[1:-1, 2:])
    amid = np.logical_and.reduce([shade == levels for shade in beside])
    between = (levels > levels.min()) & (levels < levels.max())
    return bool(amid[between].mean() > 0.5)


def _labels_refused(name: str, labels: Levels) -> ValueError:
    shown = ", ".join(map(str, labels[:6])) + (", ..." if len(labels) > 6 else "")
    return ValueError(
        f"{name} must be one region, got {len(labels)} shades that look like labels: {shown}. Pick one from the pixels "
        f"as an array: pixels == {labels[1]}. Where they are weights, divide them by what white is."
    )


# ---- pictures


def _of_image(name: str, image: Image.Image) -> Tensor:
    """Read an upright picture; a colour profile is of no account, since it changes no order of shades."""
    if image.mode == "1":
        return torch.from_numpy(np.array(image))
    if image.mode == "L" and WEIGHTS in image.info:
        return torch.from_numpy((np.asarray(image) / 255).astype(np.float32))
    if not is_transparent(image):
        if image.mode == "F":
            return _weights(name, torch.from_numpy(np.array(image)))
        if image.mode == "L" or image.mode.startswith("I"):
            return _of_shades(name, np.asarray(image).astype(np.int64))
        if image.mode == "P":
            return _of_palette(name, image)
    try:
        colours = image.convert("RGBA" if is_transparent(image) else "RGB")
    except ValueError as error:
        raise ValueError(f"{name} must have colours that become RGB, got mode {image.mode!r}: {error}.") from None
    return _of_colours(name, np.asarray(colours))


def _of_palette(name: str, image: Image.Image) -> Tensor:
    """Read a picture whose pixels are numbers of colours: the colours are shades, or only tell labels apart."""
    numbers = np.asarray(image).astype(np.int64)
    used = _distinct(numbers)
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(given)] = given
    if not len(given) or len(np.unique(_packed(palette[used]))) < len(used):  # the colours tell too little
        return _of_shades(name, numbers)
    shades = palette[used].astype(np.int64)
    if 2 < len(used) <= FEW and not _is_grey(shades) and (_way_between(shades) is None or _flat(numbers)):
        raise _labels_refused(name, used)
    return _of_colours(name, palette[numbers])


def _of_colours(name: str, colours: NDArray[np.uint8]) -> Tensor:
    rgb, alpha = colours[..., :3], colours[..., 3:]
    if alpha.size and alpha.min() < alpha.max():
        return _of_paint(name, rgb, alpha[..., 0])
    if alpha.size and alpha.max() == 0:  # a sheet on which nothing is painted
        return torch.zeros(rgb.shape[:2], dtype=torch.bool, device="cpu")
    if _is_grey(rgb):
        return _of_shades(name, rgb[..., 0].astype(np.int64))
    packed = _packed(rgb)
    shades = _unpacked(np.unique(packed.ravel()[:: packed.size // SOME + 1]))
    if len(shades) < MANY:  # of a photo, some pixels tell already
        shades = _unpacked(np.unique(packed))
    way = _way_between(shades)
    if way is None:
        raise _colours_refused(name, shades)
    dark, far = way
    if len(shades) == 2:
        return torch.from_numpy(packed == _packed(dark + far))
    weights = (((rgb - dark) @ far) / (far @ far)).clip(0, 1).astype(np.float32)
    if len(shades) <= FEW and _flat(np.rint(255 * weights).astype(np.int64)):
        raise _colours_refused(name, shades)
    return torch.from_numpy(weights)


def _of_paint(name: str, rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Tensor:
    """Read what is painted on a transparent sheet."""
    low, high = int(alpha.min()), int(alpha.max())
    paint = rgb[2 * alpha.astype(np.int64) > high].astype(np.int64)  # of thinner paint the colour is known less well
    if (np.ptp(paint, axis=0) <= APART * 255 / high).all():
        share = (alpha.astype(np.float32) - low) / (high - low)  # how much it covers is no weight: full paint is inside
        hard = ((alpha == low) | (alpha == high)).all()
        return torch.from_numpy(alpha == high if hard else share)
    if _is_grey(rgb[alpha > 0]):
        return _of_shades(name, np.rint(rgb[..., 0] * (alpha / 255)).astype(np.int64))
    raise _colours_refused(name, paint)


def _way_between(shades: Levels) -> tuple[Levels, Levels] | None:
    """Return the darkest colour and the way from it to the one farthest from it; None if some lie aside of the way."""
    light = shades @ BRIGHTNESS
    dark = shades[light.argmin()]
    way = shades - dark
    far = way[np.square(way).sum(1).argmax()]
    if far @ BRIGHTNESS < 1:  # one colour, or two of which none is the brighter
        return None
    aside = way - (way @ far / (far @ far))[:, None] * far
    return (dark, far) if np.abs(aside).max() <= APART else None


def _is_grey(rgb: NDArray[Any]) -> bool:
    return bool((rgb == rgb[..., :1]).all())


def _packed(rgb: NDArray[Any]) -> NDArray[np.int32]:
    wide = rgb.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _unpacked(packed: NDArray[np.int32]) -> Levels:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1).astype(np.int64)


def _colours_refused(name: str, shades: Levels) -> ValueError:
    red, green, blue = (int(value) for value in shades[-1])
    return ValueError(
        f"{name} must be black, white and grey, or have an outside and a brighter inside, got a picture with colours. "
        f"Pick one from the pixels as an array: (pixels[..., :3] == ({red}, {green}, {blue})).all(-1)."
    )
