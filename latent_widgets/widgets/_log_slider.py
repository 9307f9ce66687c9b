"""A slider for numbers of which the order of magnitude matters."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets
from traitlets import Float, observe

from ._hands import one_at_a_time
from ._step_slider import StepSlider

__all__ = ["LogSlider"]


class LogSlider(ipywidgets.HBox):
    """A slider over powers of ten, with a number box that says what it stands for.

    Args:
        value: At the start.
        low: Exponent of ten where it begins.
        high: Exponent where it ends.
        description: The label.
        tooltip: What it does.
        size: Of a step, in decades.

    Example:
        >>> slider = LogSlider(1e-3, -5, 0, "tolerance", "How much")
        >>> slider.slider.value = -8
        >>> slider.value
        0.01
        >>> slider.close()
    """

    value = Float(1.0)
    "The number."

    def __init__(
        self, value: float, low: float, high: float, description: str, tooltip: str, size: float = 0.25
    ) -> None:
        self.slider = StepSlider(
            low, high, size, description=description, tooltip=f"{tooltip}; steps of {size} decades"
        )
        self.box = ipywidgets.BoundedFloatText(
            min=10.0**low, max=10.0**high, step=10.0**low, tooltip=f"{tooltip}; type any number"
        )
        self._follows = False
        super().__init__([self.slider, self.box])
        self.add_class("lw-numbered")
        self.box.add_class("lw-number")
        self.slider.observe(self._slid, "value")
        self.box.observe(self._typed, "value")
        self.value = value

    @observe("value")
    @one_at_a_time
    def _follow(self, change: Any) -> None:
        number, self._follows = change["new"], True
        try:
            self.slider.put(math.log10(max(number, self.box.min)))
            self.box.value = number
        finally:
            self._follows = False

    @one_at_a_time
    def _slid(self, change: Any) -> None:
        if not self._follows:
            self.value = float(f"{10.0 ** (change['new'] * self.slider.size):.3g}")

    @one_at_a_time
    def _typed(self, change: Any) -> None:
        if not self._follows:
            self.value = change["new"]
