"""What of a painter can be linked and assigned; what is refused does not stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from traitlets import Bool, Dict, Float, Instance, Unicode, observe, validate

from latent_widgets.core import checks
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.jobs.turns import HANDS
from latent_widgets.widgets.kit.canvas import colour as _colour
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.painter.controls import TOOLS, Controls
from latent_widgets.widgets.painter.gesture import Gesture
from latent_widgets.widgets.painter.model import MaskModel, as_array

if TYPE_CHECKING:
    from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["INKS", "Painted", "publish"]

# Okabe and Ito's colours; the orange-red that stands out most from faces and from digits comes first.
INKS = ("#d55e00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#e69f00", "#000000")


class Painted(Panel):
    """The traits of a painter, and what it means to assign to one."""

    picture = Instance(Still, allow_none=True)
    "A picture to paint on from a linked panel, as an explorer's; regions, strokes and what can be undone stay."
    mask = Instance(Mask, allow_none=True)
    "The selected region; None while nothing is painted. Arrays and tensors can be assigned."
    regions = Dict()
    "All regions by name, None where nothing is painted; can be assigned."
    region = Unicode("region")
    "The name of the selected region."
    tool = Unicode("brush")
    "What a stroke on the canvas does."
    erase = Bool(False)
    "Whether strokes take away."
    brush = Float(1.0)
    "Diameter of brush and line, in pixels of the picture."
    tolerance = Float(20.0)
    "How far colours may differ when filling, 0 to 255."
    opacity = Float(0.5)
    "Of the painted region."
    colour = Unicode(INKS[0])
    "Of the selected region."

    lock = HANDS
    "Held while a painter changes. Linked panels call each other from within a change, so that there is one for all."
    model: MaskModel
    controls: Controls
    gesture: Gesture
    _ready = False
    _quiet = False  # while the painter sets its own traits and answers to none; a picture may come back all the same
    _inks: dict[str, str]

    @observe("picture")
    def _followed(self, change: Any) -> None:
        if self._ready and change["new"] is not None:
            self._paint_on(change["new"].pixels)

    @validate("mask")
    def _valid_mask(self, proposal: Any) -> Any:
        value = proposal["value"]
        if value is not None and self._ready and not self._quiet:
            as_array(value, self.model.size)
        return value

    @validate("tool", "brush", "opacity", "tolerance", "colour", "region")
    def _valid(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "colour":
            return _colour(name, value)
        if name == "tool":
            return checks.choice(name, value, tuple(TOOLS))
        if name == "region":
            return checks.choice(name, value, self.model.names) if self._ready else value
        low, high = {"brush": (0.5, None), "opacity": (0, 1), "tolerance": (0, 255)}[name]
        return checks.number(name, value, low, high)

    @observe("mask", "regions", "region", "colour")
    def _assigned(self, change: Any) -> None:
        if not self._ready or self._quiet:
            return
        name, new = change["name"], change["new"]
        with self.lock:
            try:
                if name == "mask":
                    self.model.assign(new)
                elif name == "regions":
                    self.model.replace(new)
                elif name == "region":
                    self.model.select(new)
                else:
                    self._inks[self.model.region] = new
            finally:  # what was refused does not stay
                publish(self)
            self.gesture.forget()
            self._show()

    @observe("tool", "erase", "brush", "opacity", "tolerance")
    def _set(self, change: Any) -> None:
        if self._ready:
            with self.lock:
                if change["name"] == "tool":
                    self.gesture.drop()
                if change["name"] == "opacity":
                    self._show()
                self.controls.show(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "mask" and value is not None and not isinstance(value, Mask):
            value = Mask(value)
        super().__setattr__(name, value)

    def _paint_on(self, pixels: Any) -> None:
        """Take another picture."""
        raise NotImplementedError

    def _show(self) -> None:
        """Draw the regions and the controls."""
        raise NotImplementedError


def publish(painter: MaskPainter) -> None:
    """Bring a painter's traits to its model."""
    model, before = painter.model, painter._quiet
    painter._quiet = True
    try:
        old: Mapping[str, Any] = painter.regions
        found = {name: _value(model.mask_of(name), old.get(name), painter.mask) for name in model.names}
        inks = painter._inks
        for name in model.names:
            inks.setdefault(name, next((ink for ink in INKS if ink not in inks.values()), INKS[0]))
        painter.region, painter.colour = model.region, inks[model.region]
        painter.regions = found
        painter.mask = found[model.region]
    finally:
        painter._quiet = before


def _value(mask: Any, *known: Mask | None) -> Mask | None:
    """A region as others see it; the one that they have, if it says the same."""
    if not mask.any():
        return None
    for old in known:
        array = None if old is None else np.asarray(old)
        if array is not None and array.dtype == mask.dtype and np.array_equal(array, mask):
            return old
    return Mask(mask.copy())
