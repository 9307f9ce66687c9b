"""What a decomposition asks of a matrix that need not be held."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from latent_widgets.core.steps import OnStep

__all__ = ["Multiplies", "Operator"]


class Multiplies(Protocol):
    """What gives products with vectors and matrices."""

    def __matmul__(self, V: Tensor, /) -> Tensor: ...


class Operator(Multiplies, Protocol):
    """A matrix ``(m, d)`` that need not be held, as far as its decomposition asks for it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what a column is, flattened."""

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of its products."""

    @property
    def device(self) -> torch.device:
        """The device of its products."""

    @property
    def T(self) -> Multiplies:
        """The transpose."""

    def keeping_graph(self) -> AbstractContextManager[None]:
        """Keep, within the block, what products with the transpose share."""

    def fits(self) -> bool:
        """Whether the whole matrix may be held."""

    def dense(self, on_step: OnStep | None = None) -> Tensor:
        """Return the whole matrix."""

    def gram(self, on_step: OnStep | None = None) -> Tensor:
        """Return the transpose times the matrix."""

    def to_scipy(self) -> Any:
        """Return the same operator for SciPy."""
