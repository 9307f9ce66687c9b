"""What the parts of a painter see of it: the masks, the canvas, the brush, and the few things that they may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from latent_widgets.widgets.painter.model import MaskModel
from latent_widgets.widgets.painter.tools import Stroke
from latent_widgets.widgets.painter.view import Canvas, Point, Viewport

__all__ = ["Brush", "Easel"]


@dataclass(frozen=True)
class Brush:
    """What a stroke is made with, as it is set at one time.

    Attributes:
        tool: What a stroke does.
        size: Diameter, in pixels of the picture.
        erase: Whether strokes take away.
        tolerance: How far colours may differ when filling, 0 to 255.
        opacity: Of the painted region.
        colour: Of the selected region.
    """

    tool: str
    size: float
    erase: bool
    tolerance: float
    opacity: float
    colour: str


@dataclass(frozen=True, eq=False)
class Easel:
    """What gestures, keys, tools and controls work on.

    Attributes:
        model: The masks; to be changed by ``change`` and ``settle`` only.
        canvas: To draw on.
        brush: Returns the brush as it is set now.
        set_trait: Sets a trait of the painter by name.
        change: Calls a function that changes the masks, with its arguments, and shows what it did; ends the stroke.
        settle: Replaces a region by what a tool made of it; the stroke goes on.
        redraw: Draws everything anew.
        run: Computes something on the worker, see :meth:`~latent_widgets.widgets.kit.panel.Panel.run`.
        say: Shows a few words on the status line.
    """

    model: MaskModel
    canvas: Canvas
    brush: Callable[[], Brush]
    set_trait: Callable[[str, Any], object]
    change: Callable[..., object]
    settle: Callable[[str, Any], object]
    redraw: Callable[[], object]
    run: Callable[..., object]
    say: Callable[[str], object]

    @property
    def largest_brush(self) -> float:
        """The size that a brush has at most, unless code sets a larger one."""
        return float(max(2, *self.model.size))

    @property
    def view(self) -> Viewport:
        """The part of the picture in view; another object once the picture has another size."""
        return self.canvas.port

    def paint(self, points: Sequence[Point]) -> None:
        """Make a stroke with the brush as it is set."""
        brush = self.brush()
        self.change(self.model.stroke, Stroke(brush.tool, points, brush.size, brush.erase))

    def resize_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        size = self.brush().size
        self.set_trait("brush", round(min(max(size * factor, 0.5), max(self.largest_brush, size)), 1))

    def zoom_by(self, factor: float, at: Point | None = None) -> None:
        """Zoom by a factor, about a point of the picture or the middle of the view; 0 shows the whole picture."""
        self.view.zoom_by(factor, at)
        self.show_soon()

    def show_soon(self) -> None:
        """Draw everything on the worker: of many requests, as while the wheel turns, the last one counts."""
        self.run(lambda on_step: self.redraw(), kind="view", frame=True)
