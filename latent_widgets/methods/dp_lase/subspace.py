"""The refinement of DP-LaSE: groups of channels that move together along one direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import negligible, ranked
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.effects.feature_layers import moved, steps_of
from latent_widgets.values.directions import Directions, as_directions
from latent_widgets.values.units import latent_sample

__all__ = ["ChannelGroups", "refine_subspace"]


@dataclass(frozen=True, eq=False)
class ChannelGroups:
    """The channels of a layer, in groups that move together along a direction.

    Attributes:
        labels: ``(C,)``, the group of each channel; group 0 changes most.
        share: ``(groups,)``, the share of the squared feature change that falls on each group.
        sizes: ``(groups,)``, how many channels each has.
        residual: The share of the features' energy that the other channels do not explain.
        layer: Whose channels.
        name: Label of the direction.
        direction: The direction.
    """

    labels: Tensor
    share: Tensor
    sizes: Tensor
    residual: float
    layer: str
    name: str
    direction: Directions = field(repr=False)

    @torch.no_grad()
    def synthesize(self, G: Generator, code: Any, alpha: float, group: int | Sequence[int] = 0) -> Tensor:
        """Draw codes of which one group of channels alone moves along the direction.

        As in the released program: at the layer, the channels of the group are those of the moved codes and all others
        those of the codes themselves. What comes after takes the styles of the codes themselves.

        Args:
            G: The generator; one that can go on from a layer.
            code: A code or a batch ``(n, ...)``, in the space of the direction.
            alpha: How far, in the unit of the direction.
            group: Which group, or several.

        Returns:
            ``(n, 3, H, W)``.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If the generator cannot resume, the group does not exist, or the layer's channels are those of
                the picture, which nothing follows.
        """
        G._need_resume("synthesize")
        checks.number("alpha", alpha)
        listed = [group] if isinstance(group, int) else list(group)
        for each in listed:
            checks.integer("group", each, low=0, high=len(self.sizes) - 1)
        direction = self.direction.for_generator(G)
        still, space = _on_its_rows(G, direction, *G.check_code(code, direction.space))
        ahead = moved(still, alpha * steps_of(direction), direction.layers)
        (name,) = G.check_layers([self.layer])
        after = G.layer_names.index(name) + 1
        if after == len(G.layer_names):
            raise ValueError(f"layer must have another after it, got {name!r}, the last. Refine an earlier one.")
        here, there = (G._activations(each, space)[after] for each in (still, ahead))
        if here.x.shape[1] != len(self.labels):
            raise ValueError(
                f"layer must have {len(self.labels)} channels that later layers read, got {name!r} with "
                f"{here.x.shape[1]}. Refine a layer that draws no picture."
            )
        chosen = torch.isin(self.labels, torch.tensor(listed, dtype=torch.int64, device=self.labels.device)).to(
            here.x.device
        )
        mixed = torch.where(chosen[:, None, None], there.x, here.x)
        return G._resume(still, space, replace(here, x=mixed), after)


@exact()
def refine_subspace(
    G: Generator,
    directions: Any,
    index: int | str = 0,
    layer: str | None = None,
    *,
    groups: int = 6,
    codes: int = 8,
    alpha: float = 3.0,
    ridge: float = 0.1,
    cover: float = 0.2,
    seed: int = 0,
) -> ChannelGroups:
    """Group the channels that move together along one direction.

    After the released program of DP-LaSE (its blog leaves this part out): the channels of moved features express each
    other linearly, ``f = S f`` with nothing on the diagonal of ``S``; the largest entries of ``S``, of each column as
    many as make up ``cover`` of it, give an affinity, which spectral clustering cuts into groups. The program finds
    ``S`` by gradient descent on the features and the picture; here ``S`` is that of the features alone, in closed form
    (ridge regression with a zero diagonal: ``I - diag(P)^-1 P`` with ``P`` the inverse of the regularised Gram).

    Args:
        G: The generator.
        directions: ``Directions`` or a result that carries them.
        index: Which direction, by number or name.
        layer: Whose channels; the middle layer if not given.
        groups: How many groups; 6 as in the released program.
        codes: How many random codes are moved; ours (4 in the program, anew at each step).
        alpha: How far, in the unit of the directions, to both sides; ours.
        ridge: Weight of the squared entries of ``S``, relative to the mean energy of a channel; 0.1 as in the program.
        cover: Share of each column's sum of magnitudes that is kept; 0.2 as in the program.
        seed: Of codes and clustering.

    Returns:
        The groups, the one that changes most first.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If there are more groups than channels, the direction changes none, or something does not fit.

    Example:
        >>> from latent_widgets.generators.zoo import load
        >>> from latent_widgets.methods.random import random_directions
        >>> G = load("digits32")
        >>> found = refine_subspace(G, random_directions(G, k=1), groups=3)
        >>> len(found.labels) == int(found.sizes.sum()), round(float(found.share.sum()), 3)
        (True, 1.0)
    """
    import_whole("sklearn.cluster")
    from sklearn.cluster import SpectralClustering  # takes a second to import

    found = as_directions(directions).for_generator(with_digits(G))[index]
    layer = G.layer_names[(len(G.layer_names) - 1) // 2] if layer is None else G.check_layers([layer])[0]
    checks.integer("codes", codes, low=1)
    checks.number("alpha", alpha)
    checks.number("ridge", ridge, low=1e-6)
    checks.number("cover", cover, low=1e-6, high=1.0)
    before, after = _moved_features(G, found, layer, codes, alpha, seed)  # (C, m), (C, m)
    channels = len(after)
    checks.integer("groups", groups, low=2, high=channels - 1)
    change = (after - before).square().sum(1)
    if bool(negligible(change.sum().sqrt(), before.norm(), G.dtype)):
        raise ValueError(f"alpha must move the features of {layer!r}, got {alpha:g}, which changes none.")
    gram = after @ after.T
    inverse = torch.linalg.inv(
        gram + ridge * gram.diagonal().mean() * torch.eye(channels, dtype=torch.float32, device="cpu").to(gram)
    )
    express = -inverse / inverse.diagonal()[:, None]  # row i expresses channel i
    express.fill_diagonal_(0)
    residual = float((after - express @ after).square().sum() / after.square().sum())
    affinity = _affinity(express.abs(), cover, groups)
    labels = SpectralClustering(groups, affinity="precomputed", random_state=seed % 2**32, assign_labels="kmeans")
    chosen = torch.from_numpy(labels.fit_predict(affinity.cpu().numpy())).long()
    sums = torch.zeros(groups, dtype=change.dtype, device="cpu").index_add_(0, chosen, change.cpu())
    order = ranked(sums)
    named = order.argsort()[chosen]
    sizes = torch.bincount(named, minlength=groups)
    return ChannelGroups(named, sums[order] / sums.sum(), sizes, residual, layer, found.names[0], found)


@torch.no_grad()
def _moved_features(
    G: Generator, direction: Any, layer: str, codes: int, alpha: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Features before and after the move, one row a channel, in float64."""
    start = latent_sample(G, direction.space, codes, seed)
    start, space = _on_its_rows(G, direction, start, "w" if direction.space == "w+" else direction.space)
    step = alpha * steps_of(direction)

    def rows(code: Tensor) -> Tensor:
        return G.features(code, [layer], space)[layer].transpose(0, 1).flatten(1).double()

    before, forth, back = (rows(moved(start, sign * step, direction.layers)) for sign in (0, 1, -1))
    return torch.cat([before, before], 1), torch.cat([forth, back], 1)


def _on_its_rows(G: Generator, direction: Directions, codes: Tensor, space: str) -> tuple[Tensor, str]:
    """Codes as ``w+`` where a direction needs rows of their own."""
    if space == "w" and (direction.space == "w+" or direction.layers is not None):
        return G.broadcast(codes), "w+"
    return codes, space


def _affinity(express: Tensor, cover: float, groups: int) -> Tensor:
    """Keep the largest entries of each column, then compare channels by the leading singular vectors."""
    sorted_, order = express.sort(0, descending=True)
    sums = sorted_.cumsum(0)
    needed = sums - sorted_ < cover * sums[-1]
    kept = torch.zeros_like(express).scatter_(0, order, torch.where(needed, sorted_, 0))
    symmetric = (kept + kept.T) / 2
    rank = min(12 * groups + 1, len(express) - 1)
    left, values, _ = torch.linalg.svd(symmetric)
    rows = left[:, :rank] * values[:rank].sqrt()
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return (rows @ rows.T).clamp(0, 1) ** 3 + 1e-9  # connected, so that the clustering is defined
