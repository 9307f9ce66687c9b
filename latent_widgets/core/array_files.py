"""Files of NumPy's, ``.npy`` and ``.npz``: what a header claims is checked before anything is made for it."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from latent_widgets.core.budget import Budget
from latent_widgets.core.words import one_line

__all__ = ["StoredArray", "npy_array", "npz_arrays"]

_HEAD = 10_240  # bytes of a header at most; NumPy itself takes 10 000 from files that it does not trust
_HEADS = 4096  # bytes that one is charged: it is read as a piece of Python
_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others cannot be unpacked piece by piece
_DAMAGE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError,
    ValueError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class _Head:
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]
    end: int


class StoredArray:
    """An array of a file, of which nothing is unpacked before it is asked for.

    Args:
        open: Opens its bytes.
        size: How many bytes the file says there are.
        budget: The account of the file.
    """

    def __init__(self, open: Callable[[], IO[bytes]], size: int, budget: Budget) -> None:
        self._open, self._size, self._budget = open, size, budget

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes.

        Raises:
            ValueError: If its header is damaged.
        """
        return self._head.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers.

        Raises:
            ValueError: If its header is damaged.
        """
        return self._head.dtype

    def read(self) -> np.ndarray[Any, Any]:
        """Read its numbers.

        Returns:
            The array, which cannot be written to.

        Raises:
            ValueError: If it is damaged, holds Python objects, or is too large for its file.
        """
        head = self._head
        count = math.prod(head.shape)
        size = count * head.dtype.itemsize
        if head.dtype.hasobject:
            raise ValueError("Python objects in an array. They could run code and are never loaded")
        if size > self._size - head.end:
            raise ValueError(f"an array of {size} bytes in {self._size - head.end}")
        self._budget.spend(size + count)
        with _in_words(), self._open() as file:
            file.read(head.end)
            data = file.read(size)
            if len(data) != size:
                raise ValueError("an array that is cut off")
            if not size:
                return np.empty(head.shape, head.dtype)
            flat = np.frombuffer(data, head.dtype)
            return flat.reshape(head.shape[::-1]).T if head.is_fortran else flat.reshape(head.shape)

    @cached_property
    def _head(self) -> _Head:
        self._budget.spend(_HEADS)
        with _in_words(), self._open() as file:
            head = io.BytesIO(file.read(_HEAD))
            version = npy.read_magic(head)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, is_fortran, dtype = read(head)  # the third version is the second with names in other letters
            if any(type(n) is not int or not 0 <= n < 2**48 for n in shape) or len(shape) > 32:
                raise ValueError("an array of impossible sizes")
            return _Head(shape, is_fortran, dtype, head.tell())


@contextmanager
def _in_words() -> Iterator[None]:
    """Raise ValueError alone, of whatever NumPy and zipfile say about damaged bytes."""
    try:
        yield
    except _DAMAGE as error:
        said = one_line(str(error).partition("\n")[0][:200], 200)  # they quote the bytes
        raise ValueError(said or type(error).__name__) from None


def npy_array(data: bytes, budget: Budget | None = None) -> StoredArray:
    """Describe the array of a ``.npy`` file.

    Args:
        data: The bytes of the file.
        budget: Its account; one for its size if not given.

    Returns:
        The array, still unread.

    Example:
        >>> file = io.BytesIO()
        >>> np.save(file, np.eye(2))
        >>> npy_array(file.getvalue()).read()
        array([[1., 0.],
               [0., 1.]])
    """
    return StoredArray(lambda: io.BytesIO(data), len(data), budget or Budget(len(data)))


def npz_arrays(data: bytes, budget: Budget | None = None) -> dict[str, StoredArray]:
    """Describe the arrays of a ``.npz`` file.

    Args:
        data: The bytes of the file.
        budget: Its account; one for its size if not given.

    Returns:
        The arrays by their names, all unread.

    Raises:
        ValueError: If it is no whole zip archive, or one packed in another way than NumPy's.

    Example:
        >>> file = io.BytesIO()
        >>> np.savez_compressed(file, a=np.zeros((3, 2)), b=np.ones(1))
        >>> npz_arrays(file.getvalue())["a"].shape
        (3, 2)
    """
    budget = budget or Budget(len(data))
    with _in_words():
        archive = zipfile.ZipFile(io.BytesIO(data))
        found: dict[str, StoredArray] = {}
        for entry in archive.infolist():
            if entry.compress_type not in _WAYS:
                raise ValueError(f"an archive packed in the way {entry.compress_type}, which NumPy does not use")
            name = entry.filename.removesuffix(".npy")
            found[name] = StoredArray(lambda entry=entry: archive.open(entry), entry.file_size, budget)  # type: ignore[misc]
    return found
