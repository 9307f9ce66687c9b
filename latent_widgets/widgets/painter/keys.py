"""The tools of a painter, and what each key does."""

from __future__ import annotations

__all__ = ["ARROWS", "KEYS", "TOOLS", "TOOL_KEYS"]

TOOLS = {
    "brush": "Paint with a round brush", "line": "A straight line as thick as the brush",
    "rectangle": "From corner to corner", "ellipse": "Inside a box from corner to corner",
    "polygon": "Click the corners; close it on the first one or with Enter", "lasso": "Draw around an area",
    "fill": "The area of similar colour around a click, up to what is painted",
    "superpixel": "A small area that belongs together", "pan": "Move the picture under the window",
}  # fmt: skip
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
    ("Tab, Shift+Tab", "leave the canvas, forwards or backwards"),
)
ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
