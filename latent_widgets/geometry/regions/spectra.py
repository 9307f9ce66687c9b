r"""The spectrum and the directions of any painted region, in milliseconds.

The Gram of a set of pixels, :math:`J_A^\top J_A`, is a sum over pixels, so the Grams of disjoint sets add. One pass
over the latent coordinates gives the Jacobian of the pooled picture; it is kept in a reduced basis, with one Gram a
tile. A mask then costs a sum over tiles, the rows of the tiles that its edge cuts, and one small eigenproblem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import rounding
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.functions import VectorFunction, image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.reduced import reduced
from latent_widgets.geometry.regions.solvers import (
    SOLVERS,
    RegionSpectrum,
    Solver,
    check_count,
    effect,
    generalized,
    loud_rank,
    projection,
    spectrum_of,
)
from latent_widgets.geometry.regions.tiles import TileGrams
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask
from latent_widgets.values.units import direction_lengths

__all__ = ["RegionGrams", "RegionSpectra"]

Channels = Literal["rgb", "luminance", "chroma", "mean"]
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of R, G, B: Rec. ITU-R BT.709-6, item 3.2


@dataclass(frozen=True, eq=False)
class RegionGrams:
    """The Grams of a mask and of what it leaves, in the reduced basis.

    Attributes:
        inside: ``(r, r)`` float64, a sum over pixels and channels.
        outside: The same outside.
        area: Weighted number of pixels inside, at the analysis size.
        rest: The same outside.
        channels: Numbers in a pixel.
        error: By which share of its own size, root mean square, rounding alone changes a derivative.
    """

    inside: Tensor
    outside: Tensor
    area: float
    rest: float
    channels: int
    error: float

    @cached_property
    def principal(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues ``(r,)`` and eigenvectors ``(r, r)``, a column each, of the inside, the largest first."""
        values, vectors = torch.linalg.eigh(self.inside)
        return values.flip(0), vectors.flip(1)

    def solve(
        self,
        k: int,
        solver: Solver,
        *,
        tolerance: float,
        cut: int | None = None,
        principal: Tensor | None = None,
        outside: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Find directions that act inside.

        Args:
            k: How many.
            solver: ``"generalized"`` or ``"projection"``, see :mod:`latent_widgets.geometry.regions.solvers`.
            tolerance: For ``"generalized"``.
            cut: For ``"projection"``, how many of the loudest directions of the outside are removed; its
                :func:`~latent_widgets.geometry.regions.solvers.loud_rank` if not given.
            principal: For ``"projection"``, other principal directions of the inside, a column each.
            outside: For ``"projection"``, another Gram of the outside.

        Returns:
            ``(k, r)`` of unit length, and the norm ``(k,)`` that the projection left of each; 1 without one.

        Raises:
            ValueError: If nothing is left of a direction.
        """
        if solver == "generalized":
            found = generalized(self.inside, self.outside, k, tolerance)
            return found, torch.ones(k, dtype=torch.float64, device="cpu")
        principal = self.principal[1] if principal is None else principal
        outside = self.outside if outside is None else outside
        return projection(principal[:, :k].T, outside, loud_rank(outside) if cut is None else cut, self.error)

    @property
    def noise(self) -> float:
        """The energy of a direction that rounding alone leaves inside, beside the derivatives of the whole picture."""
        inside, rest = self.numbers
        return self.error**2 * float((self.inside + self.outside).trace()) * inside / (inside + rest)

    @property
    def numbers(self) -> tuple[float, float]:
        """How many numbers the two Grams sum over."""
        return self.area * self.channels, self.rest * self.channels


class RegionSpectra:
    """The Jacobian of a picture at one latent, or several, prepared for any mask.

    Memory depends on the analysis size, the number of coordinates kept and the number of latents, not on the size of
    the picture.

    Args:
        G: The generator.
        code: One code, or ``(n, d)`` or a list of codes, of which the Grams are averaged.
        tiles: Tiles along each side; 16 if not given, or as many as there are pixels.
        rows: Rows of ``w+`` that move; all if not given.
        size: Longer side of the pooled picture; that of the picture, at most 128, if not given.
        rank: Coordinates to keep. If not given, all up to 128; beyond, at least 128 and at most 256, so many that what
            is left out hardly changes a direction found with the default tolerance.
        channels: ``"rgb"``, or what of it counts: ``"luminance"``, ``"chroma"``, what remains without it, or
            ``"mean"``, that of the three channels, as in the published code of LowRankGAN.
        shared: For a ``w+`` code, whether its rows make one step in ``w`` together rather than each its own.
        on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.

    Attributes:
        pooled_size: Height and width of the pooled picture.
        functions: For each latent the function that was differentiated.
        basis: ``(d, r)``, orthonormal columns.
        discarded: The share of a tile's energy that the reduction lost, of the tile that lost most.
        total: ``(r, r)`` float64, the Gram of the whole picture.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=32)
        >>> R = RegionSpectra(G, G.code(seed=1), tiles=8)
        >>> R
        <RegionSpectra at 1 latent: 39 coordinates, 0.9 MiB>
        >>> left = torch.zeros(32, 32, dtype=torch.bool)
        >>> left[:, :16] = True
        >>> a, b = R.grams(left), R.grams(~left)
        >>> torch.allclose(a.inside + b.inside, R.total, rtol=1e-6)
        True
    """

    def __init__(
        self,
        G: Generator,
        code: Any,
        tiles: int | None = None,
        *,
        rows: Sequence[int] | None = None,
        size: int | None = None,
        rank: int | None = None,
        channels: Channels = "rgb",
        shared: bool = False,
        on_step: OnStep | None = None,
    ) -> None:
        codes = _each(G, code)
        self.generator = G
        self.size = checks.integer("size", min(G.resolution, 128) if size is None else size, 1, G.resolution)
        height, width = (max(1, round(side * self.size / G.resolution)) for side in G.picture_size)
        self.pooled_size, most = (height, width), min(height, width)
        self.tiles = checks.integer("tiles", min(16, most) if tiles is None else tiles, 1, most)
        checks.choice("channels", channels, ("rgb", "luminance", "chroma", "mean"))
        self.channels = channels
        self.functions = [image_function(G, one, rows, shared=shared) for one in codes]
        if rank is not None:
            checks.integer("rank", rank, 1, len(self.functions[0].x0))
        operators = [JacobianOperator(_channelled(f, channels), f.x0, pool=self.pooled_size) for f in self.functions]
        self.basis, self._pooled, self.discarded = reduced(operators, rank, self.tiles, on_step)
        self._tiles = TileGrams(self._pooled, self.tiles)
        self.total = self._tiles.total
        self._last: tuple[Mask | None, Tensor, RegionGrams] | None = None

    @property
    def pooled(self) -> Tensor:
        """The pooled Jacobian in the reduced basis, ``(n, channels, *pooled_size, r)``."""
        return self._pooled

    def __repr__(self) -> str:
        n, (_, r) = len(self.functions), self.basis.shape
        return f"<RegionSpectra at {n} latent{'s' * (n > 1)}: {r} coordinates, {self.nbytes / 2**20:.1f} MiB>"

    @property
    def nbytes(self) -> int:
        """What is held, in bytes."""
        return self._tiles.nbytes + self.basis.numel() * self.basis.element_size()

    def weights(self, mask: Any) -> Tensor:
        """Return the weights of a mask over the pooled picture, see :func:`as_weights`: ``pooled_size``, float64."""
        return as_weights(mask, *self.pooled_size, self.generator.picture_size)

    def grams(self, mask: Any) -> RegionGrams:
        """Return the Grams inside and outside a mask: whole tiles are added, cut ones pixel by pixel.

        Asking for the same mask again costs nothing.

        Args:
            mask: A mask of any size, bool or soft; a soft pixel counts by its weight.

        Returns:
            The two Grams, exact for any mask at the analysis size.

        Raises:
            TypeError: If the mask holds no numbers.
            ValueError: If it is no mask, or selects nothing.
        """
        last, value = self._last, mask if isinstance(mask, Mask) else None  # an array may have changed meanwhile
        if last is not None and value is not None and value is last[0]:
            return last[2]
        weights = self.weights(mask)
        if last is not None and torch.equal(last[1], weights):
            self._last = (value, *last[1:])
            return last[2]
        inside, area = self._tiles.within(weights), float(weights.sum())
        rest, (_, channels, *_) = weights.numel() - area, self._pooled.shape
        found = RegionGrams(inside, self.total - inside, area, rest, channels, rounding(self._pooled.dtype))
        self._last = (value, weights, found)
        return found

    def spectrum(self, mask: Any) -> RegionSpectrum:
        """Return the spectrum of a region.

        Args:
            mask: See :meth:`grams`.

        Returns:
            Singular values as root mean square change per pixel, rank, and the chance level beside them.
        """
        g = self.grams(mask)
        share = g.area / (g.area + g.rest)
        return spectrum_of(g.inside, g.outside, g.principal[1].T, g.numbers, share, self.dim, g.noise)

    def directions(
        self,
        mask: Any,
        k: int = 8,
        tolerance: float = 1e-3,
        *,
        solver: Literal["generalized", "projection"] = "generalized",
        cut: int | None = None,
    ) -> Directions:
        """Find directions that act inside a region.

        One unit is a root mean square change of the inside by 1, to first order: steps of 0.1 are visible. Scores say
        what a unit is predicted to change outside, which share of the change falls inside, and that share for a random
        direction.

        Args:
            mask: See :meth:`grams`.
            k: How many.
            tolerance: For ``"generalized"``, how much may move outside, as a share of the outside's trace in any
                dimension. 1e-3 is that of ReSeFa's program (Zhu et al. 2022) with its full-rank option, 0 without it.
            solver: ``"generalized"`` eigenvectors, or ``"projection"`` as in LowRankGAN (Zhu et al. 2021).
            cut: For ``"projection"``, how many of the loudest directions of the outside are removed; those that hold
                95 % of its energy if not given.

        Returns:
            The directions, the best first.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If the mask covers nothing or everything, or ``k`` directions do not exist.
        """
        g, r = self.grams(mask), len(self.total)
        check_count(checks.integer("k", k, 1, r), g.principal[0], g.noise)
        checks.choice("solver", solver, SOLVERS)
        if g.rest <= 0:
            raise ValueError(
                "mask must leave a part of the picture out, got all of it. Local Basis has its directions."
            )
        level = checks.number("tolerance", tolerance, low=0) if solver == "generalized" else 0.0
        if solver == "projection" and cut is not None:
            cut = checks.integer("cut", cut, 0, r - 1)
        vectors, kept = g.solve(k, solver, tolerance=level, cut=cut)
        scores = {"kept norm": kept} if solver == "projection" else {}
        parameters = {"solver": solver, "tolerance": tolerance, "channels": self.channels}
        return self.directions_of(g, vectors, scores, method="region", parameters=parameters)

    def directions_of(
        self,
        grams: RegionGrams,
        vectors: Tensor,
        scores: Mapping[str, Tensor],
        *,
        method: str,
        parameters: Mapping[str, Any],
    ) -> Directions:
        """Put directions of the reduced basis in the latent, with a unit and scores.

        Args:
            grams: The region.
            vectors: ``(k, r)``, of unit length.
            scores: More scores, each ``(k,)``.
            method: What found them.
            parameters: Its parameters.

        Returns:
            The directions; one unit changes the inside by one root mean square, to first order.
        """
        found = effect(grams.inside, grams.outside, grams.numbers, vectors)
        function, G, k = self.functions[0], self.generator, len(vectors)
        flat = self.lift(vectors)
        whole = (flat if function.space != "w+" else self._spread(flat, function)).to(G.device, G.dtype)
        lengths = direction_lengths(whole, function.rows)  # in w+ a unit vector is longer than one
        told = {
            **scores,
            "outside per inside": found.outside / found.inside.clamp(min=1e-12),
            "locality": found.locality,
            "chance": torch.full((k,), found.chance, dtype=torch.float64, device="cpu"),
        }
        return Directions(
            whole,
            function.space,
            unit="rms",
            scales=lengths / found.inside.clamp(min=1e-12).to(G.device, G.dtype),
            layers=function.rows,
            scores={name: score.to(G.device, G.dtype) for name, score in told.items()},
            method=method,
            parameters=parameters,
            generator=G.name,
            weights_hash=G.weights_hash,
        )

    def _spread(self, flat: Tensor, function: VectorFunction) -> Tensor:
        rows = range(self.generator.num_layers) if function.rows is None else function.rows
        whole = flat.new_zeros(len(flat), self.generator.num_layers, flat.shape[1] // len(rows))
        whole[:, list(rows)] = flat.reshape(len(flat), len(rows), -1)
        return whole

    @property
    def dim(self) -> int:
        """Dimension of the latent that was differentiated by."""
        return int(self.basis.shape[0])

    def lift(self, vectors: Tensor) -> Tensor:
        """Turn coordinates in the reduced basis ``(k, r)`` into vectors of the latent ``(k, d)``."""
        return vectors.to(self.basis) @ self.basis.T


def _each(G: Generator, code: Any) -> list[Any]:
    if isinstance(code, list | tuple):
        return list(code)
    if isinstance(code, Tensor):
        if "w+" in G.spaces and G.num_layers > 1 and code.shape == (G.num_layers, G.w_dim):
            raise ValueError(
                f"code must be clear, got {tuple(code.shape)}, which may be one code of w+ or {len(code)} of w. "
                "Use Code(code, 'w+'), or list(code)."
            )
        batch, space = G.check_code(code)
        return [one[None] if space == "w+" else one for one in batch]
    return [code]


def _channelled(function: VectorFunction, channels: Channels) -> VectorFunction:
    if channels == "rgb":
        return function

    def call(x: Tensor) -> Tensor:
        image = function.call(x)
        if channels == "mean":
            return image.mean(0, keepdim=True)
        if channels == "luminance":
            return torch.tensordot(image.new_tensor(LUMINANCE), image, 1)[None]
        beside = image - image[1:2]  # exactly nothing where the channels are equal, as those of a grey picture
        return beside - torch.tensordot(image.new_tensor(LUMINANCE), beside, 1)[None]

    return replace(function, call=call)
