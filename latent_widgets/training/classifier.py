"""Train the classifier of articles on Fashion-MNIST, resumable.

The pictures are shifted, mirrored, turned and scaled a little, and dimmed or brightened, so that the classifier reads
shapes; a generated article lies nowhere exactly as a photographed one does.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.paths import make_folder
from latent_widgets.readers.classifier import Classifier
from latent_widgets.training._files import write_json
from latent_widgets.training._loop import channels_last, descend, rise_and_fall, run
from latent_widgets.training.fashion import CLASSES, FOLDER, fashion_dataset

__all__ = ["CONFIG", "accuracy", "train"]

CONFIG: dict[str, Any] = {"channels": [16, 32, 48, 64], "classes": list(CLASSES), "size": 32}
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 2e-2
BATCH = 100


def _move(images: Tensor, rng: torch.Generator) -> Tensor:
    """Turn, scale, shift and mirror each picture a little, and change its brightness."""
    n = len(images)

    def draw(scale: float) -> Tensor:
        return (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") * 2 - 1) * scale

    angle, zoom, mirror = (
        draw(math.radians(6)),
        1 + draw(0.06),
        1 - 2 * (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") < 0.5).float(),
    )
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([mirror * cos, -sin, draw(0.08)], 1), torch.stack([mirror * sin, cos, draw(0.08)], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return (
        F.grid_sample(images + 1, grid, align_corners=False)
        * (0.85 + 0.3 * torch.rand(n, 1, 1, 1, generator=rng, dtype=torch.float32, device="cpu"))
        - 1
    )


@torch.no_grad()
def accuracy(network: Classifier, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the share of ``images`` (n, C, H, W) of each class, and under ``mean`` of all, whose class is found.

    Args:
        network: In evaluation mode.
        images: Pictures in [-1, 1].
        labels: Their classes ``(n,)``.

    Returns:
        By class name.
    """
    right = torch.cat([network(part).argmax(1) for part in images.split(500)]) == labels
    table = {name: float(right[labels == i].float().mean()) for i, name in enumerate(network.class_names)}
    return {name: round(share, 4) for name, share in (table | {"mean": float(right.float().mean())}).items()}


def train(
    folder: Path, images: int = 300_000, seed: int = 0, minutes: float | None = None, data: Path = FOLDER
) -> None:
    """Train, or go on, until ``images`` were seen or ``minutes`` have passed; then write ``accuracy.json``.

    Args:
        folder: Where checkpoint, log and the accuracy on held-out photographs are kept.
        images: Total of pictures, over all sittings; the learning rate falls to zero at it.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        data: The folder of Fashion-MNIST.
    """
    folder = make_folder(folder)
    pictures, labels = fashion_dataset(data)
    torch.manual_seed(seed)
    network = Classifier(**CONFIG)
    channels_last(network)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        picks = torch.randint(len(pictures), (BATCH,), generator=rng, dtype=torch.int64, device="cpu")
        batch = _move(pictures[picks], rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(batch)
        loss = F.cross_entropy(logits.float(), labels[picks], label_smoothing=0.05)
        descend(optimizer, loss, rise_and_fall(LEARNING_RATE, BATCH, seen, images))
        return {"loss": loss.item()}

    run(folder, {"average": network, "optimizer": optimizer}, rng, step, images=images, batch=BATCH, minutes=minutes)
    write_json(folder / "accuracy.json", accuracy(network.eval(), *fashion_dataset(data, "t10k")))
