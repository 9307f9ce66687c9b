"""The painter's controls and where they stand; what they do is done by others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.painter.easel import Easel
from latent_widgets.widgets.painter.keys import CALLED, KEYS, TOOLS
from latent_widgets.widgets.painter.later import EDGES, Later
from latent_widgets.widgets.painter.model import MaskModel

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
        self.tool = ipywidgets.ToggleButtons(
            options=[(CALLED[tool], tool) for tool in TOOLS], tooltips=list(TOOLS.values())
        )
        self.tool.add_class("lw-toggles")
        self.tool.add_class("lw-tools")
        self.erase = ipywidgets.Checkbox(False, description=tr("erase"), indent=False, tooltip=tr("Take away (key x)"))
        self.brush = ipywidgets.BoundedFloatText(
            1.0, min=0.5, max=most, step=0.5,
            description=tr("brush, px"), tooltip=tr("Diameter in pixels of the picture"),
        )  # fmt: skip
        self.tolerance = ipywidgets.BoundedFloatText(
            20, min=0, max=255, step=5,
            description=tr("tolerance"), tooltip=tr("How far colours may differ when filling"),
        )  # fmt: skip
        self.opacity = NumberSlider(0.5, 0, 1, 0.05, tr("opacity"), tr("Opacity of the painted region"))
        self.colour = ipywidgets.ColorPicker(
            value="#d55e00", description=tr("colour"), tooltip=tr("Colour of the region")
        )
        self.region = ipywidgets.Dropdown(
            options=[""], description=tr("region"), tooltip=tr("Which region is painted (keys 1 to 9)")
        )
        self.name = ipywidgets.Text(
            placeholder=tr("name"), description=tr("new region"), tooltip=tr("Name of a new region")
        )
        self.add = button(
            tr("add"), tr("Add a region of this name"), guard(lambda _: change(model.add, self.name.value)), "plus"
        )
        self.remove = button(
            tr("remove"), tr("Remove the region"), guard(lambda _: change(model.remove, model.region)), "trash"
        )
        self.part = ipywidgets.Dropdown(
            options=list(parts), description=tr("part"), tooltip=tr("A part that was found")
        )
        self.take = button(
            tr("take part"), tr("Add the part to the region, or erase it"),
            guard(lambda _: later.take(self.part.value)),
        )  # fmt: skip
        self.undo = button(tr("undo"), tr("Undo the last change (Ctrl+Z)"), guard(lambda _: change(model.undo)), "undo")
        self.redo = button(
            tr("redo"), tr("Redo what was undone last (Ctrl+Shift+Z)"), guard(lambda _: change(model.redo)), "repeat"
        )
        self.clear = button(tr("clear"), tr("Empty the region (Delete)"), guard(lambda _: change(model.clear)), "times")
        self.invert = button(tr("invert"), tr("Exchange inside and outside (i)"), guard(lambda _: change(model.invert)))
        self.amount = ipywidgets.BoundedFloatText(
            2, min=0, max=most, step=1,
            description=tr("distance, px"), tooltip=tr("Pixels to grow, to shrink or to soften by"),
        )  # fmt: skip
        self.range = ipywidgets.IntRangeSlider(
            value=(128, 255), min=0, max=255,
            description=tr("luminance"), tooltip=tr("From dark to bright, 0 to 255"),
        )  # fmt: skip
        self.threshold = button(
            tr("threshold"), tr("The region becomes all pixels of this luminance"),
            guard(lambda _: later.threshold(*self.range.value)),
        )  # fmt: skip
        self.path = ipywidgets.Text(
            "mask.png", description=tr("file"), tooltip=tr(".png or .npy: this region; .json: all regions")
        )
        save = button(tr("save"), tr("Save to this file"), guard(lambda _: files.save(self.path.value)), "download")
        self.load = button(tr("load"), tr("Load this file"), guard(lambda _: files.load(self.path.value)), "upload")
        self.upload = ipywidgets.FileUpload(
            accept=".png,.npy,.json", multiple=False, description=tr("upload"),
            tooltip=tr("Take a file from your computer: .png or .npy for this region, .json for all"),
        )  # fmt: skip
        for box in (self.brush, self.tolerance, self.amount, self.name, self.path, self.colour):
            box.add_class("lw-short")
        for slider in (self.opacity, self.range):
            slider.add_class("lw-wide")
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        self.keys = ipywidgets.HTML(_list_keys())
        self.keys.add_class("lw-note")
        words = tr("A cell is running: what you paint now appears when it ends. Nothing is lost.")
        self.waiting = ipywidgets.HTML(words)
        self.waiting.add_class("lw-waiting")
        self.waiting.layout.visibility = "hidden"
        self.below = row(*self._zooms(guard), self.undo, self.redo, self.clear, self.invert)
        parting = [row(self.part, self.take)] if parts else []
        self.rows = [
            row(self.region, self.name, self.add, self.remove),
            row(self.tool, self.erase),
            row(self.brush, *self._sizes(guard), self.tolerance),
            row(self.opacity, self.colour),
            *parting,
            row(*self._edges(later, guard), self.amount),
            row(self.range, self.threshold),
            row(self.path, save, self.load, self.upload),
        ]
        self.spare = [] if parts else [self.part, self.take]
        self._listen(files, guard)

    def _zooms(self, guard: Guard) -> list[ipywidgets.Button]:
        easel = self._easel
        near, far, whole = (guard(lambda _, by=by: easel.zoom_by(by)) for by in (1.5, 1 / 1.5, 0.0))
        return [
            button(tr("zoom in"), tr("Zoom in (+)"), near, "search-plus", "lw-icon"),
            button(tr("zoom out"), tr("Zoom out (-)"), far, "search-minus", "lw-icon"),
            button(tr("whole picture"), tr("Show the whole picture (0)"), whole),
        ]

    def _sizes(self, guard: Guard) -> list[ipywidgets.Button]:
        easel = self._easel
        smaller, larger = (guard(lambda _, by=by: easel.resize_brush(by)) for by in (0.8, 1.25))
        return [
            button(tr("smaller brush"), tr("Smaller brush ([)"), smaller, "minus", "lw-icon"),
            button(tr("larger brush"), tr("Larger brush (])"), larger, "plus", "lw-icon"),
        ]

    def _edges(self, later: Later, guard: Guard) -> list[ipywidgets.Button]:
        changes = {
            "grow": tr("Move the edge outwards"), "shrink": tr("Move the edge inwards"),
            "feather": tr("Make the edge soft"),
        }  # fmt: skip
        return [
            button(EDGES[how], words, guard(lambda _, how=how: later.edge(how, self.amount.value)))
            for how, words in changes.items()
        ]

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
        self.words.value = _area_words(model)


def _area_words(model: MaskModel) -> str:
    """How much of the picture the selected region takes, as HTML."""
    region, share, (height, width) = page_text(model.region), 100 * float(model.mask.mean()), model.size
    if not share:
        return tr("{region}: nothing painted yet", region=region)
    if model.mask.dtype != bool:
        return tr(
            "{region}: soft, {share:.3g} % of {height} x {width} pixels",
            region=region, share=share, height=height, width=width,
        )  # fmt: skip
    return tr(
        "{region}: {share:.3g} % of {height} x {width} pixels", region=region, share=share, height=height, width=width
    )


def _list_keys() -> str:
    items = "".join(f"<li><kbd>{page_text(key)}</kbd> {page_text(words)}</li>" for key, words in KEYS)
    head, foot = tr("keys, once the picture is clicked"), tr("Two fingers zoom and move the picture.")
    return f'<details open><summary>{head}</summary><ul class="lw-keys">{items}</ul>{foot}</details>'
