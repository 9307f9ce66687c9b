"""All tensors in the value of a file, by dotted names, however deep they lie in dicts, lists, objects and modules."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from latent_widgets.core.budget import Budget
from latent_widgets.generators.checkpoints._arrays import FileArray, array_of
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._strangers import Stranger
from latent_widgets.generators.checkpoints._values import Bag, CheckpointError, PersistentModule, short

__all__ = ["Leaf", "join", "leaves", "modules"]

_DEEPEST = 24
_MOST = 500_000  # values
_LONGEST = 1000  # characters of a name: hostile keys could make many long ones
_LEAF, _WAITING = 400, 144  # bytes that a tensor takes without its name, and a value that waits for its turn
_OF_MODULES = ("_parameters", "_buffers", "_modules")  # where torch keeps what a module holds
_HELD = (dict, list, tuple, Bag, PersistentModule, FileTensor)  # what is a tensor, or may hold some


@dataclass(frozen=True, eq=False)
class Leaf:
    """A tensor of a file.

    Attributes:
        value: The tensor.
        home: The number of the dict that it lies in.
    """

    value: FileTensor | FileArray
    home: int


def join(path: str, key: Any) -> str:
    """Return the dotted name of what lies under a key; of a key that is no text or number only its kind."""
    text = str(key) if isinstance(key, str | int | float | None) else short(key)
    return f"{path}.{text}" if path else text


def leaves(value: Any, into_modules: bool = True, budget: Budget | None = None) -> dict[str, Leaf]:
    """Return all tensors by their dotted names, in the order of the file.

    Args:
        value: The value.
        into_modules: Whether those of NVIDIA's modules count, which have attributes besides.
        budget: The account of the file; that of an empty one if not given.

    Raises:
        CheckpointError: If there are more, or of longer names, than a file of its size can hold.
    """
    found: dict[str, Leaf] = {}
    budget = budget or _account()
    for name, home, part in _walk(value, into_modules, budget):
        if isinstance(part, FileTensor) or (isinstance(part, FileArray) and part.type is not None):
            budget.spend(_LEAF + 4 * len(name))
            found.setdefault(name, Leaf(part, home))
    return found


def modules(value: Any, budget: Budget | None = None) -> dict[str, PersistentModule]:
    """Return the outermost of NVIDIA's modules by their dotted names."""
    budget = budget or _account()
    found: dict[str, PersistentModule] = {}
    for name, _, part in _walk(value, False, budget):
        if isinstance(part, PersistentModule):
            budget.spend(_LEAF + 4 * len(name))
            found[name] = part
    return found


def _account() -> Budget:
    return Budget(0, "the file", CheckpointError)


def _walk(value: Any, into_modules: bool, budget: Budget) -> Iterator[tuple[str, int, Any]]:
    """Each value with its name and the number of what holds it; what is held twice comes once."""
    waiting, seen, count = deque([("", None, value, 0, 0)]), set(), 0
    while waiting and count < _MOST:
        path, own, current, depth, home = waiting.popleft()
        count += 1
        name = join(path, own) if depth else ""  # made late: many may lie under one long name
        if len(name) <= _LONGEST:
            yield name, home, current
        if (
            depth > _DEEPEST
            or len(name) > _LONGEST
            or id(current) in seen
            or (isinstance(current, PersistentModule) and not into_modules)
        ):
            continue
        seen.add(id(current))  # alive as long as the value is
        for key, child in _children(current):
            if isinstance(child, _HELD):
                budget.spend(_WAITING)
                waiting.append((name, key, child, depth + 1, id(current)))


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        arrays = any(isinstance(child, FileArray) for child in value.values())
        for key, child in value.items():  # beside arrays, NumPy gives one without axes as a number
            yield key, array_of(child) if arrays and type(child) is float else child
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, Bag | PersistentModule) and not isinstance(value, FileArray):
        for key, child in value.state.items():
            if key in _OF_MODULES and isinstance(child, dict):
                yield from child.items()
            else:
                yield key, child
        if isinstance(value, Stranger):
            yield from value.kept[dict].items()
            yield from enumerate(chain(value.kept[list], value.arguments))
