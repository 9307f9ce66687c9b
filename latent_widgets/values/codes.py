"""The frozen value of a code, which panels exchange.

Two are equal only if they are the same object, never number by number, so that they can be linked as traits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.files import as_array
from latent_widgets.values.fitting import SPACES

__all__ = ["Code"]


@dataclass(frozen=True, eq=False)
class Code:
    """One point of a latent space; every generator method that takes codes accepts it.

    Attributes:
        tensor: ``(d,)``, or ``(num_layers, d)`` in ``w+``.
        space: ``"z"``, ``"w"``, ``"w+"`` or ``"s"``.
        seed: The seed that it came from, if it came from one alone.
        truncation: How far it was pulled towards the average then.

    Raises:
        TypeError: If ``tensor`` is no floating tensor.
        ValueError: If its shape does not fit the space, or a number is not finite.

    Example:
        >>> Code(torch.zeros(7, 64), "w+", seed=3)
        <Code 7 x 64 in w+, seed 3>
    """

    tensor: Tensor
    space: str
    seed: int | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        checks.choice("space", self.space, SPACES)
        checks.shape("tensor", self.tensor, ("num_layers", "d") if self.space == "w+" else ("d",))
        if not self.tensor.is_floating_point():
            raise TypeError(f"tensor must be floating, got {self.tensor.dtype}. Use tensor.float().")
        object.__setattr__(self, "tensor", checks.finite("tensor", self.tensor.detach()).clone())
        if self.seed is not None:
            object.__setattr__(self, "seed", checks.integer("seed", self.seed, low=0))
        if self.truncation is not None:
            object.__setattr__(self, "truncation", checks.number("truncation", self.truncation))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Code:
        """Return the code on another device or in another floating type."""
        return Code(self.tensor.to(device=device, dtype=dtype), self.space, self.seed, self.truncation)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return as_array(self.tensor, dtype)

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"<Code {' x '.join(map(str, self.tensor.shape))} in {self.space}{seed}>"
