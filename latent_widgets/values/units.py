"""How long one step is: latent lengths, latent standard deviations, degrees of a great circle, image change.

A direction in ``w+`` has one row per layer. Its length is the root mean square of the lengths of its rows, so that a
direction of ``w`` keeps its length when it is repeated for every layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator
from latent_widgets.values.spread import Spread, spread_of

__all__ = ["UNITS", "direction_lengths", "latent_sample", "latent_sd"]

UNITS: tuple[str, ...] = ("sd", "latent", "degrees", "rms")


def direction_lengths(vectors: Tensor, layers: Sequence[int] | None = None) -> Tensor:
    """Return the lengths of directions.

    Args:
        vectors: ``(k, d)``, or ``(k, num_layers, d)`` for ``w+``.
        layers: For ``w+``, the rows that count; all if not given.

    Returns:
        ``(k,)``.

    Example:
        >>> w = torch.tensor([[3.0, 4.0]])
        >>> direction_lengths(w), direction_lengths(w[:, None].repeat(1, 7, 1))
        (tensor([5.]), tensor([5.]))
    """
    if vectors.ndim == 2:
        return vectors.norm(dim=1)
    rows = vectors if layers is None else vectors[:, list(layers)]
    return rows.norm(dim=2).square().mean(1).sqrt()


def latent_sample(G: Generator, space: str, n: int = 2000, seed: int = 0) -> Tensor:
    """Draw codes of a space as the generator meets them: from the prior, mapped where there is a mapping.

    Args:
        G: The generator.
        space: Where; codes of ``w+`` are those of ``w``, since all rows of a mapped latent are equal.
        n: How many.
        seed: Of the sample.

    Returns:
        ``(n, dim)``.

    Raises:
        ValueError: If the generator lacks the space, or has no style vectors to compute.

    Example:
        >>> import latent_widgets.generators.stylegan2 as stylegan2, latent_widgets.generators.style as style
        >>> channels = {4: 4, 8: 4}
        >>> G = style.StyleGenerator(stylegan2.StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels=channels))
        >>> latent_sample(G, "w", n=10).shape
        torch.Size([10, 5])
    """
    G.check_space(space)
    with torch.no_grad():
        z = G.sample_z(n, seed)
        if space == "z":
            return z
        w = G.map(z)
        if space != "s":
            return w
        styles = getattr(G, "styles", None)
        if styles is None:
            raise ValueError(f"space must be one that can be sampled, got 's': {type(G).__name__} has no styles(code).")
        return styles(w, "w")


def latent_sd(
    G: Generator, vectors: Tensor, space: str, n: int = 2000, seed: int = 0, layers: Sequence[int] | None = None
) -> Tensor:
    """Estimate the standard deviation of latents along directions: the length of one step of unit ``"sd"``.

    For ``z`` it is exactly one, by the prior. For ``w+`` it is the root mean square over the rows. Along a direction in
    which latents do not move it is not zero, but what rounding lets be seen: 32 units in the last place of a
    typical coordinate.

    Args:
        G: The generator.
        vectors: ``(k, d)``, or ``(k, num_layers, d)`` for ``w+``; their own length does not matter.
        space: Where they live.
        n: Size of the sample: 2000 gives the deviation of a Gaussian within 1.6 % (one standard error).
        seed: Of the sample.
        layers: For ``w+``, the rows that count; all if not given.

    Returns:
        ``(k,)`` lengths in the units of the latent space.

    Raises:
        TypeError: If ``vectors`` is no tensor or ``n`` no integer.
        ValueError: If the generator lacks the space, or a shape or number does not fit.

    Example:
        >>> import latent_widgets.generators.stylegan2 as stylegan2, latent_widgets.generators.style as style
        >>> channels = {4: 4, 8: 4}
        >>> G = style.StyleGenerator(stylegan2.StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels=channels))
        >>> latent_sd(G, torch.eye(3), "z")
        tensor([1., 1., 1.])
    """
    checks.integer("n", n, low=2)
    d = G.dim(space)
    checks.shape("vectors", vectors, ("k", G.num_layers, d) if space == "w+" else ("k", d))
    vectors = vectors.to(G.device, G.dtype)
    if space == "z":
        return torch.ones(len(vectors), device=G.device, dtype=G.dtype)
    units = vectors / direction_lengths(vectors, layers).reshape(-1, *(1,) * (vectors.ndim - 1))
    spread = Spread.of(latent_sample(G, "s", n, seed)) if space == "s" else spread_of(G, n, seed)
    rows = spread.along(units).square().reshape(len(vectors), -1)
    rows = rows if layers is None or vectors.ndim == 2 else rows[:, list(layers)]
    return rows.mean(1).sqrt().clamp(min=spread.least).to(G.dtype)
