"""The tools for the picture: one of them is in the hand, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["Tools"]


class Tools(ipywidgets.HBox):
    """A button for each tool; the one that is pressed is in the hand until it is pressed again.

    Args:
        words: The name of each tool and what it does, by what it is called in code.
        taken: Called with the tool that is taken in the hand; empty for none.
        guard: Wraps handlers.

    Example:
        >>> tools = Tools({"brush": ("pen", "Paints"), "eraser": ("sponge", "Wipes")}, print, lambda handler: handler)
        >>> tools.buttons["brush"].value = True
        brush
        >>> tools.buttons["eraser"].value = True
        eraser
        >>> tools.hold("")
        >>> [press.value for press in tools.buttons.values()]
        [False, False]
        >>> tools.close()
    """

    def __init__(self, words: Mapping[str, tuple[str, str]], taken: Callable[[str], object], guard: Guard) -> None:
        self._taken, self.silence, self.held = taken, Silence(), ""
        self.buttons = {
            tool: ipywidgets.ToggleButton(False, description=name, tooltip=tooltip)
            for tool, (name, tooltip) in words.items()
        }
        for tool, press in self.buttons.items():
            press.observe(guard(lambda change, tool=tool: self._pressed(tool, change)), "value")
            press.add_class("lw-tool-button")
        super().__init__(list(self.buttons.values()))
        self.add_class("lw-toggles")

    def hold(self, tool: str) -> None:
        """Show which tool is in the hand, without calling anything."""
        self.held = tool
        with self.silence:
            for one, press in self.buttons.items():
                press.value = one == tool

    @heard
    def _pressed(self, tool: str, change: Any) -> None:
        self.hold(tool if change["new"] else "")
        self._taken(self.held)
