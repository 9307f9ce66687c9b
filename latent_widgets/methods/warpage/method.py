"""Warpage: how much the local bases of different latents differ, next to what chance gives."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.sweep.assignment import Assignment, begun
from latent_widgets.core.sweep.engine import run
from latent_widgets.core.work import Stopped, Work, affordable, check_budget, timed
from latent_widgets.generators.base import Generator
from latent_widgets.generators.sending import Sent, identity
from latent_widgets.geometry.jacobian.sweeping import BasesTask, batch_of, product_of
from latent_widgets.geometry.jacobian.targets import check_target
from latent_widgets.geometry.subspaces.grassmann import METRICS, as_basis
from latent_widgets.methods.warpage.map import WarpageMap
from latent_widgets.methods.warpage.stored import COMPARED, KIND, fields_of
from latent_widgets.values.directions import as_directions

__all__ = ["Asked", "assignment", "warpage"]


@exact()
def warpage(
    G: Generator,
    n: int = 64,
    k: int = 10,
    seed: int = 0,
    metric: Literal["geodesic", "projection"] = "geodesic",
    on_step: OnStep | None = None,
    compare: Mapping[str, Any] | None = None,
    *,
    target: str = "w",
    max_k: int | None = None,
    epsilon: float | None = None,
    pictures: int | None = None,
    seconds: float | None = None,
    store: str | os.PathLike[str] | None = None,
) -> WarpageMap:
    """Measure how much the local bases of random latents differ.

    Choi et al. (ICLR 2022, "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of
    GANs") compare the subspaces of the first ``k`` local directions at random and at close latents on the
    Grassmannian, beside uniformly random ones and the global directions of GANSpace and SeFa. Bases are computed once
    and serve every ``k``.

    Args:
        G: The generator.
        n: How many latents.
        k: Dimension of the subspaces compared.
        seed: Of the latents.
        metric: ``"geodesic"``; or ``"projection"``, which saturates at 1 for all but the smallest ``k``.
        on_step: Called as latents are finished, and in between; ``False`` ends the run, and the map has those that were
            finished.
        compare: For each name ``Directions``, a result that carries them, or orthonormal columns, in the same space.
        target: ``"w"`` as published; ``"image"`` or a layer for the right singular vectors of the synthesis.
        max_k: The largest ``k`` to keep for later; 50, as in the official sweep, or one below the dimension if not
            given.
        epsilon: Distance in ``z`` of close latents; if not given ``0.1 sqrt(z_dim / 512)``, which is the official 0.1
            for 512 dimensions and the same angle for others. The step is perpendicular to ``z``: the norm makes no
            difference to a network that normalises it.
        pictures: How many pictures' worth of work to do, instead of ``n``: products with the Jacobian, of which a
            latent and its close partner take twice the dimension. For the target ``"w"`` they are of the mapping alone.
        seconds: How long it may take, about: turned into products by the first of them.
        store: A folder that keeps what is finished: a run that was ended goes on there. See
            :func:`latent_widgets.sweeps.sweep`, whose workers serve here too.

    Returns:
        The map.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``k`` is not below the dimension, the generator has no mapping network and the target is
            ``"w"``, a compared basis does not fit, pictures or seconds are too few or both given, or the store is one
            of something else.
        Stopped: A ``Cancelled``, if ``on_step`` ends the run before the first latent is finished.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> flat, bent = (warpage(ExactFaces(resolution=16, entanglement=e), n=4, k=3) for e in (0.0, 1.0))
        >>> bool(flat.distances.max() < 1e-5), bool(bent.baselines["random"].mean > 0.2)
        (True, True)
    """
    checks.integer("n", n, 1)
    asked = Asked.of(G, k, metric, target, max_k, epsilon, compare)
    d = G.dim(G.main_space)
    each = 2 * d  # products of a latent and its partner
    pictures = check_budget(pictures, seconds, each, "one latent")
    total = None if pictures is None and seconds is not None else n if pictures is None else pictures // each
    work = Work(on_step, total, begins=target == "w")  # the bases of a few latents are quick there
    first = G.sample_z(1, seed)
    product = product_of(G, first, target)
    seconds_each = timed(product, work.inside) / (d if target == "w" else 1)
    if seconds is not None:
        n = affordable(lambda many: many * each * seconds_each, float(seconds), "seconds", "one latent")
        pictures = n * each
    n = n if pictures is None else pictures // each
    work.expect(Plan(n * each, seconds_each, "product"), n * each, n)
    given = assignment(G, G.sample_z(n, seed), seed, asked, seconds_each * each, pictures)
    kept = begun(given, store)
    ended = run(given.task, kept, work, cost=each, seconds_each=given.seconds_each, patient=False)
    if ended.stopped == "cancelled" and len(kept.missing()) == kept.manifest.chunks:
        raise Stopped("Cancelled before the first latent was finished.")
    fields: dict[str, Any] = fields_of(kept)
    placed = {name: one.to(G.device) for name, one in fields.items() if isinstance(one, Tensor)}
    return WarpageMap(**{**fields, **placed, "compared": asked.compared})


@dataclass(frozen=True, eq=False)
class Asked:
    """What a map is to have, checked.

    Attributes:
        k: Dimension of the subspaces that are shown first.
        metric: ``"geodesic"`` or ``"projection"``, shown first.
        target: ``"w"``, ``"image"`` or a layer.
        keep: How many directions of each basis.
        radius: Distance of close latents.
        compared: Bases to compare with, ``(d, keep)`` at most.
    """

    k: int
    metric: str
    target: str
    keep: int
    radius: float
    compared: Mapping[str, Tensor]

    @classmethod
    def of(
        cls,
        G: Generator,
        k: int,
        metric: str,
        target: str,
        max_k: int | None,
        epsilon: float | None,
        compare: Mapping[str, Any] | None,
    ) -> Asked:
        """Check the arguments of :func:`warpage`, see there."""
        checks.choice("metric", metric, METRICS)
        check_target(G, target)
        d = G.dim(G.main_space)
        limit = min(d, G.z_dim) - 1  # all d directions span everything: nothing to compare
        k = checks.integer("k", k, 1, limit)
        keep = min(max(50, k), limit) if max_k is None else checks.integer("max_k", max_k, k, limit)
        compared = {name: _columns(G, name, value, d, keep) for name, value in (compare or {}).items()}
        radius = 0.1 * math.sqrt(G.z_dim / 512) if epsilon is None else checks.number("epsilon", epsilon, 0)
        return cls(k, metric, target, keep, radius, compared)


@exact()
def assignment(
    G: Generator, z: Tensor, seed: int, asked: Asked, seconds_each: float, pictures: int | None = None
) -> Assignment:
    """Say what a sweep for a map is to do.

    Args:
        G: The generator.
        z: The latents, ``(n, z_dim)``.
        seed: Of the steps to their close partners.
        asked: What the map is to have.
        seconds_each: How long a latent takes, about.
        pictures: How many products were asked for.

    Returns:
        It.
    """
    target, k, d = asked.target, asked.keep, G.dim(G.main_space)
    compared = {f"{COMPARED}{name}": value.cpu() for name, value in asked.compared.items()}
    numbers = d + 2 * d * k + min(d, G.z_dim)
    return Assignment(
        kind=KIND,
        task=BasesTask(Sent(G), target, k, ("codes", "directions", "close_directions", "singular_values")),
        inputs={"z": z.cpu(), "close_z": _close(z, asked.radius, seed).cpu(), **compared},
        parameters={"target": target, "k": k, "epsilon": asked.radius, "space": G.main_space},
        **identity(G),
        batch=batch_of(G, target),
        bytes_each=numbers * z.element_size(),
        seconds_each=seconds_each,
        about={"k": asked.k, "metric": asked.metric, "pictures": pictures},
    )


def _close(z: Tensor, radius: float, seed: int) -> Tensor:
    generator = torch.Generator("cpu").manual_seed(seed + 1)
    step = torch.randn(z.shape, generator=generator, dtype=torch.float64, device="cpu").to(z)
    step = step - z * ((step * z).sum(1, keepdim=True) / z.square().sum(1, keepdim=True))
    return z + radius * step / step.norm(dim=1, keepdim=True)


def _columns(G: Generator, name: str, value: Any, d: int, keep: int) -> Tensor:
    label = f"compare[{name!r}]"
    if isinstance(value, Tensor):
        columns = as_basis(value, label)
        if columns.ndim != 2 or columns.shape[0] != d:
            raise ValueError(f"{label} must have shape ({d}, k), got {tuple(columns.shape)}.")
        return columns[:, :keep].to(G.device, G.dtype, copy=True)
    directions = as_directions(value, label).for_generator(G)
    if directions.space != G.main_space:
        raise ValueError(f"{label} must be directions in {G.main_space}, got {directions.space}.")
    return as_basis(directions[:keep], label)
