"""Traits that take numbers and truths from NumPy and PyTorch as they take Python's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor
from traitlets import Bool, Float, Int

__all__ = ["Flag", "Real", "Whole"]


class Flag(Bool[bool, bool | int]):
    """A truth; ``np.bool_`` is one too."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a bool."""
        return super().validate(obj, _plain(value))


class Whole(Int[int, int]):
    """An integer; ``np.int64`` is one too."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as an int."""
        return super().validate(obj, _plain(value))


class Real(Float[float, int | float]):
    """A number; ``np.float32`` is one too."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a float."""
        return super().validate(obj, _plain(value))


def _plain(value: Any) -> Any:
    """Take the number out of NumPy's scalars and out of arrays and tensors of one element without an axis."""
    alone = isinstance(value, np.generic) or (isinstance(value, Tensor | np.ndarray) and value.ndim == 0)
    return value.item() if alone else value
