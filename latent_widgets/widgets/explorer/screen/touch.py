"""Hands on the explorer's picture: paint a region and the sliders follow it, take a part, hold to see it as it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.core.texts import tr
from latent_widgets.core.words import label_text
from latent_widgets.edits.edit import Base, Mask
from latent_widgets.segmentation import Segmenter
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.screen.screen import Screen
from latent_widgets.widgets.explorer.screen.tools import Tools
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import button, mute, row
from latent_widgets.widgets.kit.encode import encode
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.stage import FULL
from latent_widgets.widgets.kit.strokes import Stroke, cover, over

__all__ = ["Touch"]

BRUSH = 0.09  # of the picture's longer side: the brush at first
TOOLS = {  # as the stage calls them: their names, and what they do
    "brush": (tr("brush"), tr("Paint on the picture: the sliders become directions that act there")),
    "eraser": (tr("eraser"), tr("Take paint away")),
    "take": (tr("take a part"), tr("Click on a part, such as hair: it becomes the painted region")),
}


class Touch:
    """What lies over the picture, and the tools beside it.

    Args:
        desk: What it works with.
        frames: Draws the picture before the moves.
        screen: Has the picture, and the stage that lies over it.
        parts: Returns what finds parts; None where nothing does.

    Attributes:
        stage: What hands touch.
        box: The picture with the stage on it.
        tools: The tools, and the button for the full screen: the stage's module hears it, and nobody here.
    """

    def __init__(self, desk: Desk, frames: Frames, screen: Screen, parts: Callable[[], Segmenter | None]) -> None:
        self._desk, self._frames, self._parts, self.silence = desk, frames, parts, Silence()
        guard, size = desk.guard, desk.state.generator.picture_size
        self.stage = screen.stage
        self.stage.brush = max(1.0, round(BRUSH * max(size), 1))
        self._shown: Mask | None = None  # whose paint the stage has
        self._base: Base | None = None  # whose picture before the moves it has
        self.box = ipywidgets.Box([screen.picture, self.stage])
        self.box.add_class("lw-stage")
        offered = {tool: words for tool, words in TOOLS.items() if tool != "take" or parts() is not None}
        self.tool = Tools(offered, self._chosen, guard)
        self.size = ipywidgets.BoundedFloatText(
            self.stage.brush, min=0.5, max=2 * max(size), step=1, tooltip=tr("Diameter of the brush, in pixels")
        )
        mute(self.size, tr("brush size"))
        self.size.add_class("lw-number")
        self.size.layout.display = "none"
        self.clear = button(
            tr("clear the paint"), tr("Take all paint away"), guard(lambda _: desk.set(mask=None)), "trash", "lw-icon"
        )
        self.clear.layout.display = "none"
        self.full = ipywidgets.Button(description=tr("Full screen"), tooltip=tr("Full screen"), icon="expand")
        for css in ("lw-icon", FULL):
            self.full.add_class(css)
        self.tools = row(self.tool, self.size, self.clear, self.full)
        self.size.observe(guard(self._sized), "value")
        self.stage.on_stroke(guard(self.stroke))
        self.stage.on_take(guard(self.take))
        self.stage.on_before(guard(self._show_before))
        self.stage.on_tool(guard(self._left))
        self.stage.on_brush(guard(self._resized))
        screen.picture.observe(lambda change: self._describe(change["new"]), "caption")

    # ---- what the page says

    @one_at_a_time
    def stroke(self, points: tuple[tuple[float, float], ...], size: float, erase: bool) -> None:
        """Add a stroke to the region, or take it away; the first one makes the sliders follow the region.

        Args:
            points: ``(x, y)`` in pixels of the picture.
            size: Diameter of the brush.
            erase: Whether it takes paint away.
        """
        height, width = self.stage.size
        self._paint(cover(Stroke("brush", points, size, erase), height, width), erase)

    @one_at_a_time
    def take(self, x: float, y: float, erase: bool) -> None:
        """Add the part under a point to the region, or take it away.

        Args:
            x: Column.
            y: Row.
            erase: Whether it is taken away.

        Raises:
            ValueError: If nothing finds parts.
        """
        segmenter, state = self._parts(), self._desk.state
        if segmenter is None:
            raise ValueError("segmenter must find parts, got none. Paint the part, or set explorer.segmenter.")
        G, edit = state.drawn(), state.edit
        column, line = int(x), int(y)

        def work(on_step: Any) -> tuple[NDArray[np.bool_], str]:
            code = replace(edit, mask=None).code(G)
            image = G.synthesize(code.tensor[None], code.space)
            labels = segmenter.labels(image, code.tensor[None], space=code.space)[0].cpu().numpy()
            at = int(labels[min(line, labels.shape[0] - 1), min(column, labels.shape[1] - 1)])
            return labels == at, segmenter.names[at]

        def done(found: tuple[NDArray[np.bool_], str]) -> None:
            part, name = found
            if state.edit is edit:  # or else it is a part of another picture
                self._paint(part, erase)
                part_name = label_text(name)
                self._desk.say(tr("gave up {part}", part=part_name) if erase else tr("took {part}", part=part_name))

        self._desk.run(work, done, kind="take", label=tr("which part that is"))

    def _paint(self, covered: NDArray[np.bool_], erase: bool) -> None:
        state, (height, width) = self._desk.state, self.stage.size
        old = state.mask
        before = np.zeros((height, width), bool) if old is None else _as_array(old, height, width)
        mask = Mask(over(before, covered, erase))  # type: ignore[arg-type]  # arrays are accepted
        with state.act():
            if old is None and not erase and not state.steer:  # who paints here wants sliders for what is painted
                self._desk.set(steer=True)
            self._desk.set(mask=mask if mask.tensor.any() else None)
        self.stage.settle()
        self.show()

    def _show_before(self) -> None:
        edit, frames = self._desk.state.edit, self._frames

        def done(picture: Any) -> None:
            self._base = edit.base
            self.stage.show_before(*encode(picture, lossless=True))

        self._desk.run(lambda on_step: frames.before(edit), done, kind="before", frame=True, priority=9)

    def _left(self, tool: str) -> None:
        self.tool.hold(tool)
        self._offer()

    def _resized(self, size: float) -> None:
        with self.silence:
            self.size.value = size

    # ---- what its controls say

    def _chosen(self, tool: str) -> None:
        self.stage.tool = tool
        self._offer()

    @heard
    def _sized(self, change: Any) -> None:
        self.stage.brush = change["new"]

    # ---- what it shows

    def show(self) -> None:
        """Bring the paint to the region, and forget the picture before the moves where the start is another."""
        state = self._desk.state
        if state.mask is not self._shown:
            self._shown = state.mask
            self.stage.mask = b"" if state.mask is None else _as_png(state.mask, *self.stage.size)
            self._offer()
        if self._base is not None and state.edit.base is not self._base:
            self._base = None
            self.stage.show_before(b"")

    def _offer(self) -> None:
        self.size.layout.display = None if self.stage.tool in ("brush", "eraser") else "none"
        self.clear.layout.display = None if self._desk.state.painted else "none"

    def _describe(self, words: str) -> None:
        self.stage.alt = label_text(tr("The picture: {words}", words=words) if words else tr("The picture"))


def _as_array(mask: Mask, height: int, width: int) -> NDArray[Any]:
    """A region in the size of the picture; hard where it is hard."""
    if tuple(mask.tensor.shape) == (height, width):
        return mask.tensor.cpu().numpy()
    return (mask.weights(height, width) >= HALF_COVERED).cpu().numpy()


def _as_png(mask: Mask, height: int, width: int) -> bytes:
    grey = np.rint(255 * mask.weights(height, width).cpu().numpy()).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()
