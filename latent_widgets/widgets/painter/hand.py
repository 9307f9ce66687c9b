"""Mouse, fingers and keys on a painter's canvas, as calls of its gestures.

Mouse events carry no button, and a release outside never comes: leaving the canvas ends the stroke. Keys never leave a
canvas of ipycanvas' by themselves: Tab and Escape hand the focus on.
"""

from __future__ import annotations

from collections.abc import Callable

from latent_widgets.widgets.kit.canvas import listen
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.painter.easel import Easel
from latent_widgets.widgets.painter.gesture import Gesture
from latent_widgets.widgets.painter.keys import ARROWS, TOOL_KEYS
from latent_widgets.widgets.painter.touch import Fingers

__all__ = ["connect"]


def connect(easel: Easel, gesture: Gesture, hand_on: Callable[[], object], guard: Guard) -> None:
    """Let a painter's canvas call its gestures.

    Args:
        easel: Whose canvas it is.
        gesture: What mouse, fingers and keys do.
        hand_on: Gives the keyboard's focus to what comes after the canvas.
        guard: Wraps handlers.
    """
    fingers = Fingers(easel, gesture)
    keys = _Keys(easel, gesture, hand_on)
    mouse_at: list[tuple[float, float]] = []  # for the wheel, whose events do not say

    def press(x: float, y: float) -> None:
        mouse_at[:] = [(x, y)]
        gesture.press(x, y)

    def move(x: float, y: float) -> None:
        mouse_at[:] = [(x, y)]
        gesture.move(x, y)

    def turn(_: float, dy: float) -> None:
        if dy and not gesture.down:
            at = easel.view.to_image(*mouse_at[0]) if mouse_at else None
            easel.zoom_by(1.25 if dy < 0 else 0.8, at)

    listen(
        easel.canvas.widget,
        mouse_down=guard(press),
        mouse_move=guard(move),
        mouse_up=guard(lambda x, y: gesture.lift(x, y)),
        mouse_out=guard(lambda x, y: gesture.lift()),
        mouse_wheel=guard(turn),
        touch_start=guard(fingers.down),
        touch_move=guard(fingers.move),
        touch_end=guard(fingers.up),
        touch_cancel=guard(fingers.up),
        key_down=guard(keys.press),
        client_ready=guard(easel.redraw),
    )


class _Keys:
    """What keys do while the canvas has the focus."""

    def __init__(self, easel: Easel, gesture: Gesture, hand_on: Callable[[], object]) -> None:
        self._easel, self._gesture, self._hand_on = easel, gesture, hand_on
        model = easel.model
        self._acts: dict[str, Callable[[], object]] = {
            "x": self._toggle_erase, "X": self._toggle_erase,
            "[": lambda: easel.resize_brush(0.8), "]": lambda: easel.resize_brush(1.25),
            " ": gesture.act, "Enter": gesture.close_polygon,
            "i": lambda: easel.change(model.invert), "I": lambda: easel.change(model.invert),
            "Delete": lambda: easel.change(model.clear),
            "+": lambda: easel.zoom_by(1.5), "=": lambda: easel.zoom_by(1.5),
            "-": lambda: easel.zoom_by(1 / 1.5), "0": lambda: easel.zoom_by(0.0),
            "Escape": self._escape, "Tab": self._leave,
        }  # fmt: skip

    def press(self, key: str, shift: bool, ctrl: bool, meta: bool) -> None:
        """A key goes down."""
        easel, low = self._easel, key.lower()
        model = easel.model
        if ctrl or meta:
            if low == "y" or (low == "z" and shift):
                easel.change(model.redo)
            elif low == "z":
                easel.change(model.undo)
        elif low in TOOL_KEYS:
            easel.set_trait("tool", TOOL_KEYS[low])
        elif key in ARROWS:
            dx, dy = ARROWS[key]
            step = 1.0 if shift else max(1.0, easel.brush().size / 2)
            self._gesture.move_cursor(dx * step, dy * step)
        elif key == "Tab" and shift:  # what the page then goes on from is the canvas, not the control after it
            easel.canvas.widget.blur()
        elif key.isdigit() and key != "0":
            if int(key) <= len(model.names):
                easel.set_trait("region", model.names[int(key) - 1])
        elif key in self._acts:
            self._acts[key]()

    def _toggle_erase(self) -> None:
        self._easel.set_trait("erase", not self._easel.brush().erase)

    def _escape(self) -> None:
        """Drop the stroke that is being made; where there is none, leave the canvas."""
        if self._gesture.points:
            self._gesture.drop()
        else:
            self._leave()

    def _leave(self) -> None:
        self._easel.canvas.widget.blur()
        self._hand_on()
