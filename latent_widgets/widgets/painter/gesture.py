"""What a hand draws on a painter's canvas, from the press to the release, and what the cursor of the keys does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from latent_widgets.widgets.kit.canvas import Pen
from latent_widgets.widgets.painter.easel import Brush, Easel
from latent_widgets.widgets.painter.view import Point, outline

__all__ = ["Gesture"]

CLOSE = 9.0  # pixels of the screen within which a click closes a polygon on its first corner


class Gesture:
    """The stroke that is being made. Places are pixels of the screen.

    While it lasts only its new piece is drawn: the mask changes when it ends.

    Args:
        easel: What it paints on.
        clicks: What the tools do that need no stroke but a point of the picture, by their names.

    Attributes:
        points: Of the stroke so far, in pixels of the picture.
        down: Whether a button or a finger is down.
        cursor: Of the keyboard, in pixels of the picture.
    """

    def __init__(self, easel: Easel, clicks: Mapping[str, Callable[[float, float], object]]) -> None:
        self._easel, self._clicks = easel, clicks
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
        self._begin(self._easel.view.to_image(x, y))

    def _begin(self, point: Point) -> None:
        self.cursor = point
        tool = self._easel.brush().tool
        if tool in self._clicks:
            self._clicks[tool](*point)
        elif tool == "polygon":
            self._add_corner(point)
        else:
            self.points, self.down = [point], True
            if tool != "pan":
                self._draw()

    def _add_corner(self, point: Point) -> None:
        if len(self.points) >= 3:
            (x0, y0), (x, y) = self._easel.view.to_view([self.points[0], point])
            if (x - x0) ** 2 + (y - y0) ** 2 <= CLOSE**2:
                return self.close_polygon()
        self.points.append(point)
        self._draw()

    def move(self, x: float, y: float) -> None:
        """The mouse or a finger moves; without a stroke that costs nothing."""
        if not self.down:
            return
        view = self._easel.view
        point = view.to_image(x, y)
        if self._easel.brush().tool == "pan":
            view.pan(self.points[0][0] - point[0], self.points[0][1] - point[1])
            self._easel.show_soon()
        elif point != self.points[-1]:
            self.points.append(point)
            self._draw()

    def lift(self, x: float | None = None, y: float | None = None) -> None:
        """The button or the finger goes up, or the mouse leaves the canvas: the stroke is done."""
        if not self.down:
            return
        if self._easel.brush().tool == "pan":
            return self.forget()
        if x is not None and y is not None and (point := self._easel.view.to_image(x, y)) != self.points[-1]:
            self.points.append(point)
        self._easel.paint(self.points)

    def drop(self) -> None:
        """Forget the stroke that is being made, and what was drawn of it."""
        if self.points:
            self.forget()
            self._easel.redraw()

    def close_polygon(self) -> None:
        """Close the polygon that is being drawn."""
        if self._easel.brush().tool == "polygon" and len(self.points) >= 3:
            self._easel.paint(self.points)
        else:
            self.drop()

    def _draw(self) -> None:
        """Draw what the stroke has gained, and nothing else: this runs at every move of the mouse."""
        easel, points, brush = self._easel, self.points, self._easel.brush()
        if brush.tool == "brush":
            if self._pen is None:
                self._pen = self._new_pen(brush)
            self._pen.draw(easel.view.to_view(points[-2:]))
        elif brush.tool in ("rectangle", "ellipse"):
            easel.canvas.hint(outline(brush.tool, points[0], points[-1]))
        else:
            easel.canvas.hint([points[0], points[-1]] if brush.tool == "line" else points)

    def _new_pen(self, brush: Brush) -> Pen:
        return self._easel.canvas.pen(brush.size, brush.colour, brush.opacity, brush.erase)

    def draw_again(self) -> None:
        """Draw the whole stroke, after what was drawn of it is gone."""
        brush = self._easel.brush()
        if self.points and brush.tool == "brush":
            self._pen = None
            places = self._easel.view.to_view(self.points)
            self._pen = self._new_pen(brush)
            self._pen.draw(places)
        elif self.points and brush.tool != "pan":
            self._draw()

    # ---- keys

    def _place(self) -> Point:
        height, width = self._easel.model.size
        x, y = self.cursor or (width / 2, height / 2)
        return min(max(x, 0), width - 1e-3), min(max(y, 0), height - 1e-3)

    def move_cursor(self, dx: float, dy: float) -> None:
        """Move the keyboard's cursor by pixels of the picture; the view follows."""
        easel, (x, y) = self._easel, self._place()
        self.cursor = (x + dx, y + dy)
        self.cursor = x, y = self._place()
        view = easel.view
        left, top, right, bottom = view.box
        if not (left <= x <= right and top <= y <= bottom):
            view.pan(x - (left + right) / 2, y - (top + bottom) / 2)
            easel.redraw()
        radius = max(easel.brush().size / 2, 3 / view.scale)
        ring = outline("ellipse", (x - radius, y - radius), (x + radius, y + radius))
        easel.canvas.hint(ring, *([self.points] if self.points else []))

    def act(self) -> None:
        """Do at the keyboard's cursor what a click does."""
        self._begin(self._place())
        self.lift()
        self.move_cursor(0, 0)  # shows it again
