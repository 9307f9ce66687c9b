"""A picture as a value that panels hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from latent_widgets.core.colours import in_eight_bits, in_srgb, laid_over
from latent_widgets.core.images import open_picture
from latent_widgets.core.pictures import BROUGHT, check_pictures
from latent_widgets.widgets.kit.encode import Picturelike, Pixels, to_uint8

__all__ = ["Still", "pixels_of"]


@dataclass(frozen=True, eq=False)
class Still:
    """One picture in 8-bit pixels, equal only to itself, so that it can be linked as a trait.

    Attributes:
        pixels: ``(H, W, 3)`` uint8, not to be written to; float pictures are accepted.

    Example:
        >>> Still(np.zeros((4, 6, 3), np.uint8))
        <Still 4 x 6>
    """

    pixels: Any

    def __post_init__(self) -> None:
        pixels: Pixels = to_uint8(self.pixels).copy()
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.pixels, dtype=dtype)

    def __repr__(self) -> str:
        return f"<Still {self.pixels.shape[0]} x {self.pixels.shape[1]}>"


def pixels_of(image: Picturelike | Still | Image.Image) -> Pixels:
    """Return the 8-bit pixels of a picture that somebody brings, which is to be in [-1, 1] where it is floating.

    Args:
        image: As for :func:`~latent_widgets.widgets.kit.encode.to_uint8`; a still; or an image of Pillow's, which is
            read as photos are, over white where it is transparent.

    Returns:
        ``(H, W, 3)``, perhaps those of the still.

    Raises:
        TypeError: If it is no picture.
        ValueError: If its shape is another, it is plainly in another range, or it is damaged or too large.
    """
    if isinstance(image, Still):
        pixels: Pixels = image.pixels
        return pixels
    if isinstance(image, Image.Image):
        photo = in_srgb("image", in_eight_bits("image", open_picture("image", image)))
        return np.asarray(laid_over(photo))
    found = to_uint8(image)
    if isinstance(image, Tensor):
        check_pictures("image", image, BROUGHT)
    return found
