"""Train the factor regressor on rendered faces, resumable.

The loss is the squared error of the factors, each divided by its standard deviation. Small noise, blur and changes of
contrast keep it from reading what only a perfect rendering shows, so that it can be trusted on generated pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import FACTOR_NAMES, sample_factors
from latent_widgets.readers.regressor import FactorRegressor
from latent_widgets.training._files import write_json
from latent_widgets.training._loop import channels_last, descend, in_bfloat16, rise_and_fall, run
from latent_widgets.training.gan import faces_dataset

__all__ = ["CONFIG", "disturb", "held_out_r2", "train"]

CONFIG: dict[str, Any] = {"channels": [24, 48, 64, 64]}
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
BATCH = 64


def disturb(images: Tensor, rng: torch.Generator) -> Tensor:
    """Blur, change the contrast of, and add noise to pictures, each by its own small random amount."""

    def draw(high: float) -> Tensor:
        return torch.rand(len(images), 1, 1, 1, generator=rng, dtype=torch.float32, device="cpu") * high

    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = images.lerp(blurred, draw(0.6)) * (0.95 + draw(0.1)) + (draw(0.06) - 0.03)
    return images + draw(0.08) * torch.randn(images.shape, generator=rng, dtype=torch.float32, device="cpu")


def held_out_r2(network: FactorRegressor, images: Tensor, factors: Tensor) -> Tensor:
    """Return, for each factor, the share of its variance that the reading explains.

    Args:
        network: In evaluation mode.
        images: ``(n, 3, H, W)`` uint8.
        factors: ``(n, k)``.

    Returns:
        ``(k,)``: 1 for a perfect reading, 0 for one no better than the mean.
    """
    with torch.no_grad():
        readings = torch.cat([network(part.float() / 127.5 - 1) for part in images.split(100)])
    error = (readings - factors).double().square().mean(0)
    return 1 - error / factors.double().var(0, unbiased=False)


def train(
    folder: Path,
    images: int = 400_000,
    seed: int = 0,
    minutes: float | None = None,
    faces: Path | None = None,
    size: int = 64,
    count: int = 40_000,
) -> None:
    """Train, or go on, until ``images`` pictures were seen in all or ``minutes`` have passed; then write ``r2.json``.

    Args:
        folder: Where checkpoint, log, held-out faces and their R² are kept.
        images: Total of pictures, over all sittings; the learning rate falls to zero at it.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        faces: Where rendered faces are, or go; ``folder / "faces.pt"`` by default.
        size: Side of the rendered pictures.
        count: How many are rendered; an eighth as many more are held out.
    """
    folder = make_folder(folder)
    data, factors = faces_dataset(faces or folder / "faces.pt", count, 1, size), sample_factors(count, 1)
    held = faces_dataset(folder / "held-out.pt", count // 8, 2, size), sample_factors(count // 8, 2)
    torch.manual_seed(seed)
    network = FactorRegressor(**CONFIG)
    channels_last(network)
    network.mean.copy_(factors.mean(0))
    network.spread.copy_(factors.std(0))
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        picks = torch.randint(count, (BATCH,), generator=rng, dtype=torch.int64, device="cpu")
        batch = disturb(data[picks].float() / 127.5 - 1, rng)
        with in_bfloat16():  # activations in bfloat16, weights in float32
            readings = network(batch)
        loss = ((readings - factors[picks]) / network.spread).square().mean()
        descend(optimizer, loss, rise_and_fall(LEARNING_RATE, BATCH, seen, images))
        return {"loss": loss.item()}

    run(folder, {"average": network, "optimizer": optimizer}, rng, step, images=images, batch=BATCH, minutes=minutes)
    scores = held_out_r2(network.eval(), *held)
    table = {name: round(score, 4) for name, score in zip(FACTOR_NAMES, scores.tolist(), strict=True)}
    write_json(folder / "r2.json", table)
