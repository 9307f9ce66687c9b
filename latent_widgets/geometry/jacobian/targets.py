"""What a differential is taken of: the mapping, the picture or a layer."""

from __future__ import annotations

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator

__all__ = ["checked_target", "targets_of"]


def targets_of(G: Generator) -> tuple[str, ...]:
    """Return what the differential of a generator can be taken of, the usual one first."""
    return (*(("w",) if "w" in G.spaces else ()), "image", *G.layer_names)


def checked_target(G: Generator, target: str | None) -> str:
    """Return ``target`` if the generator has it.

    Args:
        G: The generator.
        target: ``"w"``, ``"image"`` or a layer; the usual one if not given.

    Returns:
        The target.

    Raises:
        ValueError: If the generator does not have it.
    """
    if target is None:
        return targets_of(G)[0]
    checks.choice("target", target, ("w", "image", *G.layer_names))
    if target == "w" and "w" not in G.spaces:
        raise ValueError(
            f"target must be 'image' or a layer for {G.name!r}, which has no mapping network, got 'w'. "
            "Use target='image': it takes the derivative of the picture."
        )
    return target
