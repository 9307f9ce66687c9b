r"""The spectrum and the directions of any painted region, in milliseconds.

The Gram of a set of pixels, :math:`J_A^\top J_A`, is a sum over pixels, so the Grams of disjoint sets add. One pass
over the latent coordinates gives the Jacobian of the pooled picture; it is kept in a reduced basis, with one Gram a
tile. A mask then costs a sum over tiles, the rows of the tiles that its edge cuts, and one small eigenproblem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import rounding
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.functions import VectorFunction, image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.grams import RegionGrams
from latent_widgets.geometry.regions.partial import Budget, Seen, begun, partial_pass, seen_of
from latent_widgets.geometry.regions.reduced import reduced
from latent_widgets.geometry.regions.search import Stage
from latent_widgets.geometry.regions.solvers import (
    SOLVERS,
    RegionSpectrum,
    check_count,
    effect,
    spectrum_of,
)
from latent_widgets.geometry.regions.tiles import TileGrams
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask
from latent_widgets.values.units import direction_lengths

__all__ = ["RegionSpectra"]

Channels = Literal["rgb", "luminance", "chroma", "mean"]
CHANNELS: tuple[Channels, ...] = ("rgb", "luminance", "chroma", "mean")
GROWN = 1.2  # times as many directions as when it was last put together
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of R, G, B: Rec. ITU-R BT.709-6, item 3.2


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
        budget_bytes: What products may take, see ``memory`` of ``JacobianOperator``, beside what is held afterwards.
        on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.

    Attributes:
        pooled_size: Height and width of the pooled picture.
        functions: For each latent the function that was differentiated.
        basis: ``(d, r)``, orthonormal columns.
        discarded: The share of a tile's energy that the reduction lost, of the tile that lost most.
        total: ``(r, r)`` float64, the Gram of the whole picture.
        seen: What a search for one mask has looked at, see :meth:`for_mask`; None after a whole pass.

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
        budget_bytes: int | None = None,
        on_step: OnStep | None = None,
    ) -> None:
        codes = _each(G, code)
        if budget_bytes is not None:
            checks.integer("budget_bytes", budget_bytes, 1)
        self.generator = G
        self.size = checks.integer("size", min(G.resolution, 128) if size is None else size, 1, G.resolution)
        height, width = (max(1, round(side * self.size / G.resolution)) for side in G.picture_size)
        self.pooled_size, most = (height, width), min(height, width)
        self.tiles = checks.integer("tiles", min(16, most) if tiles is None else tiles, 1, most)
        checks.choice("channels", channels, CHANNELS)
        self.channels = channels
        self.functions = [image_function(G, one, rows, shared=shared) for one in codes]
        if rank is not None:
            checks.integer("rank", rank, 1, len(self.functions[0].x0))
        operators = [
            JacobianOperator(_channelled(f, channels), f.x0, pool=self.pooled_size, memory=budget_bytes)
            for f in self.functions
        ]
        self._hold(*reduced(operators, rank, self.tiles, on_step))

    def _hold(self, basis: Tensor, pooled: Tensor, discarded: float) -> None:
        self.basis, self._pooled, self.discarded = basis, pooled, discarded
        self._tiles = TileGrams(pooled, self.tiles)
        self.total = self._tiles.total
        self._last: tuple[Mask | None, Tensor, RegionGrams] | None = None
        self.seen: Seen | None = None
        self._unseen: tuple[Tensor, float, float] | None = None  # for which weights, and traces inside and outside

    @classmethod
    def for_mask(
        cls,
        G: Generator,
        code: Any,
        mask: Any,
        k: int = 6,
        *,
        rows: Sequence[int] | None = None,
        channels: Channels = "rgb",
        shared: bool = False,
        tolerance: float = 1e-3,
        angle: float = 2.0,
        pictures: int | None = None,
        seconds: float | None = None,
        start: RegionSpectra | None = None,
        budget_bytes: int | None = None,
        on_step: OnStep | None = None,
    ) -> RegionSpectra:
        """Search the directions of one mask: a few dozen pictures' worth of time instead of a whole pass.

        The picture is looked at in full size, along the directions that matter for this mask only: first those that
        the network's own small picture suggests, then what the best of them still lack, until they have settled. Other
        masks can be asked for too, but what they need may not have been looked at: give what came out as ``start``.

        Args:
            G: The generator.
            code: One code.
            mask: The region, which must leave a part of the picture out.
            k: How many directions are to be good, the first of them early.
            rows: Rows of ``w+`` that move; all if not given.
            channels: See above.
            shared: See above.
            tolerance: That of :meth:`directions` for which is searched.
            angle: In degrees; the search ends when no direction turns more. 2 is our default: the locality, which is
                stationary there, then changes by about a thousandth.
            pictures: What may be spent, in pictures' worth; at least 10. A product counts as 1.07, what comes
                before as 3.6 and the search in the small picture as 1.95: so it was measured at 256 px.
            seconds: Another limit, of the clock. What was spent until then is ``seen.pictures``, which gives the same
                again.
            start: What was found for another mask or at another latent: at the same latent all of it is taken over.
            budget_bytes: What the search may take, beside what it gives: half for derivatives, which end it when they
                fill that, and half for products, which cost more pictures where their graph does not fit. If not given,
                1 GiB for derivatives, and for products as for ``JacobianOperator``.
            on_step: Called after each step, with what there is so far as value; ``False`` ends the search, and
                what there is is returned.

        Returns:
            The spectra in the subspace that was looked at; ``seen`` says how far they go.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If something does not fit the generator, or the mask covers nothing, everything, or only pixels
                that never change.

        Example:
            >>> from latent_widgets.generators.exact import ExactFaces
            >>> G = ExactFaces(resolution=32)
            >>> mouth = torch.zeros(32, 32, dtype=torch.bool)
            >>> mouth[20:26, 11:21] = True
            >>> R = RegionSpectra.for_mask(G, G.code(seed=1), mouth, k=2, pictures=30)
            >>> whole = RegionSpectra(G, G.code(seed=1)).directions(mouth, k=1).scores["locality"]
            >>> bool(R.directions(mouth, k=1).scores["locality"] > 0.8 * whole), R.seen.pictures <= 30
            (True, True)
        """
        checks.choice("channels", channels, CHANNELS)
        tolerance, angle = checks.number("tolerance", tolerance, 0), checks.number("angle", angle, 0, 90)
        budget = Budget(pictures, seconds)
        if budget_bytes is not None:
            checks.integer("budget_bytes", budget_bytes, 1)
        function, small = begun(G, code, rows, shared)
        function, small = _channelled(function, channels), None if small is None else _channelled(small, channels)
        k = checks.integer("k", k, 1, len(function.x0))
        known, first = (None, None) if start is None else start._handed_on(function, channels, mask, k, tolerance)
        found: RegionSpectra | None = None
        parts = partial_pass(G, (function, small), mask, k, tolerance, angle, budget, budget_bytes, known, first)
        for stage, ends in parts:
            grown = found is None or len(stage.subspace) >= GROWN * found.basis.shape[1]
            if found is None or grown or ends or found.pooled_size != stage.subspace.J.output_shape[1:]:
                found = cls._seen(G, function, channels, mask, stage)
            found.seen = seen_of(G, function, stage, 0 if known is None else known[0].shape[1], ends)
            if not report(on_step, round(stage.pictures), pictures, found, **budget.spend(stage.pictures)):
                found.seen = replace(found.seen, stopped=ends or "cancelled")
                break
        if found is None:
            raise ValueError(
                "mask must cover pixels that answer to the latent, got none that do. Paint somewhere else."
            )
        return found

    @classmethod
    def _seen(
        cls, G: Generator, function: VectorFunction, channels: Channels, mask: Any, stage: Stage
    ) -> RegionSpectra:
        """Put what a stage has looked at together."""
        found, held = cls.__new__(cls), stage.subspace
        found.generator, found.functions, found.channels = G, [function], channels
        _, height, width = held.J.output_shape
        found.pooled_size = (height, width)
        found.size, found.tiles = max(height, width), min(16, height, width)
        found._hold(held.basis.to(held.J.dtype), torch.stack(held.columns, -1)[None], 0.0)
        inside, outside = (held.numbers * energy for energy in stage.unseen)
        found._unseen = (found.weights(mask), inside, outside)
        return found

    def _handed_on(
        self, function: VectorFunction, channels: Channels, mask: Any, k: int, tolerance: float
    ) -> tuple[tuple[Tensor, list[Tensor]] | None, Tensor | None]:
        """What a search may begin with: all, at the same latent and in full size, or else the best directions."""
        mine = self.functions[0]
        if (mine.space, mine.rows, len(mine.x0)) != (function.space, function.rows, len(function.x0)):
            raise ValueError(
                f"start must be in the space and the rows of the code, {function.space} and {function.rows}, "
                f"got {mine.space} and {mine.rows}. Leave it out."
            )
        same = torch.equal(mine.x0.to(function.x0), function.x0) and self.channels == channels
        if same and len(self.functions) == 1 and self.pooled_size == self.generator.picture_size:
            return (self.basis, list(self._pooled[0].movedim(-1, 0).contiguous())), None
        vectors, _ = self.grams(mask).solve(min(k, len(self.total)), "generalized", tolerance=tolerance)
        return None, self.lift(vectors).T.double().cpu()

    @property
    def pooled(self) -> Tensor:
        """The pooled Jacobian in the reduced basis, ``(n, channels, *pooled_size, r)``."""
        return self._pooled

    def __repr__(self) -> str:
        n, (_, r) = len(self.functions), self.basis.shape
        seen = "" if self.seen is None else f"; {self.seen}"
        return f"<RegionSpectra at {n} latent{'s' * (n > 1)}: {r} coordinates, {self.nbytes / 2**20:.1f} MiB{seen}>"

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
        error = rounding(self._pooled.dtype)
        found = RegionGrams(inside, self.total - inside, area, rest, channels, error, self._beyond(weights))
        self._last = (value, weights, found)
        return found

    def _beyond(self, weights: Tensor) -> tuple[float, float]:
        """The energy beyond the basis, inside and outside: for another mask as its area shares it out."""
        if self._unseen is None:
            return 0.0, 0.0
        mine, inside, outside = self._unseen
        if torch.equal(mine, weights):
            return inside, outside
        share = float(weights.mean())
        return share * (inside + outside), (1 - share) * (inside + outside)

    def spectrum(self, mask: Any) -> RegionSpectrum:
        """Return the spectrum of a region.

        Args:
            mask: See :meth:`grams`.

        Returns:
            Singular values as root mean square change per pixel, rank, and the chance level beside them.
        """
        g = self.grams(mask)
        share = g.area / (g.area + g.rest)
        return spectrum_of(g.inside, g.outside, g.principal[1].T, g.numbers, share, self.dim, g.noise, g.unseen)

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
        found = effect(grams.inside, grams.outside, grams.numbers, vectors, grams.unseen)
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
