"""Codes come as one vector or as a batch; results keep that form, and which space they are of."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

from torch import Tensor

__all__ = ["Mapped", "as_given", "space_by_shape"]


def as_given(result: Tensor, code: Any) -> Tensor:
    """Drop the first axis of a result if the code that it came from had none.

    Args:
        result: ``(n, ...)``.
        code: A tensor, or a value that holds one as its ``tensor``.

    Returns:
        The result, without its first axis if ``code`` is a single vector.
    """
    return result[0] if getattr(code, "tensor", code).ndim == 1 else result


class Mapped:
    """Which tensors were given out as codes in ``w``: where ``z`` is as long, their shape does not tell.

    Only the last ones that somebody still holds are known, themselves and views of them.
    """

    def __init__(self) -> None:
        self._known: deque[weakref.ref[Tensor]] = deque(maxlen=64)

    def note(self, w: Tensor) -> Tensor:
        """Remember a code in ``w``, and return it."""
        self._known.append(weakref.ref(_root(w)))
        return w

    def __contains__(self, code: Tensor) -> bool:
        root = _root(code)
        return any(known() is root for known in self._known)

    def __reduce__(self) -> Any:
        return Mapped, ()  # a copy elsewhere has given out nothing


def _root(x: Tensor) -> Tensor:
    return x if x._base is None else x._base


def space_by_shape(G: Any, code: Tensor, name: str) -> str:
    """Return the space that a code's shape tells, see ``Generator.check_code``.

    Args:
        G: The generator.
        code: The code.
        name: What it is called in errors.

    Raises:
        ValueError: If it fits none.
    """
    flat = [s for s in G.spaces if s != "w+" and (s != "z" or G.main_space == "z")]
    fits = [s for s in flat if code.ndim in (1, 2) and code.shape[-1] == G.dim(s)]
    if code.ndim == 3 and "w+" in G.spaces:
        return "w+"
    if fits:
        return fits[0]
    wanted = [f"{s} (n, {G.dim(s)})" for s in flat]
    wanted += [f"w+ (n, {G.num_layers}, {G.w_dim})"] if "w+" in G.spaces else []
    raise ValueError(f"{name} must have one of the shapes {', '.join(wanted)}, got {tuple(code.shape)}.")
