"""Names that somebody gave are text, whatever they look like: on a line, on a page, in a plot, in a program.

A name is made whole where it comes in, and escaped once, where it is made part of something else.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

__all__ = ["apart", "label_text", "one_line", "page_text", "plot_text", "python_text", "shown", "whole"]

_INVISIBLE = "\u200b"  # a space of no width
_ISOLATE, _END = "\u2068", "\u2069"  # of text that finds its own direction
_RIGHT_TO_LEFT = {"R", "AL", "AN", "RLE", "RLO", "RLI"}  # and what turns other letters round


def one_line(text: str, most: int | None = None) -> str:
    r"""Put text on one line: what ends a line, moves the pen or is half a letter becomes a space.

    Args:
        text: The text, such as a name that came from a file.
        most: Letters at most; what is longer is cut. None for all.

    Returns:
        The line.

    Example:
        >>> one_line("from file\n of  Ann", 9)
        'from fil…'
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def apart(name: str) -> str:
    r"""Return a name that turns nothing round which stands beside it, though it runs from right to left.

    Args:
        name: The name.

    Returns:
        The name; in invisible marks where it has letters, or marks, that run from right to left.

    Example:
        >>> apart("smile"), apart("\u05d7\u05d9\u05d5\u05da") == "\u2068\u05d7\u05d9\u05d5\u05da\u2069"
        ('smile', True)
    """
    turns = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in name)
    return f"{_ISOLATE}{name}{_END}" if turns else name


def whole(text: str) -> str:
    r"""Return text that can be sent and saved: what is half a letter, as files and file names may hold, becomes a mark.

    Args:
        text: The text.

    Returns:
        The same, with U+FFFD for each half of a letter that stands alone.

    Example:
        >>> whole("half \ud800 letter")
        'half � letter'
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shown(value: Any, most: int = 200) -> str:
    r"""Show a value in an error: as Python would, on one line, cut where it is long.

    Args:
        value: Anything; a file may have given it.
        most: Letters at most.

    Returns:
        The words.

    Example:
        >>> shown("two\nlines"), shown(list(range(1000)), 12)
        ("'two\\nlines'", '[0, 1, 2, 3…')
    """
    try:
        text = repr(value[:most] if isinstance(value, str | bytes) else value)
    except ValueError:  # a number of more digits than Python writes
        text = f"a very long {type(value).__name__}"
    text = text if text.isprintable() else one_line(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def page_text(text: str) -> str:
    """Return text as HTML that shows it as it is, also within quotes.

    Args:
        text: The text.

    Returns:
        What goes between tags or into an attribute.

    Example:
        >>> page_text("<b> & 'c'")
        '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(whole(text))


def python_text(value: Any) -> str:
    r"""Write a plain value as Python reads it.

    Args:
        value: None, a truth value, a finite number, text, or lists, tuples and dicts of these.

    Returns:
        An expression that is nothing but this value.

    Raises:
        TypeError: If it is something else.
        ValueError: If a number is not finite.

    Example:
        >>> python_text({"k": [1, "it's"]})
        '{\'k\': [1, "it\'s"]}'
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{python_text(key)}: {python_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(python_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(python_text, value))}{',' * (len(value) == 1)})"
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"value must be finite, to be written into a program, got {value}.")
    for kind in (int, float, str):  # of the kinds of NumPy and of subclasses the plain ones are written
        if isinstance(value, kind):
            return repr(kind(value))
    raise TypeError(f"value must be plain, to be written into a program, got {type(value).__name__}.")


def label_text(text: str) -> str:
    r"""Return text as a ``Label`` or a ``description`` is to show it: the page typesets what looks like TeX in them.

    Args:
        text: The text.

    Returns:
        The same; of what would begin a formula, the dollars are wide ones and the backslashes stand apart.

    Example:
        >>> label_text("5 $"), label_text("$x$")
        ('5 $', '＄x＄')
    """
    text = whole(text)
    text = text.replace("$", "＄") if text.count("$") > 1 else text
    return re.sub(r"\\(?=[(\[]|begin\b|ref\b|eqref\b)", lambda _: f"\\{_INVISIBLE}", text)


def plot_text(text: str, most: int = 32) -> str:
    r"""Return text for matplotlib to write as it is: on one line, no formula, in legends too, cut where it is long.

    Args:
        text: The text.
        most: Letters at most.

    Returns:
        What goes on an axis, into a title or a legend.

    Example:
        >>> plot_text("from $5 to $7, or thereabouts", 16)
        'from \\$5 to \\$7, …'
    """
    line = one_line(text, most).replace("$", r"\$")
    return _INVISIBLE + line if line.startswith("_") else line  # a legend leaves out what begins so
