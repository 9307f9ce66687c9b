"""The values that go in and out of a generator beside tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

__all__ = ["Activations", "PlacedCode", "StyleMap"]


@runtime_checkable
class PlacedCode(Protocol):
    """A code that knows its space, such as :class:`latent_widgets.Code`."""

    @property
    def tensor(self) -> Tensor:
        """The code."""

    @property
    def space(self) -> str:
        """Where it lives."""


@dataclass(frozen=True, eq=False)
class Activations:
    """What a synthesis left behind, so that a later one can go on from any layer.

    Attributes:
        states: One opaque state per layer of :attr:`latent_widgets.Generator.layer_names`: what goes into that layer.
    """

    states: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class StyleMap:
    """An affine map from one row of ``w+`` to a style.

    Attributes:
        name: Dotted name of the submodule.
        row: The row of ``w+`` that it reads.
        weight: ``(outputs, w_dim)``.
    """

    name: str
    row: int
    weight: Tensor
