"""Warpage: how much the local bases of different latents differ, next to what chance gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan, Step
from latent_widgets.core.work import Stopped, Work, affordable, check_budget, timed
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.differential import Differential, differential, mapping_jacobians
from latent_widgets.geometry.jacobian.functions import target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.targets import check_target
from latent_widgets.geometry.subspaces.grassmann import METRICS, as_basis
from latent_widgets.methods.warpage.map import WarpageMap
from latent_widgets.values.directions import as_directions

__all__ = ["warpage"]


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

    Returns:
        The map.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``k`` is not below the dimension, the generator has no mapping network and the target is
            ``"w"``, a compared basis does not fit, or pictures or seconds are too few or both given.
        Stopped: A ``Cancelled``, if ``on_step`` ends the run before the first latent is finished.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> flat, bent = (warpage(ExactFaces(resolution=16, entanglement=e), n=4, k=3) for e in (0.0, 1.0))
        >>> bool(flat.distances.max() < 1e-5), bool(bent.baselines["random"].mean > 0.2)
        (True, True)
    """
    checks.integer("n", n, 1)
    checks.choice("metric", metric, METRICS)
    check_target(G, target)
    d = G.dim(G.main_space)
    limit = min(d, G.z_dim) - 1  # all d directions span everything: nothing to compare
    k = checks.integer("k", k, 1, limit)
    keep = min(max(50, k), limit) if max_k is None else checks.integer("max_k", max_k, k, limit)
    compared = {name: _columns(G, name, value, d, keep) for name, value in (compare or {}).items()}
    radius = 0.1 * math.sqrt(G.z_dim / 512) if epsilon is None else checks.number("epsilon", epsilon, 0)
    each = 2 * d  # products of a latent and its partner
    pictures = check_budget(pictures, seconds, each, "one latent")
    asked = None if pictures is None and seconds is not None else n if pictures is None else pictures // each
    work = Work(on_step, asked, begins=target == "w")  # the bases of a few latents are quick there
    first = G.sample_z(1, seed)
    product = _product(G, first, target)
    seconds_each = timed(product, work.inside) / (d if target == "w" else 1)
    if seconds is not None:
        n = affordable(lambda many: many * each * seconds_each, float(seconds), "seconds", "one latent")
        pictures = n * each
    n = n if pictures is None else pictures // each
    work.expect(Plan(n * each, seconds_each, "product"), n * each, n)
    z = G.sample_z(n, seed)
    near = _close(z, radius, seed)
    found: list[Differential] = []
    m = 0

    def inside(step: Step) -> bool:
        if step.total is None or step.index < step.total:
            work.inside()
        return True

    try:
        for both in zip(z.split(size := 16 if target == "w" else 1), near.split(size), strict=True):
            # latents, then their close partners
            found.append(differential(G, torch.cat(both), target, keep, on_step=inside, inside=inside))
            m += len(both[0])
            work.draw(len(both[0]) * each)
            if not work.tell(m):
                break
    except Stopped:
        if not found:
            raise
    halves = [torch.arange(len(part.z), device=z.device, dtype=torch.int64).chunk(2) for part in found]

    def gathered(name: str, half: int) -> Tensor:
        return torch.cat([getattr(part, name)[both[half]] for part, both in zip(found, halves, strict=True)])

    return WarpageMap(
        z=z[:m],
        codes=gathered("codes", 0),
        space=G.main_space,
        target=target,
        bases=gathered("directions", 0),
        close_bases=gathered("directions", 1),
        epsilon=radius,
        singular_values=gathered("singular_values", 0),
        compared=compared,
        k=k,
        metric=metric,
        total=n,
        stopped="finished" if m == n else "cancelled",
        pictures=pictures,
    )


def _product(G: Generator, z: Tensor, target: str) -> Callable[[], Tensor]:
    """What a product with the Jacobian does; of the mapping, all those of a latent, which are made at once."""
    if target == "w":
        mapping_jacobians(G, z)
        return lambda: mapping_jacobians(G, z)
    f = target_function(G, G.map(z)[0] if "w" in G.spaces else z[0], target)
    J = JacobianOperator(f, f.x0)
    vector = torch.ones_like(f.x0)
    J @ vector
    return lambda: J @ vector


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
