"""Compare walks of different kinds fairly: at positions where each changed the picture by the same amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.effects.equal_change import Distance, first_crossings, image_distance, rounding_distance
from latent_widgets.geometry.walks.value import Walk

__all__ = ["EqualWalks", "between", "equal_walks"]


@dataclass(frozen=True, eq=False)
class EqualWalks:
    """Walks whose pictures differ from the middle one by the same amounts.

    Attributes:
        walks: The walks, at positions of their own.
        at: The changes that were asked for; negative on the way to negative positions.
        changes: ``(number of walks, len(at))``, the distances of the pictures found.
    """

    walks: tuple[Walk, ...]
    at: tuple[float, ...]
    changes: Tensor


def between(walk: Walk, at: Sequence[float] | Tensor) -> Walk:
    """Return a walk at other positions, in straight lines between the codes that it has.

    Args:
        walk: Codes at rising positions.
        at: Positions between its first and its last.

    Returns:
        The walk there; what is known only of the codes it had is left out.

    Example:
        >>> W = Walk(torch.tensor([[0.0], [1.0], [4.0]]), (0.0, 1.0, 2.0), "z", "sd", "curve")
        >>> between(W, [0.5, 1.5]).codes.flatten()
        tensor([0.5000, 2.5000])
    """
    known = torch.tensor(walk.at, dtype=torch.float64, device="cpu")
    wanted = torch.as_tensor(at, dtype=torch.float64, device="cpu")
    after = torch.searchsorted(known, wanted).clamp(1, len(known) - 1)
    share = ((wanted - known[after - 1]) / (known[after] - known[after - 1])).to(walk.codes)
    after = after.to(walk.codes.device)
    share = share.reshape(-1, *(1,) * (walk.codes.ndim - 1))
    codes = walk.codes[after - 1] + share * (walk.codes[after] - walk.codes[after - 1])
    return Walk(codes, tuple(wanted.tolist()), walk.space, walk.unit, walk.kind, walk.name)


@exact()
def equal_walks(
    G: Generator,
    walks: Sequence[Walk],
    count: int = 9,
    *,
    distance: str | Distance = "lap1",
    tolerance: float = 0.02,
    batch: int = 8,
    on_step: OnStep | None = None,
) -> EqualWalks:
    """Find positions of several walks at which the picture has changed equally, in even steps of change.

    The largest change is the largest that every walk reaches at both of its ends. Positions are found as in
    :func:`latent_widgets.geometry.effects.equal_change.equal_change`; between its codes a walk is taken as straight, so
    give a curve with as many as it needs.

    Args:
        G: The generator.
        walks: One at least, each at rising positions on both sides of 0, where all start.
        count: How many positions; odd, so that the start is among them.
        distance: See :func:`latent_widgets.geometry.effects.equal_change.image_distance`.
        tolerance: By how much a change may differ from the one asked for, as a share of it.
        batch: Pictures in one pass.
        on_step: Called after each round; ``False`` raises ``Cancelled``.

    Returns:
        The walks at those positions.

    Raises:
        TypeError: If ``count`` or ``batch`` is no integer.
        ValueError: If ``count`` is even or below 3, ``batch`` is below 1, there is no walk, one does not go to both
            sides of 0, or one does not change the picture by more than rounding does.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets import random_directions
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> from latent_widgets.geometry.walks import walk
        >>> G = ExactFaces(resolution=16)
        >>> both = [walk(G, G.code(0), random_directions(G, 2), [-2, 0, 2], index=i) for i in (0, 1)]
        >>> found = equal_walks(G, both, 5, distance="rms")
        >>> [len(W) for W in found.walks], bool(((found.changes[0] - found.changes[1]).abs() < 0.01).all())
        ([5, 5], True)
    """
    with_digits(G)
    if checks.integer("count", count, low=3) % 2 == 0:
        raise ValueError(f"count must be odd, so that the start is in the middle, got {count}.")
    if not walks:
        raise ValueError("walks must hold at least one, got none.")
    for one in walks:
        if not len(one) or not one.at[0] < 0 < one.at[-1]:
            raise ValueError(f"walks must go to both sides of 0, got one at {list(one.at)}.")
    checks.integer("batch", batch, low=1)
    measure = image_distance(distance)

    @torch.no_grad()
    def draw(one: Walk) -> Tensor:
        return torch.cat([G.synthesize(part.to(G.device, G.dtype), one.space) for part in one.codes.split(batch)])

    starts = [draw(between(one, [0.0])) for one in walks]
    with torch.no_grad():
        least = [rounding_distance(measure, start) for start in starts]

    def change(which: int, at: Tensor) -> Tensor:
        pictures = draw(between(walks[which], at))
        changed = measure(pictures, starts[which].expand_as(pictures))
        return torch.where(changed > least[which], changed, 0).double().cpu()

    reach = torch.tensor(
        [[one.at[0], one.at[-1]] for one in walks], dtype=torch.float64, device="cpu"
    )  # in each walk's own unit
    ends = torch.stack([change(i, reach[i]) for i in range(len(walks))])
    largest = float(ends.min())
    if not largest > 0:  # what rounding alone changes was no change above
        still = walks[int(ends.min(1).values.argmin())]
        raise ValueError(
            f"walks must change the picture, got no change at an end of the {still.kind} walk. Go further."
        )
    asked = torch.linspace(-largest, largest, count, dtype=torch.float64, device="cpu")
    asked[count // 2] = 0  # not to rounding: any step would change more than that
    owner = torch.arange(len(walks), dtype=torch.int64, device="cpu").repeat_interleave(count)

    def changes(positions: Tensor, index: Tensor) -> Tensor:
        result = torch.zeros(len(index), dtype=torch.float64, device="cpu")
        for i in owner[index].unique().tolist():
            mine = owner[index] == i
            result[mine] = change(i, positions[mine])
        return result

    # a little less than asked for: of the walk that changes least the ends are just reached
    target = asked.repeat(len(walks)) * (1 - tolerance / 4)
    limits = torch.where(target < 0, -reach[owner, 0], reach[owner, 1])
    positions, reached, _ = first_crossings(target, changes, limits, tolerance, on_step)
    found = tuple(between(one, places) for one, places in zip(walks, positions.reshape(-1, count), strict=True))
    return EqualWalks(found, tuple(asked.tolist()), reached.reshape(-1, count))
