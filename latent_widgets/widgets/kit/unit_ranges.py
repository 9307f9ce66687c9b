"""How far a slider goes in each unit of directions, and how its numbers look."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from latent_widgets.generators.base import Generator
from latent_widgets.geometry.walks.own_defaults import Defaults, known_defaults
from latent_widgets.values.directions import Directions

__all__ = ["UNIT_RANGES", "UnitRange", "fitted_range", "unit_ranges"]

ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # where a slider may end, times a power of ten
NOTCHES = 50  # steps from the middle to an end, at least


@dataclass(frozen=True)
class UnitRange:
    """How a slider in some unit is drawn: it goes from ``-reach`` to ``reach``, the number box four times as far."""

    label: str
    reach: float
    step: float
    format: str


UNIT_RANGES = {
    "sd": UnitRange("sd", 5.0, 0.1, ".1f"),
    "latent": UnitRange("latent", 10.0, 0.1, ".1f"),
    "degrees": UnitRange("deg", 90.0, 1.0, ".0f"),
    "rms": UnitRange("rms", 0.5, 0.01, ".2f"),
}


def fitted_range(usual: UnitRange, reach: float) -> UnitRange:
    """Return a range that ends at a round number, at or below a reach, and takes round steps: 1, 2 or 5 of a decimal.

    Example:
        >>> fitted_range(UNIT_RANGES["sd"], 3.61)
        UnitRange(label='sd', reach=3.0, step=0.05, format='.2f')
    """
    end = _at_most(reach, ROUND)
    step = _at_most(end / NOTCHES, (1.0, 2.0, 5.0))
    return replace(usual, reach=end, step=step, format=f".{max(0, -math.floor(math.log10(step) + 1e-9))}f")


def _at_most(value: float, leading: tuple[float, ...]) -> float:
    """The largest round number that is not above a value but for rounding."""
    power = math.floor(math.log10(value) + 1e-9)
    first = max(each for each in leading if each <= value / 10.0**power * (1 + 1e-9))
    return float(f"{first}e{power}")  # as it is written, 0.3 and not 0.30000000000000004


def unit_ranges(
    G: Generator, directions: Directions | None = None, measured: Defaults | None = None
) -> dict[str, UnitRange]:
    """Return how far sliders go for a generator, by the unit of the directions.

    They end where walks were measured to leave the generator's own pictures, from codes of the truncation that belongs
    to them (``known_defaults(G, method).truncation``): from less truncated ones walks leave earlier. Units in which
    nothing was measured keep :data:`UNIT_RANGES`, and so do all where walks were not seen to leave: farther is not
    known to be of use. Of degrees 90 stay: a great circle never leaves the prior.

    Args:
        G: The generator.
        directions: For which; random ones if not given. Their method says what was measured of those of the package.
        measured: What was measured with :func:`latent_widgets.geometry.walks.own_defaults.own_defaults`, if anything.

    Example:
        >>> import latent_widgets as lw
        >>> unit_ranges(lw.load("digits32"))["degrees"].reach
        90.0
    """
    if measured is None:
        method = "random_directions" if directions is None else directions.method
        measured = known_defaults(G, method)
    ranges = dict(UNIT_RANGES)
    for unit, reach in measured.reach.items() if measured.left else ():
        if reach > 0:  # where not even the starts are like the generator's own, nothing is known
            ranges[unit] = fitted_range(ranges[unit], reach)
    return ranges
