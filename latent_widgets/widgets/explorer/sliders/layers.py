"""The layers that the active direction changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.shelf import Layers
from latent_widgets.widgets.kit.controls import layer_slider
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["LayerChoice"]


class LayerChoice(ipywidgets.HBox):
    """A range of the rows of ``w+``, under the sliders: there is one for the active direction, not one for each.

    Args:
        num_layers: Of the generator.
        chosen: Called with what is chosen: the layers, or None where they are the direction's own.
    """

    def __init__(self, num_layers: int, chosen: Callable[[Layers], object]) -> None:
        self._num_layers, self._chosen, self.silence = num_layers, chosen, Silence()
        self._own: tuple[int, ...] = tuple(range(num_layers))  # those of the direction itself
        self.slider = layer_slider(num_layers, tr("First and last layer of w+ that the active direction changes"))
        self.slider.observe(self._moved, "value")
        self._there = True
        super().__init__([self.slider])
        self.add_class("lw-layers")

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and last layer; None for a direction that has none to choose."""
        return tuple(self.slider.value) if self._there else None

    def show(self, direction: Directions, layers: Layers) -> None:
        """Show the layers of a direction without calling anything.

        Args:
            direction: Which.
            layers: Those chosen for it; None for its own.
        """
        self._there = direction.space in ("w", "w+")
        self._own = self._of(direction)
        shown = layers or self._own
        with self.silence:
            self.slider.value = min(shown), max(shown)
        self.layout.visibility = "visible" if self._there else "hidden"

    def choose(self, low: int, high: int) -> None:
        """Choose a range, as a hand does."""
        self.slider.value = (low, high)

    def as_chosen(self, rows: Sequence[int] | None, direction: Directions) -> Layers:
        """Return the layers of a move in the way in which they are chosen: None where they are the direction's own."""
        own = self._of(direction)
        moved = tuple(range(self._num_layers)) if rows is None else tuple(rows)
        return None if moved in (own, tuple(range(min(own), max(own) + 1))) else moved

    def _of(self, direction: Directions) -> tuple[int, ...]:
        return tuple(range(self._num_layers) if direction.layers is None else direction.layers)

    @heard
    def _moved(self, change: Any) -> None:
        low, high = change["new"]
        own = (low, high) == (min(self._own), max(self._own))
        self._chosen(None if own else tuple(range(low, high + 1)))
