"""Names that somebody gave are text, whatever they look like: on a line, in a plot, in a program."""

from __future__ import annotations

import re

__all__ = ["label_text", "one_line", "plot_text"]

_INVISIBLE = "\u200b"  # a space of no width


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
