"""The line under every panel: what goes on, how far it is, Cancel, and what went wrong in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text

__all__ = ["StatusLine"]

MARKS = {"idle": "○", "busy": "●", "cancelled": "◌", "error": "▲"}  # shapes, for those who do not see the colours


class StatusLine(ipywidgets.VBox):
    """Shows states and errors; knows neither jobs nor panels. Only what changed is sent to the page.

    Args:
        on_cancel: Called when Cancel is clicked.
        on_dismiss: Called when an error is dismissed.

    Example:
        >>> line = StatusLine(lambda: None, lambda: None)
        >>> line.draw("busy", "busy: spectrum, 40 %", 0.4)
        >>> line.cancel.disabled, line.progress.value
        (False, 0.4)
        >>> line.close()
    """

    def __init__(self, on_cancel: Callable[[], object], on_dismiss: Callable[[], object]) -> None:
        self.cancel = ipywidgets.Button(
            description=tr("Cancel"), tooltip=tr("Stop what is being computed"), disabled=True
        )
        self.progress = ipywidgets.FloatProgress(min=0.0, max=1.0, tooltip=tr("Share done"))
        self.text = ipywidgets.HTML()
        self.dismiss = ipywidgets.Button(description=tr("Dismiss"), tooltip=tr("Hide this message"))
        self.message = ipywidgets.HTML()
        row = ipywidgets.HBox([self.text, self.progress, self.cancel])
        self.trouble = ipywidgets.HBox([self.message, self.dismiss])
        super().__init__([self.trouble, row])
        self.cancel.on_click(lambda button: on_cancel())
        self.dismiss.on_click(lambda button: on_dismiss())
        self.cancel.layout.width = self.dismiss.layout.width = "80px"
        self.text.layout.flex = self.message.layout.flex = "1 1 0"
        self.progress.layout.width = "160px"
        self.progress.layout.display = self.trouble.layout.display = "none"
        for widget, names in ((row, "lw-row lw-line"), (self.text, "lw-status"), (self.trouble, "lw-trouble")):
            for name in names.split():
                widget.add_class(name)

    def draw(self, state: str, text: str, progress: float | None) -> None:
        """Show a state.

        Args:
            state: ``"idle"``, ``"busy"``, ``"cancelled"`` or ``"error"``.
            text: The state in words.
            progress: The share done in [0, 1], None for no bar.
        """
        mark = f'<span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>'
        _assign(self.text, "value", f'<span role="status" class="lw-{state}">{mark}{page_text(text)}</span>')
        _assign(self.cancel, "disabled", state != "busy")
        _assign(self.progress, "value", progress or 0.0)
        _assign(self.progress.layout, "display", "none" if progress is None else None)

    def show_error(self, error: Exception) -> None:
        """Show what went wrong, and on demand where."""
        name, message = page_text(type(error).__name__), page_text(str(error)) or tr("(no message)")
        details, summary = page_text("".join(traceback.format_exception(error))), tr("Details")
        self.message.value = (
            f'<div role="alert"><b>{name}</b>: {message}</div>'
            f"<details><summary>{summary}</summary><pre>{details}</pre></details>"
        )
        self.trouble.layout.display = None

    def hide_error(self) -> None:
        """Show no error any more."""
        self.trouble.layout.display = "none"
        self.message.value = ""


def _assign(widget: Any, name: str, value: Any) -> None:
    if getattr(widget, name) != value:
        setattr(widget, name, value)
