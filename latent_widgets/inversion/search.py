"""The search behind an inversion: coordinates of unit covariance, Adam from several starts, the best so far.

Large pictures are searched for small first: the network's own picture of an eighth of the side costs a few percent of
the full one. It is no small copy of it, since what finer layers add is missing; the mean of that over samples is taken
off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.core.forward import load_rules
from latent_widgets.core.work import TRAINED, Stopped, in_parts, nobody
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.area import area_resample
from latent_widgets.values.units import latent_sample

__all__ = ["Best", "Point", "Search", "Stage", "Whitening", "search", "stages_of", "whitening_of"]

RATE = 0.1  # of Adam, in standard deviations of the latents: our choice
BETAS = (0.9, 0.99)
FLAT = 0.5  # share of the steps at the full rate; it falls to zero over the rest
SAMPLE = 4000  # latents behind mean and covariance
LARGE = 256  # pixels of a side from which on pictures are searched for small first; at 128 it saves too little
FEW = 16  # samples by which small pictures are compared with whole ones
COARSE = 8  # into so many parts the side is cut
FEWER = 2  # codes whose whole pictures are followed at first


@dataclass(frozen=True, eq=False)
class Point:
    """Codes in whitened coordinates: what all rows share ``(n, d)``, and each row's offset ``(n, rows, d)`` or None."""

    shared: Tensor
    offset: Tensor | None = None

    def pick(self, index: Tensor | slice) -> Point:
        """Return some of the codes."""
        return Point(self.shared[index], None if self.offset is None else self.offset[index])

    def detach(self) -> Point:
        """Return the numbers without their history."""
        return Point(self.shared.detach().clone(), None if self.offset is None else self.offset.detach().clone())


@dataclass(frozen=True, eq=False)
class Whitening:
    """The latents of a generator in coordinates of zero mean and unit covariance.

    Attributes:
        generator: The generator.
        base: ``"z"`` or ``"w"``.
        mean: ``(d,)``.
        root: ``(d, d)``, a square root of the covariance, with perpendicular columns.
        codes: ``(n, d)``, samples.
        pictures: ``(n, 3, H, W)``, theirs.
    """

    generator: Generator
    base: str
    mean: Tensor
    root: Tensor
    codes: Tensor
    pictures: Tensor

    def encode(self, code: Tensor) -> Point:
        """Turn codes of the base ``(n, d)``, or of ``w+`` ``(n, rows, d)``, into coordinates."""
        root = self.root.double()  # of perpendicular columns; a solver's last digits depend on where its memory lies
        flat = (code - self.mean).double().reshape(-1, len(self.mean)) @ root / root.square().sum(0)
        u = flat.to(code).reshape(code.shape)
        return Point(u) if code.ndim == 2 else Point(u.mean(1), u - u.mean(1, keepdim=True))

    def decode(self, point: Point) -> Tensor:
        """Turn coordinates into codes: ``(n, d)``, or ``(n, rows, d)`` where there are offsets."""
        u = point.shared if point.offset is None else point.shared[:, None] + point.offset
        return self.mean + u @ self.root.T

    def draw(self, point: Point, side: int | None = None) -> Tensor:
        """Draw codes: whole, or the network's own small pictures of a side."""
        return self.drawn(self.decode(point), side)

    def drawn(self, codes: Tensor, side: int | None) -> Tensor:
        """Draw what :meth:`decode` gave."""
        space = self.base if codes.ndim == 2 else "w+"
        G = self.generator
        return G.synthesize(codes, space) if side is None else G.preview(codes, side, space)

    def variance(self) -> float:
        """Return the variance of a pixel over the samples, averaged over the picture."""
        return float(self.pictures.double().var(0).mean())


def whitening_of(
    G: Generator, base: str, n: int, seed: int, batch: int = 16, seen: Callable[[Tensor, Tensor], object] | None = None
) -> Whitening:
    """Sample a generator.

    Args:
        G: The generator.
        base: ``"z"`` or ``"w"``.
        n: How many pictures.
        seed: Of the sample.
        batch: How many are drawn at once.
        seen: Called with the codes and the pictures of each batch; what it stops has those that were drawn.

    Returns:
        The frame. In ``z`` the prior is known, in ``w`` mean and covariance are those of 4000 latents.
    """
    with torch.no_grad():
        codes = latent_sample(G, base, n, seed)
        drawn = []
        with suppress(Stopped):
            for part in codes.split(batch):
                drawn.append(_drawn(G, part, base))
                if seen is not None:
                    seen(part, drawn[-1])
        pictures = torch.cat(drawn)
        codes = codes[: len(pictures)]
        d = G.dim(base)
        if base == "z":
            return Whitening(
                G, base, codes.new_zeros(d), torch.eye(d, dtype=torch.float32, device="cpu").to(codes), codes, pictures
            )
        sample = latent_sample(G, base, SAMPLE, seed).double()
        values, vectors = torch.linalg.eigh(sample.T.cov().reshape(d, d))
        root = vectors * values.clamp(min=1e-6 * float(values[-1])).sqrt()
    return Whitening(G, base, sample.mean(0).to(codes), root.to(codes), codes, pictures)


def _drawn(G: Generator, codes: Tensor, space: str) -> Tensor:
    with suppress(RuntimeError):  # a caller who holds the lock lets the picture of a moving slider in
        G.lock.give_way()
    return G.synthesize(codes, space)


@dataclass(frozen=True, eq=False)
class Stage:
    """Steps that are alike.

    Attributes:
        first: The number of the first of them.
        last: The number behind the last.
        codes: How many codes are followed.
        side: Of the small pictures that are searched for; None for the whole ones.
        layered: Whether each row has an offset of its own.
    """

    first: int
    last: int
    codes: int
    side: int | None
    layered: bool

    @property
    def kind(self) -> tuple[int, int | None, bool]:
        """What its steps have in common."""
        return self.codes, self.side, self.layered

    def pictures(self, resolution: int) -> float:
        """Return how many pictures it draws; a small one counts as the ratio of the sides."""
        return (self.last - self.first) * self.codes * (1.0 if self.side is None else self.side / resolution)

    def passes(self, resolution: int) -> float:
        """Return what it costs in passes."""
        return TRAINED * self.pictures(resolution)


def stages_of(
    G: Generator, steps: int, codes: int, rows: int, *, layered: bool = False, small: bool = True
) -> tuple[Stage, ...]:
    """Cut a search into stages.

    The first quarter follows several codes, the rest the best of them; in the second half the rows of ``w+`` move
    apart. Where pictures are large and the network draws small ones, three eighths go by an eighth of the side, the
    next sixteenth by whole pictures of two codes, and the rows move apart from there on.

    Args:
        G: The generator.
        steps: How many in all.
        codes: How many codes are followed at first; of one that was given, the search goes on at full size.
        rows: How many rows of ``w+`` move apart; 0 for none.
        layered: Whether they do from the beginning.
        small: Whether small pictures are of use.

    Returns:
        The stages, none of them empty.

    Example:
        >>> from latent_widgets.generators.zoo import load
        >>> for stage in stages_of(load("faces64"), 200, 4, 10):
        ...     print(stage)
        Stage(first=0, last=50, codes=4, side=None, layered=False)
        Stage(first=50, last=100, codes=1, side=None, layered=False)
        Stage(first=100, last=200, codes=1, side=None, layered=True)
    """
    sides = G.preview_resolutions if small and G.resolution >= LARGE else ()
    coarse = max((side for side in sides if side * COARSE <= G.resolution), default=None)
    early = 3 * steps // 8 if coarse else steps // 4 if codes > 1 else 0
    parts = [(early, codes, coarse, layered)]
    if coarse and early:
        parts += [(early + steps // 16, min(codes, FEWER), None, True), (steps, 1, None, True)]
    else:
        parts += [
            (steps // 2, codes if not early else 1, None, layered),
            (steps, codes if not early else 1, None, True),
        ]
    found, first = list[Stage](), 0
    for last, followed, side, apart in parts:
        stage = Stage(first, last, followed, side, apart and rows > 0)
        if found and found[-1].kind == stage.kind:
            found[-1] = replace(found[-1], last=last)
        elif last > first:
            found.append(stage)
        first = max(first, last)
    return tuple(found)


class Best:
    """The best code so far, with its picture, and the lowest loss after each step."""

    def __init__(self, frame: Whitening, start: Point) -> None:
        self.loss, self.losses = float("inf"), list[float]()
        self.point, self.picture = start.pick(slice(0, 1)).detach(), frame.pictures[:1]  # until a code is seen
        self.small = False  # whether that picture is an enlarged small one

    def begin(self) -> None:
        """Take losses as of another kind from now on."""
        self.loss = float("inf")

    def see(self, point: Point, pictures: Tensor, losses: Tensor) -> bool:
        """Look at codes; return whether any loss was finite."""
        values = losses.detach().nan_to_num(nan=float("inf"))
        i = int(values.argmin())
        if float(values[i]) < self.loss:
            self.loss, chosen = float(values[i]), slice(i, i + 1)
            self.point, self.picture = point.pick(chosen).detach(), self._whole(pictures[chosen])
        self.losses.append(self.loss)
        return bool(values[i].isfinite())

    def _whole(self, picture: Tensor) -> Tensor:
        size = self.picture.shape[-2:]
        self.small = picture.shape[-2:] != size
        picture = picture.detach().clone()
        return interpolate(picture, size, mode="bilinear", align_corners=False) if self.small else picture

    def redraw(self, frame: Whitening) -> None:
        """Draw the code whole, where only a small picture of it is known."""
        if self.small:
            with torch.no_grad():
                self.picture, self.small = frame.draw(self.point), False


@dataclass(frozen=True, eq=False)
class Search:
    """What a search goes by.

    Attributes:
        frame: The coordinates.
        target: ``(1, 3, H, W)``.
        distance: Of pictures ``(n, 3, H, W)`` from one of their size: ``(n,)``.
        near: The same for small pictures.
        pull: Weight of the mean squared offset of the rows.
        rows: How many rows get an offset; 0 for none.
        at_once: How many codes are drawn in one pass.
        told: Called inside of long steps.
    """

    frame: Whitening
    target: Tensor
    distance: Callable[[Tensor, Tensor], Tensor]
    near: Callable[[Tensor, Tensor], Tensor]
    pull: float
    rows: int
    at_once: int = 2**30
    told: Callable[[], object] = nobody

    def aim(self, side: int | None) -> Tensor:
        """Return what pictures of a side are to look like: the small target, less what is missing in small pictures."""
        if side is None:
            return self.target
        frame = self.frame
        with torch.no_grad():
            few = slice(0, FEW)
            size = (side, side)
            missing = area_resample(frame.pictures[few], *size) - frame.drawn(frame.codes[few], side)
            return area_resample(self.target, *size) - missing.mean(0)

    def nearest(self, point: Point, stage: Stage) -> Point:
        """Return those of several codes whose pictures are nearest at the size of the next stage."""
        with torch.no_grad():
            _, losses = self.losses(point, stage.side, self.aim(stage.side))
        return point.pick(losses.nan_to_num(nan=float("inf")).argsort()[: stage.codes])

    def losses(self, point: Point, side: int | None, aim: Tensor) -> tuple[Tensor, Tensor]:
        """Draw codes; return pictures and losses."""
        small = 1 if side is None else (self.frame.generator.resolution // side) ** 2
        codes = self.frame.decode(point)
        parts = list(in_parts(lambda part: self.frame.drawn(part, side), codes, self.at_once * small, self.told))
        pictures = torch.cat(parts) if len(parts) > 1 else parts[0]
        losses = (self.distance if side is None else self.near)(pictures, aim)
        if point.offset is not None:
            losses = losses + self.pull * point.offset.square().mean((1, 2))
        return pictures, losses


def search(plan: Search, best: Best, start: Point, stages: tuple[Stage, ...]) -> Iterator[Stage]:
    """Descend; ``best`` has the best so far after each step.

    Args:
        plan: What it goes by.
        best: Takes note of the best.
        start: Where to begin.
        stages: The steps. From each to the next the best code goes on.

    Yields:
        After each step the stage that it belongs to.

    Raises:
        ValueError: If no picture is finite.
    """
    steps, point, before = stages[-1].last, start, stages[0]
    for stage in stages:
        if best.losses and before.side != stage.side and before.codes > 1:
            point = plan.nearest(point.detach(), stage)
        elif best.losses and (before.codes > stage.codes or before.side != stage.side):
            point = best.point
        if best.losses and before.side != stage.side:
            best.begin()
        if stage.layered and point.offset is None:
            point = Point(point.shared, point.shared.new_zeros(len(point.shared), plan.rows, point.shared.shape[1]))
        point, before = point.detach(), stage
        aim = plan.aim(stage.side)
        leaves = [part.requires_grad_() for part in (point.shared, point.offset) if part is not None]
        load_rules()  # an optimiser has them imported
        optimiser = torch.optim.Adam(leaves, RATE, BETAS)
        for done in range(stage.first, stage.last):
            pictures, losses = plan.losses(point, stage.side, aim)
            if not best.see(point, pictures, losses):
                raise ValueError(f"G must draw finite pictures, got none at step {done + 1}. Look at its codes there.")
            optimiser.param_groups[0]["lr"] = RATE * min(1.0, (1 - done / steps) / (1 - FLAT))
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            yield stage
