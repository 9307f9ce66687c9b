r"""The spectrum and the directions of any painted region, in milliseconds.

The Gram of a set of pixels, :math:`J_A^\top J_A`, is a sum over pixels, so the Grams of disjoint sets add. One pass
over the latent coordinates gives the Jacobian of the pooled picture; it is kept in a reduced basis, with one Gram a
tile. A mask then costs a sum over tiles, the rows of the tiles that its edge cuts, and one small eigenproblem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets import _checks
from latent_widgets._steps import OnStep, Step
from latent_widgets._values import Mask
from latent_widgets.directions import Directions
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.functions import VectorFunction, image_function
from latent_widgets.geometry.jacobian import JacobianOperator
from latent_widgets.geometry.rank import energy_rank
from latent_widgets.geometry.region_solvers import RegionSpectrum, effect, generalized, projection, spectrum_of

__all__ = ["RegionGrams", "RegionSpectra", "as_weights"]

Channels = Literal["rgb", "luminance", "chroma"]
LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
WHOLE = 128  # up to this many coordinates nothing is discarded; beyond, so many are kept at least


def as_weights(mask: Any, height: int, width: int) -> Tensor:
    """Return the weights of a mask at the analysis size.

    Args:
        mask: A :class:`~latent_widgets.Mask` or an array ``(H, W)``, bool or in [0, 1].
        height: Rows.
        width: Columns.

    Returns:
        ``(height, width)`` float64 on the CPU; shrinking averages areas.

    Raises:
        TypeError: If it is neither bool nor floating.
        ValueError: If it is no mask, or selects nothing.
    """
    mask = mask if isinstance(mask, Mask) else Mask(mask)
    weights = mask.weights(height, width).double().cpu()
    if not bool((weights > 0).any()):
        raise ValueError("mask must select at least one pixel, got none. Paint something first.")
    return weights


@dataclass(frozen=True, eq=False)
class RegionGrams:
    """The Grams of a mask and of what it leaves, in the reduced basis.

    Attributes:
        inside: ``(r, r)`` float64, a sum over pixels and channels.
        outside: The same outside.
        area: Weighted number of pixels inside, at the analysis size.
        rest: The same outside.
        channels: Numbers in a pixel.
    """

    inside: Tensor
    outside: Tensor
    area: float
    rest: float
    channels: int

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
        code: One code, or ``(n, d)`` of which the Grams are averaged.
        tiles: Tiles along each side.
        rows: Rows of ``w+`` that move; all if not given.
        size: Side of the pooled picture; the resolution, at most 128, if not given.
        rank: Coordinates to keep; all up to 128 and 128 beyond, if not given.
        channels: ``"rgb"``, or what of it counts: ``"luminance"`` or ``"chroma"``, what remains without it.
        on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.

    Attributes:
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
        tiles: int = 16,
        *,
        rows: Sequence[int] | None = None,
        size: int | None = None,
        rank: int | None = None,
        channels: Channels = "rgb",
        on_step: OnStep | None = None,
    ) -> None:
        codes = _each(G, code)
        self.generator = G
        self.size = _checks.integer("size", min(G.resolution, 128) if size is None else size, 1, G.resolution)
        self.tiles = _checks.integer("tiles", tiles, 1, self.size)
        _checks.choice("channels", channels, ("rgb", "luminance", "chroma"))
        self.channels = channels
        self.functions = [image_function(G, one, rows) for one in codes]
        d = len(self.functions[0].x0)
        keep = min(d, WHOLE) if rank is None else _checks.integer("rank", rank, 1, d)
        operators = [JacobianOperator(_channelled(f, channels), f.x0, pool=self.size) for f in self.functions]
        self.basis, self._pooled, self.discarded = _reduced(operators, keep, self.tiles, on_step)
        self._edges = [i * self.size // self.tiles for i in range(self.tiles + 1)]
        self._grams = self._tile_grams()  # (tiles, tiles, r, r)
        self.total = self._grams.sum((0, 1))

    @property
    def pooled(self) -> Tensor:
        """The pooled Jacobian in the reduced basis, ``(n, channels, size, size, r)``."""
        return self._pooled

    @property
    def nbytes(self) -> int:
        """What is held, in bytes."""
        return sum(t.numel() * t.element_size() for t in (self._pooled, self._grams, self.basis))

    def _tile_grams(self) -> Tensor:
        r = self._pooled.shape[-1]
        grams = torch.empty(self.tiles, self.tiles, r, r, dtype=torch.float64)
        for i in range(self.tiles):
            for j in range(self.tiles):
                block = self._tile(i, j).reshape(-1, r).double()
                grams[i, j] = (block.T @ block) / len(self._pooled)
        return grams

    def _tile(self, i: int, j: int) -> Tensor:
        top, bottom = self._edges[i], self._edges[i + 1]
        left, right = self._edges[j], self._edges[j + 1]
        return self._pooled[:, :, top:bottom, left:right]

    def grams(self, mask: Any) -> RegionGrams:
        """Return the Grams inside and outside a mask: whole tiles are added, cut ones are summed pixel by pixel.

        Args:
            mask: A mask of any size, bool or soft; a soft pixel counts by its weight.

        Returns:
            The two Grams, exact for any mask at the analysis size.

        Raises:
            TypeError: If the mask is neither bool nor floating.
            ValueError: If it is no mask, or selects nothing.
        """
        weights = as_weights(mask, self.size, self.size)
        full = np.zeros((self.tiles, self.tiles), dtype=bool)
        inside = torch.zeros_like(self.total)
        for i in range(self.tiles):
            for j in range(self.tiles):
                part = weights[self._edges[i] : self._edges[i + 1], self._edges[j] : self._edges[j + 1]]
                low, high = float(part.min()), float(part.max())
                if low == high == 1.0:
                    full[i, j] = True
                elif high > 0:
                    inside += self._cut(i, j, part)
        if full.any():
            inside += self._grams[torch.as_tensor(full)].sum(0)
        area = float(weights.sum())
        return RegionGrams(inside, self.total - inside, area, weights.numel() - area, self._pooled.shape[1])

    def _cut(self, i: int, j: int, part: Tensor) -> Tensor:
        chosen = part > 0
        block = self._tile(i, j)[:, :, chosen].double()  # (n, C, pixels, r)
        scaled = block * part[chosen].sqrt()[:, None]
        flat = scaled.reshape(-1, scaled.shape[-1])
        return (flat.T @ flat) / len(self._pooled)

    def spectrum(self, mask: Any) -> RegionSpectrum:
        """Return the spectrum of a region.

        Args:
            mask: See :meth:`grams`.

        Returns:
            Singular values as root mean square change per pixel, rank, and the chance level beside them.
        """
        g = self.grams(mask)
        return spectrum_of(g.inside, g.outside, g.numbers, g.area / self.size**2, self.dim)

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
            tolerance: For ``"generalized"``, how much may move outside: 1e-3 is that of ReSeFa (Zhu et al. 2022).
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
        _checks.integer("k", k, 1, r)
        _checks.choice("solver", solver, ("generalized", "projection"))
        if g.rest <= 0:
            raise ValueError(
                "mask must leave a part of the picture out, got all of it. Local Basis has its directions."
            )
        scores: dict[str, Tensor] = {}
        if solver == "generalized":
            vectors = generalized(g.inside, g.outside, k, _checks.number("tolerance", tolerance, low=0), self.dim)
        else:
            loud = torch.linalg.eigvalsh(g.outside).flip(0).clamp(min=0).sqrt()
            cut = energy_rank(loud, 0.95) if cut is None else _checks.integer("cut", cut, 0, r - 1)
            vectors, scores["kept norm"] = projection(g.inside, g.outside, k, cut)
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
        told = {
            **scores,
            "outside per inside": found.outside / found.inside.clamp(min=1e-12),
            "locality": found.locality,
            "chance": torch.full((k,), found.chance, dtype=torch.float64),
        }
        return Directions(
            (flat if function.space != "w+" else self._spread(flat, function)).to(G.device, G.dtype),
            function.space,
            unit="rms",
            scales=(1 / found.inside.clamp(min=1e-12)).to(G.device, G.dtype),
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
    if isinstance(code, Tensor) and not (code.ndim == 2 and code.shape == (G.num_layers, G.w_dim) and G.num_layers > 1):
        batch, space = G.check_code(code)
        return [one[None] if space == "w+" else one for one in batch]
    return [code]


def _channelled(function: VectorFunction, channels: Channels) -> Any:
    if channels == "rgb":
        return function.call

    def call(x: Tensor) -> Tensor:
        image = function.call(x)
        luminance = torch.tensordot(image.new_tensor(LUMINANCE), image, 1)[None]
        return luminance if channels == "luminance" else image - luminance

    return call


def _reduced(
    operators: list[JacobianOperator], keep: int, tiles: int, on_step: OnStep | None
) -> tuple[Tensor, Tensor, float]:
    """The pooled Jacobians in a basis of ``keep`` columns, with the largest share that a tile loses."""
    total = len(operators)

    def staged(index: int) -> OnStep | None:
        if on_step is None:
            return None
        return lambda step: on_step(Step(index * (step.total or 0) + step.index, total * (step.total or 0), step.value))

    d = operators[0].shape[1]
    parts = []
    if keep == d:
        basis = torch.eye(d, dtype=operators[0].dtype)
        for i, J in enumerate(operators):
            parts.append(J.dense(staged(i)).cpu().reshape(*J.output_shape, d))
        return basis, torch.stack(parts), 0.0
    gram = sum((J.gram(staged(i)).double().cpu() for i, J in enumerate(operators)), torch.zeros(d, d).double())
    basis = torch.linalg.eigh(gram).eigenvectors[:, -keep:].flip(1)  # (d, r), loudest first
    lost = 0.0
    for J in operators:
        kept = (J @ basis.to(J.x0)).cpu().reshape(*J.output_shape, keep)
        parts.append(kept)
        lost = max(lost, _worst_loss(J, kept, tiles))
    return basis.to(operators[0].dtype), torch.stack(parts), lost


def _worst_loss(J: JacobianOperator, kept: Tensor, tiles: int) -> float:
    """The largest share of a tile's energy that the kept columns miss, from the energy of all columns."""
    energy = torch.zeros(J.output_shape[1:], dtype=torch.float64)
    for _, block in J._blocks(None):  # (columns, m), a chunk at a time
        energy += block.double().square().sum(0).reshape(J.output_shape).sum(0).cpu()
    held = kept.double().square().sum((0, -1))
    tile = [F.adaptive_avg_pool2d(e[None], tiles)[0] for e in (energy, held)]
    share = 1 - tile[1] / tile[0].clamp(min=1e-300)
    return float(share.max().clamp(min=0))
