"""The small controls of which all widgets are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import label_text

__all__ = ["Guard", "button", "layer_range", "layer_slider", "mute", "row", "tick"]


Guard = Callable[[Callable[..., Any]], Callable[..., Any]]


def button(
    text: str, tooltip: str, handler: Callable[[Any], object], icon: str = "", css: str = ""
) -> ipywidgets.Button:
    """A button with a tooltip and a click handler.

    One that shows an icon alone (``css="lw-icon"``) has a text all the same, for readers: its tooltip if none is given.
    """
    name = text or (tooltip if icon else "")
    made = ipywidgets.Button(description=name, tooltip=tooltip, icon=icon)
    made.on_click(handler)
    if css:
        made.add_class(css)
    return made


def mute(control: ipywidgets.DOMWidget, name: str) -> None:
    """Name a control that stands beside what says what it is: its label is hidden from the eye alone.

    Args:
        control: A number box, a menu or another that has a ``description``.
        name: What it is called.
    """
    control.description = label_text(name)
    control.add_class("lw-mute")


def row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls side by side, which wrap in a narrow window."""
    box = ipywidgets.HBox(list(children))
    box.add_class("lw-row")
    return box


def layer_range(num_layers: int) -> ipywidgets.IntRangeSlider | None:
    """A slider for the rows of ``w+`` that directions change; None where there is one row only."""
    if num_layers < 2:
        return None
    made = layer_slider(num_layers, tr("First and last row of w+ that the directions change"))
    made.add_class("lw-wide")
    return made


def layer_slider(num_layers: int, tooltip: str) -> ipywidgets.IntRangeSlider:
    """A slider for a first and a last row of ``w+``; it begins with all."""
    last = num_layers - 1
    words = {"description": tr("layers"), "tooltip": tooltip}
    return ipywidgets.IntRangeSlider(value=(0, last), min=0, max=last, continuous_update=False, **words)


def tick(text: str, tooltip: str, value: bool = False) -> ipywidgets.Checkbox:
    """A box to tick, with its words beside it."""
    made = ipywidgets.Checkbox(value, description=text, tooltip=tooltip, indent=False)
    made.add_class("lw-tick")
    return made
