"""What a hand draws on a painter's canvas, from the press to the release, and what keys do in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latent_widgets.widgets.kit.canvas import Pen
from latent_widgets.widgets.painter.view import Point, outline

if TYPE_CHECKING:
    from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["Gesture"]

CLOSE = 9.0  # pixels of the screen within which a click closes a polygon on its first corner


class Gesture:
    """The stroke that is being made. Places are pixels of the screen.

    While it lasts only its new piece is drawn: the mask changes when it ends.

    Args:
        painter: What it paints with.

    Attributes:
        points: Of the stroke so far, in pixels of the picture.
        down: Whether a button or a finger is down.
        cursor: Of the keyboard, in pixels of the picture.
    """

    def __init__(self, painter: MaskPainter) -> None:
        self._painter = painter
        self.points: list[Point] = []
        self.down = False
        self.cursor: Point | None = None
        self._pen: Pen | None = None

    def forget(self) -> None:
        """Be as before the press."""
        self.points, self.down = [], False
        self._pen = None

    def press(self, x: float, y: float) -> None:
        """A button or a finger goes down."""
        self._begin(self._painter.view.to_image(x, y))

    def _begin(self, point: Point) -> None:
        painter = self._painter
        self.cursor = point
        if painter.tool == "fill":
            painter.later.fill(*point)
        elif painter.tool == "superpixel":
            painter.later.pick(*point)
        elif painter.tool == "polygon":
            self._add_corner(point)
        else:
            self.points, self.down = [point], True
            if painter.tool != "pan":
                self._draw()

    def _add_corner(self, point: Point) -> None:
        if len(self.points) >= 3:
            (x0, y0), (x, y) = self._painter.view.to_view([self.points[0], point])
            if (x - x0) ** 2 + (y - y0) ** 2 <= CLOSE**2:
                return self.close_polygon()
        self.points.append(point)
        self._draw()

    def move(self, x: float, y: float) -> None:
        """The mouse or a finger moves; without a stroke that costs nothing."""
        if not self.down:
            return
        painter, point = self._painter, self._painter.view.to_image(x, y)
        if painter.tool == "pan":
            painter.view.pan(self.points[0][0] - point[0], self.points[0][1] - point[1])
            painter.show_soon()
        elif point != self.points[-1]:
            self.points.append(point)
            self._draw()

    def lift(self, x: float | None = None, y: float | None = None) -> None:
        """The button or the finger goes up, or the mouse leaves the canvas: the stroke is done."""
        if not self.down:
            return
        painter = self._painter
        if painter.tool == "pan":
            return self.forget()
        if x is not None and y is not None and (point := painter.view.to_image(x, y)) != self.points[-1]:
            self.points.append(point)
        painter.paint(painter.tool, self.points)

    def drop(self) -> None:
        """Forget the stroke that is being made, and what was drawn of it."""
        if self.points:
            self.forget()
            self._painter.redraw()

    def close_polygon(self) -> None:
        """Close the polygon that is being drawn."""
        if self._painter.tool == "polygon" and len(self.points) >= 3:
            self._painter.paint("polygon", self.points)
        else:
            self.drop()

    def _draw(self) -> None:
        """Draw what the stroke has gained, and nothing else: this runs at every move of the mouse."""
        painter, points = self._painter, self.points
        if painter.tool == "brush":
            if self._pen is None:
                self._pen = painter.canvas.pen(painter.brush, painter.colour, painter.opacity, painter.erase)
            self._pen.draw(painter.view.to_view(points[-2:]))
        elif painter.tool in ("rectangle", "ellipse"):
            painter.canvas.hint(outline(painter.tool, points[0], points[-1]))
        else:
            painter.canvas.hint([points[0], points[-1]] if painter.tool == "line" else points)

    def draw_again(self) -> None:
        """Draw the whole stroke, after what was drawn of it is gone."""
        if self.points and self._painter.tool == "brush":
            self._pen = None
            painter, places = self._painter, self._painter.view.to_view(self.points)
            pen = self._pen = painter.canvas.pen(painter.brush, painter.colour, painter.opacity, painter.erase)
            pen.draw(places)
        elif self.points and self._painter.tool != "pan":
            self._draw()

    # ---- keys

    def toggle_erase(self) -> None:
        """Paint if strokes erase, and the other way round."""
        self._painter.erase = not self._painter.erase

    def resize_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        painter = self._painter
        painter.brush = round(min(max(painter.brush * factor, 0.5), painter.controls.brush.max), 1)

    def _place(self) -> Point:
        height, width = self._painter.model.size
        x, y = self.cursor or (width / 2, height / 2)
        return min(max(x, 0), width - 1e-3), min(max(y, 0), height - 1e-3)

    def move_cursor(self, dx: float, dy: float) -> None:
        """Move the keyboard's cursor by pixels of the picture; the view follows."""
        painter, (x, y) = self._painter, self._place()
        self.cursor = (x + dx, y + dy)
        self.cursor = x, y = self._place()
        view = painter.view
        left, top, right, bottom = view.box
        if not (left <= x <= right and top <= y <= bottom):
            view.pan(x - (left + right) / 2, y - (top + bottom) / 2)
            painter.redraw()
        radius = max(painter.brush / 2, 3 / view.scale)
        ring = outline("ellipse", (x - radius, y - radius), (x + radius, y + radius))
        painter.canvas.hint(ring, *([self.points] if self.points else []))

    def act(self) -> None:
        """Do at the keyboard's cursor what a click does."""
        self._begin(self._place())
        self.lift()
        self.move_cursor(0, 0)  # shows it again

    def escape(self) -> None:
        """Drop the stroke that is being made; where there is none, leave the canvas."""
        if self.points:
            self.drop()
        else:
            self.leave()

    def leave(self) -> None:
        """Hand the keyboard's focus to the control below the picture."""
        self._painter.canvas.widget.blur()
        self._painter.controls.below.children[0].focus()
