"""How far strips and grids go to either side."""

from __future__ import annotations

import ipywidgets
import torch

from latent_widgets.widgets.kit.silence import Silence
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

__all__ = ["Reach", "positions", "usual_reach"]

SHARE = 0.6  # of the way that a slider goes: how far a strip goes at first


def positions(reach: float, count: int) -> list[float]:
    """Return ``count`` positions from minus to plus ``reach``; the middle one of an odd count is exactly 0."""
    return [round(float(a), 6) for a in torch.linspace(-reach, reach, count, dtype=torch.float32, device="cpu")]


def usual_reach(unit: str) -> float:
    """Return how far a strip goes at first in a unit of directions."""
    return round(SHARE * UNIT_RANGES[unit].reach, 9)


class Reach(ipywidgets.BoundedFloatText):
    """A number in the unit of the directions; each unit has its own, since 3 deviations are far and 3 degrees nothing.

    Args:
        tooltip: What goes so far.

    Example:
        >>> reach = Reach("The strip goes so far")
        >>> reach.fit("rms")
        >>> reach.value, reach.description
        (0.3, 'reach, rms')
        >>> reach.close()
    """

    def __init__(self, tooltip: str) -> None:
        self._unit, self._others = "sd", dict[str, float]()
        self._silence = Silence()
        super().__init__(usual_reach("sd"), min=0.01, max=200, step=0.5, description="reach, sd", tooltip=tooltip)
        self.add_class("lw-short")

    @property
    def fitting(self) -> bool:
        """Whether the number changes because the unit did, which nobody asked for."""
        return bool(self._silence)

    def fit(self, unit: str) -> None:
        """Change to another unit: to what was chosen for it before, if anything was."""
        if unit == self._unit:
            return
        self._others[self._unit] = self.value
        self._unit = unit
        with self._silence:
            self.step, self.description = 5 * UNIT_RANGES[unit].step, f"reach, {UNIT_RANGES[unit].label}"
            self.set_trait("value", self._others.get(unit, usual_reach(unit)))
