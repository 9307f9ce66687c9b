"""What files are made of: safetensors with a header, and tensors as text."""

from __future__ import annotations

import base64
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Stamp", "as_array", "safetensors_header", "tensor_from_json", "tensor_to_json"]

_DTYPES = {str(t).removeprefix("torch."): t for t in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}
_DTYPES["bool"] = torch.bool


def safetensors_header(data: bytes | memoryview) -> tuple[dict[str, Any], int]:
    """Read the header of a safetensors file.

    Args:
        data: The bytes of a file that safetensors itself has found whole.

    Returns:
        The header: what is known of each tensor, and ``"__metadata__"``; and where the tensors begin.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(bytes(data[8:start]))
    return header, start


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

    def metadata(self, value: Any) -> dict[str, str]:
        """Return the metadata for a value that JSON knows."""
        return {"format": self.format, "version": str(self.version), self.field: json.dumps(value)}

    def is_on(self, metadata: Mapping[str, str]) -> bool:
        """Whether a file is of this kind."""
        return metadata.get("format") == self.format

    def is_newer(self, metadata: Mapping[str, str]) -> bool:
        """Whether a file was written by a later version than is known."""
        return int(metadata["version"]) > self.version

    def read(self, metadata: Mapping[str, str]) -> Any:
        """Return the value."""
        return json.loads(metadata[self.field])


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
        raise ValueError(f"{name} must be a tensor as dtype, shape and base64, got {_short(value)}.") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
