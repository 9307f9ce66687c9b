"""What black and white are in the pictures of a foreign network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["range_of"]

_CLOSE = 0.02  # how far beyond 1 a picture in [0, 1] may go
# The root mean square of a picture in [-1, 1] is at most 1; networks without a last tanh go beyond, but not by that.
_LOUD = 2.0
_BEYOND = 5.0  # by how much pictures may leave [0, 255], as resampling makes them


def range_of(pictures: Tensor, given: Any = None, known: bool = False) -> tuple[tuple[float, float], str]:
    """Return the range that pictures are in, and a sentence that says so.

    Args:
        pictures: As the network drew them.
        given: The range, if the user says it.
        known: Whether the network is of a kind that draws in [-1, 1], whatever two pictures show.

    Returns:
        The values of black and white, and what was found.

    Raises:
        TypeError: If the given range is no pair of numbers.
        ValueError: If it does not go up, or none was given and the pictures are in no range that is known.

    Example:
        >>> range_of(torch.tensor([0.0, 17.0, 250.0]))
        ((0.0, 255.0), 'They lie in [0, 255] and are brought to [-1, 1]')
    """
    if given is not None:
        try:
            low, high = given
        except (TypeError, ValueError):
            raise TypeError(f"value_range must be a pair such as (0, 1), got {given!r}.") from None
        found = checks.number("value_range", low), checks.number("value_range", high)
        if found[0] >= found[1]:
            raise ValueError(f"value_range must go up, got {found}.")
        return found, f"They are brought from {list(found)} to [-1, 1]"
    if pictures.dtype == torch.bool:
        return (0.0, 1.0), "They lie in [0, 1] and are brought to [-1, 1]"
    if pictures.dtype == torch.int8:
        return (-127.5, 127.5), "They are signed bytes and are brought to [-1, 1]"
    values = pictures.double()
    low, high = float(values.min()), float(values.max())
    around_zero = (-1.0, 1.0), f"They are taken to be in [-1, 1] (two of them lie between {low:.3g} and {high:.3g})"
    if known and pictures.is_floating_point():
        return around_zero
    if pictures.dtype != torch.uint8 and low >= -1e-6 and high <= 1 + _CLOSE:
        return (0.0, 1.0), "They lie in [0, 1] and are brought to [-1, 1]"
    if pictures.is_floating_point() and float(values.square().mean().sqrt()) <= _LOUD:
        return around_zero
    if -_BEYOND <= low and high <= 255 + _BEYOND:
        return (0.0, 255.0), "They lie in [0, 255] and are brought to [-1, 1]"
    raise ValueError(
        f"value_range must be given for pictures between {low:.4g} and {high:.4g}, got None. Say what black and white "
        "are: value_range=(black, white)."
    )
