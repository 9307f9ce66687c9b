"""A panel whose picture is a figure of matplotlib's, drawn from what it has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.plot import rasterise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FigurePanel"]

STATIC_WAIT = 1.0  # seconds that showing the panel may wait for its first result


class FigurePanel(Panel):
    """A panel that can be drawn as one figure once it has a result, for which showing it waits a moment.

    A subclass says in ``_needs`` and ``_has_result`` what must be there, and draws it with ``_draw_figure``.
    """

    _needs = "a result"

    @property
    def _has_result(self) -> bool:
        raise NotImplementedError

    def _draw_figure(self) -> Figure:
        raise NotImplementedError

    def _await_first(self, timeout: float) -> None:
        """Wait for the first result at most so many seconds."""
        self.wait(timeout)

    def figure(self) -> Figure:
        """Return the plot as a matplotlib figure of its own, not one of pyplot's.

        Returns:
            The figure.

        Raises:
            ValueError: If there is no result yet.
        """
        if not self._has_result:
            name = type(self).__name__
            raise ValueError(f"{name} must show {self._needs} first, got none yet. Wait for its first run.")
        return self._draw_figure()

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        if not self._has_result:
            self._await_first(STATIC_WAIT)  # a notebook that is saved ought to show it
        return super()._repr_mimebundle_(**keywords)

    def _static_image(self) -> Image.Image | None:
        return rasterise(self.figure()) if self._has_result else None
