"""The arrays in a file of directions, whatever sort of file it is; none is read before it is asked for."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from latent_widgets.core.array_files import StoredArray, npy_array, npz_arrays
from latent_widgets.core.budget import Budget
from latent_widgets.core.files import read_safetensors

__all__ = ["Array", "DamagedError", "File", "ObjectsError", "UnfitError", "parse"]

_OLD_TORCH = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # how files of torch before 1.6 begin


class DamagedError(ValueError):
    """Bytes that are not what they say."""


class ObjectsError(ValueError):
    """A file that holds more than numbers."""


class UnfitError(ValueError):
    """Numbers of a kind that directions are not."""


@dataclass(frozen=True, eq=False)
class Array:
    """An array of a file.

    Attributes:
        shape: Its sizes.
        of_torch: Whether it is a tensor, and not an array of NumPy's.
    """

    shape: tuple[int, ...]
    of_torch: bool
    _read: Callable[[], Tensor | np.ndarray[Any, Any]]

    def read(self) -> Tensor | np.ndarray[Any, Any]:
        """Read its numbers.

        Returns:
            The tensor or array.

        Raises:
            DamagedError: If they are not there.
            ObjectsError: If they are objects.
            UnfitError: If they are of another kind.
        """
        try:
            return self._read()
        except (ObjectsError, UnfitError):
            raise
        except ValueError as error:
            raise DamagedError(str(error)) from None


@dataclass(frozen=True, eq=False)
class File:
    """What was found in a file.

    Attributes:
        kind: Which sort it is; empty for none that is known.
        value: Its arrays by name, ``""`` for a single one, beside what else lies there; or another value.
        metadata: What a safetensors file says beside its tensors.
    """

    kind: str
    value: Any = None
    metadata: Mapping[str, str] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Those of its arrays."""
        if isinstance(self.value, _Later):
            return tuple(self.value)
        return tuple(name for name, value in self.value.items() if isinstance(value, Array))

    def has(self, *names: str) -> bool:
        """Whether there are arrays of these names; nothing is read for that."""
        return set(names) <= set(self.names)


def parse(path: Path) -> File:
    """Tell what sort of file it is, and what it holds.

    Args:
        path: The file; its name plays no part.

    Returns:
        What was found.

    Raises:
        DamagedError: If it is damaged.
        ObjectsError: If it holds what would have to be executed.
    """
    data = path.read_bytes()
    budget = Budget(len(data))
    try:
        if data[:6] == b"\x93NUMPY":
            return File("npy file", {"": _stored(npy_array(data, budget))})
        if data[:4] == b"PK\x03\x04":
            arrays = npz_arrays(data, budget)
            if any(name.endswith("data.pkl") for name in arrays):
                return File("pt file", _from_torch(path))
            return File("npz file", _Later(arrays))
        if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
            tensors, metadata = read_safetensors(data)
            return File("safetensors file", {name: _tensor(value) for name, value in tensors.items()}, metadata)
        if data.startswith(_OLD_TORCH):
            return File("pt file", _from_torch(path))
    except ObjectsError:
        raise
    except ValueError as error:
        raise DamagedError(str(error)) from None
    if data[:1] == b"\x80":  # a pickle
        raise ObjectsError
    return File("")


class _Later(Mapping[str, Array]):
    """Arrays of which only those are looked at that are asked for."""

    def __init__(self, arrays: Mapping[str, StoredArray]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Array:
        return _stored(self._arrays[name])

    def __iter__(self) -> Any:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def _stored(array: StoredArray) -> Array:
    def read() -> np.ndarray[Any, Any]:
        if array.dtype.hasobject:
            raise ObjectsError
        return array.read()

    try:
        return Array(array.shape, False, read)
    except ValueError as error:
        raise DamagedError(str(error)) from None


def _tensor(value: Tensor) -> Array:
    return Array(tuple(value.shape), True, lambda: value)


def _another_layout(name: str) -> Tensor:
    made = name.removeprefix("torch._utils._rebuild_").replace("_", " ")
    raise UnfitError(f"the array must hold real numbers, got a {made[:40]}. Save array.to_dense().")


def _from_torch(path: Path) -> Any:
    from latent_widgets.generators.checkpoints import _arrays, _storages, _strangers, reading  # slow to import

    def known(value: Any) -> Any:
        if isinstance(value, _storages.FileTensor):
            return Array(value.shape, True, lambda: value.read(repeated=True))
        if isinstance(value, _arrays.FileArray) and value.type is not None:
            return Array(value.shape, True, value.read)
        return value

    try:
        content = reading.open_file(path)
    except _strangers.HarmfulError:
        raise ObjectsError from None
    value = known(content.value)
    if isinstance(value, _strangers.Stranger) and value.name.startswith("torch._utils._rebuild"):
        value = Array((), True, partial(_another_layout, value.name))
    if isinstance(value, Array):
        return {"": value}
    if isinstance(value, _strangers.Stranger) or (not isinstance(value, dict) and content.complaints):
        raise ObjectsError
    return {str(name): known(part) for name, part in value.items()} if isinstance(value, dict) else value
