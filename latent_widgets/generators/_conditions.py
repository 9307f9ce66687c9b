"""What makes networks of many kinds alike: a class is a vector, a picture has three colours."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets import _checks

__all__ = ["class_vector", "in_three_colours"]


def class_vector(c_dim: int, condition: int | Tensor | None) -> Tensor | None:
    """Return the class vector of a class.

    Args:
        c_dim: Length of the network's class vector; 0 for a network without classes.
        condition: The number of a class, or a class vector ``(c_dim,)``.

    Returns:
        ``(c_dim,)``; None for a network without classes.

    Raises:
        TypeError: If it is neither.
        ValueError: If a conditional network is given none, or an unconditional one is given any.

    Example:
        >>> class_vector(3, 1)
        tensor([0., 1., 0.])
    """
    if not c_dim:
        if condition is not None:
            raise ValueError(f"condition must be left out for a network without classes, got {condition!r}.")
        return None
    if condition is None:
        raise ValueError(
            f"condition must be given for this network, which draws {c_dim} classes, got None. "
            f"Use a number from 0 to {c_dim - 1}, or a vector of length {c_dim}."
        )
    if isinstance(condition, Tensor) and condition.ndim:
        return _checks.finite("condition", _checks.shape("condition", condition, (c_dim,)).detach().float())
    index = _checks.integer("condition", condition, 0, c_dim - 1)
    return torch.nn.functional.one_hot(torch.tensor(index), c_dim).float()


def in_three_colours(picture: Tensor) -> Tensor:
    """Repeat a grey picture ``(n, 1, H, W)`` to three channels; leave others alone."""
    return picture.repeat(1, 3, 1, 1) if picture.shape[1] == 1 else picture
