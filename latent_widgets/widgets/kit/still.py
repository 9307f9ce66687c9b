"""A picture as a value that panels hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from latent_widgets.widgets.kit.encode import Pixels, to_uint8

__all__ = ["Still"]


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
