"""ipycanvas without its traps: batches that stand alone, and end whatever happens.

ipycanvas has one manager for all canvases of a kernel, which remembers to which of them the page listens. A page that
was reloaded remembers nothing, and one command that fails there ends all drawing; so each batch here names its canvas
anew. An exception between a batch's first and last command would leave the manager collecting for ever; here it drops
what was collected. And nothing that could fail on the page is sent: numbers are finite, colours are checked.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole

__all__ = ["Pen", "batch", "colour", "listen", "paste", "polyline", "restyle"]

_DRAWING = threading.RLock()  # the manager is shared by all canvases and threads
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def colour(name: str, value: Any) -> str:
    """Return ``value`` if it is a colour such as ``"#d55e00"``.

    Args:
        name: What the argument is called.
        value: What was given.

    Raises:
        ValueError: If it is another thing.
    """
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError(f'{name} must be a colour such as "#d55e00", got {value!r}.')
    return value


@contextmanager
def batch(canvas: Any) -> Iterator[None]:
    """Collect what is drawn and send it as one message; after an exception, send nothing.

    Args:
        canvas: A canvas of ipycanvas'.

    Yields:
        Nothing.
    """
    with _DRAWING:
        manager = canvas._canvas_manager
        before = manager._caching, manager._commands_cache, manager._buffers_cache
        manager._caching, manager._commands_cache, manager._buffers_cache = True, [], []
        manager._current_canvas = None
        try:
            yield
            manager.flush()
        finally:
            manager._caching, manager._commands_cache, manager._buffers_cache = before
            manager._current_canvas = None


def paste(layer: Any, data: bytes) -> None:
    """Replace what a layer shows by an encoded picture of the layer's size: PNG keeps every pixel.

    Args:
        layer: One canvas of a MultiCanvas.
        data: The file's bytes; ipycanvas would encode at a quality of its own choice.
    """
    import_whole("ipycanvas.canvas")
    from ipycanvas.canvas import COMMANDS

    restyle(layer, "#000000", 1)  # pictures obey opacity and mode, too
    layer.clear()
    layer._canvas_manager.send_draw_command(layer, COMMANDS["putImageData"], [0, 0], [data])


def restyle(layer: Any, ink: str, width: float, alpha: float = 1.0, mode: str = "source-over") -> None:
    """Set a layer's pen.

    Args:
        layer: The canvas.
        ink: Its colour.
        width: Of lines, in pixels of the canvas.
        alpha: Opacity.
        mode: ``"source-over"`` draws, ``"destination-out"`` takes away.
    """
    layer.stroke_style = colour("ink", ink)
    layer.line_width = checks.number("width", width, low=0)
    layer.global_alpha = checks.number("alpha", alpha, 0, 1)
    layer.global_composite_operation = checks.choice("mode", mode, ("source-over", "destination-out"))
    layer.line_cap = layer.line_join = "round"


def polyline(layer: Any, points: Sequence[tuple[float, float]]) -> None:
    """Draw a line through points; through a single one a dot.

    Args:
        layer: The canvas.
        points: In pixels of the canvas.

    Raises:
        ValueError: If one is not finite.
    """
    array = np.array(points, float).reshape(-1, 2)
    if not np.isfinite(array).all():
        raise ValueError(f"points must be finite, got {points}.")
    layer.stroke_lines(np.concatenate([array, array[-1:]]) if len(array) == 1 else array)


class Pen:
    """Draws a stroke piece by piece: its style goes out once, then each piece is one small message.

    A page draws where and as it was told last; so once anybody has drawn anything else meanwhile, the next piece names
    its layer and its style anew. Where pieces overlap, the colour is laid on once.

    Args:
        layer: One canvas of a MultiCanvas.
        ink: The colour.
        width: In pixels of the canvas.
        alpha: Opacity.
        erase: Whether it takes away.
    """

    def __init__(self, layer: Any, ink: str, width: float, alpha: float, erase: bool) -> None:
        import_whole("ipycanvas.canvas")
        from ipycanvas.canvas import COMMANDS

        self._layer, self._commands = layer, COMMANDS
        self._alpha = checks.number("alpha", alpha, 0, 1)
        self._wipes = erase or alpha < 1  # paint that shines through goes where older paint was wiped away
        self._paints = not erase
        mode = "destination-out" if self._wipes else "source-over"
        self._style = [
            self._set("stroke_style", colour("ink", ink)), self._set("line_cap", "round"),
            self._set("line_join", "round"), self._set("line_width", checks.number("width", width, low=0)),
            self._set("global_alpha", 1.0), self._set("global_composite_operation", mode),
        ]  # fmt: skip
        self._to_paint = [
            self._set("global_composite_operation", "source-over"),
            self._set("global_alpha", self._alpha),
        ]
        self._to_wipe = [self._set("global_composite_operation", mode), self._set("global_alpha", 1.0)]

    def _set(self, name: str, value: Any) -> list[Any]:
        return [self._commands["set"], [self._layer.ATTRS[name], value], 0]

    def draw(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw a line through points, or a dot.

        Args:
            points: In pixels of the canvas.

        Raises:
            ValueError: If one is not finite.
        """
        if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
            raise ValueError(f"points must be finite, got {points}.")
        if len(points) <= 2:
            line = [[self._commands["strokeLine"], [*map(float, points[0]), *map(float, points[-1])], 0]]
        else:
            to, words = self._commands["lineTo"], self._commands
            line = [[words["beginPath"], [], 0], [words["moveTo"], [*map(float, points[0])], 0]]
            line += [[to, [float(x), float(y)], 0] for x, y in points[1:]]
            line.append([words["stroke"], [], 0])
        if self._wipes and self._paints:
            line = [*line, *self._to_paint, *line, *self._to_wipe]
        with _DRAWING:
            manager = self._layer._canvas_manager
            if manager._current_canvas is not self._layer:
                line = [[self._commands["switchCanvas"], [f"IPY_MODEL_{self._layer.model_id}"], 0], *self._style, *line]
            manager._send_custom(line)
            manager._current_canvas = self._layer


def listen(canvas: Any, **handlers: Callable[..., object]) -> None:
    """Connect handlers: ``listen(canvas, mouse_down=..., client_ready=...)``."""
    for event, handler in handlers.items():
        getattr(canvas, f"on_{event}")(handler)
