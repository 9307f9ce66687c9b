"""Mouse, fingers and keys on a painter's canvas, as calls of the painter.

Mouse events carry no button, and a release outside never comes: leaving the canvas ends the stroke. Keys never leave a
canvas of ipycanvas' by themselves: Tab and Escape hand the focus on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from latent_widgets.widgets.kit.canvas import listen
from latent_widgets.widgets.painter.touch import Fingers

if TYPE_CHECKING:
    from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["KEYS", "TOOL_KEYS", "connect"]

TOOL_KEYS = {
    "b": "brush", "l": "line", "r": "rectangle", "o": "ellipse", "p": "polygon", "s": "lasso", "f": "fill",
    "k": "superpixel", "h": "pan",
}  # fmt: skip
KEYS = (
    *((key, name) for key, name in TOOL_KEYS.items()),
    ("x", "paint or erase"),
    ("[ ]", "smaller or larger brush"),
    ("arrows", "move the cursor; with Shift by one pixel"),
    ("Space", "paint at the cursor, or set a corner of a polygon"),
    ("Enter", "close the polygon"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
    ("i", "invert"),
    ("Delete", "clear"),
    ("+ - 0", "zoom in, out, all"),
    ("1 to 9", "select a region"),
    ("Esc", "drop the stroke, or leave the canvas"),
    ("Tab", "leave the canvas"),
)
ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}


def connect(painter: MaskPainter, guard: Callable[..., Any]) -> None:
    """Let a painter's canvas call its gestures.

    Args:
        painter: The painter.
        guard: Wraps handlers.
    """
    gesture = painter.gesture
    fingers = Fingers(painter)
    mouse_at: list[tuple[float, float]] = []  # for the wheel, whose events do not say

    def press(x: float, y: float) -> None:
        mouse_at[:] = [(x, y)]
        gesture.press(x, y)

    def move(x: float, y: float) -> None:
        mouse_at[:] = [(x, y)]
        gesture.move(x, y)

    def turn(_: float, dy: float) -> None:
        if dy and not gesture.down:
            at = painter.view.to_image(*mouse_at[0]) if mouse_at else None
            painter.zoom_by(1.25 if dy < 0 else 0.8, at)

    listen(
        painter.canvas.widget,
        mouse_down=guard(press),
        mouse_move=guard(move),
        mouse_up=guard(lambda x, y: gesture.lift(x, y)),
        mouse_out=guard(lambda x, y: gesture.lift()),
        mouse_wheel=guard(turn),
        touch_start=guard(fingers.down),
        touch_move=guard(fingers.move),
        touch_end=guard(fingers.up),
        touch_cancel=guard(fingers.up),
        key_down=guard(lambda *key: _key(painter, *key)),
        client_ready=guard(painter.redraw),
    )


def _key(painter: MaskPainter, key: str, shift: bool, ctrl: bool, meta: bool) -> None:
    low = key.lower()
    if ctrl or meta:
        if low == "y" or (low == "z" and shift):
            painter.redo()
        elif low == "z":
            painter.undo()
    elif low in TOOL_KEYS:
        painter.tool = TOOL_KEYS[low]
    elif key in ARROWS:
        dx, dy = ARROWS[key]
        step = 1.0 if shift else max(1.0, painter.brush / 2)
        painter.gesture.move_cursor(dx * step, dy * step)
    elif key.isdigit() and key != "0":
        if int(key) <= len(painter.model.names):
            painter.region = painter.model.names[int(key) - 1]
    else:
        _other(painter, key)


def _other(painter: MaskPainter, key: str) -> None:
    gesture = painter.gesture
    actions: dict[str, Callable[[], object]] = {
        "x": gesture.toggle_erase, "X": gesture.toggle_erase,
        "[": lambda: gesture.resize_brush(0.8), "]": lambda: gesture.resize_brush(1.25),
        " ": gesture.act, "Enter": gesture.close_polygon, "i": painter.invert, "I": painter.invert,
        "Delete": painter.clear, "+": lambda: painter.zoom_by(1.5), "=": lambda: painter.zoom_by(1.5),
        "-": lambda: painter.zoom_by(1 / 1.5), "0": lambda: painter.zoom_by(0.0),
        "Escape": gesture.escape, "Tab": gesture.leave,
    }  # fmt: skip
    if key in actions:
        actions[key]()
