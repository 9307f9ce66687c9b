"""Which mutants are tried, and what their number says of all."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from scipy.stats import beta

from tests.mutation.operators import Mutant

__all__ = ["draw", "score"]


def draw(mutants: Mapping[str, Sequence[Mutant]], count: int, seed: int) -> dict[str, list[Mutant]]:
    """Draw from every file in proportion to its mutants, by the largest remainders, and one at least.

    Args:
        mutants: All of them, by file.
        count: How many to draw; as many as there are files at least.
        seed: Of the draw: the same seed and sources give the same mutants.

    Returns:
        Those drawn, by file, in the order of the text.
    """
    total = sum(map(len, mutants.values()))
    quota = {path: count * len(all_) / total for path, all_ in mutants.items()}
    sizes = {path: min(len(mutants[path]), max(1, int(share))) for path, share in quota.items()}
    for path in sorted(quota, key=lambda p: (int(quota[p]) - quota[p], p)):
        if sum(sizes.values()) < count and quota[path] >= 1 and sizes[path] < len(mutants[path]):
            sizes[path] += 1
    rng = random.Random(seed)
    drawn = {path: rng.sample(list(mutants[path]), sizes[path]) for path in sorted(mutants)}
    return {path: sorted(some, key=lambda m: (m.span, m.kind, m.new)) for path, some in drawn.items()}


def score(killed: Mapping[str, Sequence[bool]], sizes: Mapping[str, int]) -> tuple[float, float]:
    """Estimate the share of all mutants that the tests kill, and its lower limit.

    Each file's share counts by how many mutants it has. The limit is that of Clopper and Pearson at the sample size
    which, drawn without strata, would have the variance of these weights (Korn and Graubard 1998).

    Args:
        killed: For each file, whether each drawn mutant was killed.
        sizes: For each file, how many mutants it has.

    Returns:
        The share, and the limit that it is above with 95 % confidence in the two-sided sense.
    """
    total = sum(sizes[path] for path in killed)
    weights = {path: sizes[path] / total for path in killed}
    share = sum(weights[path] * sum(found) / len(found) for path, found in killed.items())
    n = 1 / sum(weights[path] ** 2 / len(found) for path, found in killed.items())
    lost = n * (1 - share)
    return share, float(beta.ppf(0.025, n - lost, lost + 1)) if share else 0.0
