"""Results as files of ours: tensors in a safetensors file, and in its header a stamp and, as JSON, all else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.files import Stamp, read_safetensors
from latent_widgets.core.paths import to_read, to_write, write_whole
from latent_widgets.core.words import shown

__all__ = ["FLOATS", "SAVED_BY", "check_names", "numbers", "read_stamped", "write_stamped"]

T = TypeVar("T")

SAVED_BY = {  # what the stamps of our files say, and whose `save` and `load` are meant
    "latent_widgets.values.directions": "Directions",
    "latent_widgets.few_shot_segmenter": "FewShotSegmenter",
    "latent_widgets.local_basis": "LocalBasis",
    "latent_widgets.sweep.chunk": "Sweep",
    "latent_widgets.sweep.codes": "Sweep",
    "latent_widgets.warpage_map": "WarpageMap",
}
NETWORK = "latent_widgets"  # under which files of weights are described
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def write_stamped(
    path: str | os.PathLike[str], stamp: Stamp, tensors: Mapping[str, Tensor], about: Mapping[str, Any]
) -> Path:
    """Write tensors and plain JSON values as one file, whole or not at all.

    Args:
        path: Where to; ends in ``.safetensors``.
        stamp: Of the kind of file.
        tensors: By name, of any device; every bit is kept.
        about: The values.

    Returns:
        The path, ``~`` written out.

    Raises:
        ValueError: If the path ends otherwise, or is none that may be written.
    """
    path = to_write(path, endings=(".safetensors",))
    # safetensors takes neither views of other strides nor two names of one memory
    apart = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    return write_whole(path, save_safetensors(apart, stamp.metadata(about)))


def read_stamped(
    path: str | os.PathLike[str], stamp: Stamp, made: Callable[[dict[str, Tensor], dict[str, Any]], T]
) -> T:
    """Read a file that :func:`write_stamped` wrote, and say in one form what is wrong with any other.

    Args:
        path: The file.
        stamp: Of the kind of file; one of :data:`SAVED_BY`.
        made: Makes the result of the tensors by name, on the CPU, and the values. It believes neither, and raises
            TypeError or ValueError where they are not what they should be.

    Returns:
        The result.

    Raises:
        ValueError: If the file is missing, damaged, of another kind, or written by a newer version.
    """
    path = to_read(path)
    with torch.inference_mode(False):  # what is read may be differentiated later
        return _read(path, stamp, made)


def _read(path: Path, stamp: Stamp, made: Callable[[dict[str, Tensor], dict[str, Any]], T]) -> T:
    name, owner = str(path), SAVED_BY[stamp.format]
    try:
        tensors, metadata = read_safetensors(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"path must be an undamaged safetensors file, got {name!r}: {error}") from None
    if not stamp.is_on(metadata):
        other = SAVED_BY.get(metadata.get("format", ""))
        whose = "which is another's" if other is None else f"which {other}.save wrote. Use {other}.load"
        if NETWORK in metadata:
            whose = "which holds a network. Use lw.load, or GLO.load for what GLO.save wrote"
        raise ValueError(f"path must be a file that {owner}.save wrote, got {name!r}, {whose}.")
    try:
        if not stamp.is_newer(metadata):
            return made(tensors, stamp.read(metadata))
    except (TypeError, ValueError) as error:
        raise ValueError(f"path must be an undamaged file of {owner}.save, got {name!r}: {error}") from None
    raise ValueError(
        f"path must be of version {stamp.version} at most, got {name!r} of version {metadata['version']}. "
        "It was written by a newer latent_widgets."
    )


def check_names(tensors: Mapping[str, Tensor], wanted: set[str], optional: frozenset[str] = frozenset()) -> None:
    """Refuse tensors that are not those of the format.

    Args:
        tensors: Those of a file.
        wanted: What they must be called.
        optional: What there may be besides.

    Raises:
        ValueError: If one is missing or unknown.

    Example:
        >>> check_names({"z": torch.zeros(2)}, {"z", "codes"})
        Traceback (most recent call last):
        ...
        ValueError: tensors must be codes, z, got none called 'codes'.
    """
    words = f"tensors must be {', '.join(sorted(wanted))}"
    if missing := wanted - tensors.keys():
        raise ValueError(f"{words}, got none called {min(missing)!r}.")
    if more := tensors.keys() - wanted - optional:
        raise ValueError(f"{words}, got one called {shown(min(more), 60)}.")


def numbers(name: str, value: Tensor, *pattern: int | str, finite: bool = True) -> Tensor:
    """Return a tensor if it holds floating numbers, some at least, in a shape; a string stands for any length.

    Args:
        name: What it is called in errors.
        value: The tensor.
        *pattern: The shape, such as ``"n", 64``.
        finite: Whether all must be finite.

    Returns:
        The tensor.

    Raises:
        TypeError: If it is of another type.
        ValueError: If it is of another shape, or a number is not finite.

    Example:
        >>> numbers("codes", torch.zeros(2, 3), "n", 4)
        Traceback (most recent call last):
        ...
        ValueError: codes must have shape (n, 4), got (2, 3).
    """
    checks.shape(name, value, pattern)
    if not value.numel():
        raise ValueError(f"{name} must hold numbers, got none in the shape {tuple(value.shape)}.")
    if value.dtype not in FLOATS:
        raise TypeError(f"{name} must be floating numbers of 16, 32 or 64 bits, got {value.dtype}.")
    return checks.finite(name, value) if finite else value
