"""Whether and where a generator can compute: what was found at another place is worth nothing there."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator

__all__ = ["place_of", "steady", "with_digits", "with_weights"]


def place_of(holder: Generator | Tensor) -> tuple[torch.device, torch.dtype]:
    """Return the device and the floating type of a generator, or of what it made."""
    return holder.device, holder.dtype


def with_weights(G: Generator) -> Generator:
    """Return a generator if it can compute: on the meta device there are shapes, but no values.

    Args:
        G: The generator.

    Returns:
        The same.

    Raises:
        ValueError: If it is on the meta device.
    """
    if G.device.type == "meta":
        raise ValueError(
            "the generator must have its weights to draw, got it on the meta device, where tensors have shapes but no "
            "values. Load it again."
        )
    return G


def steady(G: Generator) -> Generator:
    """Return a generator if its picture of a latent is always the same: of anything else there is no derivative.

    Args:
        G: The generator.

    Returns:
        The same.

    Raises:
        ValueError: If it was found to draw a latent differently each time, or beside other latents.
    """
    if G.unsteady:
        raise ValueError(f"the generator must draw each latent always the same, got one that does not. {G.unsteady}")
    return G


def with_digits(G: Generator) -> Generator:
    """Return a generator whose numbers are good enough to be differentiated, compared or learned from.

    In half precision neighbouring codes give pictures that differ by rounding: such a generator draws and edits.

    Args:
        G: The generator.

    Returns:
        The same.

    Raises:
        ValueError: If it computes in a type narrower than float32, or is on the meta device.
    """
    checks.digits("the generator", with_weights(G).dtype, "Use G.to(dtype=torch.float32).")
    return G
