"""Train ``faces128``: a StyleGAN2 of 128 pixels on rendered faces, resumable.

The faces are renders of :mod:`latent_widgets.faces`; their number grows with the training, so that the critic never has
them by heart. Most of the training runs at 64 pixels, at which the network has a picture of its own; then steps at 128
pixels join in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import FACTORS, render, sample_factors
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import adversarial
from latent_widgets.training.adversarial import Players, Real, Recipe
from latent_widgets.training.critic import Critic
from latent_widgets.training.heads import Heads, Moments, Nearest, Reader, at_size

__all__ = ["CONFIG", "RECIPE", "Pool", "players", "train"]

CHANNELS = {4: 160, 8: 160, 16: 96, 32: 48, 64: 24, 128: 12}
CONFIG: dict[str, Any] = {
    "z_dim": 64,
    "w_dim": 64,
    "resolution": 128,
    "channels": CHANNELS,
    "mapping_layers": 6,
    "noise": False,
}
CRITIC = {4: 128, 8: 128, 16: 96, 32: 32, 64: 16, 128: 16}
RECIPE = Recipe(heads=0.5, moments=0.1, factors=0.5, patience=20_000, small=64, grow=700_000, full=0.5)
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
        self._mean, self._spread, self._factors = (
            factors.mean(0),
            factors.std(0),
            torch.empty(0, len(FACTORS), dtype=torch.float32, device="cpu"),
        )

    def count(self, seen: int) -> int:
        """How many faces there are after ``seen`` pictures, in whole chunks."""
        return min(self.limit, self.start + seen // self.every) // CHUNK * CHUNK

    def reach(self, count: int) -> None:
        """Render what is missing to ``count`` faces."""
        each = 3 * self.size**2
        make_folder(self.path.parent)
        self.path.touch()
        kept = self.path.stat().st_size // (each * CHUNK)  # a chunk that was not finished is made again
        for chunk in range(kept, -(-count // CHUNK)):
            with torch.no_grad():
                parts = self.factors(chunk).to(self.device).split(25)
                faces = torch.cat([render(part, self.size).image for part in parts])
            pixels = ((faces + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).contiguous().cpu().numpy()
            with self.path.open("r+b") as file:
                file.seek(chunk * CHUNK * each)
                file.write(pixels.tobytes())
        if self._images is None or len(self._images) < count:
            self._images = np.memmap(self.path, np.uint8, "r", shape=(count, 3, self.size, self.size))
            chunks = range(len(self._factors) // CHUNK, -(-count // CHUNK))
            self._factors = torch.cat([self._factors, *map(self.factors, chunks)])

    def factors(self, chunk: int) -> Tensor:
        """Return the factors of a chunk."""
        return sample_factors(CHUNK, FIRST_SEED + chunk)

    def __call__(self, n: int, seen: int, rng: torch.Generator) -> Real:
        """Give ``n`` of the faces that there are after ``seen`` pictures."""
        count = self.count(seen)
        self.reach(count)
        picks = torch.randint(count, (n,), generator=rng, dtype=torch.int64, device="cpu")
        images = torch.from_numpy(self._images[picks.numpy()]).float() / 127.5 - 1
        return Real(images, factors=(self._factors[picks] - self._mean) / self._spread)


def players(config: Mapping[str, Any], channels: Mapping[int, int], recipe: Recipe, pool: Pool) -> Players:
    """Make the networks of a training.

    Args:
        config: Arguments of :class:`StyleGAN2`.
        channels: Of the critic.
        recipe: Says which of them are wanted.
        pool: Whose first faces give the moments to aim at.
    """
    factors = len(FACTORS) if recipe.factors else 0
    critic = Critic(config["resolution"], channels, smallest=recipe.small, factors=factors)
    reader = Reader(load_regressor()) if recipe.heads or recipe.moments or recipe.nearest else None
    heads = Heads(reader.widths) if reader is not None and recipe.heads else None
    moments = nearest = None
    if reader is not None and (recipe.moments or recipe.nearest):
        rng = torch.Generator("cpu").manual_seed(0)
        renders = [at_size(pool(100, 0, rng).images) for _ in range(-(-pool.start // 100))]
        with torch.no_grad():
            moments = Moments(torch.cat([reader(x)[1] for x in renders])) if recipe.moments else None
        nearest = Nearest(reader, torch.cat(renders)) if recipe.nearest else None
    model = StyleGAN2(**config)
    for side, name in model.synthesis.picture_layers.items():
        if recipe.small is not None and side > recipe.small:  # what joins in later starts at nothing
            torch.nn.init.zeros_(model.get_parameter(f"synthesis.{name}.weight"))
    return Players(model, critic, reader, heads, moments, nearest)


def train(
    folder: Path,
    images: int = 1_200_000,
    seed: int = 0,
    minutes: float | None = None,
    config: Mapping[str, Any] = CONFIG,
    channels: Mapping[int, int] = CRITIC,
    recipe: Recipe = RECIPE,
    pool: Pool | None = None,
    snapshots: tuple[int, ...] = (),
    device: torch.device | str = "cpu",
) -> None:
    """Train, or go on training, until ``images`` pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where faces, checkpoint, log and sample sheets are kept.
        images: Total of real pictures shown to the critic, over all sittings.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        config: Arguments of :class:`StyleGAN2`.
        channels: Of the critic.
        recipe: The numbers of the training.
        pool: The faces; by default those in ``folder / "faces.u8"``.
        snapshots: After how many images the averaged generator is kept.
        device: Where the networks are trained and the faces rendered.
    """
    folder = make_folder(folder)
    torch.manual_seed(seed)
    pool = pool or Pool(folder / "faces.u8", config["resolution"], device=device)
    found = players(config, channels, recipe, pool)
    adversarial.train(
        folder, found, pool, recipe, images=images, seed=seed, minutes=minutes, snapshots=snapshots, device=device
    )
