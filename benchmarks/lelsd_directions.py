"""What the benchmarks of LELSD compare: generators with their parts, and directions from every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

import latent_widgets as lw
from latent_widgets.geometry.effects.feature_layers import layers_of, steps_of
from latent_widgets.geometry.effects.localisation import localisation
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.geometry.effects.part_samples import PartSamples, part_samples
from latent_widgets.geometry.regions.solvers import generalized
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.segmentation import load_segmenter
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.part.work import ExactParts

__all__ = [
    "FRESH",
    "METHODS",
    "RELEASED",
    "Case",
    "Piece",
    "Sizes",
    "best_inside",
    "cases",
    "directions",
    "piece",
    "spectra",
]

LELSD, RELEASED = "LELSD", "LELSD, released"
REGION, OWN, LOW_RANK, RANDOM = (
    "region, averaged",
    "region, per picture",
    "LowRankGAN, per picture",
    "best of 64 random",
)
METHODS = (LELSD, RELEASED, REGION, OWN, LOW_RANK, RANDOM)
FRESH = 1000  # seeds of pictures that no method has seen begin here
TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Case:
    """One generator: its spaces, and parts as :func:`latent_widgets.lelsd` takes them, by name."""

    name: str
    G: lw.Generator
    spaces: tuple[str, ...]
    parts: dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much is run: seeds, random directions, pictures to choose on, to judge on and of the closed form."""

    seeds: int
    steps: int
    random: int
    choose: int
    judge: int
    spectra: int


@dataclass(frozen=True, eq=False)
class Piece:
    """One part of one generator in one space, with the pictures on which all methods are judged."""

    case: Case
    space: str
    part: str
    masks: PartMasks
    samples: PartSamples

    @property
    def given(self) -> tuple[Any, str]:
        """The parts and the part, as :func:`latent_widgets.lelsd` takes them."""
        return self.case.parts[self.part], self.part


def cases() -> list[Case]:
    """Return the three generators: two of faces with a segmenter or exact parts, one of clothes with drawn masks."""
    faces, exact = lw.load("faces64"), lw.load("faces-exact", resolution=32)
    clothes = lw.load("fashion32").of_class(2)  # pullovers: nearly all fill the same places
    sleeves, collar = (torch.zeros(32, 32, dtype=torch.bool, device="cpu") for _ in range(2))
    sleeves[8:28, :8] = sleeves[8:28, 24:] = True
    collar[2:9, 11:21] = True
    segmenter, known = load_segmenter("faces64"), ExactParts(exact)
    return [
        Case("faces64", faces, ("w", "w+"), {"mouth": segmenter, "hair": segmenter}),
        Case("faces-exact", exact, ("w",), {"mouth": known, "hair": known}),
        Case("fashion32", clothes, ("w", "w+"), {"sleeves": sleeves, "collar": collar}),
    ]


def piece(case: Case, space: str, part: str, count: int, seed: int) -> Piece:
    """Draw the pictures on which the methods are judged."""
    masks = PartMasks.of(case.G, case.parts[part], part)
    samples = part_samples(layers_of(case.G, ["image"]), masks, space, n=count, seed=FRESH + seed)
    return Piece(case, space, part, masks, samples)


def spectra(case: Case, space: str, count: int, seed: int) -> list[tuple[Tensor, RegionSpectra]]:
    """Return the Jacobians at random latents; in ``w+`` every row moves on its own."""
    codes = case.G.map(case.G.sample_z(count, seed=seed))
    placed = codes if space == "w" else case.G.broadcast(codes)
    return [(code, RegionSpectra(case.G, lw.Code(code, space))) for code in placed]


def best_inside(found: Iterable[tuple[RegionSpectra, Tensor]]) -> Tensor | None:
    """Return the generalised eigenvector ``(1, d)`` of the Grams inside and outside, averaged over latents.

    Args:
        found: The Jacobian at each latent, and the mask of the part there; where it is hardly seen it does not count.

    Returns:
        The vector, None if the part is seen nowhere.
    """
    inside: Tensor | None = None
    outside: Tensor | None = None
    for R, mask in found:
        if float(mask.double().mean()) < 1e-3:
            continue
        grams, basis = R.grams(mask), R.basis.double().cpu()
        pair = [basis @ gram @ basis.T for gram in (grams.inside, grams.outside)]
        inside, outside = (pair[0], pair[1]) if inside is None else (inside + pair[0], outside + pair[1])
    return None if inside is None else generalized(inside, outside, 1, TOLERANCE)


def averaged(at: Piece, found: Sequence[tuple[Tensor, RegionSpectra]]) -> Directions:
    """Return the best direction over the latents that show the part."""
    G = at.case.G
    flat = best_inside((R, at.masks(code[None], at.space, G.synthesize(code[None], at.space))[0]) for code, R in found)
    if flat is None:
        raise ValueError(f"part must be in one of {len(found)} pictures at least, got {at.part!r} in none.")
    flat = flat.to(G.device, G.dtype)
    return Directions(flat if at.space == "w" else flat.reshape(1, G.num_layers, -1), at.space, generator=G.name)


def per_picture(
    at: Piece, found: Sequence[RegionSpectra], solver: Literal["generalized", "projection"]
) -> list[Directions]:
    """Return one direction for each picture that is judged, from the Jacobian there and its own mask."""
    return [R.directions(mask, 1, TOLERANCE, solver=solver) for R, mask in zip(found, at.samples.masks, strict=True)]


def best_random(at: Piece, sizes: Sizes, seed: int) -> Directions:
    """Return the random direction with the best locality in the picture on other pictures, at a standard deviation."""
    D = lw.random_directions(at.case.G, k=sizes.random, seed=seed, space=at.space, orthogonal=False)
    scores = localisation(
        at.case.G, D, *at.given, n=sizes.choose, seed=FRESH + 500 + seed, features=["image"]
    ).scores  # fmt: skip
    return D[int(scores.argmax())]


def directions(
    at: Piece, sizes: Sizes, seed: int, jacobians: Callable[[], Sequence[tuple[Tensor, RegionSpectra]]]
) -> tuple[dict[str, Tensor], float]:
    """Find a direction by every method that there is in the space.

    Args:
        at: What for.
        sizes: How much.
        seed: Of all.
        jacobians: Gives those at other latents.

    Returns:
        For each method one standard deviation along its direction, ``(n, ...)``, a row for each picture; and how many
        of those the longest published step is, which the released program trains with.
    """
    G, n = at.case.G, len(at.samples)
    found: dict[str, list[Directions]] = {}
    ours = lw.lelsd(G, *at.given, space=at.space, steps=sizes.steps, seed=seed)
    found[LELSD] = [ours.directions]
    theirs = lw.lelsd(G, *at.given, space=at.space, preset="released", seed=seed)
    found[RELEASED] = [theirs.directions]
    found[REGION] = [averaged(at, jacobians())]
    if at.space == "w":
        own = [RegionSpectra(G, code) for code in at.samples.codes]
        found[OWN] = per_picture(at, own, "generalized")
        found[LOW_RANK] = per_picture(at, own, "projection")
    found[RANDOM] = [best_random(at, sizes, seed)]
    in_sd = {name: [D.in_unit("sd", G) for D in several] for name, several in found.items()}
    steps = {name: torch.cat([steps_of(D) for D in several]) for name, several in in_sd.items()}
    longest = float(theirs.norm[0] / in_sd[RELEASED][0].scales[0])
    return {name: step if len(step) == n else step.expand(n, *step.shape[1:]) for name, step in steps.items()}, longest
