"""All tensors in the value of a file, by dotted names, however deep they lie in dicts, lists, objects and modules."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from latent_widgets.generators.checkpoints._arrays import FileArray
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._strangers import Stranger
from latent_widgets.generators.checkpoints._values import Bag, PersistentModule, short

__all__ = ["Leaf", "join", "leaves", "modules"]

_DEEPEST = 24
_MOST = 500_000  # values
_LONGEST = 1000  # characters of a name: hostile keys could make many long ones
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


def leaves(value: Any, into_modules: bool = True) -> dict[str, Leaf]:
    """Return all tensors by their dotted names, in the order of the file.

    Args:
        value: The value.
        into_modules: Whether those of NVIDIA's modules count, which have attributes besides.
    """
    found: dict[str, Leaf] = {}
    for name, home, part in _walk(value, into_modules):
        if isinstance(part, FileTensor) or (isinstance(part, FileArray) and part.type is not None):
            found.setdefault(name, Leaf(part, home))
    return found


def modules(value: Any) -> dict[str, PersistentModule]:
    """Return the outermost of NVIDIA's modules by their dotted names."""
    return {name: part for name, _, part in _walk(value, False) if isinstance(part, PersistentModule)}


def _walk(value: Any, into_modules: bool) -> Iterator[tuple[str, int, Any]]:
    """Each value with its name and the number of what holds it; what is held twice comes once."""
    waiting, seen, count = deque([("", value, 0, 0)]), set(), 0
    while waiting and count < _MOST:
        name, current, depth, home = waiting.popleft()
        count += 1
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
                waiting.append((join(name, key), child, depth + 1, id(current)))


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
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
            yield from enumerate([*value.kept[list], *value.arguments])
