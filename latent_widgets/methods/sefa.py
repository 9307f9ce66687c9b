"""SeFa (Shen and Zhou 2021): the directions that change the styles most, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.forward import FORWARD, load_rules
from latent_widgets.core.rounding import negligible
from latent_widgets.core.steps import OnStep, report
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
        ValueError: If ``k`` is above the dimension, a layer does not exist, or the generator has no such weights.

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
    dtype, weights = weights.dtype, weights.double()
    lengths = weights.norm(dim=1)
    reads = ~negligible(lengths, lengths.max(), dtype)  # a style that reads nothing has no direction
    weights = weights[reads] / lengths[reads, None]
    values, columns = torch.linalg.eigh(weights.T @ weights)
    vectors = fix_signs(columns.flip(1)[:, :k])[0].T.to(G.dtype)
    report(on_step, 1, 1)
    return Directions(
        vectors,
        space,
        unit="sd",
        scales=latent_sd(G, vectors, space),
        layers=rows,
        scores={"eigenvalue": values.flip(0)[:k].to(G.dtype)},
        method="sefa",
        parameters={"k": k, "layers": rows},
        rows=tuple(range(k)),
        generator=G.name,
        weights_hash=G.weights_hash,
    )


def _style_weights(G: Generator, rows: Sequence[int] | None) -> Tensor:
    """The weights of the affine maps, read off as their derivative: whatever the network calls them."""
    styles: Callable[..., Tensor] | None = getattr(G, "styles", None)
    slices: dict[str, slice] | None = getattr(G, "style_slices", None)
    live: Callable[[], Sequence[Any]] = getattr(G, "style_maps", tuple)
    if styles is not None and slices is not None:
        load_rules()
        with FORWARD:
            jacobian: Tensor = torch.func.jacfwd(lambda w: styles(w[None], "w")[0])(G.w_avg.detach())  # (s_dim, w_dim)
        layers = zip(G.layer_names, G.layer_index, strict=True)
        maps = [(name, row, jacobian[slices[name]]) for name, row in layers]
    else:
        maps = [(found.name, found.row, found.weight) for found in live()]
    chosen = []
    for row in range(G.num_layers) if rows is None else rows:
        here = [(name, weight) for name, index, weight in maps if index == row]
        convolutions = [weight for name, weight in here if "rgb" not in name.lower()]
        chosen += convolutions or [weight for _, weight in here]
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
