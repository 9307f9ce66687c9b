"""What files are made of: safetensors with a header, and tensors as text."""

from __future__ import annotations

import base64
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from latent_widgets.core.json_text import read_json
from latent_widgets.core.words import one_line, shown

__all__ = [
    "METADATA",
    "Stamp",
    "as_array",
    "read_safetensors",
    "safetensors_header",
    "tensor_from_json",
    "tensor_to_json",
]

METADATA = "__metadata__"  # the key in a header of safetensors that is no tensor
_AXES = 16

_DTYPES = {str(t).removeprefix("torch."): t for t in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}
_DTYPES["bool"] = torch.bool


def safetensors_header(data: bytes | memoryview) -> tuple[dict[str, Any], int]:
    """Read the header of a safetensors file.

    Args:
        data: The bytes of the file.

    Returns:
        The header: ``dtype``, ``shape`` and ``data_offsets`` of each tensor, which lies within the file, and under
        ``"__metadata__"`` text by its names, if any; and where the tensors begin.

    Raises:
        ValueError: If it is no such header; the message is to stand behind "got".
    """
    start = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or start > len(data):
        raise ValueError("a header that is cut off")
    header = read_json(bytes(data[8:start]), "the header")
    if not isinstance(header, dict):
        raise ValueError("a header that is no dict")
    metadata = header.get(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("metadata that are not text")
    for key, entry in header.items():
        if key != METADATA and not _is_entry(entry, len(data) - start):
            raise ValueError(f"no type, sizes and place in the file of the tensor {key[:40]!a}")
    return header, start


def _is_entry(entry: Any, room: int) -> bool:
    if not isinstance(entry, dict):
        return False
    shape, place = entry.get("shape"), entry.get("data_offsets")
    if not (_are_sizes(shape, _AXES) and _are_sizes(place, 2) and isinstance(entry.get("dtype"), str)):
        return False
    return len(place) == 2 and place[0] <= place[1] <= room


def _are_sizes(value: Any, most: int) -> TypeGuard[list[int]]:
    return isinstance(value, list) and len(value) <= most and all(type(n) is int and 0 <= n < 2**48 for n in value)


def read_safetensors(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file.

    Args:
        data: The bytes of the file.

    Returns:
        The tensors by their names, and the metadata: text by its names.

    Raises:
        ValueError: If it is no whole safetensors file; the message is to stand behind "got".
    """
    header, _ = safetensors_header(data)
    try:
        return load(data), header.get(METADATA, {})
    except (SafetensorError, KeyError, RuntimeError, TypeError) as error:  # a type that PyTorch lacks is a KeyError
        raise ValueError(one_line(str(error), 500)) from None  # it quotes the file


@dataclass(frozen=True)
class Stamp:
    """What the metadata of a safetensors file of ours say: which kind it is, and as JSON all that is no tensor.

    Attributes:
        format: The kind.
        version: The newest that is known.
        field: What the JSON is called.

    Example:
        >>> stamp = Stamp("latent_widgets.notes", 1, "note")
        >>> metadata = stamp.metadata({"seed": 3})
        >>> stamp.is_on(metadata), stamp.is_newer(metadata), stamp.read(metadata)
        (True, False, {'seed': 3})
    """

    format: str
    version: int
    field: str

    def metadata(self, value: Mapping[str, Any]) -> dict[str, str]:
        """Return the metadata for fields that JSON knows."""
        return {"format": self.format, "version": str(self.version), self.field: json.dumps(dict(value))}

    def is_on(self, metadata: Mapping[str, str]) -> bool:
        """Whether a file is of this kind."""
        return metadata.get("format") == self.format

    def is_newer(self, metadata: Mapping[str, str]) -> bool:
        """Whether a file was written by a later version than is known.

        Args:
            metadata: Those of the file.

        Returns:
            Whether it was.

        Raises:
            ValueError: If it does not say of which it is.
        """
        version = metadata.get("version", "")
        if not (version.isascii() and version.isdecimal() and len(version) < 10):
            raise ValueError(f"its version must be a number, got {version[:20]!a}.")
        return int(version) > self.version

    def read(self, metadata: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields.

        Args:
            metadata: Those of the file.

        Returns:
            The fields, whose kinds are still to be looked at.

        Raises:
            ValueError: If there are none.
        """
        value = read_json(metadata.get(self.field, ""), f"its {self.field!r}", finite=False)  # a mean may be NaN
        if not isinstance(value, dict):
            raise ValueError(f"its {self.field!r} must be a dict, got {type(value).__name__}.")
        return value


def as_array(value: Tensor, dtype: Any = None) -> np.ndarray:
    """Copy a tensor into an array; NumPy has no bfloat16, which becomes float32."""
    plain = value.float() if value.dtype == torch.bfloat16 else value
    return np.array(plain.cpu().numpy(), dtype=dtype)


def tensor_to_json(value: Tensor) -> dict[str, Any]:
    """Turn a tensor into plain JSON values that keep every bit.

    Args:
        value: A floating or boolean tensor.

    Returns:
        Its type, shape and bytes in base64.

    Example:
        >>> tensor_to_json(torch.tensor([1.0, -2.0]))
        {'dtype': 'float32', 'shape': [2], 'base64': 'AACAPwAAAMA='}
    """
    data = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return {
        "dtype": str(value.dtype).removeprefix("torch."),
        "shape": list(value.shape),
        "base64": base64.b64encode(data).decode("ascii"),
    }


def tensor_from_json(name: str, value: Any) -> Tensor:
    """Read what :func:`tensor_to_json` made.

    Args:
        name: What the value is called in errors.
        value: The JSON values.

    Returns:
        The tensor, on the CPU.

    Raises:
        ValueError: If they are not such values, or the bytes do not fill the shape.

    Example:
        >>> tensor_from_json("code", {"dtype": "float32", "shape": [2], "base64": "AACAPwAAAMA="})
        tensor([ 1., -2.])
    """
    try:
        data = bytearray(base64.b64decode(value["base64"], validate=True))
        dtype = _DTYPES[value["dtype"]]
        if dtype == torch.bool and data.strip(b"\0\1"):
            raise ValueError("a truth value that is neither 0 nor 1")
        flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype, device="cpu")
        shape = [operator.index(size) for size in value["shape"]]
        if min(shape, default=0) < 0:
            raise ValueError("a size below zero")
        return flat.reshape(shape).clone()
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"{name} must be a tensor as dtype, shape and base64, got {shown(value, 80)}.") from None
