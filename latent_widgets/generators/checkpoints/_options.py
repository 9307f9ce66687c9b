"""What files do not say: given by the user, else told from the weights, and named in the notes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from latent_widgets.core import checks
from latent_widgets.generators.checkpoints._found import Readable
from latent_widgets.generators.checkpoints._values import CheckpointError

__all__ = ["OPTIONS", "USUAL_RATE", "Asked", "mapping_rate"]

OPTIONS = ("prefix", "mapping_lr", "final_tanh")
USUAL_RATE = 0.01  # learning rate of the mapping (Karras et al. 2019, appendix C)
_RATES = (1.0, 0.1, 0.01, 0.001)
_DRIFT = 2.5  # by how much training may have changed the spread; under half the way to the next rate is 3.2
_LOOKED_AT = 64  # tensors: hostile files may have many that are one
_BIASED = 0.5  # biases begin at zero: where they spread like the weights, these are not as the programs make them


@dataclass(frozen=True)
class Asked:
    """What the user says about a file.

    Args:
        prefix: What the names of the generator's tensors begin with; found if not given.
        mapping_lr: The learning rate of the mapping over that of the rest; told from the weights if not given.
        final_tanh: Whether the pictures end in a hyperbolic tangent; not, if not given.

    Raises:
        TypeError: If one of them is of another type.
        ValueError: If ``mapping_lr`` is no rate.
    """

    prefix: str | None = None
    mapping_lr: float | None = None
    final_tanh: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str | None):
            raise TypeError(f"prefix must be text such as 'decoder.', got {self.prefix!r}.")
        if self.mapping_lr is not None:
            object.__setattr__(self, "mapping_lr", checks.number("mapping_lr", self.mapping_lr, 1e-9))
        if self.final_tanh is not None:
            object.__setattr__(self, "final_tanh", checks.flag("final_tanh", self.final_tanh))

    def refuse(self, kind: str, *names: str) -> None:
        """Refuse options for a file that says itself what they say.

        Args:
            kind: What the file is.
            *names: The options.

        Raises:
            CheckpointError: If one of them was given.
        """
        for name in names:
            if (value := getattr(self, name)) is not None:
                raise CheckpointError(f"{name} must be left out for {kind}, which says it itself, got {value!r}.")


def mapping_rate(tensors: Mapping[str, Readable], asked: Asked) -> tuple[float, str]:
    """Tell the learning rate of a mapping from the spread of its weights, which begins at one over the rate.

    Args:
        tensors: The mapping's weights and biases by name.
        asked: What the user says.

    Returns:
        The rate, and a sentence that says where it comes from.
    """
    if asked.mapping_lr is not None:
        return asked.mapping_lr, f"The learning rate of the mapping is {asked.mapping_lr:g}, as given."
    some = list(tensors.items())[:_LOOKED_AT]
    spreads = sorted(_spread(value) for name, value in some if name.endswith("weight"))
    biases = [_spread(value) for name, value in some if name.endswith("bias")]
    spread = spreads[len(spreads) // 2] if spreads else math.nan
    other = "mapping_lr= sets another."
    if math.isfinite(spread) and spread > 0 and max(biases, default=0.0) < _BIASED * spread:
        rate = min(_RATES, key=lambda rate: abs(math.log(rate * spread)))
        if 1 / _DRIFT < rate * spread < _DRIFT:
            return (
                rate,
                f"The learning rate of the mapping was told from its weights, spread {spread:.3g}: {rate:g}; {other}",
            )
    return USUAL_RATE, (
        f"The learning rate of the mapping was taken to be {USUAL_RATE}, as published; "
        f"its weights, spread {spread:.3g}, do not tell it; {other}"
    )


def _spread(value: Readable) -> float:
    numbers: Any = value.read()
    if not numbers.is_floating_point() or not numbers.numel():
        return math.nan
    return float(torch.linalg.vector_norm(numbers.double()) / math.sqrt(numbers.numel()))
