"""What an explorer may start with: the truncation and the reach at which pictures are still the generator's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latent_widgets.core.exact import exact
from latent_widgets.core.steps import Cancelled, OnStep, Step, report
from latent_widgets.generators._shipped import read_reaches
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.walks.own_pictures import (
    KEPT,
    STEPS,
    own_pictures_of,
    own_reach,
    reach_words,
)
from latent_widgets.values.directions import as_directions

__all__ = ["TRUNCATIONS", "USUAL", "Defaults", "known_defaults", "own_defaults"]

TRUNCATIONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
USUAL = 3.0  # standard deviations that walks go to either side unless told otherwise


@dataclass(frozen=True, eq=False)
class Defaults:
    """What to start with: measured of a generator, or the same for all where nothing was.

    Attributes:
        truncation: Of the codes that walks start from.
        reach: How far they go to either side, by the unit of the directions; empty where that was not measured.
        share: Of the pictures there, those that are the generator's own.
        ceiling: Of fresh own pictures.
        left: Whether walks were seen to leave beyond the reach.
        measured: Whether any of this was measured.
    """

    truncation: float = 1.0
    reach: Mapping[str, float] = field(default_factory=dict)
    share: float = 1.0
    ceiling: float = 1.0
    left: bool = False
    measured: bool = False

    @property
    def words(self) -> str:
        """What is known, in words for a label.

        Example:
            >>> Defaults().words
            'usual reach: where walks leave the own pictures of this generator was not measured'
            >>> Defaults(reach={"sd": 5.0}, share=0.87, ceiling=0.94, left=True, measured=True).words
            "reach 5 sd: 87 % of such pictures are still the generator's own, of fresh ones 94 %"
        """
        if not self.measured:
            return "usual reach: where walks leave the own pictures of this generator was not measured"
        unit = next(iter(self.reach))
        return reach_words(self.reach[unit], unit, self.share, self.ceiling, self.left)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "truncation": self.truncation,
            "reach": {unit: float(f"{reach:.4g}") for unit, reach in self.reach.items()},
            "share": round(self.share, 3),
            "ceiling": round(self.ceiling, 3),
            "left": self.left,
        }


def known_defaults(G: Generator, method: str = "random_directions") -> Defaults:
    """Return what was measured of a generator that comes with the package; of any other, the same for all.

    Walks along eight directions of a method were measured, as :func:`own_defaults` does. Draws nothing.

    Args:
        G: The generator; the class that it draws counts.
        method: That of the directions, as they say it: ``"random_directions"``, ``"ganspace"`` or ``"sefa"``.

    Returns:
        The defaults; ``measured`` says which they are.

    Example:
        >>> import latent_widgets as lw
        >>> G = lw.load("digits32")
        >>> known_defaults(G).measured
        True
    """
    asked = (G.name, G.class_number, method)
    for entry in read_reaches():
        if (entry["name"], entry["condition"], entry["method"]) != asked:
            continue
        if entry["weights_hash"] == G.weights_hash:  # asked last: for a large network it takes seconds
            known = {name: value for name, value in entry.items() if name in Defaults.__dataclass_fields__}
            return Defaults(**known, measured=True)
    return Defaults()


@exact()
def own_defaults(
    G: Generator,
    directions: Any,
    *,
    starts: int = 40,
    own: int = 256,
    seed: int = 0,
    batch: int = 32,
    on_step: OnStep | None = None,
) -> Defaults:
    """Measure what to start with so that walks along some directions stay among the generator's own pictures.

    The truncation is the largest of 1, 0.9, ... 0.5 at which walks of three standard deviations, the usual reach, keep
    0.9 times the share of fresh untruncated pictures that are the generator's own; where none does, the one at which
    the share is largest. It says that the pictures on such walks are like those of the generator, not that they are
    good: a generator that often fails has failures of its own. Without a mapping there is no average to come closer
    to, and it is 1. The reach is that of
    :func:`latent_widgets.geometry.walks.own_pictures.own_reach` from there, in standard deviations; in
    latent lengths it is that of the direction in the middle.

    Args:
        G: The generator.
        directions: ``Directions`` or a result that carries them.
        starts: See ``own_reach``, as the others.
        own: How many own pictures.
        seed: Of the latents.
        batch: Pictures in one pass.
        on_step: Called after each truncation and each step; ``False`` raises ``Cancelled``.

    Returns:
        The defaults. Draws ``own + own // 2`` pictures, and two for each start at each step and each truncation.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If a number does not fit, or the generator cannot be measured.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> from latent_widgets.methods import random_directions
        >>> G = ExactFaces(resolution=8)
        >>> found = own_defaults(G, random_directions(G, 2), starts=10, own=60)
        >>> found.measured, sorted(found.reach)
        (True, ['latent', 'sd'])
    """
    moves = as_directions(directions).for_generator(G).in_unit("sd", G)
    balls = own_pictures_of(G, own, seed=seed, batch=batch)
    options: dict[str, Any] = {"starts": starts, "seed": seed, "batch": batch, "own_pictures": balls}
    psi, shares = 1.0, dict[float, float]()
    if G.main_space == "w":
        for psi in TRUNCATIONS:
            shares[psi] = own_reach(G, moves, [0.0, USUAL], truncation=psi, **options).shares[-1]
            if not report(on_step, len(shares), len(TRUNCATIONS) + len(STEPS), shares[psi]):
                raise Cancelled
            if shares[psi] >= KEPT * balls.ceiling:
                break
        psi = max(shares, key=lambda each: (shares[each] >= KEPT * balls.ceiling, shares[each]))
    done = len(shares)

    def onwards(step: Step) -> bool:
        return report(on_step, done + step.index, done + (step.total or 0), step.value)

    found = own_reach(G, moves, truncation=psi, on_step=onwards, **options)
    reach = {"sd": found.reach, "latent": found.reach * float(moves.scales.median())}
    return Defaults(psi, reach, found.share, found.ceiling, found.left, measured=True)
