"""What is done to a tensor of a file so that it is one of ours; on the meta device too, where shapes are compared."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["Change", "first", "plane", "raised", "row", "scalar", "turned"]

Change = Callable[[Tensor], Tensor]


def first(x: Tensor) -> Tensor:
    """Take the first of a batch of one."""
    return x[0]


def plane(x: Tensor) -> Tensor:
    """Drop batch and channels of a noise picture ``(1, 1, h, w)``."""
    return x[0, 0]


def scalar(x: Tensor) -> Tensor:
    """Drop all axes of a single number."""
    return x.reshape(())


def row(x: Tensor) -> Tensor:
    """Take the first row of what may have been repeated for every layer."""
    return x if x.ndim == 1 else x.flatten(0, -2)[0]


def raised(x: Tensor) -> Tensor:
    """Add one."""
    return x if x.is_meta else x + 1


def turned(x: Tensor) -> Tensor:
    """Turn kernels ``(outputs, inputs, h, w)`` by half a circle."""
    return x if x.is_meta else x.flip((2, 3))
