"""How panels write their pictures to files: the pixels as they are, or the figure that matplotlib draws."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from latent_widgets.core import checks
from latent_widgets.core.imports import apart, import_whole
from latent_widgets.core.paths import to_write, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PIXELS", "pixel_bytes", "save_picture", "write_pixels"]

PIXELS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def save_picture(path: str | os.PathLike[str], pixels: Callable[[], Image.Image], figure: Callable[[], Figure]) -> Path:
    """Save a picture as the ending of a path asks for.

    Args:
        path: Where to.
        pixels: Makes the picture; called for the endings in :data:`PIXELS`.
        figure: Makes the figure; called for the other endings that matplotlib knows.

    Returns:
        The path.

    Raises:
        ValueError: If the ending is of neither, or the path cannot be written; neither is made then.
    """
    file, ending = to_write(path), Path(path).suffix.lower()
    if ending in PIXELS:
        return write_pixels(file, pixels())
    import_whole("matplotlib.backend_bases")
    from matplotlib.backend_bases import FigureCanvasBase, get_registered_canvas_class

    known = tuple(f".{kind}" for kind in FigureCanvasBase.get_supported_filetypes())
    checks.choice("the ending of path", ending, tuple(dict.fromkeys((*PIXELS, *known))))
    apart(partial(get_registered_canvas_class, ending[1:]))  # which imports what draws files of that kind
    drawn = io.BytesIO()
    figure().savefig(drawn, format=ending[1:])
    return write_whole(file, drawn.getvalue())


def write_pixels(path: str | os.PathLike[str], image: Image.Image) -> Path:
    """Write an image, whole or not at all.

    Args:
        path: Where to; ends in one of :data:`PIXELS`.
        image: The picture.

    Returns:
        The path.
    """
    file = to_write(path, endings=tuple(PIXELS))
    return write_whole(file, pixel_bytes(image, PIXELS[file.suffix.lower()]))


def pixel_bytes(image: Image.Image, kind: str = "PNG") -> bytes:
    """Return an image as a file's content.

    Args:
        image: The picture.
        kind: What Pillow calls the format.

    Returns:
        The bytes.
    """
    file = io.BytesIO()
    (image.convert("RGB") if kind == "JPEG" else image).save(file, kind)
    return file.getvalue()
