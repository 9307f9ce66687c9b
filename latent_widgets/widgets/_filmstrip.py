"""A strip of pictures along a direction, drawn on a panel's job."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._steps import OnStep
from ..generators.base import Generator
from ..geometry.walks import walk
from ._encode import Pixels, strip
from ._picture import Picture

__all__ = ["Filmstrip", "film"]


class Filmstrip(Picture):
    """A strip that shrinks where it does not fit.

    Args:
        width: CSS pixels.
        caption: The words under it.
    """

    def __init__(self, width: int, caption: str = "") -> None:
        super().__init__(width=width, caption=caption)
        self.add_class("lw-film")


def film(
    G: Generator,
    code: Any,
    direction: Any,
    index: int = 0,
    *,
    reach: float = 3.0,
    count: int = 7,
    unit: str | None = None,
    on_step: OnStep | None = None,
) -> tuple[Pixels, str]:
    """Draw the walk from a code along a direction.

    Args:
        G: The generator.
        code: Where the middle is.
        direction: ``Directions``, or one vector.
        index: Which of them.
        reach: How far the strip goes to each side.
        count: How many pictures.
        unit: What the reach is measured in; that of the directions if not given.
        on_step: Called as pictures are drawn.

    Returns:
        The strip, and what it shows in words.
    """
    at = [round(float(position), 6) for position in torch.linspace(-reach, reach, count)]
    path = walk(G, code, direction, at, unit, index=index)
    images: Tensor = path.images(G, batch=4, on_step=on_step)
    return strip(images), f"{path.name}: {path.at[0]:g} to {path.at[-1]:+g} {path.unit}"
