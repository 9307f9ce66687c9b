"""Which part of a photo is taken: a square, anywhere, of any size, turned; knows no widget."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL.Image import Image
from torch import Tensor

from latent_widgets.inversion.photos import load_photo

__all__ = ["Crop"]


@dataclass(frozen=True)
class Crop:
    """A square of a photo.

    Attributes:
        across: Where its middle is, as a share of the photo's width.
        down: The same of its height.
        size: Its side, as a share of the photo's shorter side.
        turn: Degrees by which the photo is turned counter-clockwise under it.
        paper: Red, green and blue in [0, 1] of what lies beyond the photo or shows through it.

    Example:
        >>> Crop(size=0.5).box(100, 40)
        (0.4, 0.25, 0.6, 0.75)
    """

    across: float = 0.5
    down: float = 0.5
    size: float = 1.0
    turn: float = 0.0
    paper: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def box(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom in a photo, as shares of its sides."""
        half = self.size * min(width, height) / 2
        x, y = half / width, half / height
        return self.across - x, self.down - y, self.across + x, self.down + y

    def corners(self, width: float, height: float) -> list[tuple[float, float]]:
        """Return where its corners lie in the photo, in pixels, clockwise from the upper left."""
        half, angle = self.size * min(width, height) / 2, math.radians(self.turn)
        c, s = half * math.cos(angle), half * math.sin(angle)
        middle = (self.across * width, self.down * height)
        return [(middle[0] + i * c - j * s, middle[1] + i * s + j * c) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]

    def cut(self, photo: Image, side: int) -> Tensor:
        """Take it out of a photo.

        Args:
            photo: As :func:`~latent_widgets.inversion.photos.read_photo` gives it.
            side: Of the result in pixels.

        Returns:
            ``(1, 3, side, side)`` in [-1, 1].
        """
        return load_photo(photo, side, crop=self.box(*photo.size), rotate=self.turn, background=self.paper)
