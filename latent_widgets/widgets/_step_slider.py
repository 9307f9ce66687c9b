"""Sliders for numbers that count whole steps.

A page works with binary fractions: told to show 1.9 it finds 1.9000000000000004 on its scale, and sends that back as if
somebody had moved the handle there, perhaps long after the kernel has gone on. With integers there is nothing to round.
"""

from __future__ import annotations

import math
from typing import Any

import ipywidgets
from traitlets import Float, observe

from ._hands import one_at_a_time

__all__ = ["NumberSlider", "StepSlider"]


class StepSlider(ipywidgets.IntSlider):
    """A slider whose value is a number of steps from zero.

    Args:
        low: Where it begins, in units.
        high: Where it ends.
        size: Of a step.
        **keywords: Those of ``IntSlider``, such as ``tooltip``.

    Example:
        >>> slider = StepSlider(-5, 5, 0.1)
        >>> slider.put(0.3)
        >>> slider.value, slider.number
        (3, 0.3)
        >>> slider.close()
    """

    def __init__(self, low: float, high: float, size: float, **keywords: Any) -> None:
        self.size = size
        super().__init__(0, min=round(low / size), max=round(high / size), readout=False, **keywords)

    @property
    def number(self) -> float:
        """Where the handle is, in units."""
        return float(round(self.value * self.size, 9))

    def put(self, number: float) -> None:
        """Put the handle at the step nearest to a number; the range widens where it does not reach."""
        steps = number / self.size
        if steps < self.min:
            self.set_trait("min", math.floor(round(steps, 6)))
        if steps > self.max:
            self.set_trait("max", math.ceil(round(steps, 6)))
        self.value = round(steps)


class NumberSlider(ipywidgets.HBox):
    """A slider with a number box that says exactly what it stands for.

    Args:
        value: At the start.
        low: Where the slider begins.
        high: Where it ends.
        size: Of a step.
        description: The label.
        tooltip: What it does.
    """

    value = Float(0.0)
    "The number."

    def __init__(self, value: float, low: float, high: float, size: float, description: str, tooltip: str) -> None:
        self.slider = StepSlider(low, high, size, description=description, tooltip=tooltip)
        self.box = ipywidgets.BoundedFloatText(min=low, max=high, step=size, tooltip=f"{tooltip}; type any number")
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
            self.slider.put(number)
            self.box.min, self.box.max = min(self.box.min, number), max(self.box.max, number)
            self.box.value = number
        finally:
            self._follows = False

    @one_at_a_time
    def _slid(self, change: Any) -> None:
        if not self._follows:
            self.value = round(change["new"] * self.slider.size, 9)

    @one_at_a_time
    def _typed(self, change: Any) -> None:
        if not self._follows:
            self.value = change["new"]
