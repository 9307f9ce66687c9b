"""PyTorch's random state on a device: whether it moved tells whether somebody drew."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["random_state"]


def random_state(device: torch.device) -> Tensor:
    """Return the state of the generator that draws where nobody names one.

    Args:
        device: Where it draws; only a GPU has one of its own.

    Example:
        >>> torch.equal(random_state(torch.device("cpu")), torch.get_rng_state())
        True
    """
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
