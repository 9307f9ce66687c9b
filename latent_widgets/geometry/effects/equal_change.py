"""Compare directions fairly: steps at which each changes the picture by the same amount.

LELSD (Pajouheshgar, Zhang and Süsstrunk 2022) is compared with others in strips whose pictures are at equal perceptual
distances from the first. How far a direction must go for that differs from picture to picture, so it is found for
each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import rounding, wide
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_digits
from latent_widgets.geometry.effects.feature_layers import moved, steps_of
from latent_widgets.geometry.effects.pyramid import lap1_norm
from latent_widgets.values.directions import Directions, as_directions

__all__ = ["DISTANCES", "EqualChange", "equal_change", "image_distance", "rounding_distance"]

DISTANCES = ("rms", "lap1", "lpips")
Distance = Callable[[Tensor, Tensor], Tensor]
DOUBLINGS = 8  # the first step is 1 / 2**DOUBLINGS of the longest
HALVINGS = 20


def image_distance(name: str | Distance) -> Distance:
    """Return a distance between pictures: from two batches ``(n, 3, H, W)`` in [-1, 1] to ``(n,)``.

    Args:
        name: ``"rms"``, the root mean square difference of pixels; ``"lap1"``, that of the bands of the Laplacian
            pyramid, which sees structure at every scale and needs no download; ``"lpips"`` (Zhang et al. 2018, AlexNet)
            where the package of that name is installed; or such a function itself.

    Returns:
        The distance.

    Raises:
        ModuleNotFoundError: If ``"lpips"`` is asked for and not installed.
        ValueError: If there is no such distance.

    Example:
        >>> image_distance("rms")(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
        tensor([0.5000])
    """
    if callable(name):
        return name
    checks.choice("distance", name, DISTANCES)
    if name == "rms":
        return lambda a, b: (wide(a) - wide(b)).square().mean((1, 2, 3)).sqrt()
    if name == "lap1":
        return lambda a, b: lap1_norm(wide(a) - wide(b))
    try:
        import_whole("lpips")
        import lpips
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "distance must be one that is installed, got 'lpips'. "
            "Use pip install 'latent_widgets[lpips]', or distance='lap1'."
        ) from error
    network: Any = lpips.LPIPS(net="alex", verbose=False).eval().requires_grad_(False)
    return lambda a, b: network.to(a)(a.clamp(-1, 1), b.clamp(-1, 1)).flatten()


def rounding_distance(measure: Distance, pictures: Tensor) -> Tensor:
    """Return what a distance makes of pictures that differ by rounding alone: below it nothing has changed.

    Rounding errors may be alike everywhere or differ from pixel to pixel; the distance is told both, of the size that
    :func:`latent_widgets.core.rounding.rounding` says.

    Args:
        measure: The distance.
        pictures: ``(n, 3, H, W)``.

    Returns:
        ``(n,)``.

    Example:
        >>> bool((rounding_distance(image_distance("rms"), torch.ones(2, 3, 8, 8)) < 1e-4).all())
        True
    """
    error = rounding(pictures.dtype) * wide(pictures).square().mean((1, 2, 3), keepdim=True).sqrt()
    rows, columns = (torch.arange(n, device=pictures.device, dtype=torch.int64) for n in pictures.shape[-2:])
    signs = (1 - 2 * ((rows[:, None] + columns) % 2)).to(pictures)
    return torch.maximum(measure(pictures + error, pictures), measure(pictures + error * signs, pictures))


@dataclass(frozen=True, eq=False)
class EqualChange:
    """Steps at which directions change pictures by the same amounts.

    Attributes:
        directions: The directions.
        alphas: ``(k, n, len(at))`` steps in the unit of the directions, negative for negative changes. Where a change
            was not reached, the longest step.
        changes: ``(k, n, len(at))``, the distances of the pictures that these steps give; 0 where they differ by
            rounding alone.
        reached: ``(k, n, len(at))`` bool.
        at: The changes asked for.
        codes: ``(n, ...)``, where the directions start.
        space: The space of ``codes``.
    """

    directions: Directions
    alphas: Tensor
    changes: Tensor
    reached: Tensor
    at: tuple[float, ...]
    codes: Tensor
    space: str

    def __repr__(self) -> str:
        k, n, _ = self.alphas.shape
        changes = ", ".join(f"{change:g}" for change in self.at)
        return f"<EqualChange of {k} directions at {n} code{'s' * (n > 1)} in {self.space}: by {changes}>"

    def strip(self, G: Generator, direction: int | str, sample: int = 0) -> Tensor:
        """Draw one row of a comparison: ``(len(at), 3, H, W)``, one picture for each change."""
        index = self.directions.names.index(direction) if isinstance(direction, str) else direction
        step = steps_of(self.directions)[index]
        alphas = self.alphas[index, sample].reshape(-1, *(1,) * step.ndim)
        code = self.codes[sample].expand(len(self.at), *self.codes.shape[1:])
        with torch.no_grad():
            return G.synthesize(moved(code, alphas * step, self.directions.layers), self.space)


@exact()
def equal_change(
    G: Generator,
    directions: Any,
    codes: Any,
    at: Sequence[float] = (-0.1, -0.05, 0.0, 0.05, 0.1),
    *,
    distance: str | Distance = "lap1",
    limit: float = 16.0,
    tolerance: float = 1e-3,
    batch: int = 32,
    on_step: OnStep | None = None,
) -> EqualChange:
    """Find how far directions must go to change pictures by given amounts.

    The first step that is long enough is found by doubling, and then narrowed by halving, as in the published
    comparison, which takes LPIPS distances up to 0.15; so where the change does not grow steadily, it is the nearest
    crossing of those steps.

    Args:
        G: The generator.
        directions: ``Directions`` in any space, or a result that carries them.
        codes: One code or several from which they start.
        at: Changes, in what the distance measures; a negative one is that change in the opposite direction. The default
            is ours.
        distance: See :func:`image_distance`.
        limit: The longest step, in the unit of the directions.
        tolerance: By how much a change may differ from the one asked for, as a share of it.
        batch: Pictures in one pass.
        on_step: Called after each round; ``False`` raises ``Cancelled``.

    Returns:
        The steps, with the changes that they give.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If there is no change to reach, or something does not fit the generator.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets import random_directions
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> found = equal_change(G, random_directions(G, k=2), G.code(1), at=[0.1], distance="rms")
        >>> found
        <EqualChange of 2 directions at 1 code in w: by 0.1>
        >>> found.alphas.shape, bool((found.changes - 0.1).abs().max() < 1e-3)
        (torch.Size([2, 1, 1]), True)
    """
    D = as_directions(directions).for_generator(with_digits(G))
    wanted = [checks.number("at", value) for value in at]
    if not wanted:
        raise ValueError("at must hold at least one change, got none.")
    limit, tolerance = checks.number("limit", limit, low=0), checks.number("tolerance", tolerance, low=0)
    if limit == 0:
        raise ValueError("limit must be positive, got 0.")
    checks.integer("batch", batch, low=1)
    measure = image_distance(distance)
    start, space = _start(steady(G), D, codes)
    start = start.detach().clone()  # it is part of the result
    k, n, m = len(D), len(start), len(wanted)
    places = torch.arange(k * n * m, dtype=torch.int64, device="cpu")
    which, sample, place = places // (n * m), places // m % n, places % m
    target = torch.tensor(wanted, dtype=torch.float64, device="cpu")[place]
    steps = steps_of(D)

    with torch.no_grad():
        before = torch.cat([G.synthesize(part, space) for part in start.split(batch)])
        least = torch.cat([rounding_distance(measure, part) for part in before.split(batch)])

        def change(alphas: Tensor, index: Tensor) -> Tensor:
            found = []
            for part, alpha in zip(index.split(batch), alphas.split(batch), strict=True):
                deltas = alpha.to(steps).reshape(-1, *(1,) * (steps.ndim - 1)) * steps[which[part].to(steps.device)]
                origin = sample[part].to(start.device)
                pictures = G.synthesize(moved(start[origin], deltas, D.layers), space)
                changed = measure(pictures, before[origin])
                found.append(torch.where(changed > least[origin], changed, 0).double().cpu())
            return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64, device="cpu")

        alphas, changes, reached = first_crossings(target, change, limit, tolerance, on_step)
    shape = (k, n, m)
    return EqualChange(
        D, alphas.reshape(shape).to(steps), changes.reshape(shape).to(steps), reached.reshape(shape), tuple(wanted),
        start, space,
    )  # fmt: skip


def first_crossings(
    target: Tensor,
    change: Callable[[Tensor, Tensor], Tensor],
    limit: float | Tensor,
    tolerance: float,
    on_step: OnStep | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find steps at which changes pass given amounts: double until each is passed, then halve.

    Args:
        target: ``(n,)`` changes, with the signs of the steps.
        change: From steps and which of the targets they are for, the changes that they make.
        limit: The longest step, or ``(n,)`` for each target its own.
        tolerance: Of a change, as a share of it.
        on_step: Called after each round; ``False`` raises ``Cancelled``.

    Returns:
        The steps, the changes that they make, and which targets were reached.
    """
    signs, size = target.sign(), target.abs()
    low, high = torch.zeros_like(size), torch.zeros_like(size)  # lengths
    longest = torch.as_tensor(limit, dtype=size.dtype, device=size.device).expand_as(size)
    at_high = torch.zeros_like(size)
    open_ = size > 0
    for i in range(DOUBLINGS + 1):
        index = open_.nonzero()[:, 0]
        if not len(index):
            break
        low[index], high[index] = high[index], longest[index] * 2.0 ** (i - DOUBLINGS)
        at_high[index] = change(signs[index] * high[index], index)
        open_[index] = at_high[index] < size[index]
        _tell(on_step, i + 1)
    reached = ~open_
    for i in range(HALVINGS):
        far = reached & ((at_high - size) > tolerance * size)
        index = far.nonzero()[:, 0]
        if not len(index):
            break
        middle = (low[index] + high[index]) / 2
        found = change(signs[index] * middle, index)
        passed = found >= size[index]
        high[index], at_high[index] = (
            torch.where(passed, middle, high[index]),
            torch.where(passed, found, at_high[index]),
        )
        low[index] = torch.where(passed, low[index], middle)
        _tell(on_step, DOUBLINGS + i + 2)
    return signs * high, at_high, reached


def _tell(on_step: OnStep | None, index: int) -> None:
    if not report(on_step, index, DOUBLINGS + HALVINGS + 1):
        raise Cancelled("Cancelled before all steps were found.")


def _start(G: Generator, D: Directions, codes: Any) -> tuple[Tensor, str]:
    batch, space = G.check_code(codes, None if hasattr(codes, "space") or D.space != "z" else "z", name="codes")
    needs_rows = D.space == "w+" or (D.space == "w" and D.layers is not None)
    if space == "w" and needs_rows:
        return G.broadcast(batch), "w+"
    if space != D.space and not (space == "w+" and needs_rows) and (space, D.space) != ("w+", "w"):
        raise ValueError(f"codes must be in {D.space}, the space of the directions, got {space}.")
    return batch, space
