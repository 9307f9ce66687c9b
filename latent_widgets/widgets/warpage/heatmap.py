"""The heatmap on the page: distances in colours, the cell under a click, and the frames around a pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from latent_widgets.core.texts import tr
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.widgets.kit.chart import Chart
from latent_widgets.widgets.kit.plot import Spot
from latent_widgets.widgets.warpage.order import Order
from latent_widgets.widgets.warpage.plot import colour_range, draw_frame, draw_values, value_spots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Heatmap"]


class Heatmap(Chart):
    """Three layers: what stays while distances change, the distances, and what the cells say.

    Args:
        width: CSS pixels.
        clicked: Called with the place of a click, in shares of the heatmap.
    """

    def __init__(self, width: int, clicked: Callable[[float, float], object]) -> None:
        words = tr("Distances between the local bases of all pairs")
        super().__init__(width, round(width / 1.36), words, clicked, layers=3)
        self.add_class("lw-framed")
        self._frame: tuple[tuple[float, float], list[int]] | None = None  # what the lowest layer shows

    def show_distances(self, view: WarpageMap, order: Order, stretch: bool) -> None:
        """Draw distances; the frame around them only where it is another.

        Args:
            view: The distances.
            order: Of rows and columns.
            stretch: Whether the colours are spread over the distances, rather than from zero.
        """
        limits, latents = colour_range(view, stretch), order.latents

        def draw_distances(figure: Figure) -> list[Spot]:
            draw_values(figure, view, latents, limits)
            return []

        frame = (limits, latents.tolist())
        if frame != self._frame:
            self.draw(lambda figure: (draw_frame(figure, latents, limits), []))
            self._frame = frame
        self.show(draw_distances, layer=1)

    def show_values(self, view: WarpageMap, order: Order) -> None:
        """Let every cell say its latents and their distance."""
        self.show(lambda figure: value_spots(figure, view, order.latents), layer=2)

    def frame_pair(self, order: Order, pair: tuple[int, int]) -> None:
        """Frame the two cells of a pair; nothing before anything is drawn."""
        axes = self.axes
        if axes is not None:
            row, column = order.cell(pair)
            cells = {(row, column), (column, row)}
            self.mark(*(self.box(axes, j - 0.5, i + 0.5, j + 0.5, i - 0.5) for i, j in cells))
