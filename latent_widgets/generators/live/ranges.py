"""What black and white are in the pictures of a foreign network."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.pictures import BITS
from latent_widgets.core.pictures import range_of as plain_range

__all__ = ["range_of"]

_CLOSE = 0.02  # how far beyond 1 a picture in [0, 1] may go
# The root mean square of a picture in [-1, 1] is at most 1; networks without a last tanh go beyond, but not by that.
_LOUD = 2.0


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
        >>> import torch
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
    values = pictures.double()
    low, high = float(values.min()), float(values.max())
    around_zero = (-1.0, 1.0), f"They are taken to be in [-1, 1] (two of them lie between {low:.3g} and {high:.3g})"
    if pictures.is_floating_point():
        if known:
            return around_zero
        if low >= -1e-6 and high <= 1 + _CLOSE:
            return (0.0, 1.0), "They lie in [0, 1] and are brought to [-1, 1]"
    plain = plain_range(pictures, _LOUD)
    if plain is None:
        return around_zero
    if plain[0] == 0 and plain[1] in (1.0, *BITS):
        return plain, f"They lie in [0, {plain[1]:g}] and are brought to [-1, 1]"
    raise ValueError(
        f"value_range must be given for pictures between {low:.4g} and {high:.4g}, got None. Say what black and white "
        "are: value_range=(black, white)."
    )
