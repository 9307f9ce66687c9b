"""What a page says to the kernel, read as what cannot be trusted: anybody's script may run in a page.

What is of no known kind or shape is nothing; what is too large is cut. None of it raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from latent_widgets.core.words import one_line

__all__ = ["MOST_POINTS", "stage_call", "strip_call"]

MOST_POINTS = 20_000  # of a stroke
MOST_LETTERS = 300  # of what went wrong in the page
Call = tuple[str, tuple[Any, ...]]  # the kind of a message, and what its handlers are called with


def stage_call(content: Any, size: tuple[int, int], tools: Sequence[str]) -> Call | None:
    """Read a message of a stage.

    Args:
        content: What the page sent.
        size: Height and width of the picture.
        tools: The tools there are.

    Returns:
        The kind of the message and what its handlers are called with; None for what is no message of a stage.

    Example:
        >>> stage_call({"kind": "stroke", "points": [[1, 2.5]], "size": 1e300, "erase": False}, (64, 64), ["brush"])
        ('stroke', (((1.0, 2.5),), 128.0, False))
        >>> stage_call({"kind": "take", "x": 3, "y": None}, (64, 64), ["brush"]) is None
        True
    """
    kind = _kind(content)
    if kind == "stroke":
        points, width = _points(content.get("points"), size), _brush(content.get("size"), size)
        return None if points is None or width is None else (kind, (points, width, content.get("erase") is True))
    if kind == "take":
        point = _point((content.get("x"), content.get("y")), size)
        return None if point is None else (kind, (*point, content.get("erase") is True))
    if kind == "brush":
        width = _brush(content.get("size"), size)
        return None if width is None else (kind, (width,))
    if kind == "tool":
        tool = content.get("tool")
        return (kind, (tool,)) if isinstance(tool, str) and tool in tools else None
    if kind in ("before", "shown"):
        return kind, ()
    return _trouble(content)


def strip_call(content: Any, places: Sequence[float]) -> Call | None:
    """Read a message of a strip.

    Args:
        content: What the page sent.
        places: Of the frames; what lies beyond them is cut.

    Returns:
        As :func:`stage_call` does.

    Example:
        >>> strip_call({"kind": "scrub", "place": 7, "done": True}, [-2.0, 0.0, 2.0])
        ('scrub', (2.0, True))
    """
    kind = _kind(content)
    if kind in ("go", "scrub"):
        place = _real(content.get("place"))
        if place is None or not places:
            return None
        place = min(max(place, min(places)), max(places))
        return kind, (place,) if kind == "go" else (place, content.get("done") is True)
    return _trouble(content)


def _kind(content: Any) -> str:
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else ""


def _trouble(content: Any) -> Call | None:
    if _kind(content) != "trouble":
        return None
    message = content.get("message")
    words = one_line(message[: 2 * MOST_LETTERS], MOST_LETTERS) if isinstance(message, str) else ""
    return ("trouble", (words,)) if words else None


def _real(value: Any) -> float | None:
    """A finite number; of JSON's integers, which have no end, those that a float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _brush(value: Any, size: tuple[int, int]) -> float | None:
    number = _real(value)
    return None if number is None or number <= 0 else min(max(number, 0.5), 2.0 * max(size))


def _point(value: Any, size: tuple[int, int]) -> tuple[float, float] | None:
    """A point of the picture, or beside it by no more than its longer side."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    x, y = _real(value[0]), _real(value[1])
    if x is None or y is None:
        return None
    beside, (height, width) = max(size), size
    return min(max(x, -beside), float(width + beside)), min(max(y, -beside), float(height + beside))


def _points(value: Any, size: tuple[int, int]) -> tuple[tuple[float, float], ...] | None:
    """The points of a stroke, of too many as many as may be, evenly; None where one is none."""
    if not isinstance(value, list) or not value:
        return None
    if len(value) > MOST_POINTS:
        value = [value[i * (len(value) - 1) // (MOST_POINTS - 1)] for i in range(MOST_POINTS)]
    found = []
    for each in value:
        if (point := _point(each, size)) is None:
            return None
        found.append(point)
    return tuple(found)
