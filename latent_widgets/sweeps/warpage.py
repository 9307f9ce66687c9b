"""Sweeps of warpage (Choi et al. 2022): bases at latents and at their close partners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latent_widgets.core.sweep.assignment import Assignment
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.sweeping import latent_seconds
from latent_widgets.geometry.jacobian.targets import checked_target
from latent_widgets.methods.warpage.method import Asked, assignment
from latent_widgets.sweeps.codes import latents_of

__all__ = ["assigned"]


def assigned(
    G: Generator,
    codes: Any,
    seed: int,
    *,
    k: int = 10,
    metric: str = "geodesic",
    target: str | None = None,
    max_k: int | None = None,
    epsilon: float | None = None,
    compare: Mapping[str, Any] | None = None,
) -> Assignment:
    """Say what a sweep for a map of warpage is to do; the options are those of :func:`latent_widgets.warpage`.

    Args:
        G: The generator.
        codes: Latents ``(n, z_dim)``, or how many are drawn.
        seed: Of the draw, and of the steps to the close partners.
        k: Dimension of the subspaces that are shown first.
        metric: ``"geodesic"`` or ``"projection"``, shown first.
        target: ``"w"``, ``"image"`` or a layer; ``"w"`` if not given, ``"image"`` without a mapping.
        max_k: The largest ``k`` to keep.
        epsilon: Distance of close latents.
        compare: Bases to compare with.

    Returns:
        It.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
    """
    target = checked_target(G, target)
    asked = Asked.of(G, k, metric, target, max_k, epsilon, compare)
    z = latents_of(G, codes, seed)
    return assignment(G, z, seed, asked, 2 * latent_seconds(G, z, target))
