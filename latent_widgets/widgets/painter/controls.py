"""The painter's controls and where they stand; what they do is done by others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.words import page_text
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.painter.easel import Easel
from latent_widgets.widgets.painter.keys import KEYS, TOOLS
from latent_widgets.widgets.painter.later import Later

__all__ = ["FileActs", "PainterControls"]


class FileActs(NamedTuple):
    """What the controls call for files.

    Attributes:
        save: To a path.
        load: From a path.
        take: The name and the content of a file that was uploaded.
    """

    save: Callable[[str], object]
    load: Callable[[str], object]
    take: Callable[[str, bytes], object]


class PainterControls:
    """Every control of a painter but its canvas.

    Args:
        easel: What the controls change.
        later: What takes long.
        files: What saves and loads.
        parts: Names of ready masks.
        guard: Wraps handlers.
    """

    def __init__(self, easel: Easel, later: Later, files: FileActs, parts: Sequence[str], guard: Guard) -> None:
        self._easel, self.silence = easel, Silence()
        model, change, most = easel.model, easel.change, easel.largest_brush
        self.tool = ipywidgets.ToggleButtons(options=list(TOOLS), tooltips=list(TOOLS.values()))
        self.tool.add_class("lw-toggles")
        self.tool.add_class("lw-tools")
        self.erase = ipywidgets.Checkbox(False, description="erase", indent=False, tooltip="Take away (key x)")
        self.brush = ipywidgets.BoundedFloatText(
            1.0, min=0.5, max=most, step=0.5, description="brush, px", tooltip="Diameter in pixels of the picture"
        )
        sizes = [
            button("smaller brush", "Smaller brush ([)", guard(lambda _: easel.resize_brush(0.8)), "minus", "lw-icon"),
            button("larger brush", "Larger brush (])", guard(lambda _: easel.resize_brush(1.25)), "plus", "lw-icon"),
        ]
        self.tolerance = ipywidgets.BoundedFloatText(
            20, min=0, max=255, step=5, description="tolerance", tooltip="How far colours may differ when filling"
        )
        self.opacity = NumberSlider(0.5, 0, 1, 0.05, "opacity", "Opacity of the painted region")
        self.colour = ipywidgets.ColorPicker(value="#d55e00", description="colour", tooltip="Colour of the region")
        self.region = ipywidgets.Dropdown(
            options=[""], description="region", tooltip="Which region is painted (keys 1 to 9)"
        )
        self.name = ipywidgets.Text(placeholder="name", description="new region", tooltip="Name of a new region")
        self.add = button(
            "add", "Add a region of this name", guard(lambda _: change(model.add, self.name.value)), "plus"
        )
        self.remove = button(
            "remove", "Remove the region", guard(lambda _: change(model.remove, model.region)), "trash"
        )
        self.part = ipywidgets.Dropdown(options=list(parts), description="part", tooltip="A part that was found")
        self.take = button(
            "take part", "Add the part to the region, or erase it", guard(lambda _: later.take(self.part.value))
        )
        self.undo = button("undo", "Undo the last change (Ctrl+Z)", guard(lambda _: change(model.undo)), "undo")
        self.redo = button(
            "redo", "Redo what was undone last (Ctrl+Shift+Z)", guard(lambda _: change(model.redo)), "repeat"
        )
        self.clear = button("clear", "Empty the region (Delete)", guard(lambda _: change(model.clear)), "times")
        self.invert = button("invert", "Exchange inside and outside (i)", guard(lambda _: change(model.invert)))
        self.amount = ipywidgets.BoundedFloatText(
            2, min=0, max=most, step=1, description="distance, px", tooltip="Pixels to grow, to shrink or to soften by"
        )
        changes = {"grow": "Move the edge outwards", "shrink": "Move the edge inwards", "feather": "Make the edge soft"}
        changing = [
            button(name, words, guard(lambda _, how=name: later.edge(how, self.amount.value)))
            for name, words in changes.items()
        ]
        self.range = ipywidgets.IntRangeSlider(
            value=(128, 255), min=0, max=255, description="luminance", tooltip="From dark to bright, 0 to 255"
        )
        self.threshold = button(
            "threshold", "The region becomes all pixels of this luminance",
            guard(lambda _: later.threshold(*self.range.value)),
        )  # fmt: skip
        self.path = ipywidgets.Text(
            "mask.png", description="file", tooltip=".png or .npy: this region; .json: all regions"
        )
        save = button("save", "Save to this file", guard(lambda _: files.save(self.path.value)), "download")
        self.load = button("load", "Load this file", guard(lambda _: files.load(self.path.value)), "upload")
        self.upload = ipywidgets.FileUpload(
            accept=".png,.npy,.json", multiple=False, description="upload",
            tooltip="Take a file from your computer: .png or .npy for this region, .json for all",
        )  # fmt: skip
        zooms = [
            button("zoom in", "Zoom in (+)", guard(lambda _: easel.zoom_by(1.5)), "search-plus", "lw-icon"),
            button("zoom out", "Zoom out (-)", guard(lambda _: easel.zoom_by(1 / 1.5)), "search-minus", "lw-icon"),
            button("whole picture", "Show the whole picture (0)", guard(lambda _: easel.zoom_by(0.0))),
        ]
        for box in (self.brush, self.tolerance, self.amount, self.name, self.path, self.colour):
            box.add_class("lw-short")
        for slider in (self.opacity, self.range):
            slider.add_class("lw-wide")
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        self.keys = ipywidgets.HTML(_list_keys())
        self.keys.add_class("lw-note")
        self.waiting = ipywidgets.HTML("A cell is running: what you paint now appears when it ends. Nothing is lost.")
        self.waiting.add_class("lw-waiting")
        self.waiting.layout.visibility = "hidden"
        self.below = row(*zooms, self.undo, self.redo, self.clear, self.invert)
        parting = [row(self.part, self.take)] if parts else []
        self.rows = [
            row(self.region, self.name, self.add, self.remove),
            row(self.tool, self.erase),
            row(self.brush, *sizes, self.tolerance),
            row(self.opacity, self.colour),
            *parting,
            row(*changing, self.amount),
            row(self.range, self.threshold),
            row(self.path, save, self.load, self.upload),
        ]
        self.spare = [] if parts else [self.part, self.take]
        self._listen(files, guard)

    def take_focus(self) -> None:
        """Take the keyboard's focus: the first control below the picture has it then."""
        self.below.children[0].focus()

    def _listen(self, files: FileActs, guard: Guard) -> None:
        def take_file(change: Any) -> None:
            given, self.upload.value = self.upload.value, ()
            for file in given:
                files.take(file["name"], bytes(file["content"]))

        self.upload.observe(guard(take_file), "value")
        of_traits = {
            "tool": self.tool, "erase": self.erase, "brush": self.brush, "tolerance": self.tolerance,
            "opacity": self.opacity, "colour": self.colour, "region": self.region,
        }  # fmt: skip
        for trait, control in of_traits.items():
            put = guard(functools.partial(self._easel.set_trait, trait))
            control.observe(functools.partial(self._turned, put), "value")

    @heard
    def _turned(self, put: Callable[[Any], object], change: Any) -> None:
        put(change["new"])

    def around(self, canvas: ipywidgets.Widget) -> ipywidgets.HBox:
        """Return the controls below and beside a canvas."""
        left = ipywidgets.VBox([canvas, self.waiting, self.below, self.words])
        right = ipywidgets.VBox(self.rows)
        both = ipywidgets.HBox([left, right, self.keys])
        left.add_class("lw-left")
        left.add_class("lw-easel")
        right.add_class("lw-right")
        right.layout.flex = "1 1 380px"
        self.keys.layout.flex = "1 1 100%"  # below both, also in a narrow window
        both.add_class("lw-columns")
        return both

    def show(self) -> None:
        """Bring the controls to the painter's state without calling anything."""
        model, brush, most = self._easel.model, self._easel.brush(), self._easel.largest_brush
        with self.silence:
            if tuple(self.region.options) != model.names:
                self.region.options = model.names
            self.region.value, self.tool.value, self.erase.value = model.region, brush.tool, brush.erase
            self.brush.max, self.amount.max = max(most, brush.size), most
            self.brush.value, self.opacity.value = brush.size, brush.opacity
            self.tolerance.value, self.colour.value = brush.tolerance, brush.colour
        self.undo.disabled, self.redo.disabled = not model.can_undo, not model.can_redo
        self.remove.disabled = len(model.names) == 1
        area = float(model.mask.mean())
        height, width = model.size
        kind = "soft, " if model.mask.dtype != bool else ""
        self.words.value = (
            f"{page_text(model.region)}: {kind}{100 * area:.3g} % of {height} x {width} pixels"
            if area
            else f"{page_text(model.region)}: nothing painted yet"
        )


def _list_keys() -> str:
    items = "".join(f"<li><kbd>{page_text(key)}</kbd> {page_text(words)}</li>" for key, words in KEYS)
    return (
        f'<details open><summary>keys, once the picture is clicked</summary><ul class="lw-keys">{items}</ul>'
        "Two fingers zoom and move the picture.</details>"
    )
