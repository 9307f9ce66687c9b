"""Masks as files: a PNG or an array of one region, JSON of all regions with the strokes that made them."""

from __future__ import annotations

import base64
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from latent_widgets.core import checks
from latent_widgets.core.array_files import npy_array
from latent_widgets.core.json_text import read_json
from latent_widgets.core.paths import to_read, to_write, write_whole
from latent_widgets.core.words import shown
from latent_widgets.values.mask_reading import WEIGHTS, read_picture
from latent_widgets.widgets.painter.model import MaskModel, MaskState, Packed, region_name
from latent_widgets.widgets.painter.tools import Stroke

__all__ = ["FORMATS", "from_json", "from_png", "load_mask", "read_mask", "save_mask", "to_json", "to_png"]

FORMATS = (".png", ".npy", ".json")
VERSION = 1


def to_png(mask: NDArray[Any]) -> bytes:
    """Return a mask as the bytes of a grey PNG: white inside. A hard mask takes one bit a pixel, a soft one eight."""
    image = Image.fromarray(mask) if mask.dtype == bool else Image.fromarray(np.rint(mask * 255).astype(np.uint8))
    file, told = io.BytesIO(), PngInfo()
    if mask.dtype != bool:
        told.add_text(WEIGHTS, "brightness")  # also where it has but two shades
    image.save(file, "PNG", pnginfo=told)
    return file.getvalue()


def from_png(data: bytes) -> NDArray[Any]:
    """Read a mask from a picture file, as :func:`~latent_widgets.values.mask_reading.read_mask` reads pictures.

    Args:
        data: The bytes.

    Returns:
        ``(H, W)``, bool or float32.

    Raises:
        ValueError: If it is no picture, or one with several regions or colours.
    """
    return read_picture(data).numpy()


def to_json(model: MaskModel) -> str:
    """Return all regions as JSON: each mask, which is the truth, and the strokes that made it, where strokes did."""
    regions = []
    for name, packed in model.state.regions.items():
        strokes = None if packed.strokes is None else [asdict(stroke) for stroke in packed.strokes]
        data = base64.b64encode(packed.data).decode()
        regions.append({"name": name, "soft": packed.soft, "mask": data, "strokes": strokes})
    plain = {
        "format": "latent_widgets.regions", "version": VERSION, "size": list(model.size), "region": model.region,
        "regions": regions,
    }  # fmt: skip
    return json.dumps(plain, indent=1)


def from_json(text: str, size: tuple[int, int]) -> MaskState:
    """Read what :func:`to_json` wrote.

    Args:
        text: The JSON.
        size: Height and width of the picture that the regions shall fit.

    Returns:
        The regions.

    Raises:
        ValueError: If it is something else, or of another size.
    """
    wrong = "text must be regions as JSON"
    plain = read_json(text, "the text of regions")
    if not isinstance(plain, dict) or plain.get("format") != "latent_widgets.regions":
        raise ValueError(f"{wrong}, got {shown(text, 60)}.")
    version = plain.get("version")
    if type(version) is not int or version != VERSION:  # True would be equal to 1
        raise ValueError(f"{wrong} of format {VERSION}, got {shown(version)}. A newer version wrote it.")
    given = plain.get("size")
    if given != list(size):
        raise ValueError(f"regions must have the picture's height and width, {list(size)}, got {shown(given)}.")
    try:
        regions: dict[str, Packed] = {}
        for one in plain["regions"]:
            name, packed = region_name(one["name"]), _packed(one, size)
            if name in regions:
                raise ValueError(f"two regions have the name {shown(name)}")
            regions[name] = packed
        return MaskState(regions, checks.choice("region", region_name(plain["region"]), tuple(regions)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ValueError(f"{wrong}, got a damaged file: {said}.") from None


def _packed(one: dict[str, Any], size: tuple[int, int]) -> Packed:
    """Read a region, and see that its mask is one."""
    given = one["strokes"]
    strokes = None if given is None else tuple(Stroke(**stroke) for stroke in given)
    packed = Packed(base64.b64decode(one["mask"], validate=True), checks.flag("soft", one["soft"]), strokes)
    mask = packed.unpack(*size)
    if packed.soft and not ((mask >= 0) & (mask <= 1)).all():
        raise ValueError("a weight lies outside [0, 1]")
    return packed


def save_mask(model: MaskModel, path: str | os.PathLike[str]) -> Path:
    """Save the selected region as ``.png`` or ``.npy``, or all regions as ``.json``.

    Args:
        model: The masks.
        path: Where to.

    Returns:
        The path.
    """
    path = to_write(path)
    ending = checks.choice("the ending of path", path.suffix.lower(), FORMATS)
    if ending == ".json":
        return write_whole(path, to_json(model).encode())
    if ending == ".png":
        return write_whole(path, to_png(model.mask))
    file = io.BytesIO()
    np.save(file, model.mask, allow_pickle=False)
    return write_whole(path, file.getvalue())


def load_mask(model: MaskModel, path: str | os.PathLike[str]) -> None:
    """Read what :func:`save_mask` wrote, or a mask of another program: one region, or from JSON all.

    Args:
        model: What to change; one undo takes it back.
        path: The file.
    """
    path = to_read(path)
    checks.choice("the ending of path", path.suffix.lower(), FORMATS)
    read_mask(model, path.name, path.read_bytes())


def read_mask(model: MaskModel, name: str, data: bytes) -> None:
    """Take the content of a file, as it is uploaded.

    Args:
        model: What to change; one undo takes it back.
        name: Of the file, whose ending says what it is.
        data: The bytes.

    Raises:
        ValueError: If it is none of the formats, or does not fit the picture.
    """
    ending = checks.choice("the ending of path", Path(name).suffix.lower(), FORMATS)
    if ending == ".json":
        model.restore(from_json(data.decode(errors="replace"), model.size))
    elif ending == ".png":
        model.assign(from_png(data))
    else:
        try:
            array = npy_array(data).read()
        except ValueError as error:
            said = str(error).rstrip(".")
            raise ValueError(f"mask must be an array as numpy saves it, got something else: {said}.") from None
        model.assign(array)
