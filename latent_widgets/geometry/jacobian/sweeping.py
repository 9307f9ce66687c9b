"""Singular bases of many latents, a few at once: what is sent to the workers of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.sweep.tasks import telling
from latent_widgets.core.work import timed
from latent_widgets.generators.base import Generator
from latent_widgets.generators.sending import GeneratorTask
from latent_widgets.geometry.jacobian.differential import differential, latents_at_once, mapping_jacobians
from latent_widgets.geometry.jacobian.functions import target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["BasesTask", "batch_of", "latent_seconds", "product_of", "product_seconds"]

BATCH = 16  # latents at once on a CPU, where more are hardly faster
CLOSE = "close_"


@dataclass(frozen=True, eq=False)
class BasesTask(GeneratorTask):
    """Finds the singular bases at latents, and at their close partners where there are any.

    Attributes:
        target: ``"w"``, ``"image"`` or a layer.
        k: How many singular vectors to keep.
        keep: Which columns: ``codes``, ``directions``, ``singular_values`` and, for ``"w"``, ``inputs``; those of the
            partners under names that begin with ``close_``.
        method: How to find them.
        budget_bytes: What products may take.
    """

    target: str
    k: int
    keep: tuple[str, ...]
    method: str = "exact"
    budget_bytes: int | None = None

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> dict[str, Tensor]:
        """Return the columns."""
        told = telling(inside)
        both = [rows[name] for name in ("z", f"{CLOSE}z") if name in rows]
        found = differential(
            self.sent.generator,
            torch.cat(both),
            self.target,
            self.k,
            self.method,
            on_step=told,
            inside=told,
            budget_bytes=self.budget_bytes,
        )
        columns = {
            prefix + name: part
            for name in ("codes", "directions", "singular_values", "inputs")
            for prefix, part in zip(("", CLOSE), getattr(found, name).split(len(both[0])), strict=False)
        }
        return {name: columns[name] for name in self.keep}


@exact()
def batch_of(G: Generator, target: str) -> int:
    """Return how many latents are computed at once, so that memory holds them; it does not depend on what is free.

    Args:
        G: The generator.
        target: ``"w"``, ``"image"`` or a layer.

    Returns:
        For the mapping 16 on a CPU and as many as a GPU is filled with; for a picture or a layer 1, whose products are
        made as many at once as memory holds.
    """
    if target != "w":
        return 1
    return BATCH if G.device.type != "cuda" else max(BATCH, latents_at_once(G.dim("w"), G.z_dim, "cuda"))


@exact()
def product_of(G: Generator, z: Tensor, target: str) -> Callable[[], Tensor]:
    """Return what makes a product with the Jacobian, done once so that it takes as long as later.

    Args:
        G: The generator.
        z: ``(1, z_dim)``.
        target: ``"w"``, ``"image"`` or a layer.

    Returns:
        It; of the mapping, it makes all products of a latent, which are made at once.
    """
    if target == "w":
        mapping_jacobians(G, z)
        return lambda: mapping_jacobians(G, z)
    f = target_function(G, G.map(z)[0] if "w" in G.spaces else z[0], target)
    J = JacobianOperator(f, f.x0)
    vector = torch.ones_like(f.x0)
    J @ vector
    return lambda: J @ vector


@exact()
def product_seconds(J: JacobianOperator, single: bool = False) -> float:
    """Return how long a product takes where all of them are made, many at once and from one graph.

    Args:
        J: The Jacobian.
        single: Whether they are made one by one, forward and back, as an iteration does.

    Returns:
        Seconds; with those of the product back, where it is single or the whole matrix is not held.
    """
    count = 1 if single else min(J.products.chunk, J.shape[1], BATCH)
    block = torch.eye(J.shape[1], count, dtype=J.dtype, device=J.device)
    if J.fits() and not single:
        return _timed(lambda: J @ block) / count

    def both() -> Tensor:
        return J.T @ (J @ block)

    with J.keeping_graph():
        return _timed(both) / count


@exact()
def latent_seconds(G: Generator, z: Tensor, target: str, products: int | None = None) -> float:
    """Return how long a latent takes in a sweep.

    Args:
        G: The generator.
        z: ``(n, z_dim)``, of which some are tried.
        target: ``"w"``, ``"image"`` or a layer.
        products: With the Jacobian, of a picture or a layer; all if not given.

    Returns:
        Seconds.
    """
    if target == "w":
        some = z[:BATCH].to(G.device)
        return _timed(lambda: differential(G, some, target).directions) / len(some)
    first = z[:1].to(G.device)
    f = target_function(G, G.map(first)[0] if "w" in G.spaces else first[0], target)
    J = JacobianOperator(f, f.x0)
    return len(f.x0) * product_seconds(J) if products is None else products * product_seconds(J, single=True)


def _timed(work: Callable[[], Tensor]) -> float:
    work()  # once, so that it takes as long as later
    return timed(work)
