"""A plot with one pair of axes, which knows what data lie at a place of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from latent_widgets.widgets.kit.plot import Plot, Spot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Chart"]


class Chart(Plot):
    """A plot that remembers the axes of what it drew last.

    Attributes:
        axes: Of the last drawing; None before the first.

    Example:
        >>> chart = Chart(200, 100, "a line")
        >>> chart.draw(lambda figure: (figure.add_axes((0, 0, 1, 1), xlim=(0, 4), ylim=(0, 8)), []))
        >>> chart.data_at(0.5, 0.25)
        (2.0, 2.0)
        >>> chart.close()
    """

    axes: Axes | None = None

    def draw(self, draw: Callable[[Figure], tuple[Axes, Sequence[Spot]]], layer: int = 0) -> None:
        """Draw anew, as :meth:`~latent_widgets.widgets.kit.plot.Plot.show` does.

        Args:
            draw: Called with the empty figure; returns the axes, and the places that say something.
            layer: Which drawing.
        """

        def remember(figure: Figure) -> Sequence[Spot]:
            self.axes, spots = draw(figure)
            return spots

        self.show(remember, layer)

    def data_at(self, x: float, y: float) -> tuple[float, float] | None:
        """Return the data coordinates of a place, in shares of the figure; None outside the axes."""
        return None if self.axes is None else self.at(self.axes, x, y)
