"""In which order the latents of a map stand in the rows and columns of its heatmap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latent_widgets.core.texts import trn
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.widgets.warpage.data import seriation

__all__ = ["Order", "order_of"]


@dataclass(frozen=True, eq=False)
class Order:
    """An order of latents.

    Attributes:
        latents: ``(n,)``, which latent stands in each row.
        words: How they are ordered; empty if as they were drawn.

    Example:
        >>> order = Order(np.array([2, 0, 1]))
        >>> order.pair(1, 2)
        (0, 1)
        >>> order.cell((0, 1))
        (1, 2)
    """

    latents: NDArray[np.intp]
    words: str = ""

    def pair(self, row: float, column: float) -> tuple[int, int]:
        """Return the latents of the cell that is nearest to a place, in rows and columns."""
        last = len(self.latents) - 1
        first, second = (int(self.latents[min(max(round(place), 0), last)]) for place in (row, column))
        return first, second

    def cell(self, pair: tuple[int, int]) -> tuple[int, int]:
        """Return the row of one latent and the column of the other."""
        rank = np.argsort(self.latents)
        return int(rank[pair[0]]), int(rank[pair[1]])


def order_of(view: WarpageMap, by: str) -> Order:
    """Order the latents of a map.

    Args:
        view: The distances.
        by: ``"seriation"`` for like next to like, ``"sample"`` for the order in which they were drawn.

    Returns:
        The order.
    """
    if by == "sample":
        return Order(np.arange(len(view)))
    words = trn("ordered with {count} direction", "ordered with {count} directions", view.k)
    return Order(seriation(view.distances.double().cpu().numpy()), words)
