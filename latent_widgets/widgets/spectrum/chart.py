"""The plot of spectra on the page: which direction lies at a place of it, and the frame around one."""

from __future__ import annotations

from latent_widgets.widgets.kit.chart import Chart

__all__ = ["SpectrumChart"]


class SpectrumChart(Chart):
    """A plot of values by index, the first of which is 1."""

    def index_at(self, x: float, y: float) -> int | None:
        """Return the number, from 0, of the value at a place, in shares of the plot; None beside the axes."""
        found = self.data_at(x, min(max(y, 0.5), 0.8))  # the energy below counts too
        return None if found is None else round(found[0]) - 1

    def frame(self, index: int) -> None:
        """Frame a value over the whole height; nothing before anything is drawn."""
        if self.axes is None:
            return
        left, _, right, _ = self.box(self.axes, index + 0.5, 1.0, index + 1.5, 1.0)
        figure = self.axes.get_figure()
        assert figure is not None
        low = min(axes.get_position().y0 for axes in figure.axes)
        self.mark((left, low, right, self.axes.get_position().y1))
