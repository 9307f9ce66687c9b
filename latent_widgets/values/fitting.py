"""Whether a value fits a generator: the same weights, a space it has, rows of ``w+`` that exist."""

from __future__ import annotations

from typing import Any

from latent_widgets.core import checks
from latent_widgets.core.words import shown
from latent_widgets.generators.base import Generator

__all__ = ["SPACES", "generator_differences", "rows_of"]

SPACES = ("z", "w", "w+", "s")


def generator_differences(G: Generator, name: str | None, weights_hash: str | None) -> list[str]:
    """Say in words how ``G`` differs from the generator of that name and hash; nothing for same or unknown weights."""
    if weights_hash is None or weights_hash == G.weights_hash:
        return []
    found = [f"name ({name!r}, here {G.name!r})"] if name not in (None, G.name) else []
    return [*found, f"weights hash ({weights_hash[:8]}, here {G.weights_hash[:8]})"]


def rows_of(layers: Any, space: str, num_layers: int | None = None, name: str = "layers") -> tuple[int, ...] | None:
    """Return a choice of rows of ``w+`` as a sorted tuple.

    Args:
        layers: Row numbers, or None for all.
        space: Of the direction; only those of ``w`` and ``w+`` can be restricted.
        num_layers: How many there are, if known.
        name: What the argument is called in errors.

    Returns:
        The rows, or None.

    Raises:
        TypeError: If they are no integers.
        ValueError: If there are none, one is not there, or the space has no layers.
    """
    if layers is None:
        return None
    if space not in ("w", "w+"):
        raise ValueError(
            f"{name} must be None in {space}, got {shown(layers)}. Only w and w+ go into the layers one by one."
        )
    if isinstance(layers, str) or not hasattr(layers, "__iter__"):
        raise TypeError(f"{name} must be a list of rows of w+, got {shown(layers)}. Use [{shown(layers, 40)}].")
    high = None if num_layers is None else num_layers - 1
    rows = tuple(sorted({checks.integer(name, row, low=0, high=high) for row in layers}))
    if not rows:
        raise ValueError(f"{name} must name at least one row of w+, got none. Use None for all.")
    return rows
