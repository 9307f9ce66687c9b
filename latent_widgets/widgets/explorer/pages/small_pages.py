"""The pages below the explorer's sliders. They hold controls; the explorer decides what happens."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.picture import Picture

__all__ = ["LINK", "CodePage", "MixPage", "SavePage", "SeedsPage"]

# Without a clipboard, as on a page that is not served securely, the older command copies what is selected.
_COPY = (
    "const text=this.parentNode.querySelector('textarea');text.select();"
    "(navigator.clipboard?navigator.clipboard.writeText(text.value):Promise.reject())"
    ".catch(()=>document.execCommand('copy'));this.textContent='copied'"
)
LINK = (  # what a page says where a painter is needed: a cell to copy
    "<pre>import traitlets\n\npainter = lw.MaskPainter(explorer.picture)\n"
    'traitlets.dlink((explorer, "picture"), (painter, "picture"))\n'
    'traitlets.link((painter, "mask"), (explorer, "mask"))\npainter</pre>'
)


class SeedsPage(ipywidgets.VBox):
    """A contact sheet of neighbouring seeds; a click on a button takes one.

    Args:
        pick: Called with a seed.
        turn: Called without arguments when another page is wanted.
        guard: Wraps handlers.
        count: Seeds on a page.
    """

    def __init__(
        self, pick: Callable[[int], object], turn: Callable[[], object], guard: Guard, count: int = 16
    ) -> None:
        self.first, self.count = 0, count
        self.shown: dict[int, object] = {}  # which seed, drawn how, each picture shows
        self._turn = turn
        self.pictures = [Picture(width=80) for _ in range(count)]
        self.buttons = [
            button("", "Explore this seed", guard(lambda _, i=i: pick(self.first + i)), css="lw-seed")
            for i in range(count)
        ]
        cells = [ipywidgets.VBox([picture, press]) for picture, press in zip(self.pictures, self.buttons, strict=True)]
        for cell in cells:
            cell.add_class("lw-cell")
        self.back = button(
            "earlier", "The seeds before these", guard(lambda _: self.show_from(self.first - count)), "chevron-left"
        )
        more = button(
            "later", "The seeds after these", guard(lambda _: self.show_from(self.first + count)), "chevron-right"
        )
        super().__init__([row(self.back, more), row(*cells)])
        self._label()

    def show_from(self, first: int) -> None:
        """Turn to the page that begins with seed ``first``."""
        self.first = max(0, first)
        self._label()
        self._turn()

    def _label(self) -> None:
        for i, press in enumerate(self.buttons):
            press.description = f"{self.first + i}"
        self.back.disabled = self.first == 0


class MixPage(ipywidgets.VBox):
    """A second seed: to interpolate with, and to take the styles of some layers from.

    Args:
        num_layers: Of the generator; style mixing is offered if there is more than one.
        changed: Called without arguments when a control changed.
        guard: Wraps handlers.
    """

    def __init__(self, num_layers: int, changed: Callable[[], object], guard: Guard) -> None:
        self._quiet = False
        self.seed = ipywidgets.BoundedIntText(
            1, min=0, max=2**53 - 1, description="second seed", tooltip="The seed to mix with"
        )
        self.weight = NumberSlider(0, 0, 1, 0.01, "towards it", "0 is the first seed, 1 the second")
        self.picture = Picture(width=96, caption="")
        self._changed = changed
        self.seed.observe(guard(self._heard), "value")
        self.weight.observe(guard(self._heard), "value")
        for control in (self.seed, self.weight):
            control.add_class("lw-wide")
        controls = ipywidgets.VBox([row(self.seed), row(self.weight)])
        self.mixing: ipywidgets.Checkbox | None = None
        if num_layers > 1:
            self.mixing = ipywidgets.Checkbox(
                False, description="take the styles of layers", tooltip="Style mixing: these layers see the second seed"
            )
            self.layers = ipywidgets.IntRangeSlider(
                value=(num_layers // 2, num_layers - 1),
                min=0,
                max=num_layers - 1,
                continuous_update=False,
                tooltip="First and last layer taken from the second seed",
            )
            for control in (self.mixing, self.layers):
                control.observe(guard(self._heard), "value")
                control.add_class("lw-wide")
            controls.children = [*controls.children, row(self.mixing, self.layers)]
        controls.add_class("lw-grow")
        super().__init__([row(self.picture, controls)])

    @property
    def fields(self) -> dict[str, Any]:
        """What the controls say, as fields of an edit's base."""
        seed, weight = self.seed.value, self.weight.value
        found = {"second_seed": seed if weight else None, "weight": weight, "mix_seed": None, "mix_layers": ()}
        if self.mixing is not None and self.mixing.value:
            low, high = self.layers.value
            found |= {"mix_seed": seed, "mix_layers": tuple(range(low, high + 1))}
        return found

    def show(self, seed: int | None, weight: float, layers: tuple[int, int] | None) -> None:
        """Bring the controls to a state without calling anything."""
        self._quiet = True
        try:
            if seed is not None:
                self.seed.value = seed
            self.weight.value = weight
            if self.mixing is not None:
                self.mixing.value = layers is not None
                if layers is not None:
                    self.layers.value = layers
        finally:
            self._quiet = False

    def _heard(self, change: Any) -> None:
        if not self._quiet:
            self._changed()


class SavePage(ipywidgets.VBox):
    """What to write to a file, and where.

    Args:
        kinds: Label and file ending of everything that can be saved.
        save: Called with the label and the path.
        guard: Wraps handlers.
    """

    def __init__(self, kinds: dict[str, str], save: Callable[[str, str], object], guard: Guard) -> None:
        self._kinds = kinds
        self.kind = ipywidgets.Dropdown(options=list(kinds), description="save", tooltip="What to save")
        self.path = ipywidgets.Text(
            "", continuous_update=False, description="file", tooltip="Where to, relative to the notebook's folder"
        )
        self.press = button("Save", "Write the file", guard(lambda _: save(self.kind.value, self.path.value)), "save")
        self.kind.observe(guard(self._suggest), "value")
        super().__init__([row(self.kind, self.path, self.press)])
        self._suggest(None)

    def file(self, kind: str, path: str) -> Path:
        """Return where to write a kind of file; its ending is added where there is none.

        Args:
            kind: One of those offered.
            path: What was typed.

        Returns:
            The path.

        Raises:
            ValueError: If there is none, its ending is that of another kind, or there is no such folder.
        """
        if not path.strip():
            raise ValueError("file must be a path, got an empty one. Type a file name.")
        ending, found = self._kinds[kind], Path(path.strip()).expanduser()
        if not found.parent.is_dir():
            raise ValueError(f"file must lie in a folder that there is, got {path!r}. Make the folder first.")
        if not found.suffix:
            return found.with_suffix(f".{ending}")
        others = {other for other in self._kinds.values() if other != ending}
        if found.suffix[1:].lower() != ending and (ending != "png" or found.suffix[1:].lower() in others):
            raise ValueError(f"file must end in .{ending} for {kind}, got {path!r}. Choose what to save above.")
        return found

    def _suggest(self, change: Any) -> None:
        stem = self.path.value.rsplit(".", 1)[0] or "latent"
        self.path.value = f"{stem}.{self._kinds[self.kind.value]}"


class CodePage(ipywidgets.VBox):
    """The edit as Python code, with a button that copies it."""

    def __init__(self) -> None:
        self.text = ipywidgets.HTML()
        self.text.add_class("lw-code")
        super().__init__([self.text])

    def show(self, code: str) -> None:
        """Show ``code``."""
        rows = min(14, code.count("\n") + 2)
        self.text.value = (
            f'<button class="jupyter-button widget-button" onclick="{_COPY}" title="Copy to the clipboard">copy code'
            f'</button><textarea readonly spellcheck="false" rows="{rows}" aria-label="The edit as Python code">'
            f"{html.escape(code)}</textarea>"
        )
