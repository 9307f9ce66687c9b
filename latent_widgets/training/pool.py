"""Rendered faces for a training: their number grows with it, so that no critic ever has them by heart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.paths import add_whole, make_folder, to_write
from latent_widgets.faces.renderer import FACTORS, render, sample_factors
from latent_widgets.training.adversarial import Codes, Real

__all__ = ["CHUNK", "FIRST_SEED", "Pool"]

CHUNK = 100  # renders at a time
FIRST_SEED = 100_000  # of the pool's chunks: far from those of everything else that is rendered


class Pool:
    """Rendered faces in a file that grows: picture after picture, bytes.

    Args:
        path: Of the file.
        size: Side of the pictures.
        start: How many there are at first.
        every: One more for so many pictures seen.
        limit: At most so many.
        device: Where they are rendered.
    """

    def __init__(
        self,
        path: Path,
        size: int = 128,
        start: int = 4000,
        every: int = 8,
        limit: int = 60_000,
        device: torch.device | str = "cpu",
    ) -> None:
        self.path, self.size, self.start, self.every, self.limit = path, size, start, every, limit
        self.device = torch.device(device)
        self._images: Any = None
        factors = torch.cat([sample_factors(CHUNK, FIRST_SEED + i) for i in range(20)])
        self._mean, self._spread = factors.mean(0), factors.std(0)
        self._factors = torch.empty(0, len(FACTORS), dtype=torch.float32, device="cpu")

    def count(self, seen: int) -> int:
        """How many faces there are after ``seen`` pictures, in whole chunks."""
        return min(self.limit, self.start + seen // self.every) // CHUNK * CHUNK

    def reach(self, count: int) -> None:
        """Render what is missing to ``count`` faces."""
        each = 3 * self.size**2
        make_folder(self.path.parent)
        size = to_write(self.path).stat().st_size if self.path.exists() else 0
        kept = size // (each * CHUNK)  # a chunk that was not finished is made again
        if len(self._factors) < count:
            chunks = range(len(self._factors) // CHUNK, -(-count // CHUNK))
            self._factors = torch.cat([self._factors, *map(self.factors, chunks)])
        for chunk in range(kept, -(-count // CHUNK)):
            with torch.no_grad():
                parts = self._factors[chunk * CHUNK : (chunk + 1) * CHUNK].to(self.device).split(25)
                faces = torch.cat([render(part, self.size).image for part in parts])
            pixels = ((faces + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).contiguous().cpu().numpy()
            add_whole(self.path, pixels.tobytes(), kept=chunk * CHUNK * each)
        if self._images is None or len(self._images) < count:
            self._images = np.memmap(self.path, np.uint8, "r", shape=(count, 3, self.size, self.size))

    def factors(self, chunk: int) -> Tensor:
        """Return the factors of a chunk."""
        return sample_factors(CHUNK, FIRST_SEED + chunk)

    def __call__(self, n: int, seen: int, rng: torch.Generator) -> Real:
        """Give ``n`` of the faces that there are after ``seen`` pictures."""
        count = self.count(seen)
        self.reach(count)
        picks = torch.randint(count, (n,), generator=rng, dtype=torch.int64, device="cpu")
        images = torch.from_numpy(self._images[picks.numpy()]).float() / 127.5 - 1
        return Real(images, factors=(self._factors[picks] - self._mean) / self._spread, codes=self.codes(picks))

    def codes(self, picks: Tensor) -> Codes | None:
        """Return what a generator should draw these faces from, where that is known."""
        return None
