r"""The directions of one region after a few products instead of a whole pass.

The best direction solves :math:`J_A^\top J_A v = \lambda\,(J_B^\top J_B + \tau I)\,v`, A inside, B outside. Only
products with J are wanted, and as few as possible, so this is a Davidson iteration (Davidson 1975; for the generalised
problem Morgan 1990): what the equation lacks, through a rough inverse, is the next vector to look at, and the best
directions are those of all that was looked at. The rough inverse, and where to begin, come from the network's own small
picture, whose products cost a few hundredths.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from latent_widgets.core.grams import leading
from latent_widgets.geometry.regions.seen import SeenSubspace

__all__ = ["COARSE", "LEAST", "Stage", "search"]

# In pictures' worth, as benchmarks/bench_search.py measured on a StyleGAN2 of 256 px: a product each way from one graph
# that is kept; what that graph takes, and a first look at the network, counted again later so that results stay the
# same; the search in the small picture.
FORWARD, TRANSPOSED, GRAPHS, COARSE = 1.07, 1.07, 3.6, 1.95
LEAST = 10  # in which a first direction can be found
SMALL_STEPS, SMALL_BLOCK = 4, 3
FIRST = 2  # directions of the small picture that are looked at before the first step
MANY, FEW = 8, 3  # random sums of pixels for an estimate of energies: in the small picture, in the full one
PROBED, PROBES = 50, 2  # pictures' worth, after which energies are measured in the full picture, and by how many sums
LOUD = 3  # of the directions that move the inside most, which are looked at for the spectrum and for energies


@dataclass(frozen=True, eq=False)
class Stage:
    """How far a search has come.

    Attributes:
        subspace: What was looked at.
        unseen: Estimated energy ``(inside, outside)`` beyond the subspace, means over the numbers of the picture.
        pictures: What it took, in pictures' worth.
        turned: By how many degrees the directions turned when last looked at, the one that turned most; 90 before.
        settled: Whether none has turned by more than was asked for.
        full: Whether the picture is the full one.
    """

    subspace: SeenSubspace
    unseen: tuple[float, float]
    pictures: float
    turned: float
    settled: bool
    full: bool


def search(
    full: SeenSubspace,
    small: SeenSubspace | None,
    k: int,
    tolerance: float,
    angle: float,
    affordable: Callable[[float], bool],
    start: Tensor | None = None,
) -> Iterator[Stage]:
    """Grow a subspace until it holds the best directions of a region.

    Args:
        full: At the full picture, empty or taken over.
        small: At the network's own small picture; None where it has none.
        k: How many directions.
        tolerance: What is added to the outside's Gram, as a share of its trace.
        angle: In degrees: directions that turn less have settled.
        affordable: Whether so many pictures may be spent in all.
        start: ``(d, n)``, directions that may be good, such as those of the latent before.

    Yields:
        The stages, the last of them settled, or all that could be afforded.
    """
    spent, rough, ready = 0.0, None, start
    if small is not None:
        spent, rough = COARSE, _Small.found(small, tolerance)
    if small is not None and rough is not None:
        found = small.best(k, rough.floor)[1]
        ready = found if ready is None else torch.cat([ready, found], 1)
        yield Stage(small, rough.unseen, spent, 90.0, False, False)
    spent += GRAPHS
    totals = (0.0, 0.0)
    if rough is None:
        inside, whole = full.probes(True, FEW), full.probes(False, FEW)
        within, energy = (float(p.square().sum(0).mean()) for p in (inside, whole))
        totals, ready = (within, max(energy - within, 0.0)), inside if ready is None else torch.cat([ready, inside], 1)
    if ready is None or not ready.any():
        return
    if not len(full):
        full.add(ready[:, :FIRST])
    compared, probes = ready[:, :1], None
    turns = [90.0] * min(k, full.J.shape[1])

    def stage() -> Stage:
        whole = totals if rough is None else rough.totals(full, compared)
        all_seen = len(full) == full.J.shape[1]
        unseen = _left(whole, full)
        if all_seen:
            unseen = (0.0, 0.0)
        elif probes is not None:
            share = whole[0] / max(sum(whole), 1e-300)
            rest = _beyond(full, probes)
            unseen = (rest * share, rest * (1 - share))
        cost, worst = spent + FORWARD * full.forward + TRANSPOSED * full.transposed, max(turns)
        return Stage(full, unseen, cost, worst, worst <= angle or all_seen, True)

    yield stage()
    for target, louder in _rounds(len(turns)):
        if louder is not None:
            if louder == 0:
                for other in range(FIRST, min(len(turns), ready.shape[1])):
                    now = stage()
                    if now.settled or not affordable(now.pictures + FORWARD):
                        return
                    full.add(ready[:, other : other + 1])
                    yield stage()
            if rough is not None and affordable(stage().pictures + FORWARD):
                loud = rough.loudest(louder)
                if full.add(loud):
                    compared = loud if louder == 0 else torch.cat([compared, loud], 1)
            yield stage()
        now = stage()
        if now.settled or not affordable(now.pictures + TRANSPOSED + FORWARD):
            return
        due = probes is None and rough is not None and now.pictures > PROBED
        if due and affordable(now.pictures + (PROBES + 1) * TRANSPOSED + FORWARD):
            probes = full.probes(False, PROBES)
            now = stage()
        floor = tolerance * (float(full.outside.trace()) + now.unseen[1])
        quotients, vectors = full.best(k, floor)
        i = min(target, vectors.shape[1] - 1)
        lacking = full.residual(vectors[:, i : i + 1], quotients[i : i + 1], floor)
        more = full.add(lacking if rough is None else rough.inverse(lacking))
        turns[target] = _turn(vectors, full.best(k, floor)[1][:, i]) if more else 0.0
        yield stage()


def _left(totals: tuple[float, float], subspace: SeenSubspace) -> tuple[float, float]:
    """What the subspace leaves of estimated energies ``(inside, outside)``; nothing where it holds more."""
    inside, outside = (float(gram.trace()) for gram in (subspace.inside, subspace.outside))
    return max(totals[0] - inside, 0.0), max(totals[1] - outside, 0.0)


def _beyond(subspace: SeenSubspace, probes: Tensor) -> float:
    """Estimate the energy outside a subspace from random sums of pixels that did not shape it."""
    return float((probes - subspace.basis @ (subspace.basis.T @ probes)).square().sum(0).mean())


def _rounds(k: int) -> Iterator[tuple[int, int | None]]:
    """Say which direction is mended next, and which of the loudest is looked at before it: the first are good early.

    Yields:
        The number of the direction: 0, 0, then 0 and 1, then 0, 1 and 2; and that of the loud one, or None.
    """
    yield 0, None
    yield 0, None
    for most in count(2):
        for target in range(min(most, k)):
            yield target, most - 2 if target == 0 and most - 2 < LOUD else None


def _turn(before: Tensor, vector: Tensor) -> float:
    """The angle in degrees between a direction and the span of those before."""
    inside = torch.linalg.qr(before).Q.T @ vector
    return math.degrees(math.acos(min(float(inside.norm()), 1.0)))


@dataclass(frozen=True, eq=False)
class _Small:
    """What the small picture says: energies, and a rough inverse of the outside's Gram."""

    subspace: SeenSubspace
    energies: tuple[float, float]
    floor: float

    @classmethod
    def found(cls, small: SeenSubspace, tolerance: float) -> _Small | None:
        """Search there; None where the region does not show in the small picture."""
        inside, whole = small.probes(True, MANY), small.probes(False, MANY)
        within, energy = (float(p.square().sum(0).mean()) for p in (inside, whole))
        outside = max(energy - within, 0.0)
        floor = tolerance * (outside or energy)
        if within <= 0 or not small.add(inside[:, :SMALL_BLOCK]):
            return None
        for _ in range(SMALL_STEPS):
            quotients, vectors = small.best(SMALL_BLOCK, floor)
            if not small.add(small.residual(vectors, quotients, floor)):
                break
        inside_rest, rest = _beyond(small, inside[:, SMALL_BLOCK:]), _beyond(small, whole)  # what was seen is known
        energies = (
            float(small.inside.trace()) + inside_rest,
            float(small.outside.trace()) + max(rest - inside_rest, 0.0),
        )
        return cls(small, energies, tolerance * (energies[1] or energies[0]))

    @property
    def unseen(self) -> tuple[float, float]:
        return _left(self.energies, self.subspace)

    def loudest(self, i: int) -> Tensor:
        """Return the direction ``(d, 1)`` that moves the inside most, or the next ones."""
        i = min(i, len(self.subspace) - 1)
        return self.subspace.basis @ leading(self.subspace.inside, i + 1)[1][:, i:]

    def totals(self, full: SeenSubspace, vectors: Tensor) -> tuple[float, float]:
        """Estimate the energies of the full picture: those of the small one, times what they differ along vectors."""
        small, found = self.subspace, []
        pairs = ((full.inside, small.inside), (full.outside, small.outside))
        for (fine, rough), energy in zip(pairs, self.energies, strict=True):
            after, before = (
                float((gram @ (held.basis.T @ vectors) * (held.basis.T @ vectors)).sum())
                for gram, held in ((fine, full), (rough, small))
            )
            found.append(energy * (after / before if before > 0 else 1.0))
        return found[0], found[1]

    def inverse(self, lacking: Tensor) -> Tensor:
        """Divide by the outside's Gram: as it is where it was looked at, by its mean energy elsewhere."""
        seen, r = self.subspace, len(self.subspace)
        elsewhere = self.unseen[1] / max(len(seen.basis) - r, 1) + self.floor
        along = seen.basis.T @ lacking
        regular = seen.outside + self.floor * torch.eye(r, dtype=torch.float64, device="cpu")
        return seen.basis @ torch.linalg.solve(regular, along) + (lacking - seen.basis @ along) / elsewhere
