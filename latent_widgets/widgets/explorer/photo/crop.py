"""Which part of a photo is taken: of the shape of the generator's pictures, anywhere, of any size, turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL.Image import Image
from torch import Tensor

from latent_widgets.inversion.photos import load_photo

__all__ = ["Crop"]


@dataclass(frozen=True)
class Crop:
    """A rectangle of a photo.

    Attributes:
        across: Where its middle is, as a share of the photo's width.
        down: The same of its height.
        size: Its side, as a share of that of the largest one that the photo holds upright.
        turn: Degrees by which the photo is turned counter-clockwise under it.
        aspect: Its width, as a share of its height.
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
    aspect: float = 1.0

    def _halves(self, width: float, height: float) -> tuple[float, float]:
        """Half of its width and of its height, in the photo's pixels."""
        half = self.size * min(width / self.aspect, height) / 2
        return half * self.aspect, half

    def box(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom in a photo, as shares of its sides."""
        x, y = self._halves(width, height)
        x, y = x / width, y / height
        return self.across - x, self.down - y, self.across + x, self.down + y

    def corners(self, width: float, height: float) -> list[tuple[float, float]]:
        """Return where its corners lie in the photo, in pixels, clockwise from the upper left."""
        (x, y), angle = self._halves(width, height), math.radians(self.turn)
        c, s = math.cos(angle), math.sin(angle)
        middle = (self.across * width, self.down * height)
        ends = [(-x, -y), (x, -y), (x, y), (-x, y)]
        return [(middle[0] + i * c - j * s, middle[1] + i * s + j * c) for i, j in ends]

    def cut(self, photo: Image, size: tuple[int, int]) -> Tensor:
        """Take it out of a photo.

        Args:
            photo: As :func:`~latent_widgets.inversion.photos.read_photo` gives it.
            size: Height and width of the result in pixels, of its aspect.

        Returns:
            ``(1, 3, *size)`` in [-1, 1].
        """
        return load_photo(photo, size, crop=self.box(*photo.size), rotate=self.turn, background=self.paper)
