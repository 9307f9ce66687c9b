"""Tensors of a file, described at once and read when asked for; and our own reader of torch's legacy layout.

That layout is five pickles in a row (a magic number, a version, facts about the machine, the value, the keys of the
storages), then for each key its length and its numbers. A tensor of an NVIDIA pickle carries such a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.budget import Budget
from latent_widgets.generators.checkpoints._machine import Machine
from latent_widgets.generators.checkpoints._strangers import Strangers
from latent_widgets.generators.checkpoints._values import Allowed, Blob, Charged, CheckpointError, let_go, short

__all__ = [
    "MAGIC",
    "STORAGE_TYPES",
    "FileTensor",
    "Storage",
    "class_of",
    "nested_storage",
    "read_legacy",
    "rebuild",
    "storage_of",
]

MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_NESTED_STEPS = 500  # torch writes some fifty for a storage; one content may be that of every tensor of a file
_AXES = 16
_DTYPES = {
    "Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
}  # fmt: skip
STORAGE_TYPES: dict[tuple[str, str], Any] = {("torch", f"{name}Storage"): dtype for name, dtype in _DTYPES.items()}


@dataclass(eq=False, repr=False)
class Storage(Charged):
    """A run of numbers in a file.

    Attributes:
        dtype: Their type.
        numel: How many the file says there are.
        view: Where they lie; None until that is known.
        nested: The legacy file that holds them, for a storage that carries its own.
    """

    dtype: torch.dtype | None = None
    numel: int = 0
    view: memoryview | None = None
    nested: bytes | Blob | None = None

    def kind(self) -> torch.dtype:
        """Return the type of its numbers."""
        self._open_nested()
        if self.dtype is None:
            raise CheckpointError("every storage must have a type, got one without.")
        return self.dtype

    def numbers(self, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        """Copy some of the numbers out of the file, and none of those between them.

        Args:
            offset: The first.
            shape: How many there are along each axis, at least one.
            stride: Steps along its axes.

        Returns:
            A tensor of that shape.

        Raises:
            CheckpointError: If they are not there.
        """
        count = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        dtype = self.kind()
        if self.view is None or len(self.view) != self.numel * dtype.itemsize:
            size = None if self.view is None else len(self.view)
            raise CheckpointError(
                f"a storage of {self.numel} numbers must have {self.numel * dtype.itemsize} bytes, got {size}."
            )
        if offset + count > self.numel:
            raise CheckpointError(
                f"a tensor must lie within its storage of {self.numel} numbers, got {count} from number {offset}."
            )
        there = np.frombuffer(self.view, np.dtype((np.void, dtype.itemsize)), count, offset * dtype.itemsize)
        steps = tuple(step * dtype.itemsize for step in stride)
        copy = np.array(np.lib.stride_tricks.as_strided(there, shape, steps, writeable=False), order="C")
        let_go(self.view)
        data = torch.from_numpy(copy.reshape(-1).view(np.uint8))
        # Any byte but 0 and 1 would be an invalid boolean.
        return (data != 0 if dtype == torch.bool else data.view(dtype)).reshape(shape)

    def _open_nested(self) -> None:
        if self.nested is None:
            return
        content = self.nested.content() if isinstance(self.nested, Blob) else memoryview(self.nested)
        # Storages only: a file within a file within a file is refused.
        inner = read_legacy(content, STORAGE_TYPES, budget=self.budget, most=_NESTED_STEPS)
        if not isinstance(inner, Storage):
            raise CheckpointError(f"the bytes of a tensor must hold a storage, got {short(inner)}.")
        self.dtype, self.numel, self.view, self.nested = inner.dtype, inner.numel, inner.view, None


@dataclass(frozen=True, eq=False, repr=False)
class FileTensor:
    """A tensor of a file.

    Attributes:
        storage: Its numbers.
        offset: Which of them is its first.
        stride: Steps along its axes.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def numel(self) -> int:
        """How many numbers it has."""
        total = 1
        for size in self.shape:
            total *= size
        return total

    def read(self, repeated: bool = False) -> Tensor:
        """Read it.

        Args:
            repeated: Whether one number of the file may stand for many, as ``expand`` makes tensors.

        Returns:
            The tensor, with memory of its own.

        Raises:
            CheckpointError: If it reaches outside its storage, or more is read than a file of its size may ask for.
        """
        self.storage.charge(self.numel)
        if not self.numel:
            return torch.empty(self.shape, dtype=self.storage.kind(), device="cpu")
        span = 1 + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        if self.numel > span and not repeated:
            raise CheckpointError(f"a tensor must not repeat its numbers, got stride {self.stride} for {self.shape}.")
        return self.storage.numbers(self.offset, self.shape, self.stride)


def rebuild(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> FileTensor:
    """Describe a tensor as ``torch._utils._rebuild_tensor_v2`` would rebuild it.

    Args:
        storage: A :class:`Storage`.
        offset: Its first number.
        stride: Steps along its axes.
        *rest: Whether it wants gradients, hooks, metadata: not needed.

    Raises:
        CheckpointError: If these are not sizes.
    """
    if not isinstance(storage, Storage) or len(shape) != len(stride) or len(shape) > _AXES:
        raise CheckpointError(f"a tensor must have a storage, sizes and as many strides, got {short(storage)}.")
    sizes = (offset, *shape, *stride)
    if any(type(size) is not int or not 0 <= size < 2**48 for size in sizes):
        raise CheckpointError("the sizes, strides and offset of a tensor must be integers from 0, got others.")
    return FileTensor(storage, offset, tuple(shape), tuple(stride))


def nested_storage(content: Any) -> Storage:
    """Describe a storage that carries its own legacy file; opened when its numbers are asked for."""
    if not isinstance(content, bytes | Blob):
        raise CheckpointError(f"a storage must be given as bytes, got {short(content)}.")
    return Storage(nested=content)


def storage_of(key: Any) -> tuple[Storage, str]:
    """Describe the storage of a persistent id ``("storage", type, key, location, count, ...)``.

    Args:
        key: The id.

    Returns:
        The storage, still without its numbers, and its key. The location, such as ``"cuda:0"``, plays no part.

    Raises:
        CheckpointError: If it is another kind of id.
    """
    if not (isinstance(key, tuple) and len(key) in (5, 6) and key[0] == "storage"):
        raise CheckpointError(f"a persistent id must name a storage, got {short(key)}.")
    _, dtype, name, _, numel, *view = key
    dtype = None if isinstance(dtype, Allowed) else dtype  # numbers of a kind that no network has: not read
    if not isinstance(dtype, torch.dtype | None) or not isinstance(name, str) or type(numel) is not int or numel < 0:
        raise CheckpointError("a storage must have a type, a key and a length, got others.")
    if view not in ([], [None]):
        raise CheckpointError("a storage must not be a part of another one, got one that is. Save the file again.")
    return Storage(dtype, numel), name


def class_of(key: Any) -> Allowed | None:
    """Return the class that a persistent id ``("module", class, file, source)`` of a whole network stands for."""
    is_class = isinstance(key, tuple) and len(key) == 4 and key[0] == "module" and isinstance(key[1], Allowed)
    return key[1] if is_class else None


def read_legacy(
    data: memoryview,
    names: Mapping[tuple[str, str], Any],
    strangers: Strangers | None = None,
    budget: Budget | None = None,
    most: int | None = None,
) -> Any:
    """Read a file in the layout of torch before 1.6.

    Args:
        data: The bytes.
        names: What its pickle may name.
        strangers: Takes other names; None where these are refused.
        budget: The account of the file; one for the bytes if not given.
        most: Steps at most of each of its pickles.

    Returns:
        Its value; tensors as :class:`FileTensor`.

    Raises:
        CheckpointError: If it is damaged, or names something else.
    """
    position = 0
    storages: dict[str, Storage] = {}
    budget = budget or Budget(len(data), "the file", CheckpointError)

    def persistent(key: Any) -> Storage | Allowed:
        if (named := class_of(key)) is not None:
            return named
        storage, name = storage_of(key)
        storage.budget = budget
        known = storages.setdefault(name, storage)
        if (known.dtype, known.numel) != (storage.dtype, storage.numel):
            raise CheckpointError(f"storage {short(name)} must have one type and length, got two.")
        return known

    values = []
    for index in range(5):
        value = index == 3
        machine = Machine(data, names if value else {}, position=position, budget=budget, most=most)
        if value:
            machine.persistent, machine.strangers = persistent, strangers
        values.append(machine.run())
        position = machine.position
    magic, version, system, result, keys = values
    if type(magic) is not int or magic != MAGIC or type(version) is not int or version != _PROTOCOL:
        raise CheckpointError("the file must be one of torch's old layout, got other numbers at its beginning.")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError("the numbers of a checkpoint must be little endian, got others.")
    if not isinstance(keys, list) or any(type(key) is not str or key not in storages for key in keys):
        raise CheckpointError("a checkpoint must list the storages that it uses, got others.")
    for key in keys:
        storage = storages[key]
        head = Machine(data, {}, position=position, budget=budget)
        numel = head.count(8)
        if numel != storage.numel or storage.dtype is None:
            raise CheckpointError(f"storage {short(key)} must have {storage.numel} numbers, got {numel}.")
        storage.view = head.take(numel * storage.dtype.itemsize)
        position = head.position
    return result
