"""A search for the directions of one mask, from a code and a budget to what was seen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latent_widgets.core.steps import Plan
from latent_widgets.core.work import check_budget
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.functions import VectorFunction, image_function, preview_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.search import FORWARD, LEAST, TRANSPOSED, Stage, search
from latent_widgets.geometry.regions.seen import SeenSubspace
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.values.spread import spread_of

__all__ = ["Budget", "Seen", "begun", "partial_pass", "seen_of"]

SMALL_SIDE = 16  # of the small picture in which a search begins; half of that shows no parts
SAMPLE, SAMPLE_SEED = 300, 0  # latents that say how a latent varies
DERIVATIVES = 2**30  # bytes that derivatives may take, where nothing is said


@dataclass(frozen=True, eq=False)
class Seen:
    """What a search for one mask has looked at.

    Attributes:
        side: Longer side of the picture that was differentiated.
        directions: Directions of the latent that were looked at.
        pictures: What it took, in pictures' worth.
        energy: Estimated share of the picture's derivatives, squared, along these directions; None where all the
            energy that was estimated has been seen already, and more is to come.
        variance: Share of the latent's variance along them; None where the code is no ``w``.
        turned: By how many degrees the directions turned when last looked at, the one that turned most; 90 before.
        reused: Products that were taken over and not made again.
        stopped: ``"settled"``, ``"budget"``, ``"memory"`` or ``"cancelled"``; empty while the search goes on.
    """

    side: int
    directions: int
    pictures: float
    energy: float | None
    variance: float | None
    turned: float
    reused: int
    stopped: str = ""

    def __str__(self) -> str:
        share = "" if self.energy is None else f"about {self.energy:.0%} of the change "
        what = f"{share}seen along {self.directions} directions at {self.side} px"
        turned = f"turned by {self.turned:.1f} degrees at last"
        how = self.stopped if self.stopped == "settled" else "not yet settled" if self.turned > 45 else turned
        return f"{what}, {how}; {self.pictures:.0f} pictures' worth"


class Budget:
    """What may be spent, in pictures' worth or in seconds.

    Args:
        pictures: So many; no limit if not given.
        seconds: So long; no limit if not given.

    Raises:
        TypeError: If one is no number.
        ValueError: If both are given, or one is too small.
    """

    def __init__(self, pictures: int | None, seconds: float | None) -> None:
        self.pictures, self.seconds = check_budget(pictures, seconds, LEAST, "a first direction"), seconds
        self._began = time.monotonic()
        self._spent = 0.0

    def affords(self, pictures: float) -> bool:
        """Whether so many may be spent in all, at the rate of those so far."""
        if self.pictures is not None:
            return pictures <= self.pictures
        if self.seconds is None or not self._spent:
            return True
        elapsed = time.monotonic() - self._began
        return elapsed * pictures / self._spent <= self.seconds

    def spend(self, pictures: float) -> dict[str, Any]:
        """Note how many were spent, and return what is known of the rest, for who is told of the step."""
        self._spent, elapsed = pictures, time.monotonic() - self._began
        if elapsed <= 0:
            return {}
        each = elapsed / pictures
        if self.pictures is None:
            return {"rate": 1 / each}
        plan = Plan(self.pictures, each)
        return {"plan": plan, "rate": 1 / each, "left": max(self.pictures - pictures, 0.0) * each}


def begun(
    G: Generator, code: Any, rows: Sequence[int] | None, shared: bool
) -> tuple[VectorFunction, VectorFunction | None]:
    """Return the picture as a function of a code, and the network's own small picture where it has one."""
    function = image_function(G, code, rows, shared=shared)
    sides = [side for side in G.preview_resolutions if SMALL_SIDE <= side <= G.resolution // 2]
    return function, preview_function(G, code, min(sides), rows, shared=shared) if sides else None


def partial_pass(
    G: Generator,
    functions: tuple[VectorFunction, VectorFunction | None],
    mask: Any,
    k: int,
    tolerance: float,
    angle: float,
    budget: Budget,
    budget_bytes: int | None,
    known: tuple[Tensor, list[Tensor]] | None,
    start: Tensor | None,
) -> Iterator[tuple[Stage, str]]:
    """Search, within a budget.

    Args:
        G: The generator.
        functions: See :func:`begun`.
        mask: The region.
        k: How many directions.
        tolerance: Of the solver.
        angle: In degrees.
        budget: What may be spent.
        budget_bytes: What the search may take, half of it for derivatives and half for products; see
            :data:`DERIVATIVES` for what it takes if not given.
        known: Basis ``(d, r)`` and derivatives of the same function that are known.
        start: ``(d, n)``, directions to begin with.

    Yields:
        Each stage, and why the search ends there: empty while it goes on.

    Raises:
        ValueError: If the mask covers nothing or everything.
    """
    held, shared = DERIVATIVES, None
    if budget_bytes is not None:
        held = shared = max(budget_bytes // 2, 1)
    pictures = [JacobianOperator(f, f.x0, memory=shared) for f in functions if f is not None]
    full, *rest = (_subspace(J, mask, G.picture_size) for J in pictures)
    small = rest[0] if rest else None
    if known is not None:
        full.take(*known)
    room = max(held // (2 * full.numbers * full.J.x0.element_size()), 4)  # once more when they are put together

    def affordable(pictures: float) -> bool:
        return len(full) < room and budget.affords(pictures)

    with ExitStack() as graphs:
        for J in pictures:
            graphs.enter_context(J.keeping_graph())
        for stage in search(full, small, k, tolerance, angle, affordable, start):
            ends = ""
            if stage.full and stage.settled:
                ends = "settled"
            elif stage.full and not affordable(stage.pictures + FORWARD + TRANSPOSED):
                ends = "memory" if len(full) >= room else "budget"
            yield stage, ends


def _subspace(J: JacobianOperator, mask: Any, picture: tuple[int, int]) -> SeenSubspace:
    _, height, width = J.output_shape
    weights = as_weights(mask, height, width, picture)
    if bool((weights >= 1).all()):
        raise ValueError("mask must leave a part of the picture out, got all of it. Local Basis has its directions.")
    return SeenSubspace(J, weights)


def seen_of(G: Generator, function: VectorFunction, stage: Stage, reused: int, stopped: str) -> Seen:
    """Say how far a stage has come."""
    held, variance = stage.subspace, None
    if function.space == "w":
        spread = spread_of(G, SAMPLE, SAMPLE_SEED)
        along = spread.along(held.basis.T)
        variance = float(along.square().sum() / spread.factor.square().sum())
    seen = float((held.inside + held.outside).trace())
    complete, beyond = len(held) == held.J.shape[1], sum(stage.unseen)
    energy = seen / max(seen + beyond, 1e-300) if complete or beyond else None
    side = max(held.J.output_shape[1:])
    return Seen(side, len(held), stage.pictures, energy, variance, stage.turned, reused, stopped)
