"""NumPy arrays, scalars and types of a file, made from their bytes without NumPy's own unpickling."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.generators.checkpoints._values import Bag, Blob, Charged, CheckpointError, let_go, short

__all__ = ["FileArray", "FileType", "array", "array_from_buffer", "array_of", "number", "number_type"]

_NUMBERS = {  # "O", an array of objects, is what hostile files use
    "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8",
}  # fmt: skip


class FileType(Bag):
    """A NumPy type of numbers; its byte order arrives by ``BUILD``."""

    def __init__(self, code: str) -> None:
        super().__init__("numpy.dtype")
        self.code, self.order = code, "="

    def build(self, state: Any) -> None:
        """Take the byte order."""
        if not (isinstance(state, tuple) and len(state) >= 5 and state[1] in ("<", ">", "|", "=")):
            raise CheckpointError("a NumPy type must be built from its version and byte order, got others.")
        if any(part is not None for part in state[2:5]):
            raise CheckpointError("a NumPy type must be one of plain numbers, got one with fields.")
        self.order = state[1]

    def dtype(self) -> np.dtype[Any]:
        """The type itself."""
        found = np.dtype(self.order.replace("|", "=") + self.code)
        return found


class FileArray(Bag, Charged):
    """An array; its shape and bytes arrive by ``BUILD``, or with it from a buffer."""

    def __init__(self) -> None:
        super().__init__("numpy.ndarray")
        self.shape: tuple[int, ...] = ()
        self.type: FileType | None = None
        self.fortran = False
        self.data: bytes | Blob = b""

    def build(self, state: Any) -> None:
        """Take version, shape, type, order and bytes."""
        if not (isinstance(state, tuple) and len(state) == 5):
            raise CheckpointError("a NumPy array must be built from five values, got others.")
        self.fill(*state[1:])

    def fill(self, shape: Any, kind: Any, fortran: Any, data: Any) -> FileArray:
        """Set what the array is made of."""
        sizes = shape if isinstance(shape, tuple) and len(shape) <= 16 else (None,)
        if any(type(size) is not int or not 0 <= size < 2**48 for size in sizes):
            raise CheckpointError("the shape of a NumPy array must be integers from 0, got others.")
        if not isinstance(kind, FileType) or not isinstance(data, bytes | Blob):
            raise CheckpointError(f"a NumPy array must hold numbers as bytes, got {short(data)}.")
        self.shape, self.type, self.fortran, self.data = shape, kind, bool(fortran), data
        return self

    @property
    def numel(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def array(self) -> np.ndarray[Any, Any]:
        """Copy the numbers out of the file.

        Returns:
            The array, in the machine's byte order.

        Raises:
            CheckpointError: If the bytes do not fill the shape.
        """
        if self.type is None:
            raise CheckpointError("a NumPy array must be built before it is used, got an empty one.")
        dtype = self.type.dtype()
        size = self.numel * dtype.itemsize
        content = self.data if isinstance(self.data, bytes) else _content(self.data, size)
        if size != len(content):
            raise CheckpointError(f"a NumPy array of shape {self.shape} must have {size} bytes, got {len(content)}.")
        self.charge(self.numel)
        flat = np.frombuffer(bytearray(content), dtype)
        let_go(memoryview(content))
        return flat.reshape(self.shape, order="F" if self.fortran else "C").astype(dtype.newbyteorder("="))

    def read(self) -> Tensor:
        """Read it as a tensor; in the type that the file has."""
        return torch.from_numpy(np.ascontiguousarray(self.array()))


def number_type(code: Any, *flags: Any) -> FileType:
    """Make ``numpy.dtype(code, align, copy)`` for a type of plain numbers, such as ``"f4"``.

    Args:
        code: Kind and bytes.
        *flags: Alignment and copying: not needed.

    Raises:
        CheckpointError: If it is not one of plain numbers.
    """
    if not isinstance(code, str) or code not in _NUMBERS:
        raise CheckpointError(f"a NumPy type must be one of plain numbers, got {short(code)}.")
    return FileType(code)


def number(kind: Any, data: Any) -> int | float | bool:
    """Make a NumPy scalar a Python number.

    Args:
        kind: Its type.
        data: Its bytes.

    Raises:
        CheckpointError: If it is no number.
    """
    if not isinstance(kind, FileType):
        raise CheckpointError(f"a NumPy scalar must have a type of plain numbers, got {short(kind)}.")
    result: int | float | bool = FileArray().fill((), kind, False, data).array().item()
    return result


def array(*arguments: Any) -> FileArray:
    """Make an array that ``BUILD`` will fill."""
    return FileArray()


def array_from_buffer(data: Any, kind: Any, shape: Any, order: Any) -> FileArray:
    """Make an array of its bytes, as protocol 5 does.

    Args:
        data: The bytes.
        kind: Their type.
        shape: The sizes.
        order: ``"C"`` or ``"F"``.
    """
    return FileArray().fill(shape, kind, order == "F", data)


def array_of(value: float) -> FileArray:
    """Make an array without axes of a number."""
    return FileArray().fill((), FileType("f8"), False, struct.pack("=d", value))


def _content(data: Blob, size: int) -> memoryview:
    """The bytes of a long run; as they are where these cannot be so many: a byte takes one or two as text."""
    return data.content() if size <= len(data.view) <= 2 * size else data.view
