"""Pictures as Pillow opens them: whole, upright, of bounded size, and in the colours of sRGB."""

from __future__ import annotations

import io
import threading
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latent_widgets.core.imports import import_whole

__all__ = ["LARGEST", "in_eight_bits", "in_srgb", "is_transparent", "laid_over", "open_picture"]

LARGEST = 200_000_000  # pixels: a 14000 x 14000 photo; what claims more is refused before it is decoded
_LIMIT = threading.Lock()  # held while Pillow's own limit is another
CLOSE_UP = 4096  # pixels of a side that a large JPEG keeps while it is decoded, where so many are enough
# By the colours of a profile: the mode in which it is applied, and others that become it. A profile of other colours
# than the picture has describes something else.
FITTING = {"RGB": ("RGB", "L"), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}


def open_picture(name: str, source: bytes | Image.Image, called: str = "", *, shrink: bool = False) -> Image.Image:
    """Decode a picture and turn it upright.

    Args:
        name: What the argument is called.
        source: The bytes of a file, or an image of Pillow's, which may be one that is not decoded yet.
        called: What to call the source in errors; how long it is or of which class if not given.
        shrink: Whether a large JPEG may be decoded at a smaller size, which is quicker.

    Returns:
        The picture, of the mode that it has in the file; of an animation, the frame that is open: the first.

    Raises:
        ValueError: If it is no picture, is cut off or claims more than 200 million pixels.
        MemoryError: If there is no room for it.
    """
    if isinstance(source, Image.Image):
        image, called = source, called or f"a Pillow image of {source.width} x {source.height}"
    else:
        called = called or f"{len(source)} bytes"
        image = _opened(name, source, called)
    if image.width * image.height > LARGEST:
        raise ValueError(
            f"{name} must have at most {LARGEST // 1_000_000} million pixels, got {image.width} x {image.height}. "
            "Shrink it first."
        )
    if not image.width * image.height:
        raise ValueError(f"{name} must have at least one pixel, got {image.width} x {image.height}.")
    try:
        if shrink and image is not source:  # an image that somebody holds keeps its size
            image.draft("RGB", (CLOSE_UP, CLOSE_UP))  # formats other than JPEG ignore it
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on spoilt data in many ways
        raise ValueError(f"{name} must be a whole picture, got {called}, which is damaged: {error}.") from None
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # what the camera wrote is damaged, not the picture
        image = image.copy()
    return image.convert(image.mode.upper()) if image.mode in ("La", "RGBa") else image  # Pillow converts no others


def _opened(name: str, data: bytes, called: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                return Image.open(io.BytesIO(data))
            except Image.DecompressionBombError:
                return _opened_large(data)
    except UnidentifiedImageError:
        raise ValueError(f"{name} must be a picture that Pillow can read, got {called}. Use PNG or JPEG.") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} must have at most {LARGEST // 1_000_000} million pixels, got more: {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{name} must be a whole picture, got {called}, which is damaged: {error}.") from None


def _opened_large(data: bytes) -> Image.Image:
    """Open what is more than Pillow takes unasked, 179 million pixels: LARGEST is the limit that counts."""
    with _LIMIT:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST // 2  # it refuses twice as many
        try:
            return Image.open(io.BytesIO(data))
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def is_transparent(image: Image.Image) -> bool:
    """Whether a picture has transparency of any kind."""
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


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
    values = np.asarray(image, dtype=np.float64)
    if not (values.min() >= 0 and values.max() < np.inf):  # NaN fails too
        low, high = values.min(), values.max()
        raise ValueError(f"{name} must have values from 0 for black, got {low:g} to {high:g} in mode {image.mode!r}.")
    grey = Image.fromarray(np.round(255 * (values / _white(image.mode, values.max()))).clip(0, 255).astype(np.uint8))
    if "icc_profile" in image.info:
        grey.info["icc_profile"] = image.info["icc_profile"]
    return grey


def _white(mode: str, largest: float) -> float:
    """What white is; where the mode does not say, the first that fits of a share, eight bits and sixteen bits."""
    fits = (white for white in (1.0, 255.0, 65535.0, largest) if largest <= white)
    return 65535.0 if mode.startswith("I;16") else next(fits, 1.0)


def laid_over(image: Image.Image, paper: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Return a picture in RGB or RGBA in RGB: what is transparent shows the paper."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*paper, 255)), image)
    return image.convert("RGB")


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
    """
    alpha = image.convert("RGBA").getchannel("A") if is_transparent(image) else None
    try:
        colours = _converted(image)
    except Exception:  # as many kinds as there are ways to spoil a profile; or Pillow was built without profiles
        colours = None
    if colours is None:
        try:
            colours = image.convert("RGB") if alpha is None else image.convert("RGBA").convert("RGB")
        except ValueError as error:
            raise ValueError(f"{name} must have colours that become RGB, got mode {image.mode!r}: {error}.") from None
    if alpha is not None:
        colours.putalpha(alpha)
    colours.info = {key: value for key, value in image.info.items() if key not in ("icc_profile", "transparency")}
    return colours


def _converted(image: Image.Image) -> Image.Image | None:
    """The colours in sRGB, or None where nothing says in which others they are."""
    import_whole("PIL.ImageCms")
    from PIL import ImageCms

    profile: Any
    if image.info.get("icc_profile"):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    elif image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    else:
        return None
    space = profile.profile.xcolor_space.strip()
    mode = image.mode if image.mode in ("CMYK", "LAB") else "L" if image.mode in ("1", "L", "LA") else "RGB"
    if mode not in FITTING.get(space, ()):
        return None
    colours = (image.convert("RGBA") if is_transparent(image) else image).convert(mode)
    srgb, given = ImageCms.createProfile("sRGB"), FITTING[space][0]
    how = ImageCms.buildTransform(profile, srgb, given, "RGB", ImageCms.Intent.PERCEPTUAL)
    return ImageCms.applyTransform(colours.convert(given), how)
