"""What of a painter can be linked and assigned, and which values there may be."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict, Float, Instance, Unicode, validate

from latent_widgets.core import checks
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.kit.canvas import colour as _colour
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.painter.keys import TOOLS
from latent_widgets.widgets.painter.regions import INKS

__all__ = ["PainterTraits"]


class PainterTraits(Panel):
    """The traits of a painter."""

    picture = Instance(Still, allow_none=True)
    "A picture to paint on from a linked panel, such as an explorer's; regions, strokes and what can be undone stay."
    mask = Instance(Mask, allow_none=True)
    "The selected region; None while nothing is painted. What :class:`~latent_widgets.Mask` takes can be assigned."
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
    "Opacity of the painted region."
    colour = Unicode(INKS[0])
    "Colour of the selected region."

    @validate("tool", "brush", "opacity", "tolerance", "colour")
    def _valid(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "colour":
            return _colour(name, value)
        if name == "tool":
            return checks.choice(name, value, tuple(TOOLS))
        low, high = {"brush": (0.5, None), "opacity": (0, 1), "tolerance": (0, 255)}[name]
        return checks.number(name, value, low, high)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "mask" and value is not None and not isinstance(value, Mask):
            value = Mask(value)
        super().__setattr__(name, value)
