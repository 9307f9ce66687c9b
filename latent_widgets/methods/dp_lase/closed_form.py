"""Feature directions: what DP-LaSE's variation asks for, to first order and in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import map_rounding
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.density.fitted import Gaussian, fit_density
from latent_widgets.geometry.jacobian.functions import VectorFunction, known_of
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.svd import fix_signs
from latent_widgets.methods.dp_lase.looked import Looked, check_layer, middle_layer
from latent_widgets.values.directions import Directions

__all__ = ["coordinates_of", "feature_directions", "mean_gram", "principal_rows"]


@exact()
def feature_directions(
    G: Generator,
    layer: str | Sequence[str] | None = None,
    k: int = 8,
    *,
    space: Literal["z", "w"] | None = None,
    scaled: bool = True,
    codes: int = 64,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Directions:
    r"""Find the directions along which the features of a layer change most, to first order, on the mean over latents.

    The change of the features for a short step :math:`e` along a direction :math:`g` is :math:`e J g` with the Jacobian
    :math:`J` of the layer, so the variation of DP-LaSE (Li et al. 2021, the first part of equation 8) of ``k``
    orthonormal directions is :math:`e^2 \sum_j g_j^\top \mathrm{E}[J^\top J] g_j`, which the leading eigenvectors of
    the mean of :math:`J^\top J` over the prior make largest: of a scalar function they would span what is called its
    active subspace. Neither the paper nor its program has this; it is ours, as a beginning and as what training is
    compared with. The features need not change in different ways, as the other part of equation 8 asks for.

    Args:
        G: The generator.
        layer: As for :func:`~latent_widgets.dp_lase`: a layer, ``"image"``, ``"s"``, ``"s:layer"``, or several; the
            middle layer if not given.
        k: How many directions; 8 as there.
        space: ``"z"`` (if not given) or ``"w"``, in coordinates whitened by mean and covariance.
        scaled: Whether every layer's features count alike, as there.
        codes: How many latents the mean is over; 64 is ours.
        seed: Of the latents.
        on_step: Called after each latent; ``False`` ends the run, and the mean is over those that were seen.

    Returns:
        ``k`` directions, perpendicular in whitened coordinates and in their standard deviations, the entry of largest
        magnitude of each positive there. The score is the root mean square change of the features for one of them.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If a layer or the space does not exist, or ``k`` is above the rank of the mean.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> D = feature_directions(ExactFaces(resolution=16), "image", k=2, codes=4)
        >>> D.names, bool(D.scores["feature change"][0] > D.scores["feature change"][1])
        (('feature 1', 'feature 2'), True)
    """
    where, prior = coordinates_of(G, space, seed)
    names = check_layer(G, middle_layer(G) if layer is None else layer)
    k = checks.integer("k", k, 1, prior.dim)
    codes = checks.integer("codes", codes, low=2)
    scaled = checks.flag("scaled", scaled)
    looked = Looked(G, where, names)
    z = G.sample_z(codes, checks.integer("seed", seed, low=0))
    with torch.no_grad():
        points = (G.map(z) if where == "w" else z).detach()
        scales = looked.scales(points, scaled)
    gram, seen = mean_gram(looked, prior, prior.whiten(points.double()), scales, on_step)
    values, rows = principal_rows(gram)
    rank = int((values > max(map_rounding(G.dtype) ** 2, map_rounding(torch.float64)) * values[0]).sum())
    if k > rank:
        raise ValueError(f"k must be at most {rank}, the rank of the features' mean J'J, got {k}.")
    vectors = prior.unwhiten_direction(rows[:k])
    parameters = {"layer": names if len(names) > 1 else names[0], "k": k, "space": where, "scaled": scaled}
    return Directions(
        vectors.to(G.dtype),
        where,
        unit="sd",
        scales=vectors.norm(dim=1).to(G.dtype),  # one unit of the whitened coordinates
        scores={"feature change": values[:k].sqrt().to(G.dtype)},
        method="feature_directions",
        parameters=parameters | {"codes": codes},
        seed=seed,
        rows=tuple(range(k)) if seen == codes else None,
        generator=G.name,
        weights_hash=G.weights_hash,
    )


@exact()
def coordinates_of(G: Generator, space: str | None, seed: int) -> tuple[str, Gaussian]:
    """Return the space and the Gaussian that maps its codes to coordinates of mean zero and variance one."""
    space = with_digits(G).check_space("z" if space is None else space)
    checks.choice("space", space, ("z", "w"))
    prior = fit_density(G, space, "standard" if space == "z" else "gaussian", seed=checks.integer("seed", seed, low=0))
    if not isinstance(prior, Gaussian):
        raise TypeError(f"prior must be Gaussian, got {type(prior).__name__}.")
    return space, prior


def mean_gram(
    looked: Looked, prior: Gaussian, codes: Tensor, scales: Sequence[float], on_step: OnStep | None = None
) -> tuple[Tensor, int]:
    """Return the mean of ``J'J / p`` of ``p`` features with respect to whitened coordinates.

    Args:
        looked: The features.
        prior: Maps whitened coordinates to codes.
        codes: ``(n, d)``, in whitened coordinates.
        scales: What the features of each name are divided by.
        on_step: Called after each code; ``False`` ends the sum.

    Returns:
        ``(d, d)`` in float64, and over how many codes.
    """
    G = looked.G
    known = known_of(G, " ".join(looked.inner), looked.space)

    def call(x: Tensor) -> Tensor:
        blocks = looked.blocks(prior.unwhiten(x[None]).to(x))
        return torch.cat([block[0] / scale for block, scale in zip(blocks, scales, strict=True)])

    total, done = codes.new_zeros(codes.shape[1], codes.shape[1], dtype=torch.float64), 0
    for code in codes.to(G.dtype):
        J = JacobianOperator(VectorFunction(call, code, looked.space, known=known), code)
        total, done = total + J.gram().double() / J.shape[0], done + 1
        if not report(on_step, done, len(codes), float(total.trace() / done)):
            break
    return total / done, done


def principal_rows(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, the largest first, and eigenvectors as rows with a positive largest entry."""
    values, columns = torch.linalg.eigh(gram)
    return values.flip(0).clamp(min=0), fix_signs(columns.flip(1))[0].T
