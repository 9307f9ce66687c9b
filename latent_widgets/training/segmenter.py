"""Train the face segmenter on the renderer's exact part maps, resumable.

The loss is the cross entropy of the pixels plus one minus the Dice overlap of each part, which keeps brows and frames,
a pixel or two wide, from being given up. A generated face is softer and less even than a rendering: so the pictures
are turned, scaled and shifted with their labels, resampled, blurred, tinted and noised, each by a small random amount.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from latent_widgets.core.figures import new_figure
from latent_widgets.core.paths import make_folder, to_write
from latent_widgets.faces.renderer import PARTS, render, sample_factors
from latent_widgets.generators.zoo import load
from latent_widgets.segmentation.overlay import COLOURS, overlay
from latent_widgets.segmentation.scores import part_iou
from latent_widgets.segmentation.unet import FaceSegmenter, UNet, load_segmenter
from latent_widgets.training._files import load_checkpoint, save_checkpoint, save_figure, write_json
from latent_widgets.training._loop import channels_last, descend, rise_and_fall, run

__all__ = ["CONFIG", "held_out_iou", "labelled_faces", "part_sheet", "train"]

CONFIG: dict[str, Any] = {"channels": [16, 32, 64, 64]}
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
BATCH = 32
NATURAL = 0.25  # share of the pictures that keep their place and size


def labelled_faces(path: Path, n: int, seed: int, size: int = 64) -> tuple[Tensor, Tensor]:
    """Render faces with labels once: ``(n, 3, size, size)`` and ``(n, size, size)``, both uint8, kept in ``path``.

    Args:
        path: Where they are, or go.
        n: How many.
        seed: Of their factors.
        size: Their side in pixels.

    Returns:
        Pictures and labels; the label of a pixel is the part that covers most of it.
    """
    if path.exists():
        kept: dict[str, Tensor] = load_checkpoint(path)
        if kept["images"].shape == (n, 3, size, size):
            return kept["images"], kept["labels"]
    images, labels = [], []
    with torch.no_grad():
        for part in tqdm(sample_factors(n, seed).split(100), desc="rendering"):
            found = render(part, size)
            images.append(((found.image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
            labels.append(found.parts.argmax(1).to(torch.uint8))
    make_folder(path.parent)
    save_checkpoint(path, {"images": torch.cat(images), "labels": torch.cat(labels)})
    return torch.cat(images), torch.cat(labels)


def _move(images: Tensor, labels: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift and mirror most of the pictures, and their labels (n, H, W) with them."""
    n = len(images)

    def draw(scale: float) -> Tensor:
        return (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") * 2 - 1) * scale * moved

    moved = (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") > NATURAL).float()
    angle, zoom = draw(math.radians(8)), 1 + draw(0.10)
    mirror = 1 - 2 * (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") < 0.5).float()
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([mirror * cos, -sin, draw(0.08)], 1), torch.stack([mirror * sin, cos, draw(0.08)], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    options: dict[str, Any] = {"padding_mode": "border", "align_corners": False}
    images = F.grid_sample(images, grid, mode="bilinear", **options)
    return images, F.grid_sample(labels[:, None].float(), grid, mode="nearest", **options)[:, 0].long()


def _disturb(images: Tensor, rng: torch.Generator) -> Tensor:
    """Resample some pictures; blur all, change their contrast and colours, and add noise, each by its own amount."""

    def draw(high: float, channels: int = 1) -> Tensor:
        return torch.rand(len(images), channels, 1, 1, generator=rng, dtype=torch.float32, device="cpu") * high

    side = images.shape[-1]
    small = int(torch.randint(side // 2, side, (1,), generator=rng, dtype=torch.int64, device="cpu"))
    coarse = F.interpolate(images, (small, small), mode="bilinear", antialias=True)
    coarse = F.interpolate(coarse, images.shape[-2:], mode="bicubic", align_corners=False)
    images = torch.where(draw(1.0) < 0.25, coarse, images)
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = images.lerp(blurred, draw(0.8)) * (0.9 + draw(0.2, 3)) + (draw(0.2, 3) - 0.1)
    return images + draw(0.12) * torch.randn(images.shape, generator=rng, dtype=torch.float32, device="cpu")


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, plus one minus the mean Dice overlap of the parts (over the whole batch, softly)."""
    shares = logits.softmax(1)
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).float()
    dims = (0, 2, 3)
    overlap = (2 * (shares * truth).sum(dims) + 1) / (shares.sum(dims) + truth.sum(dims) + 1)
    return F.cross_entropy(logits, labels) + (1 - overlap).mean()


def held_out_iou(network: UNet, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the overlap of each part on ``images`` (n, 3, H, W) uint8 with ``labels``, and under ``mean`` their mean.

    Args:
        network: In evaluation mode.
        images: ``(n, 3, H, W)`` uint8.
        labels: ``(n, H, W)``.

    Returns:
        By name, see :func:`latent_widgets.segmentation.part_iou`.
    """
    S = FaceSegmenter(network)
    found = torch.cat([S(part.float() / 127.5 - 1) for part in images.split(100)])
    scores = part_iou(found, labels.long(), len(PARTS))
    table = dict(zip(PARTS, scores.tolist(), strict=True)) | {"mean": float(scores.nanmean())}
    return {name: round(score, 4) for name, score in table.items()}


def train(
    folder: Path,
    images: int = 200_000,
    seed: int = 0,
    minutes: float | None = None,
    size: int = 64,
    count: int = 24_000,
) -> None:
    """Train, or go on, until ``images`` pictures were seen in all or ``minutes`` have passed; then write ``iou.json``.

    Args:
        folder: Where checkpoint, log, faces, held-out faces and their IoU are kept.
        images: Total of pictures, over all sittings; the learning rate falls to zero at it.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        size: Side of the rendered pictures.
        count: How many are rendered; an eighth as many more are held out.
    """
    folder = make_folder(folder)
    data, labels = labelled_faces(folder / "faces.pt", count, 3, size)
    held = labelled_faces(folder / "held-out.pt", count // 8, 4, size)
    torch.manual_seed(seed)
    network = UNet(**CONFIG)
    channels_last(network)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        picks = torch.randint(count, (BATCH,), generator=rng, dtype=torch.int64, device="cpu")
        batch, truth = _move(data[picks].float() / 127.5 - 1, labels[picks], rng)
        with torch.autocast("cpu", torch.bfloat16):  # activations in bfloat16, weights in float32
            logits = network(_disturb(batch, rng))
        loss = _loss(logits.float(), truth)
        descend(optimizer, loss, rise_and_fall(LEARNING_RATE, BATCH, seen, images))
        return {"loss": loss.item()}

    run(folder, {"average": network, "optimizer": optimizer}, rng, step, images=images, batch=BATCH, minutes=minutes)
    write_json(folder / "iou.json", held_out_iou(network.eval(), *held))


@torch.no_grad()
def part_sheet(path: Path, seeds: int = 48, truncation: float = 1.0, columns: int = 12) -> None:
    """Draw the first seeds of ``faces64``, none left out, and below each what the shipped segmenter finds on it.

    Args:
        path: Where the PNG goes.
        seeds: How many, rounded down to whole rows.
        truncation: 1 for pictures as they come.
        columns: Pictures a row.
    """
    make_folder(path.parent)
    path = to_write(path, endings=(".png",))
    G, S = load("faces64"), load_segmenter("faces64")
    images = torch.cat([G.synthesize(G.code(seed, truncation)[None]) for seed in range(seeds // columns * columns)])
    both = torch.stack([images, overlay(images, S(images))], 1)  # (n, 2, 3, H, W)
    rows = both.unflatten(0, (-1, columns)).permute(0, 2, 4, 1, 5, 3).clamp(-1, 1)  # (rows, 2, H, columns, W, 3)
    sheet = rows.flatten(0, 2).flatten(1, 2)
    figure = new_figure(12, 12 * sheet.shape[0] / sheet.shape[1] + 0.4)
    axes = figure.subplots()
    axes.imshow((sheet / 2 + 0.5).numpy(), interpolation="nearest")
    axes.set_axis_off()
    for part, colour in zip(PARTS[1:], COLOURS, strict=False):
        axes.plot([], [], "s", color=colour, label=part, markersize=9)
    figure.legend(ncols=len(PARTS), loc="outside lower center", frameon=False, handletextpad=0.1)
    save_figure(path, figure)
