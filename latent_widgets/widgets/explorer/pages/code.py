"""The page with the edit as a program."""

from __future__ import annotations

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.widgets.explorer.desk import Desk

__all__ = ["CodePage"]

COPY, COPIED = page_text(tr("copy code")), page_text(tr("copied"))
TITLE, WORDS = page_text(tr("Copy to the clipboard")), page_text(tr("The edit as Python code"))
# Without a clipboard, as on a page that is not served securely, the older command copies what is selected.
_COPY = (
    "const text=this.parentNode.querySelector('textarea');text.select();"
    "(navigator.clipboard?navigator.clipboard.writeText(text.value):Promise.reject())"
    ".catch(()=>document.execCommand('copy'));this.textContent=this.dataset.copied"
)


class CodePage(ipywidgets.VBox):
    """The edit as Python code, with a button that copies it.

    Args:
        desk: What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.text = ipywidgets.HTML()
        self.text.add_class("lw-code")
        super().__init__([self.text])

    def draw(self) -> None:
        """Bring the code to the edit."""
        code = self._desk.state.edit.to_python(self._desk.state.generator.origin)
        rows = min(14, code.count("\n") + 2)
        self.text.value = (
            f'<button class="jupyter-button widget-button" onclick="{_COPY}" data-copied="{COPIED}" title="{TITLE}">'
            f'{COPY}</button><textarea readonly spellcheck="false" rows="{rows}" aria-label="{WORDS}">'
            f"{page_text(code)}</textarea>"
        )
