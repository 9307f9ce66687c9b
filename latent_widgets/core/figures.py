"""Figures that a notebook shows without pyplot: no window, no global list, nothing to close."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

from latent_widgets.core.imports import import_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure"]


def new_figure(width: float, height: float) -> Figure:
    r"""Make an empty matplotlib figure that displays itself as a PNG when it is the value of a cell.

    Args:
        width: Inches.
        height: Inches.

    Returns:
        The figure, with constrained layout.

    Example:
        >>> figure = new_figure(2, 1)
        >>> figure.subplots().plot([0, 1]) and figure._repr_png_()[:4]
        b'\x89PNG'
    """
    figure: Figure = _shown_figure()(figsize=(width, height), layout="constrained")
    return figure


@functools.cache
def _shown_figure() -> type[Figure]:
    import_whole("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """A figure that needs no backend to be shown in a notebook."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=100)
            return file.getvalue()

    return ShownFigure
