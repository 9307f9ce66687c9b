"""What can still be reached from some objects, as the garbage collector sees it, less the ways that lead anywhere."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from io import IOBase
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, TypeVar

from traitlets.config import Configurable

__all__ = ["reached"]

T = TypeVar("T")
ENOUGH = 2_000_000  # objects, a second or two: who holds more is not searched to the end
# modules, the kernel and its streams lead everywhere; frames lead to the variables of whoever called
CLOSED = (ModuleType, type, CodeType, FrameType, TracebackType, IOBase, Configurable)


def reached(parts: Mapping[int, T], roots: Iterable[Any]) -> set[T]:
    """Return which things can be reached.

    Args:
        parts: To the ``id`` of each part of a thing, the thing; who reaches a part has the whole.
        roots: Where to begin.

    Returns:
        The things; all of them if there is too much to look at.

    Example:
        >>> leaf, other = ["leaf"], ["other"]
        >>> reached({id(leaf): "leaf", id(other): "other"}, [{"held": [leaf]}])
        {'leaf'}
    """
    found: set[T] = set()
    front = [root for root in roots if not issubclass(type(root), CLOSED)]
    seen = {id(parts), *map(id, front)}
    while front:
        if len(seen) > ENOUGH:
            return set(parts.values())
        found.update(parts[id(value)] for value in front if id(value) in parts)
        functions = [value for value in front if type(value) is FunctionType]
        others = [value for value in front if type(value) is not FunctionType]
        next_to = gc.get_referents(*others)
        for function in functions:
            names = function.__globals__  # which lead to all of its module
            next_to += [value for value in gc.get_referents(function) if value is not names]
        front = []
        for value in next_to:
            if id(value) not in seen and gc.is_tracked(value) and not issubclass(type(value), CLOSED):
                seen.add(id(value))
                front.append(value)
    return found
