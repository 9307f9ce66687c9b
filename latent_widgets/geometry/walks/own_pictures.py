"""Where a walk leaves a generator's own pictures.

A picture counts as the generator's own if it is no farther from some own picture than that one is from its k-th
nearest own neighbour: improved precision (Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 1), with the
generator's pictures in the place of real ones. The features are what every generator has: the picture as it is shown,
cut off at black and white and averaged down to 16 pixels. Bands of the Laplacian pyramid of it, which were tried too,
say the same: no share differed by more than 0.05. No ball is wider than three quarters of them are: an own picture far
from all others has a ball in which nearly anything lies, for which the paper's realism score leaves out half of them.
Without that, 41 % of what ``fashion32`` draws at 10 standard deviations along principal components were own, smears
and darkness; with it, 16 %.

How likely a code is under a Gaussian fitted to ``w`` says something else. Of ``faces64``, half of the pictures along
principal components are no longer own at 3 standard deviations, and many look broken, while every code is within the
most likely 99 %; along random directions a quarter of the codes is there, while the pictures are own as often as fresh
ones, and look fine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import rounding
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_digits
from latent_widgets.geometry.walks.walk import shift
from latent_widgets.values.directions import Directions, as_directions
from latent_widgets.values.units import latent_sd

__all__ = ["KEPT", "STEPS", "OwnPictures", "OwnReach", "own_reach", "wilson"]

KEPT = 0.9  # of the share of fresh own pictures: what a walk must keep
STEPS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # in standard deviations
WIDEST = 0.75  # quantile of the radii that none exceeds
SIDE = 16  # pixels to which pictures are averaged
NORMAL = 1.959963984540054  # how many standard errors a 95 % interval goes to either side


@dataclass(frozen=True, eq=False)
class OwnPictures:
    """Balls around a generator's own pictures, which tell whether another picture is like one of them.

    Attributes:
        features: ``(n, d)`` of the own pictures, in float64 on the CPU.
        radii: ``(n,)``, the distance of each to its k-th nearest own picture; rounding at least, and at most the upper
            quartile.
        ceiling: Share of fresh own pictures, none of them among these, that is inside: no walk can be asked for more.
        fresh: How many pictures the ceiling is of.
    """

    features: Tensor
    radii: Tensor
    ceiling: float = 1.0
    fresh: int = 0

    def inside(self, pictures: Tensor) -> Tensor:
        """Return which pictures ``(m, 3, H, W)`` are like own ones, ``(m,)``; one that is not finite is not.

        Example:
            >>> own = OwnPictures(torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
            >>> own.inside(torch.tensor([0.5, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1)).tolist()
            [True, False]
        """
        return self._holds(_features(pictures))

    def _holds(self, features: Tensor) -> Tensor:
        return (torch.cdist(features, self.features) <= self.radii).any(1)


@dataclass(frozen=True, eq=False)
class OwnReach:
    """How far walks along directions go before they leave a generator's own pictures.

    Attributes:
        at: The steps that were tried, each to both sides, in :attr:`unit`; the first is 0.
        unit: That of the directions.
        shares: At each step, the share of pictures that are still the generator's own.
        intervals: ``(len(at), 2)``, the 95 % intervals of the shares (Wilson 1927).
        ceiling: The share among fresh own pictures: what there is to keep.
        reach: The longest step at which the share is at least 0.9 times the ceiling; what comes after one at which even
            the upper end of the interval is below does not count.
        left: Whether there was a step certainly below; if not, the walks may go on from :attr:`reach`.
        truncation: Of the codes from which the walks started.
        count: Pictures at each step; half as many at 0.
        pictures: How many were drawn in all.
    """

    at: tuple[float, ...]
    unit: str
    shares: tuple[float, ...]
    intervals: Tensor
    ceiling: float
    reach: float
    left: bool
    truncation: float
    count: int
    pictures: int

    @property
    def share(self) -> float:
        """The share at :attr:`reach`."""
        return self.shares[self.at.index(self.reach)]

    @property
    def words(self) -> str:
        """The figures in words, for a label."""
        return reach_words(self.reach, self.unit, self.share, self.ceiling, self.left)

    def __repr__(self) -> str:
        return f"<OwnReach {self.words}>"


def reach_words(reach: float, unit: str, share: float, ceiling: float, left: bool) -> str:
    """Say how far walks go and what is known of the pictures there.

    Args:
        reach: How far.
        unit: In which unit.
        share: Of the pictures there that are the generator's own.
        ceiling: Of fresh ones.
        left: Whether walks were seen to leave beyond it.

    Returns:
        One line.

    Example:
        >>> reach_words(4.0, "sd", 0.852, 0.93, True)
        "reach 4 sd: 85 % of such pictures are still the generator's own, of fresh ones 93 %"
    """
    least = "" if left else "at least "
    return (
        f"reach {least}{reach:.3g} {unit}: {100 * share:.0f} % of such pictures are still the generator's own, "
        f"of fresh ones {100 * ceiling:.0f} %"
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    Args:
        hits: How many of them.
        count: Of how many, 1 at least.

    Returns:
        Lower and upper end.

    Example:
        >>> [round(end, 3) for end in wilson(9, 10)]
        [0.596, 0.982]
    """
    share, z = hits / count, NORMAL**2 / count
    half = NORMAL * math.sqrt(share * (1 - share) / count + z / (4 * count))
    low, high = (share + z / 2 - half) / (1 + z), (share + z / 2 + half) / (1 + z)
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # to rounding, they are


@exact()
def own_reach(
    G: Generator,
    directions: Any,
    at: Sequence[float] | None = None,
    *,
    truncation: float = 1.0,
    starts: int = 40,
    own: int = 256,
    neighbours: int = 3,
    seed: int = 0,
    batch: int = 32,
    own_pictures: OwnPictures | None = None,
    on_step: OnStep | None = None,
) -> OwnReach:
    """Measure how far walks along directions go before they leave the generator's own pictures.

    Improved precision (Kynkäänniemi et al. 2019, equation 1) of the pictures at each step, see
    :mod:`latent_widgets.geometry.walks.own_pictures`. Start ``i`` walks to both sides along direction ``i``, counted
    around. The reach is the longest step at which the share is at least 0.9 times that of fresh own pictures. By chance
    a share may fall below on the way and come back, so walks have left only where the upper end of the 95 % interval
    is below, too; what comes back after that does not count. Draws ``own + own // 2`` pictures, and two for each start
    at each step: some 1200 in all, with the defaults.

    Args:
        G: The generator.
        directions: ``Directions`` or a result that carries them.
        at: Steps, rising from 0, in the unit of the directions; all are measured. By default those of up to 10 standard
            deviations, until the walks have left.
        truncation: Of the codes from which the walks start; own pictures are drawn without.
        starts: How many codes; each of the directions is walked at least once.
        own: How many own pictures there are to be like.
        neighbours: Which neighbour tells how far an own picture's ball goes; 3 in the paper.
        seed: Of all latents, which are different ones.
        batch: Pictures in one pass.
        own_pictures: What :func:`own_pictures_of` found before, for several measurements of one generator.
        on_step: Called after each step with its share; ``False`` raises ``Cancelled``.

    Returns:
        The shares and the reach.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If steps do not rise from 0, a number does not fit, or the generator cannot be measured: it is on
            the meta device, in half precision, or draws a latent differently each time.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> from latent_widgets.values.directions import Directions
        >>> G = ExactFaces(resolution=8)
        >>> D = Directions(torch.eye(G.dim("w"))[:2], "w").in_unit("sd", G)
        >>> found = own_reach(G, D, at=[0, 2, 100])
        >>> found.reach, found.left
        (2.0, True)
    """
    steady(with_digits(G))
    moves = as_directions(directions).for_generator(G)
    psi = checks.number("truncation", truncation)
    checks.integer("batch", batch, low=1)
    count = max(checks.integer("starts", starts, low=1), len(moves))
    steps = _default_steps(G, moves) if at is None else _checked_steps(at)
    known = own_pictures_of(G, own, neighbours, seed, batch) if own_pictures is None else own_pictures
    pictures = 0 if own_pictures is not None else len(known.features) + known.fresh
    space = "w+" if moves.layers is not None and moves.space == "w" else moves.space
    begin = _starts(G, space, count, psi, seed)
    shares: list[float] = []
    ends: list[tuple[float, float]] = []
    last, left = 0, False  # the step that is still within reach; whether one was certainly beyond
    for i, step in enumerate(steps):
        codes = _moved(begin, moves, step) if step else begin
        inside = torch.cat([known.inside(x) for x in _drawn(G, codes, space, psi, batch)])
        pictures += len(codes)
        shares.append(float(inside.double().mean()))
        ends.append(wilson(int(inside.sum()), len(inside)))
        left = left or ends[-1][1] < KEPT * known.ceiling
        last = i if not left and shares[-1] >= KEPT * known.ceiling else last
        if not report(on_step, i + 1, len(steps), shares[-1]):
            raise Cancelled
        if at is None and left:
            break
    return OwnReach(
        at=steps[: len(shares)],
        unit=moves.unit,
        shares=tuple(shares),
        intervals=torch.tensor(ends, dtype=torch.float64, device="cpu"),
        ceiling=known.ceiling,
        reach=steps[last],
        left=left,
        truncation=psi,
        count=2 * count,
        pictures=pictures,
    )


@exact()
def own_pictures_of(G: Generator, own: int = 256, neighbours: int = 3, seed: int = 0, batch: int = 32) -> OwnPictures:
    """Draw own pictures, and half as many fresh ones to see how many of these are like them.

    Args:
        G: The generator.
        own: How many.
        neighbours: Which neighbour tells how far a ball goes.
        seed: Of the latents.
        batch: Pictures in one pass.

    Returns:
        The balls, and their ceiling.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If there are not more own pictures than neighbours, or the generator cannot be measured.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> found = own_pictures_of(ExactFaces(resolution=8), own=60)
        >>> found.features.shape, found.fresh, 0.5 < found.ceiling <= 1
        (torch.Size([60, 192]), 30, True)
    """
    steady(with_digits(G))
    checks.integer("neighbours", neighbours, low=1)
    checks.integer("own", own, low=max(neighbours + 1, 4))
    checks.integer("batch", batch, low=1)
    codes = G.sample_z(own + own // 2, seed)
    if G.main_space == "w":
        codes = G.map(codes)
    found = torch.cat([_features(x) for x in _drawn(G, codes, G.main_space, 1.0, batch)])
    features, fresh = found[:own], found[own:]
    features = features[features.isfinite().all(1)]
    if len(features) <= neighbours:
        raise ValueError(f"the generator must draw finite pictures to be measured, got {len(features)} of {own}.")
    radii = torch.cdist(features, features).kthvalue(neighbours + 1, 1).values  # the nearest is the picture itself
    radii = radii.clamp(max=float(radii.quantile(WIDEST)))
    radii = torch.maximum(radii, rounding(G.dtype) * features.norm(dim=1))  # of equal pictures, rounding is no distance
    balls = OwnPictures(features, radii)
    return OwnPictures(features, radii, float(balls._holds(fresh).double().mean()), len(fresh))


def _features(pictures: Tensor) -> Tensor:
    """What of pictures is compared, ``(n, d)``, in float64 so that equal ones are told from close ones."""
    height, width = pictures.shape[-2:]
    small = (min(SIDE, height), min(SIDE, width))
    return F.adaptive_avg_pool2d(pictures.clamp(-1, 1), small).flatten(1).double().cpu()


@torch.no_grad()
def _drawn(G: Generator, codes: Tensor, space: str, truncation: float, batch: int) -> Iterator[Tensor]:
    """Pictures of codes; latents of a mapped generator are truncated where it truncates, after the mapping."""
    mapped = space == "z" and G.main_space == "w"
    for part in codes.split(batch):
        yield G.synthesize(G.map(part, truncation), "w") if mapped else G.synthesize(part, space)


@torch.no_grad()
def _starts(G: Generator, space: str, count: int, truncation: float, seed: int) -> Tensor:
    """Codes of latents that no own picture has, in the space in which they are moved."""
    z = G.sample_z(count, (seed + 0x5EED) % 2**63)
    if space == "z":
        return z if G.main_space == "w" else z * truncation
    w = G.map(z, truncation)
    if space == "s":
        styles: Any = G
        return styles.styles(w, "w")
    return G.broadcast(w) if space == "w+" else w


def _moved(begin: Tensor, moves: Directions, step: float) -> Tensor:
    """Each start a step to both sides, along the directions in turn."""
    parts = [shift(code, moves[i % len(moves)], [step, -step], rows=moves.layers) for i, code in enumerate(begin)]
    return torch.cat(parts)


def _default_steps(G: Generator, moves: Directions) -> tuple[float, ...]:
    """The steps in the unit of the directions, as long as they are in standard deviations."""
    if moves.unit == "sd":  # which a method may have measured in its own way
        return STEPS
    deviations = latent_sd(G, moves.vectors, moves.space, layers=moves.layers)
    unit = float((deviations / moves.scales).median())
    return tuple(step * unit for step in STEPS)


def _checked_steps(at: Sequence[float]) -> tuple[float, ...]:
    steps = tuple(checks.number("at", value) for value in at)
    if len(steps) < 2 or steps[0] != 0 or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"at must hold steps that rise from 0, got {list(steps)}. Use [0, 1, 2, 4].")
    return steps
