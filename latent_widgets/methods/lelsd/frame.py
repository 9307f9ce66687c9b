"""What LELSD optimises: the free numbers of its directions, and what they mean in the latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from latent_widgets.generators.base import Generator
from latent_widgets.values.fitting import rows_of
from latent_widgets.values.units import latent_sample

__all__ = ["PENALTIES", "Frame", "frame_of", "penalty_of", "unit_rows"]

PENALTIES = ("squared", "published", "absolute")


@dataclass(frozen=True, eq=False)
class Frame:
    """The free numbers of ``k`` directions: ``(k, rows, d)``, each row of which is a vector of the latent space.

    Attributes:
        G: The generator.
        space: Of the directions.
        rows: The rows of ``w+`` that move; None for all, or where there are none.
        free: For ``s`` with chosen rows, the entries that move; None for all.
    """

    G: Generator
    space: str
    rows: tuple[int, ...] | None
    free: Tensor | None = None

    @property
    def run(self) -> str:
        """The space in which codes are synthesised: a ``w`` that moves some rows only is a ``w+``."""
        return "w+" if self.space == "w" and self.rows is not None else self.space

    @property
    def layers(self) -> tuple[int, ...] | None:
        """The rows on which a ``Directions`` acts; for ``s`` its zeros say it."""
        return self.rows if self.space in ("w", "w+") else None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and length of one direction's free numbers."""
        if self.space == "w+":
            return self.G.num_layers if self.rows is None else len(self.rows), self.G.dim("w+")
        return 1, self.G.dim(self.space) if self.free is None else len(self.free)

    def start(self, k: int, seed: int) -> Tensor:
        """Draw ``k`` directions ``(k, rows, d)``, every row uniform on the unit sphere."""
        draws = torch.randn(
            k, *self.shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float64, device="cpu"
        )
        return unit_rows(draws).to(self.G.device, self.G.dtype)

    def spread(self, free: Tensor) -> Tensor:
        """Put free numbers ``(k, rows, d)`` in the latent space: ``(k, d)``, or ``(k, num_layers, d)`` in ``w+``."""
        if self.space == "w+":
            if self.rows is None:
                return free
            whole = free.new_zeros(len(free), self.G.num_layers, free.shape[2])
            return whole.index_copy(1, torch.tensor(self.rows, dtype=torch.int64, device=free.device), free)
        if self.free is not None:
            return free.new_zeros(len(free), self.G.dim(self.space)).index_copy(1, self.free, free[:, 0])
        return free[:, 0]

    @cached_property
    def _sample(self) -> Tensor:
        sample = latent_sample(self.G, self.space)
        sample = sample if self.free is None else sample[:, self.free]
        return sample - sample.mean(0)

    def sd(self, free: Tensor) -> Tensor:
        """Return the standard deviation of latents along directions ``(k,)``; in ``w+`` root mean square over rows."""
        if self.space == "z":
            return torch.ones(len(free), device=free.device, dtype=free.dtype)
        along = self._sample @ unit_rows(free.detach()).mT  # (k, n, rows)
        return (along.square().sum(1) / (len(self._sample) - 1)).mean(1).sqrt()

    def steps(self, vectors: Tensor, units: Tensor, unit: str) -> Tensor:
        """Return steps in the latent space: ``vectors``, times the deviation along ``units`` where that is the unit."""
        return self.spread(vectors if unit == "latent" else vectors * self.sd(units)[:, None, None])


def unit_rows(free: Tensor) -> Tensor:
    """Return vectors at unit length over the latent axis, the last."""
    return free / free.norm(dim=-1, keepdim=True)


def frame_of(G: Generator, space: str | None, layers: Sequence[int] | None) -> Frame:
    """Choose where directions live.

    Args:
        G: The generator.
        space: ``"z"``, ``"w"``, ``"w+"`` or ``"s"``; the main space if not given.
        layers: Rows of ``w+`` that move; for ``s``, the rows whose styles do; all if not given.

    Returns:
        The frame.

    Raises:
        ValueError: If the generator has no such space or rows.
    """
    space = G.check_space(G.main_space if space is None else space)
    rows = rows_of(layers, "w+" if space == "s" else space, G.num_layers)
    slices: dict[str, slice] | None = getattr(G, "style_slices", None)
    if space != "s" or rows is None:
        return Frame(G, space, rows)
    if slices is None:
        raise ValueError(
            f"layers must be None in s of {G.name!r}, got {layers!r}. It does not say which styles they set."
        )
    row_of = dict(zip(G.layer_names, G.layer_index, strict=True))
    chosen = [
        torch.arange(part.start, part.stop, dtype=torch.int64, device="cpu")
        for name, part in slices.items()
        if row_of[name] in rows
    ]
    return Frame(G, space, rows, torch.cat(chosen).to(G.device))


def penalty_of(units: Tensor, kind: str) -> Tensor:
    r"""Return how correlated directions are, over the rows of ``w+`` the mean.

    ``"published"`` is :math:`\frac12 \lVert C - I \rVert_F` of the matrix :math:`C` of cosines, which has no slope
    where directions are perpendicular already; ``"absolute"`` is the mean of :math:`|C - I|` over all :math:`k^2`
    entries, the zeros of the diagonal among them, as in the released program; ``"squared"`` is the mean square of the
    entries off the diagonal.

    Args:
        units: ``(k, rows, d)``, rows of unit length.
        kind: ``"squared"``, ``"published"`` or ``"absolute"``.

    Returns:
        A number.

    Example:
        >>> penalty_of(torch.tensor([[[1.0, 0.0]], [[0.6, 0.8]]]), "squared")
        tensor(0.3600)
    """
    k = len(units)
    if k == 1:
        return units.new_zeros(())
    cosines = torch.einsum("krd,jrd->rkj", units, units)
    off = cosines * (1 - torch.eye(k, dtype=units.dtype, device=units.device))
    if kind == "published":
        return torch.linalg.vector_norm(off, dim=(1, 2)).mean() / 2
    if kind == "absolute":
        return off.abs().mean()
    return off.square().sum((1, 2)).mean() / (k * (k - 1))
