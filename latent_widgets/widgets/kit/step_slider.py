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

    def fit(self, low: float, high: float, size: float) -> None:
        """Go from another end to another end, in other steps; the handle stays at its number, or next to it.

        Args:
            low: Where it begins, in units.
            high: Where it ends.
            size: Of a step.
        """
        number, self.size = self.number, size
        low, high = _around(round(low / size), round(high / size), number / size)
        with self.hold_sync():  # to the page all at once: none of its states lies outside another
            self.set_trait("min", min(low, self.value))
            self.set_trait("max", max(high, self.value))
            self.set_trait("value", round(number / size))
            self.set_trait("min", low)
            self.set_trait("max", high)

    def put(self, number: float) -> None:
        """Put the handle at the step nearest to a number; the range widens where it does not reach.

        One that goes as far to either side widens to both, so that zero stays in the middle.
        """
        low, high = _around(self.min, self.max, number / self.size)
        if low < self.min:
            self.set_trait("min", low)
        if high > self.max:
            self.set_trait("max", high)
        self.value = round(number / self.size)


def _around(low: int, high: int, steps: float) -> tuple[int, int]:
    """The ends, or those that reach as far as some number of steps; zero stays in the middle where it is."""
    first, last = math.floor(round(steps, 6)), math.ceil(round(steps, 6))
    if low == -high:
        first, last = min(first, -last), max(last, -first)
    return min(low, first), max(high, last)
