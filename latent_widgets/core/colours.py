"""Colours of pictures that Pillow holds: in eight bits, in sRGB, laid over paper; part by part, in little memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from PIL import Image

from latent_widgets.core.images import is_transparent
from latent_widgets.core.imports import import_whole

__all__ = ["in_eight_bits", "in_srgb", "laid_over"]

PART = 1024  # pixels of a side of what is converted at a time
# By the colours of a profile: the mode in which it is applied, and others that become it. A profile of other colours
# than the picture has describes something else.
FITTING = {"RGB": ("RGB", "L"), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}


def _parts(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, image.height, PART):
        for left in range(0, image.width, PART):
            yield left, top, min(left + PART, image.width), min(top + PART, image.height)


def _by_parts(image: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Change a picture pixel by pixel, a part at a time: what is made on the way is small."""
    first, *others = _parts(image)
    part = change(image.crop(first))
    whole = Image.new(part.mode, image.size)
    whole.paste(part, first[:2])
    for box in others:
        whole.paste(change(image.crop(box)), box[:2])
    return whole


def in_eight_bits(name: str, image: Image.Image) -> Image.Image:
    """Scale a picture of more than eight bits, which Pillow would clip, to a grey one of eight; return others as is.

    Args:
        name: What the argument is called.
        image: Of any mode.

    Returns:
        The picture, with the profile that it carries.

    Raises:
        ValueError: If it has values below 0, or that are no numbers.
    """
    if not (image.mode.startswith("I;16") or image.mode in ("I", "F")):
        return image
    low, high = _ends(image)
    if not (low >= 0 and high < np.inf):  # NaN fails too
        raise ValueError(f"{name} must have values from 0 for black, got {low:g} to {high:g} in mode {image.mode!r}.")
    white = _white(image.mode, high)

    def scaled(part: Image.Image) -> Image.Image:
        shades = np.asarray(part, dtype=np.float64) / white
        return Image.fromarray(np.round(255 * shades).clip(0, 255).astype(np.uint8))

    grey = _by_parts(image, scaled)
    if "icc_profile" in image.info:
        grey.info["icc_profile"] = image.info["icc_profile"]
    return grey


def _ends(image: Image.Image) -> tuple[float, float]:
    """The least and the largest value; NaN where there is one."""
    ends = [(part.min(), part.max()) for part in (np.asarray(image.crop(box)) for box in _parts(image))]
    return float(np.min(ends)), float(np.max(ends))


def _white(mode: str, largest: float) -> float:
    """What white is; where the mode does not say, the first that fits of a share, eight bits and sixteen bits."""
    fits = (white for white in (1.0, 255.0, 65535.0, largest) if largest <= white)
    return 65535.0 if mode.startswith("I;16") else next(fits, 1.0)


def laid_over(image: Image.Image, paper: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Return a picture in RGB or RGBA in RGB, itself if it is: what is transparent shows the paper."""

    def over(part: Image.Image) -> Image.Image:
        return Image.alpha_composite(Image.new("RGBA", part.size, (*paper, 255)), part).convert("RGB")

    if image.mode == "RGB":
        return image
    return _by_parts(image, over) if image.mode == "RGBA" else image.convert("RGB")


def in_srgb(name: str, image: Image.Image) -> Image.Image:
    """Bring a picture of eight bits to the colours of sRGB, from those of the profile that it carries.

    A profile that is damaged, or that describes another kind of picture, is left out of account.

    Args:
        name: What the argument is called.
        image: Of any mode of eight bits.

    Returns:
        In RGB, or in RGBA where it has transparency; without a profile.

    Raises:
        ValueError: If Pillow knows no way from its mode to RGB.
        MemoryError: If there is no room for it.
    """
    try:
        by_profile = _by_profile(image)
        colours = None if by_profile is None else _by_parts(image, _keeping_alpha(by_profile))
    except MemoryError:
        raise
    except Exception:  # as many kinds as there are ways to spoil a profile; or Pillow was built without profiles
        colours = None
    if colours is None:
        try:
            colours = image.convert("RGBA" if is_transparent(image) else "RGB")
        except ValueError as error:
            raise ValueError(f"{name} must have colours that become RGB, got mode {image.mode!r}: {error}.") from None
    colours.info = {key: value for key, value in image.info.items() if key not in ("icc_profile", "transparency")}
    return colours


def _keeping_alpha(change: Callable[[Image.Image], Image.Image]) -> Callable[[Image.Image], Image.Image]:
    def changed(part: Image.Image) -> Image.Image:
        if not is_transparent(part):
            return change(part)
        whole = part.convert("RGBA")
        colours = change(whole)
        colours.putalpha(whole.getchannel("A"))
        return colours

    return changed


def _by_profile(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What brings parts of a picture to sRGB; None where nothing says in which other colours they are."""
    import_whole("PIL.ImageCms")
    from PIL import ImageCms

    profile: Any
    if image.info.get("icc_profile"):
        if b"mpet" in image.info["icc_profile"]:  # a program of its own, whose steps may all be the same large table
            return None
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    elif image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    else:
        return None
    space = profile.profile.xcolor_space.strip()
    mode = image.mode if image.mode in ("CMYK", "LAB") else "L" if image.mode in ("1", "L", "LA") else "RGB"
    if mode not in FITTING.get(space, ()):
        return None
    srgb, given = ImageCms.createProfile("sRGB"), FITTING[space][0]
    how = ImageCms.buildTransform(profile, srgb, given, "RGB", ImageCms.Intent.PERCEPTUAL)

    def applied(part: Image.Image) -> Image.Image:
        return cast(Image.Image, ImageCms.applyTransform(part.convert(mode).convert(given), how))  # None if in place

    return applied
