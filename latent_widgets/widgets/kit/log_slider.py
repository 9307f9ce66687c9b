"""A slider for numbers of which the order of magnitude matters."""

from __future__ import annotations

import math

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.widgets.kit.numbered import Numbered
from latent_widgets.widgets.kit.step_slider import StepSlider

__all__ = ["LogSlider"]


class LogSlider(Numbered):
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

    def __init__(
        self, value: float, low: float, high: float, description: str, tooltip: str, size: float = 0.25
    ) -> None:
        steps = tr("{what}; steps of {size:g} decades", what=tooltip, size=size)
        slider = StepSlider(low, high, size, description=description, tooltip=steps)
        box = ipywidgets.BoundedFloatText(
            min=10.0**low, max=10.0**high, step=10.0**low, tooltip=tr("{what}; type any number", what=tooltip)
        )
        super().__init__(slider, box, value)

    def _show(self, number: float) -> None:
        self.slider.put(math.log10(max(number, self.box.min)))
        self.box.value = number

    def _number(self) -> float:
        return float(f"{10.0**self.slider.number:.3g}")
