"""Codes come as one vector or as a batch; results keep that form."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["as_given"]


def as_given(result: Tensor, code: Any) -> Tensor:
    """Drop the first axis of a result if the code that it came from had none.

    Args:
        result: ``(n, ...)``.
        code: A tensor, or a value that holds one as its ``tensor``.

    Returns:
        The result, without its first axis if ``code`` is a single vector.
    """
    return result[0] if getattr(code, "tensor", code).ndim == 1 else result
