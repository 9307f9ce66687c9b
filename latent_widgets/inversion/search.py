"""The search behind an inversion: coordinates of unit covariance, Adam from several starts, the best so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.forward import load_rules
from latent_widgets.generators.base import Generator
from latent_widgets.values.units import latent_sample

__all__ = ["Best", "Point", "Whitening", "search", "whitening_of"]

RATE = 0.1  # of Adam, in standard deviations of the latents: our choice
BETAS = (0.9, 0.99)
FLAT = 0.5  # share of the steps at the full rate; it falls to zero over the rest
SAMPLE = 4000  # latents behind mean and covariance


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
        root: ``(d, d)``, a square root of the covariance.
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
        flat = torch.linalg.lstsq(
            self.root.double(), (code - self.mean).double().reshape(-1, len(self.mean)).T
        ).solution
        u = flat.T.to(code).reshape(code.shape)
        return Point(u) if code.ndim == 2 else Point(u.mean(1), u - u.mean(1, keepdim=True))

    def decode(self, point: Point) -> Tensor:
        """Turn coordinates into codes: ``(n, d)``, or ``(n, rows, d)`` where there are offsets."""
        u = point.shared if point.offset is None else point.shared[:, None] + point.offset
        return self.mean + u @ self.root.T

    def draw(self, point: Point) -> Tensor:
        """Draw codes."""
        return self.generator.synthesize(self.decode(point), self.base if point.offset is None else "w+")

    def variance(self) -> float:
        """Return the variance of a pixel over the samples, averaged over the picture."""
        return float(self.pictures.double().var(0).mean())


def whitening_of(G: Generator, base: str, n: int, seed: int, batch: int = 16) -> Whitening:
    """Sample a generator.

    Args:
        G: The generator.
        base: ``"z"`` or ``"w"``.
        n: How many pictures.
        seed: Of the sample.
        batch: How many are drawn at once.

    Returns:
        The frame. In ``z`` the prior is known, in ``w`` mean and covariance are those of 4000 latents.
    """
    with torch.no_grad():
        codes = latent_sample(G, base, n, seed)
        pictures = torch.cat([_drawn(G, part, base) for part in codes.split(batch)])
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


class Best:
    """The best code so far, with its picture, and the lowest loss after each step."""

    def __init__(self, frame: Whitening, start: Point) -> None:
        self.loss, self.losses = float("inf"), list[float]()
        self.point, self.picture = start.pick(slice(0, 1)).detach(), frame.pictures[:1]  # until a code is seen

    def see(self, point: Point, pictures: Tensor, losses: Tensor) -> bool:
        """Look at codes; return whether any loss was finite."""
        values = losses.detach().nan_to_num(nan=float("inf"))
        i = int(values.argmin())
        if float(values[i]) < self.loss:
            self.loss, chosen = float(values[i]), slice(i, i + 1)
            self.point, self.picture = point.pick(chosen).detach(), pictures[chosen].detach().clone()
        self.losses.append(self.loss)
        return bool(values[i].isfinite())


def search(
    frame: Whitening, distance: Callable[[Tensor], Tensor], start: Point, steps: int, pull: float, rows: int
) -> Iterator[Best]:
    """Descend, giving the best so far after each step.

    Args:
        frame: The coordinates.
        distance: Of pictures ``(n, 3, H, W)`` from the wanted one: ``(n,)``.
        start: Where to begin. Of several codes, the best after a quarter of the steps goes on alone.
        steps: How many in all.
        pull: Weight of the mean squared offset of the rows.
        rows: How many rows get an offset in the second half; 0 for none.

    Yields:
        The same object, after each step.

    Raises:
        ValueError: If no picture is finite.
    """
    best, point, done = Best(frame, start), start, 0
    several = len(start.shared) > 1
    alone = steps // 4 if several else 0
    layered = (steps // 2 if start.offset is None else 0) if rows else steps
    for first, last in ((0, alone), (alone, max(layered, alone)), (max(layered, alone), steps)):
        if first == last:
            continue
        if best.losses and several and first == alone:
            point = best.point
        if rows and first >= layered and point.offset is None:
            point = Point(point.shared, point.shared.new_zeros(len(point.shared), rows, point.shared.shape[1]))
        point = point.detach()
        leaves = [part.requires_grad_() for part in (point.shared, point.offset) if part is not None]
        load_rules()  # an optimiser has them imported
        optimiser = torch.optim.Adam(leaves, RATE, BETAS)
        for _ in range(first, last):
            pictures = frame.draw(point)
            losses = distance(pictures)
            if point.offset is not None:
                losses = losses + pull * point.offset.square().mean((1, 2))
            if not best.see(point, pictures, losses):
                raise ValueError(f"G must draw finite pictures, got none at step {done + 1}. Look at its codes there.")
            optimiser.param_groups[0]["lr"] = RATE * min(1.0, (1 - done / steps) / (1 - FLAT))
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            done += 1
            yield best
