"""SeFa (Shen and Zhou 2021): the directions that change the styles most, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.grams import gram_of_rows, leading
from latent_widgets.core.rounding import map_rounding, negligible
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators._values import StyleMap
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.svd import fix_signs
from latent_widgets.values.directions import Directions
from latent_widgets.values.fitting import rows_of
from latent_widgets.values.units import latent_sd

__all__ = ["sefa"]


@exact()
def sefa(
    G: Generator, k: int = 20, *, layers: Sequence[int] | None = None, on_step: OnStep | None = None
) -> Directions:
    r"""Factorise the weights that read the latent.

    Shen and Zhou (CVPR 2021, "Closed-Form Factorization of Latent Semantics in GANs") take the eigenvectors of
    :math:`A A^\top`, largest eigenvalue first. As in their program, the columns of :math:`A` are the rows of the affine
    maps from ``w`` to the styles of the chosen layers, each scaled to length one: of every row of ``w+`` the
    convolution, and of the last one the map to RGB. In a live network these maps are the submodules that are given a
    row of ``w+`` and are affine in it. Without a mapping they are the rows of the first layer's weight.

    Args:
        G: A generator with styles, or one whose first layer is linear or a convolution of ``z``.
        k: How many directions.
        layers: Rows of ``w+`` to read and to act on; all if not given.
        on_step: Called once, at the end.

    Returns:
        ``k`` orthonormal directions, in latent standard deviations, the entry of largest magnitude of each positive;
        the score is the eigenvalue. They are directions in ``w``, or in ``z`` without a mapping.

    Raises:
        TypeError: If ``k`` is not an integer.
        ValueError: If ``k`` is above the rank of the weights that are read, a layer does not exist, or the generator
            has no such weights.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}), "tiny")
        >>> sefa(G, k=2, layers=[0, 1])
        <Directions 2 x 5 in w: sefa 1, sefa 2; unit sd; for tiny>
    """
    space = G.main_space
    k = checks.integer("k", k, 1, G.dim(space))
    rows = rows_of(layers, space, G.num_layers)
    weights = _style_weights(G, rows) if space == "w" else _first_weight(G)  # (columns of A, dim)
    dtype, lengths = weights.dtype, torch.linalg.vector_norm(weights, dim=1, dtype=torch.float64)
    nothing = negligible(lengths, lengths.max(), dtype)  # a style that reads nothing has no direction
    weights = weights.double() * lengths.reciprocal().masked_fill(nothing, 0)[:, None]
    gram = gram_of_rows(weights).cpu()
    values, columns = leading(gram, k)
    # a singular value is good to a share of the first, its square is computed in float64
    least = max(map_rounding(dtype) ** 2, map_rounding(torch.float64)) * values[0]
    if not bool(values[-1] > least):
        rank = int((torch.linalg.eigvalsh(gram) > least).sum())
        raise ValueError(f"k must be at most {rank}, the rank of the weights that are read, got {k}.{_more(rows)}")
    vectors = fix_signs(columns)[0].T.to(G.device, G.dtype)
    report(on_step, 1, 1)
    return Directions(
        vectors,
        space,
        unit="sd",
        scales=latent_sd(G, vectors, space),
        layers=rows,
        scores={"eigenvalue": values.to(G.device, G.dtype)},
        method="sefa",
        parameters={"k": k, "layers": rows},
        rows=tuple(range(k)),
        generator=G.name,
        weights_hash=G.weights_hash,
    )


def _more(rows: Sequence[int] | None) -> str:
    return "" if rows is None else f" The layers {list(rows)} see no more of w: take fewer directions, or more layers."


def _style_weights(G: Generator, rows: Sequence[int] | None) -> Tensor:
    style_maps: Callable[[], Sequence[StyleMap]] = getattr(G, "style_maps", tuple)
    maps = style_maps()
    chosen = []
    for row in range(G.num_layers) if rows is None else rows:
        here = [found for found in maps if found.row == row]
        chosen += [found.weight for found in here if "rgb" not in found.name.lower()] or [
            found.weight for found in here
        ]
    if not chosen:
        raise ValueError(
            f"sefa must be given a generator whose styles are affine in w, got {G.name!r}. Use ganspace(G)."
        )
    return torch.cat(chosen)


def _first_weight(G: Generator) -> Tensor:
    for module in G.module.modules():
        if isinstance(module, nn.Linear) and module.in_features == G.z_dim:
            return module.weight.detach()
        if isinstance(module, nn.ConvTranspose2d) and module.in_channels == G.z_dim:
            return module.weight.detach().flatten(1).T  # (z_dim, channels, h, w)
        if isinstance(module, nn.Conv2d) and module.in_channels == G.z_dim:
            return module.weight.detach().transpose(0, 1).flatten(1).T
    raise ValueError(f"sefa must be given a generator that begins with a linear layer of z, got {G.name!r}.")
