"""The small controls of which all widgets are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

__all__ = ["Guard", "button", "layer_range", "row", "tick"]


Guard = Callable[[Callable[..., Any]], Callable[..., Any]]


def button(
    text: str, tooltip: str, handler: Callable[[Any], object], icon: str = "", css: str = ""
) -> ipywidgets.Button:
    """A button with a tooltip and a click handler."""
    made = ipywidgets.Button(description=text, tooltip=tooltip, icon=icon)
    made.on_click(handler)
    if css:
        made.add_class(css)
    return made


def row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls side by side, which wrap in a narrow window."""
    box = ipywidgets.HBox(list(children))
    box.add_class("lw-row")
    return box


def layer_range(num_layers: int) -> ipywidgets.IntRangeSlider | None:
    """A slider for the rows of ``w+`` that directions change; None where there is one row only."""
    if num_layers < 2:
        return None
    made = ipywidgets.IntRangeSlider(
        value=(0, num_layers - 1),
        min=0,
        max=num_layers - 1,
        continuous_update=False,
        description="layers",
        tooltip="First and last row of w+ that the directions change",
    )
    made.add_class("lw-wide")
    return made


def tick(text: str, tooltip: str, value: bool = False) -> ipywidgets.Checkbox:
    """A box to tick, with its words beside it."""
    made = ipywidgets.Checkbox(value, description=text, tooltip=tooltip, indent=False)
    made.add_class("lw-tick")
    return made
