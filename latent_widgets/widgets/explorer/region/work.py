"""From a painted region to sliders: functions of frozen values, with no widget in sight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import negligible
from latent_widgets.core.steps import OnStep
from latent_widgets.core.texts import tr, trn
from latent_widgets.edits.edit import Base, Edit, Move
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.regions.solvers import RegionSpectrum, loud_rank
from latent_widgets.geometry.regions.spectra import LUMINANCE, Channels, RegionSpectra
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.explorer.region.overlay import change_map

__all__ = ["EffectMap", "RegionFinding", "Settings", "Where", "effect_of", "find_region", "matched", "true_effect"]

ALIKE = 0.7  # of the cosine between two directions, from which on they count as the same one that has turned a little
FEW, SMALL = 128, 128  # coordinates and pixels a side, up to which all of the Jacobian is found
PATIENCE = 150  # pictures' worth: 0.99 of the whole pass's locality is reached, see benchmarks/bench_search.py
SILENT = 1e-5  # of the loudest: what a pass in single precision cannot tell from nothing
NUMBERS = {"rgb": 3, "luminance": 1, "chroma": 2}  # that a pixel can change independently


@dataclass(frozen=True, eq=False)
class Where:
    """The latent at which a picture is differentiated, and what of it: the moves of the region's sliders are left out.

    Attributes:
        base: Where the edit starts.
        moves: Its other moves.
        rows: Rows of ``w+`` that move; None for all.
        channels: What of the picture counts.
    """

    base: Base
    moves: tuple[Move, ...]
    rows: tuple[int, ...] | None
    channels: Channels

    @classmethod
    def of(cls, edit: Edit, mine: Sequence[Directions], rows: tuple[int, ...] | None, channels: Channels) -> Where:
        """Return the place of an edit without its moves along the directions ``mine``."""
        others = (m for m in edit.moves if m.enabled and not any(same_direction(m.direction, d) for d in mine))
        return cls(edit.base, tuple(others), rows, channels)

    def same(self, other: Where | None) -> bool:
        """Whether two places are one; they are made of the same frozen values then."""
        return (
            other is not None
            and self.base is other.base
            and len(self.moves) == len(other.moves)
            and all(a is b for a, b in zip(self.moves, other.moves, strict=True))
            and (self.rows, self.channels) == (other.rows, other.channels)
        )

    def code(self, G: Generator) -> Code:
        """Return the latent."""
        return replace(Edit.of(G), base=self.base, moves=self.moves).code(G)

    def spectra(self, G: Generator, on_step: OnStep | None = None) -> RegionSpectra:
        """Differentiate the picture: one pass, after which any mask takes milliseconds."""
        code = self.code(G)
        rows = self.rows if code.space in ("w", "w+") else None
        return RegionSpectra(G, code, rows=rows, channels=self.channels, shared=True, on_step=on_step)

    def searches(self, G: Generator) -> bool:
        """Whether each mask is searched for: where a pass over all coordinates is long, or would shrink the picture."""
        return G.dim(G.main_space) > FEW or G.resolution > SMALL

    def search(
        self,
        G: Generator,
        mask: Mask,
        settings: Settings,
        start: RegionSpectra | None = None,
        on_step: OnStep | None = None,
    ) -> RegionSpectra:
        """Differentiate the picture where one mask needs it, from what is known already.

        Args:
            G: The generator.
            mask: The region.
            settings: What is asked for.
            start: What was found for another mask or latent, with the same rows and channels.
            on_step: Called with each stage.

        Returns:
            What was seen.
        """
        code = self.code(G)
        rows = self.rows if code.space in ("w", "w+") else None
        tolerance = settings.tolerance if settings.solver == "generalized" else Settings.tolerance
        return RegionSpectra.for_mask(
            G, code, mask, min(settings.k, G.dim(G.main_space)), rows=rows, channels=self.channels, shared=True,
            tolerance=tolerance, pictures=PATIENCE, start=start, on_step=on_step,
        )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What a hand can choose about the directions of a region.

    Attributes:
        solver: ``"generalized"`` or ``"projection"``.
        tolerance: How much may move outside: the regulariser of the one, and for the other the share of the outside's
            energy that is not projected away.
        k: How many directions.
    """

    solver: str = "generalized"
    tolerance: float = 1e-3
    k: int = 6


@dataclass(frozen=True, eq=False)
class RegionFinding:
    """What a region gave.

    Attributes:
        spectrum: Of the region.
        directions: Its directions; None where there are none.
        mask: The region.
        note: What is to be said about it; empty if nothing.
    """

    spectrum: RegionSpectrum
    directions: Directions | None
    mask: Mask
    note: str = ""


def find_region(spectra: RegionSpectra, mask: Mask, settings: Settings) -> RegionFinding:
    """Find spectrum and directions of a region.

    Args:
        spectra: The pass.
        mask: The region.
        settings: What is asked for.

    Returns:
        What was found: fewer directions than asked for where the region has no more.

    Raises:
        ValueError: If the region is empty, or nothing in it follows the latent.
    """
    spectrum, note = spectra.spectrum(mask), ""
    values = spectrum.singular_values
    loudest = float((spectra.total.trace() / math.prod(spectra.pooled.shape[1:4])).sqrt())
    if float(values[0]) <= SILENT * loudest:
        raise ValueError("mask must cover pixels that answer to the latent, got none that do. Paint somewhere else.")
    weights = spectra.weights(mask)
    if bool((weights >= 1).all()):
        note = tr("The region is the whole picture, so nothing lies outside: leave a part out to get directions.")
        return RegionFinding(spectrum, None, mask, note)
    pixels = int((weights > 0).sum())
    most = min(pixels * NUMBERS[spectra.channels], int((values > SILENT * values[0]).sum()), len(values))
    if most < settings.k:
        note = trn(
            "{count} pixel at the analysis size can change in {most} ways: {most} of {asked} directions asked for.",
            "{count} pixels at the analysis size can change in {most} ways: {most} of {asked} directions asked for.",
            pixels,
            most=most,
            asked=settings.k,
        )
    found = spectra.directions(
        mask,
        min(settings.k, most),
        settings.tolerance,
        solver=settings.solver,  # type: ignore[arg-type]
        cut=_cut(spectra, mask, settings),
    )
    audible = 1 / found.scales  # how much of the inside a step of length one moves
    heard = (audible > SILENT * audible.max()).nonzero()[:, 0].tolist()
    found = replace(found[heard], names=[f"region {i + 1}" for i in range(len(heard))])
    return RegionFinding(spectrum, found, mask, note)


def _cut(spectra: RegionSpectra, mask: Mask, settings: Settings) -> int | None:
    if settings.solver != "projection":
        return None
    return min(loud_rank(spectra.grams(mask).outside, 1 - min(settings.tolerance, 1.0)), len(spectra.total) - 1)


def matched(new: Directions, old: Directions | None) -> tuple[Directions, list[int | None]]:
    """Give directions the places, signs and names of those before them to which they are alike.

    Args:
        new: What was found.
        old: What the sliders stand for; None if nothing.

    Returns:
        The new ones in their places, and for each the number of the old one that it takes over from.
    """
    if old is None or (new.space, new.layers, new.vectors[0].shape) != (old.space, old.layers, old.vectors[0].shape):
        return new, [None] * len(new)
    import_whole("scipy.optimize")
    from scipy.optimize import linear_sum_assignment

    flat = [d.unit_vectors.flatten(1).double().cpu() for d in (new, old)]
    flat = [v / v.norm(dim=1, keepdim=True) for v in flat]
    cosines = flat[0] @ flat[1].T  # (new, old)
    pairs = {
        int(j): int(i)
        for i, j in zip(*linear_sum_assignment(-cosines.abs().numpy()), strict=True)
        if abs(cosines[i, j]) >= ALIKE
    }
    places: list[int | None] = [pairs.get(j) for j in range(len(new))]
    rest = [i for i in range(len(new)) if i not in places]
    order = [rest.pop(0) if i is None else i for i in places]
    takes = {i: j for j, i in pairs.items()}
    heirs = [takes.get(i) for i in order]
    signs = torch.tensor(
        [1.0 if j is None or cosines[i, j] >= 0 else -1.0 for i, j in zip(order, heirs, strict=True)],
        dtype=new.vectors.dtype,
        device=new.vectors.device,
    )
    kept = [None if j is None else old.names[j] for j in heirs]
    free = (name for n in range(1, 10**6) if (name := f"region {n}") not in kept)
    moved = new[order]
    vectors = moved.vectors * signs.reshape(-1, *(1,) * (moved.vectors.ndim - 1))
    return replace(moved, vectors=vectors, names=[name or next(free) for name in kept]), heirs


@dataclass(frozen=True, eq=False)
class EffectMap:
    """What a step changes.

    Attributes:
        map: ``(h, w)``, root mean square change of each pixel.
        inside: The same over the region.
        outside: The same over the rest.
        locality: The share of the squared change that falls inside.
    """

    map: Tensor
    inside: float
    outside: float
    locality: float


def effect_of(values: Tensor, mask: Any, picture: tuple[int, int] | None = None) -> EffectMap:
    """Sum a map of changes up inside and outside a region.

    Args:
        values: ``(h, w)``.
        mask: The region.
        picture: Height and width of the picture, where the map has not exactly its aspect.
    """
    height, width = values.shape
    weights, squares = as_weights(mask, height, width, picture), values.double().cpu().square()
    whole, inside = float(squares.sum()), float((weights * squares).sum())
    area, rest = float(weights.sum()), float((1 - weights).sum())
    return EffectMap(
        values,
        (inside / area) ** 0.5,
        (max(whole - inside, 0.0) / rest) ** 0.5 if rest > 0 else 0.0,
        inside / whole if whole > 0 else 0.0,
    )


def true_effect(G: Generator, where: Where, move: Move, mask: Mask) -> EffectMap:
    """Measure what a move from a latent really changes, from two pictures.

    Args:
        G: The generator.
        where: The latent, and what of the picture counts.
        move: The move.
        mask: The region.
    """
    start = replace(Edit.of(G), base=where.base, moves=where.moves)
    pictures = torch.cat([start.apply(G), replace(start, moves=(*start.moves, move)).apply(G)])
    if bool(negligible((pictures[1] - pictures[0]).norm(), pictures[0].norm(), pictures.dtype)):
        pictures = pictures[:1].expand_as(pictures)  # drawn otherwise, but the same: nothing has changed
    if where.channels != "rgb":
        luminance = torch.einsum("nchw,c->nhw", pictures, pictures.new_tensor(LUMINANCE))[:, None]
        pictures = luminance if where.channels == "luminance" else pictures - luminance
    return effect_of(change_map(pictures[:1], pictures[1:]), mask)
