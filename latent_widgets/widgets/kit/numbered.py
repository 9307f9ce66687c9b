"""What sliders with a number box beside them have in common."""

from __future__ import annotations

from typing import Any

import ipywidgets
from traitlets import Float, observe

from latent_widgets.core.texts import tr
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import mute
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.step_slider import StepSlider

__all__ = ["NumberSlider", "Numbered"]


class Numbered(ipywidgets.HBox):
    """A slider and a number box that say the same; a subclass says which place of the slider stands for which number.

    Args:
        slider: Counts steps.
        box: Holds the number itself.
        value: At the start.
    """

    value = Float(0.0)
    "The number."

    def __init__(self, slider: StepSlider, box: ipywidgets.BoundedFloatText, value: float) -> None:
        self.slider, self.box, self.silence = slider, box, Silence()
        super().__init__([slider, box])
        self.add_class("lw-numbered")
        box.add_class("lw-number")
        mute(box, tr("{name}, number", name=slider.description))
        slider.observe(self._slid, "value")
        box.observe(self._typed, "value")
        self.value = value

    def _show(self, number: float) -> None:
        """Put slider and box where a number is."""
        raise NotImplementedError

    def _number(self) -> float:
        """Return what the place of the slider stands for."""
        raise NotImplementedError

    @observe("value")
    @one_at_a_time
    def _follow(self, change: Any) -> None:
        with self.silence:
            self._show(change["new"])

    @one_at_a_time
    @heard
    def _slid(self, _: Any) -> None:
        self.value = self._number()

    @one_at_a_time
    @heard
    def _typed(self, change: Any) -> None:
        self.value = change["new"]


class NumberSlider(Numbered):
    """A slider with a number box that says exactly what it stands for.

    Args:
        value: At the start.
        low: Where the slider begins.
        high: Where it ends.
        size: Of a step.
        description: The label.
        tooltip: What it does.
    """

    def __init__(self, value: float, low: float, high: float, size: float, description: str, tooltip: str) -> None:
        slider = StepSlider(low, high, size, description=description, tooltip=tooltip)
        words = tr("{what}; type any number", what=tooltip)
        box = ipywidgets.BoundedFloatText(min=low, max=high, step=size, tooltip=words)
        super().__init__(slider, box, value)

    def _show(self, number: float) -> None:
        self.slider.put(number)
        self.box.min, self.box.max = min(self.box.min, number), max(self.box.max, number)
        self.box.value = number

    def _number(self) -> float:
        return self.slider.number
