"""What a generator should draw, latent by latent: the renders of the factors that another generator's pictures show.

A generator of faces that draws melted glasses still says, with each picture, which face it meant: the factor regressor
reads it. Rendered again, with the factors spread as the renderer spreads them, that is the picture which the latent
should have drawn. So a generator that starts from another (:mod:`latent_widgets.training.warm`) can be shown what to
draw, and learns it without a critic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latent_widgets.faces.renderer import quantile
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training import pool
from latent_widgets.training.adversarial import Codes, cuts, draw
from latent_widgets.training.heads import Reader
from latent_widgets.training.pool import FIRST_SEED, Pool

__all__ = ["Copies", "Evened"]

FIRST = 4000  # pictures whose readings say how the other generator spreads the factors
FIRST_CODES = 50_000  # the seed of their latents; those of the chunks follow at FIRST_SEED


class Evened:
    """Turn readings into factors that are as independent, and as spread, as the renderer's.

    Each reading is given the normal score of its rank; the scores are made uncorrelated by the symmetric root, which
    changes them least (Kessy, Lewin and Strimmer 2018, "Optimal Whitening and Decorrelation"), and turned into the
    renderer's factors of the same ranks.

    Args:
        readings: Of many pictures, ``(n, factors)``.
        floor: Directions of the scores that vary less than this, where one factor alone varies as 1, are not drawn
            out further: what a generator hardly shows is mostly error of reading.
        steps: Of the table of ranks.
    """

    def __init__(self, readings: Tensor, floor: float = 0.6, steps: int = 200) -> None:
        self.steps = steps
        shares = torch.linspace(0, 1, steps + 1, dtype=readings.dtype, device=readings.device)
        self.table = torch.quantile(readings, shares, 0).T.contiguous()
        scores = self._scores(readings).double()
        values, vectors = torch.linalg.eigh(torch.corrcoef(scores.T))
        root = (vectors * values.clamp(min=floor).rsqrt()) @ vectors.T
        self.root = (root / (scores @ root).std(0)).to(readings.dtype)

    def _scores(self, readings: Tensor) -> Tensor:
        x = readings.T.contiguous()
        above = torch.searchsorted(self.table, x).clamp(1, self.steps)
        low, high = self.table.gather(1, above - 1), self.table.gather(1, above)
        share = ((x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)).clamp(0, 1)
        rank = (above - 1 + share) / self.steps
        edge = 0.5 / self.steps
        return torch.special.ndtri(rank.clamp(edge, 1 - edge)).T

    def __call__(self, readings: Tensor) -> Tensor:
        """Turn ``readings`` (n, factors) into factors, which the renderer takes."""
        return quantile(torch.special.ndtr(self._scores(readings) @ self.root).clamp(1e-4, 1 - 1e-4))


class Copies(Pool):
    """Faces, each with the latents from which a generator should draw it.

    Args:
        path: Of the file.
        starter: The generator whose pictures are read; it draws at the reader's size.
        reader: Reads them.
        mixing: Share of the pictures from two latents.
        **options: Of :class:`Pool`.
    """

    def __init__(self, path: Path, starter: StyleGAN2, reader: Reader, mixing: float = 0.25, **options: Any) -> None:
        super().__init__(path, **options)
        self.starter, self.reader, self.mixing = starter.to(self.device), reader.to(self.device), mixing
        found = [self._read(self._codes(FIRST_CODES + i, 100)) for i in range(FIRST // 100)]
        self._evened = Evened(torch.cat(found))
        self._z = torch.empty(0, 2, starter.z_dim, dtype=torch.float32, device="cpu")
        self._cut = torch.empty(0, 1, dtype=torch.int64, device="cpu")

    def _codes(self, seed: int, n: int) -> Codes:
        rng = torch.Generator(device="cpu").manual_seed(seed)
        z = torch.randn(2 * n, self.starter.z_dim, generator=rng, dtype=torch.float32, device="cpu")
        return Codes(z, cuts(n, self.starter.synthesis.num_ws, self.mixing, rng))

    @torch.no_grad()
    def _read(self, codes: Codes) -> Tensor:
        images = draw(self.starter, codes.z.to(self.device), None, codes.cut)
        return self.reader.read(self.reader(images)[1]).cpu()

    def factors(self, chunk: int) -> Tensor:
        """Return the factors of a chunk: those that are read in what the other generator draws."""
        codes = self._codes(FIRST_SEED + chunk, pool.CHUNK)
        self._z = torch.cat([self._z, torch.stack(codes.z.chunk(2), 1)])
        self._cut = torch.cat([self._cut, codes.cut])
        return self._evened(self._read(codes))

    def codes(self, picks: Tensor) -> Codes:
        """Return what the generator should draw these faces from."""
        return Codes(torch.cat([self._z[picks, 0], self._z[picks, 1]]), self._cut[picks])
