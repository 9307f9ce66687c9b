"""What an adapter found out about a network of someone else, and the picture in what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

__all__ = ["Call", "Candidates", "LiveParts", "picture_of", "pictures_in"]

Call = Callable[[Tensor, Tensor | None], Any]
"""Of a latent and a class vector."""

_PICTURES = ("image", "images", "sample", "img", "fake", "output")


@dataclass(frozen=True, eq=False)
class LiveParts:
    """What an adapter found out about a network.

    Attributes:
        family: What it was taken for.
        module: The network.
        z_shape: Shape of one latent as the network takes it; its numbers are one row of ``z``.
        draw: From ``z``, of that shape each, and the class vector to whatever the network returns.
        mapping: From ``z`` and the class vector to ``w`` (n, w_dim), None without one.
        synthesis: From ``w+`` (n, num_layers, w_dim) and the class vector to whatever the network returns, None without
            one.
        w_dim: Length of ``w``.
        num_layers: Rows of ``w+``.
        w_avg: The mean of ``w``, or one for each class; None where the network does not know it.
        condition: The class vector to draw; None without classes.
        notes: What was inferred, in sentences.
    """

    family: str
    module: nn.Module
    z_shape: tuple[int, ...]
    draw: Call
    mapping: Callable[[Tensor, Tensor | None], Tensor] | None = None
    synthesis: Call | None = None
    w_dim: int | None = None
    num_layers: int = 1
    w_avg: Tensor | None = None
    notes: tuple[str, ...] = ()
    condition: Tensor | None = None


Candidates = tuple[LiveParts, ...]
"""Ways in which a network may want to be called, the likelier first."""


def pictures_in(result: Any) -> list[Tensor]:
    """Return the pictures ``(n, 1 or 3, H, W)`` in what a network returned, those that it names first.

    Args:
        result: A tensor; a tuple, list or dict of them; or an object with an attribute such as ``sample``.
    """
    if isinstance(result, Tensor):
        return [result] if result.ndim == 4 and result.shape[1] in (1, 3) else []
    if isinstance(result, tuple | list):
        return [picture for one in result for picture in pictures_in(one)]
    named = [result.get(n) if isinstance(result, Mapping) else getattr(result, n, None) for n in _PICTURES]
    found = [picture for one in named if one is not None for picture in pictures_in(one)]
    if not found and isinstance(result, Mapping):
        return [picture for one in result.values() if isinstance(one, Tensor) for picture in pictures_in(one)]
    return found[:1]


def picture_of(result: Any) -> Tensor:
    """Take the picture out of what a network returned: of several the largest.

    Args:
        result: See :func:`pictures_in`.

    Returns:
        ``(n, 1 or 3, H, W)``.

    Raises:
        TypeError: If there is no picture in it.
    """
    found = pictures_in(result)
    if not found:
        got = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise TypeError(
            f"the network must return pictures (n, 1 or 3, H, W), got {got}. Wrap it in a function that does."
        )
    return max(found, key=lambda picture: picture.shape[2] * picture.shape[3])
