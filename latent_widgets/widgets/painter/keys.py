"""The tools of a painter, and what each key does."""

from __future__ import annotations

from latent_widgets.core.texts import tr

__all__ = ["ARROWS", "CALLED", "KEYS", "TOOLS", "TOOL_KEYS"]

TOOLS = {
    "brush": tr("Paint with a round brush"), "line": tr("A straight line as thick as the brush"),
    "rectangle": tr("From corner to corner"), "ellipse": tr("Inside a box from corner to corner"),
    "polygon": tr("Click the corners; close it on the first one or with Enter"), "lasso": tr("Draw around an area"),
    "fill": tr("The area of similar colour around a click, up to what is painted"),
    "superpixel": tr("A small area that belongs together"), "pan": tr("Move the picture under the window"),
}  # fmt: skip
CALLED = {
    "brush": tr("brush"), "line": tr("line"), "rectangle": tr("rectangle"), "ellipse": tr("ellipse"),
    "polygon": tr("polygon"), "lasso": tr("lasso"), "fill": tr("fill"), "superpixel": tr("superpixel"),
    "pan": tr("pan"),
}  # fmt: skip
TOOL_KEYS = {
    "b": "brush", "l": "line", "r": "rectangle", "o": "ellipse", "p": "polygon", "s": "lasso", "f": "fill",
    "k": "superpixel", "h": "pan",
}  # fmt: skip
KEYS = (
    *((key, CALLED[name]) for key, name in TOOL_KEYS.items()),
    ("x", tr("paint or erase")),
    ("[ ]", tr("smaller or larger brush")),
    (tr("arrows"), tr("move the cursor; with Shift by one pixel")),
    (tr("Space"), tr("paint at the cursor, or set a corner of a polygon")),
    (tr("Enter"), tr("close the polygon")),
    (tr("Ctrl+Z, Ctrl+Shift+Z"), tr("undo, redo")),
    ("i", tr("invert")),
    (tr("Delete"), tr("clear")),
    ("+ - 0", tr("zoom in, out, all")),
    (tr("1 to 9"), tr("select a region")),
    (tr("Esc"), tr("drop the stroke, or leave the canvas")),
    (tr("Tab, Shift+Tab"), tr("leave the canvas, forwards or backwards")),
)
ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
