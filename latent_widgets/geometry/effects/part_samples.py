"""Codes whose pictures show a part, with the masks and the features of those pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import rounding
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.feature_layers import Layers
from latent_widgets.geometry.effects.part_masks import PartMasks

__all__ = ["KEEP", "PartSamples", "drawn_codes", "fresh_samples", "part_samples"]

CHUNK = 32  # pictures drawn at once
TRIES = 16  # how many times more pictures are drawn than are wanted, at most
ENOUGH = 8  # fewer pictures than these say nothing of a part
SMALLEST = 1e-3  # share of the picture from which on a part is visible: two pixels by two at 64 pixels
KEEP = 256 * 2**20  # bytes of features that are kept; beyond, they are computed again


@dataclass(frozen=True, eq=False)
class PartSamples:
    """Codes in which a part is visible.

    Attributes:
        codes: ``(m, ...)``.
        space: Where they live.
        masks: ``(m, H, W)``, where the part is.
        features: For each layer ``(m, C, h, w)``; None where they would take too much memory.
        count: How many samples there are; beyond ``m`` the codes come again.
        visible: The share of all pictures drawn that show the part.
    """

    codes: Tensor
    space: str
    masks: Tensor
    features: Sequence[Tensor] | None
    count: int
    visible: float

    def __len__(self) -> int:
        return self.count

    def take(self, index: Tensor, layers: Layers) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return the codes of some samples, their features at the layers, and their masks."""
        index = (index % len(self.codes)).to(self.codes.device)
        codes = self.codes[index]
        if self.features is not None:
            return codes, [f[index] for f in self.features], self.masks[index]
        with torch.no_grad():
            return codes, layers.look(codes, self.space)[0], self.masks[index]

    def part(self, begin: int, end: int) -> PartSamples:
        """Return the samples from ``begin`` up to ``end``, or all where codes come again."""
        if len(self.codes) < self.count:
            return PartSamples(self.codes, self.space, self.masks, self.features, end - begin, self.visible)
        features = None if self.features is None else [f[begin:end] for f in self.features]
        codes, masks = self.codes[begin:end], self.masks[begin:end]
        return PartSamples(codes, self.space, masks, features, len(codes), self.visible)


def part_samples(
    layers: Layers,
    masks: PartMasks,
    space: str,
    *,
    n: int,
    seed: int = 0,
    code: Any = None,
    truncation: float = 1.0,
    most: int | None = None,
    on_step: OnStep | None = None,
    total: int | None = None,
) -> PartSamples:
    """Draw codes until ``n`` pictures show a part.

    Args:
        layers: Where features are taken.
        masks: The part.
        space: The space of the codes; those of ``w+`` serve directions of ``w`` too.
        n: How many samples.
        seed: Of the draw.
        code: One code or several to be used instead, again and again.
        truncation: Of the draw.
        most: How many pictures to look at: where few show the part, fewer samples do, if they are enough.
        on_step: Called after each pass, as step 0, with how many pictures it drew; ``False`` raises ``Cancelled``.
        total: The number of steps that ``on_step`` is told.

    Returns:
        The samples.

    Raises:
        ValueError: If the part is visible in too few pictures, a code is not one of the generator, or codes of ``z``
            are to be truncated that a mapping follows.
        Cancelled: If ``on_step`` asked for it.
    """
    G = layers.G
    drawn = code is None
    pool = drawn_codes(G, space, n if masks.fixed is not None else TRIES * n, seed, truncation) if drawn else None
    if pool is None:
        pool, space = _given(G, code, space)
    codes, found, features, looked, fits = [], [], [], 0, True
    for chunk in pool.split(min(CHUNK, layers.at_once)):
        with torch.no_grad():
            at_layers, images = layers.look(chunk, space)
            where = masks(chunk, space, images, layers.named(at_layers))
        least = 0 if masks.fixed is not None else SMALLEST * (1 - rounding(torch.float32))  # just so many are enough
        keep = where.double().mean((1, 2)) >= least
        codes.append(chunk[keep])
        found.append(where[keep])
        features += [[f[keep] for f in at_layers]] if fits else []
        looked += len(chunk)
        if not report(on_step, 0, total, len(chunk)):
            raise Cancelled("Cancelled while pictures of the part were drawn.")
        held = sum(map(len, codes))
        spent = most is not None and looked + len(chunk) > most
        if drawn and (held >= n or (spent and held >= ENOUGH)):
            break
        if sum(f.nbytes for chunks in features for f in chunks) > KEEP:
            fits, features = False, []  # not a few of them: features belong to the codes of the same place
    shown = sum(map(len, codes))
    if shown < (min(n, ENOUGH) if drawn else 1):
        fix = "Choose another part, or give codes that show it as code=." if drawn else "Choose another part or code."
        raise ValueError(f"part must be visible in enough pictures, got {masks.label!r} in {shown} of {looked}. {fix}")
    codes_, masks_ = torch.cat(codes)[:n], torch.cat(found)[:n]
    kept = [torch.cat(one)[:n] for one in zip(*features, strict=True)]
    fits = fits and sum(f.nbytes for f in kept) <= KEEP
    return PartSamples(codes_, space, masks_, kept if fits else None, len(codes_) if drawn else n, shown / looked)


def fresh_samples(
    layers: Layers, masks: PartMasks, space: str, *, n: int, seed: int, truncation: float = 1.0
) -> PartSamples:
    """Draw ``n`` codes, whether or not their pictures show the part.

    Args:
        layers: Where features are taken.
        masks: The part.
        space: The space of the codes.
        n: How many.
        seed: Of the draw.
        truncation: Of the draw.

    Returns:
        The samples; ``visible`` is the share of them that show the part.
    """
    with torch.no_grad():
        codes = drawn_codes(layers.G, space, n, seed, truncation)
        features, images = layers.look(codes, space)
        where = masks(codes, space, images, layers.named(features))
    shown = where.double().mean((1, 2)) > 0
    return PartSamples(codes, space, where, features, n, float(shown.double().mean()))


@exact()
def drawn_codes(G: Generator, space: str, n: int, seed: int, truncation: float) -> Tensor:
    """Draw codes of a space from the prior.

    Args:
        G: The generator.
        space: Where they are to lie.
        n: How many.
        seed: Of the draw.
        truncation: Of ``w``.

    Returns:
        ``(n, ...)``.

    Raises:
        ValueError: If codes of ``z`` are to be truncated that a mapping follows.
    """
    with torch.no_grad():
        z = G.sample_z(n, seed)
        if space == "z":
            if truncation != 1 and "w" in G.spaces:
                raise ValueError(f"truncation must be 1 in z, which is mapped without any, got {truncation:g}. Use w.")
            return z * truncation
        w = torch.cat([G.map(part, truncation) for part in z.split(1024)])
        return _placed(G, w, "w", space)


def _given(G: Generator, code: Any, space: str) -> tuple[Tensor, str]:
    own = getattr(code, "space", None)
    if own is None and space in ("z", "s") and isinstance(code, Tensor) and code.shape[-1] == G.dim(space):
        own = space  # z, w and s may have one length: a bare tensor is meant for the space of the directions
    batch, own = G.check_code(code, own)
    if (own, space) == ("w+", "w"):
        return batch, "w+"  # one step of w for all its rows
    return _placed(G, batch, own, space), space


def _placed(G: Generator, codes: Tensor, own: str, space: str) -> Tensor:
    """Bring codes to another space, where there is a way."""
    if own == space:
        return codes
    if own == "z" and "w" in G.spaces:
        with torch.no_grad():
            return _placed(G, G.map(codes), "w", space)
    if (own, space) == ("w", "w+"):
        return G.broadcast(codes)
    styles = getattr(G, "styles", None)
    if space == "s" and own in ("w", "w+") and styles is not None:
        with torch.no_grad():
            placed: Tensor = styles(codes, own)
            return placed
    raise ValueError(f"code must be one from which {space} can be reached, got one in {own}.")
