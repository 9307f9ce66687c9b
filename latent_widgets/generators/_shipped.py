"""The shipped weights: a registry in package data, and the one way in which its files are read and written.

A file is safetensors, its floating numbers in float16. Its size and sha256 are checked before a byte of it is parsed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from latent_widgets.core.files import METADATA, read_safetensors
from latent_widgets.core.json_text import read_json

__all__ = [
    "DATA",
    "KEY",
    "REACHES",
    "REGISTRY",
    "Weights",
    "pack",
    "read_about",
    "read_file",
    "read_reaches",
    "read_registry",
    "read_shipped",
    "unpack",
]

DATA = Path(__file__).parent / "data"
REGISTRY = "models.json"
REACHES = "reaches.json"
KEY = "latent_widgets"  # the one key of the header's metadata: with several, safetensors writes them in no fixed order


@dataclass(frozen=True, eq=False)
class Weights:
    """What a weights file holds.

    Attributes:
        tensors: Its tensors by name, floating ones as float32.
        about: What its header says: ``architecture``, ``config``, ``licence``, ``trained_on``, ``recipe`` and more.
    """

    tensors: dict[str, Tensor]
    about: dict[str, Any]


def read_registry(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the entries by name of the registry in ``folder``, by default the package's; empty where there is none."""
    path = (folder or DATA) / REGISTRY
    entries: dict[str, dict[str, Any]] = read_json(path.read_bytes(), REGISTRY) if path.exists() else {}
    return entries


@cache
def read_reaches() -> tuple[dict[str, Any], ...]:
    """Return what was measured of walks from the package's generators, one entry for each of them and class."""
    path = DATA / REACHES
    return tuple(read_json(path.read_bytes(), REACHES)) if path.exists() else ()


def read_shipped(name: str) -> Weights:
    """Read the file of one registry entry.

    Args:
        name: A name in the registry.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not, byte for byte, the file that the registry describes.
    """
    entry = read_registry()[name]
    return read_file(DATA / entry["file"], sha256=entry["sha256"], size=entry["bytes"])


def read_file(path: Path, sha256: str | None = None, size: int | None = None) -> Weights:
    """Read a weights file.

    Args:
        path: Where it is.
        sha256: The hash that it must have.
        size: How many bytes it must have.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If hash or size are wrong, or it is no safetensors file.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"the weights file {path.name} must be in {path.parent}, got none. Reinstall latent_widgets."
        )
    data = path.read_bytes()
    if size is not None and len(data) != size:
        raise ValueError(
            f"the weights file {path.name} must have {size} bytes, got {len(data)}. Reinstall latent_widgets."
        )
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ValueError(
            f"the weights file {path.name} must have the sha256 {sha256}, got {found}. Reinstall latent_widgets."
        )
    return unpack(data, path.name)


def pack(tensors: dict[str, Tensor], about: dict[str, Any], half: bool = True) -> bytes:
    """Turn tensors and a description into the bytes of a weights file; the same input gives the same bytes.

    Args:
        tensors: What to write.
        about: The description, anything that JSON knows.
        half: Whether floating numbers become float16; they are written as they are otherwise.

    Raises:
        ValueError: If a number is too large for float16.
    """
    halves = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        halves[name] = value.half() if half and value.is_floating_point() else value
    for name, value in halves.items():
        if not bool(value.isfinite().all()):
            raise ValueError(
                f"{name} must be finite in float16, got {int((~value.isfinite()).sum())} numbers that are not."
            )
    data: bytes = safetensors.torch.save(halves, metadata={KEY: json.dumps(about, sort_keys=True)})
    return data


@torch.inference_mode(False)  # the numbers serve wherever they are used later
def unpack(data: bytes, name: str = "weights") -> Weights:
    """Read what :func:`pack` wrote.

    Args:
        data: The bytes.
        name: What to call them in errors.

    Raises:
        ValueError: If they are no safetensors file, or none of this package's.
    """
    try:
        tensors, metadata = read_safetensors(data)
    except ValueError as error:
        said = str(error).rstrip(".")
        raise ValueError(f"{name} must be a whole safetensors file, got {said}.") from None
    about = read_about({METADATA: metadata}, name)
    wide = {key: value.to(torch.float32) if value.is_floating_point() else value for key, value in tensors.items()}
    return Weights(wide, about)


def read_about(header: dict[str, Any], name: str) -> dict[str, Any]:
    """Read the description in the header of a weights file.

    Args:
        header: The header.
        name: What to call the file in errors.

    Raises:
        ValueError: If it has none.
    """
    text = header.get(METADATA, {}).get(KEY)
    if text is None:
        raise ValueError(f"{name} must carry a description under {KEY!r} in its header, got none.")
    about = read_json(text, f"the description in {name}")
    return about if isinstance(about, dict) else {}
