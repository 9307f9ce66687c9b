"""Which latents a sweep goes over."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_digits

__all__ = ["codes_of", "latents_of"]


def latents_of(G: Generator, codes: Any, seed: int) -> Tensor:
    """Return latents.

    Args:
        G: The generator.
        codes: ``(n, z_dim)``, or how many are drawn.
        seed: Of the draw.

    Returns:
        ``(n, z_dim)``, on the CPU.

    Raises:
        TypeError: If they are neither.
        ValueError: If there is none, or they are not latents of this generator.
    """
    with_digits(steady(G))
    if isinstance(codes, int) and not isinstance(codes, bool):
        return G.sample_z(checks.integer("codes", codes, 1), seed).cpu()
    z, _ = G.check_code(codes, "z", name="codes")
    return _some(z)


def codes_of(G: Generator, codes: Any, seed: int, space: str | None, truncation: float) -> tuple[Tensor, str]:
    """Return codes of pictures.

    Args:
        G: The generator.
        codes: Codes in ``space``, or how many latents are drawn.
        seed: Of the draw.
        space: Where the codes live; if not given, they are latents, which are mapped.
        truncation: Of the mapping.

    Returns:
        The codes on the CPU, and their space.

    Raises:
        TypeError: If they are neither.
        ValueError: If there is none, or they are not codes of this generator.
    """
    if space is None or isinstance(codes, int):
        z = latents_of(G, codes, seed).to(G.device)
        truncation = checks.number("truncation", truncation)
        if G.main_space == "z":
            return _some(z * truncation), "z"
        return _some(G.map(z, truncation)), "w"
    if checks.number("truncation", truncation) != 1.0:
        raise ValueError(
            f"truncation must be left out for codes in {space!r}, got {truncation:g}. Truncate them before."
        )
    with_digits(steady(G))
    batch, space = G.check_code(codes, space, name="codes")
    return _some(batch), space


def _some(codes: Tensor) -> Tensor:
    if not len(codes):
        raise ValueError("codes must hold at least one, got none. Use codes=100, or G.sample_z(100).")
    return codes.detach().cpu().contiguous()
