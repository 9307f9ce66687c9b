"""What a differential can be taken of, by name: the mapping, the picture or a layer."""

from __future__ import annotations

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator

__all__ = ["check_mapping", "check_target", "checked_target", "targets_of"]


def targets_of(G: Generator) -> tuple[str, ...]:
    """Return what the differential of a generator can be taken of, the usual one first."""
    return (*(("w",) if "w" in G.spaces else ()), "image", *G.layer_names)


def check_mapping(G: Generator) -> None:
    """Refuse a generator without a mapping network, whose differential would be that of ``"w"``.

    Args:
        G: The generator.

    Raises:
        ValueError: If it has none.
    """
    if "w" not in G.spaces:
        raise ValueError(
            f"target must be 'image' or a layer for {G.name!r}, which has no mapping network, got 'w'. "
            "Use target='image': it takes the derivative of the picture."
        )


def check_target(G: Generator, target: str) -> str:
    """Return ``target`` if the generator has it.

    Args:
        G: The generator.
        target: ``"w"``, ``"image"`` or a layer.

    Returns:
        The target.

    Raises:
        ValueError: If the generator does not have it.
    """
    checks.choice("target", target, ("w", "image", *G.layer_names))
    if target == "w":
        check_mapping(G)
    return target


def checked_target(G: Generator, target: str | None) -> str:
    """Return ``target`` if the generator has it, see :func:`check_target`; the usual one if not given."""
    return targets_of(G)[0] if target is None else check_target(G, target)
