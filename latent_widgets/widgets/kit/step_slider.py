"""Sliders for numbers that count whole steps.

A page works with binary fractions: told to show 1.9 it finds 1.9000000000000004 on its scale, and sends that back as if
somebody had moved the handle there, perhaps long after the kernel has gone on. With integers there is nothing to round.
"""

from __future__ import annotations

import math
from typing import Any

import ipywidgets

__all__ = ["StepSlider"]


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
        """Put the handle at the step nearest to a number; the range widens where it does not reach.

        One that goes as far to either side widens to both, so that zero stays in the middle.
        """
        steps, level = number / self.size, self.min == -self.max
        whole = [math.floor(round(steps, 6)), math.ceil(round(steps, 6))]
        low, high = (min(whole[0], -whole[1]), max(whole[1], -whole[0])) if level else whole
        if low < self.min:
            self.set_trait("min", low)
        if high > self.max:
            self.set_trait("max", high)
        self.value = round(steps)
