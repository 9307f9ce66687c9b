"""Random directions: what every method is compared with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch

from latent_widgets.core import checks
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.values.directions import Directions
from latent_widgets.values.fitting import rows_of
from latent_widgets.values.units import latent_sd

__all__ = ["random_directions"]


def random_directions(
    G: Generator,
    k: int = 8,
    *,
    space: str | None = None,
    seed: int = 0,
    orthogonal: bool = True,
    layers: Sequence[int] | None = None,
    on_step: OnStep | None = None,
) -> Directions:
    """Draw directions uniformly from the sphere.

    Orthogonal ones are distributed as the first rows of a Haar orthogonal matrix: the QR factor of a Gaussian matrix,
    with the diagonal of R made positive (Mezzadri 2007, "How to generate random matrices from the classical compact
    groups"). The first directions do not depend on how many are drawn.

    Args:
        G: The generator.
        k: How many.
        space: Where; the generator's main space if not given.
        seed: Of the draw; the same directions on every device. The latent of the same seed has nothing to do with them.
        orthogonal: Whether they are perpendicular to each other.
        layers: Rows of ``w+`` that they act on; all if not given.
        on_step: Called once, at the end.

    Returns:
        ``k`` directions of unit length, in latent standard deviations.

    Raises:
        TypeError: If ``k`` or ``seed`` is not an integer.
        ValueError: If the generator lacks the space or a layer, or there are not ``k`` perpendicular directions in it.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}), "tiny")
        >>> D = random_directions(G, k=2, seed=1)
        >>> D
        <Directions 2 x 5 in w: random 1, random 2; unit sd; for tiny>
        >>> torch.allclose(D.vectors @ D.vectors.T, torch.eye(2), atol=1e-6)
        True
    """
    space = G.check_space(G.main_space if space is None else space)
    rows = rows_of(layers, space, G.num_layers)
    moved = list(range(G.num_layers) if rows is None else rows) if space == "w+" else [0]
    dim = len(moved) * G.dim(space)
    k = checks.integer("k", k, low=1)
    orthogonal = checks.flag("orthogonal", orthogonal)
    if orthogonal and k > dim:
        raise ValueError(f"k must be at most {dim}, the dimension of {space}, got {k}. Use orthogonal=False for more.")
    generator = torch.Generator("cpu").manual_seed(_stream(checks.integer("seed", seed, low=0, high=2**63 - 1)))
    # row by row, so that the first do not depend on how many there are
    draws = torch.stack([torch.randn(dim, generator=generator, dtype=torch.float64, device="cpu") for _ in range(k)])
    if orthogonal:
        q, r = torch.linalg.qr(draws.T)
        draws = (q * r.diagonal().sign()).T
    draws = draws / draws.norm(dim=1, keepdim=True)
    if space == "w+":  # every row counts as much as one direction of w
        vectors = torch.zeros(k, G.num_layers, G.dim(space), dtype=torch.float64, device="cpu")
        vectors[:, moved] = draws.reshape(k, len(moved), -1) * math.sqrt(len(moved))
    else:
        vectors = draws
    vectors = vectors.to(G.device, G.dtype)
    report(on_step, 1, 1)
    return Directions(
        vectors,
        space,
        unit="sd",
        scales=latent_sd(G, vectors, space, layers=rows),
        layers=rows,
        method="random_directions",
        parameters={"k": k, "space": space, "orthogonal": orthogonal, "layers": rows},
        seed=seed,
        rows=tuple(range(k)),
        generator=G.name,
        weights_hash=G.weights_hash,
    )


def _stream(seed: int) -> int:
    """The seed of the directions' own random numbers, or the first direction could be parallel to the latent."""
    digest = hashlib.blake2b(f"random_directions {seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
