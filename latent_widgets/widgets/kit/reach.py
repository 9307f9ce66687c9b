"""How far strips and grids go to either side."""

from __future__ import annotations

import ipywidgets
import torch

from latent_widgets.core.texts import tr
from latent_widgets.widgets.kit.silence import Silence
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES, UnitRange

__all__ = ["Reach", "positions", "usual_reach"]

SHARE = 0.6  # of the way that a slider goes: how far a strip goes at first


def positions(reach: float, count: int) -> list[float]:
    """Return ``count`` positions from minus to plus ``reach``; the middle one of an odd count is exactly 0."""
    return [round(float(a), 6) for a in torch.linspace(-reach, reach, count, dtype=torch.float32, device="cpu")]


def usual_reach(range_: UnitRange) -> float:
    """Return how far a strip goes at first, where sliders have a range."""
    return round(SHARE * range_.reach, 9)


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
        self._usual = usual_reach(UNIT_RANGES["sd"])
        self._silence = Silence()
        words = {"description": tr("reach, {unit}", unit="sd"), "tooltip": tooltip}
        super().__init__(self._usual, min=0.01, max=200, step=0.5, **words)
        self.add_class("lw-short")

    @property
    def fitting(self) -> bool:
        """Whether the number changes because the unit did, which nobody asked for."""
        return bool(self._silence)

    def fit(self, unit: str, range_: UnitRange | None = None) -> None:
        """Change to another unit, or another range: to what was chosen before, if anything was.

        Args:
            unit: Of the directions.
            range_: How far sliders go; the usual of the unit if not given.
        """
        range_ = range_ or UNIT_RANGES[unit]
        usual = usual_reach(range_)
        if (unit, usual) == (self._unit, self._usual):
            return
        self._others.pop(self._unit, None)
        if self.value != self._usual:
            self._others[self._unit] = self.value
        self._unit, self._usual = unit, usual
        with self._silence:
            self.step, self.description = round(5 * range_.step, 9), tr("reach, {unit}", unit=range_.label)
            self.set_trait("value", self._others.get(unit, usual))
