"""A blind look at a generator of faces: samples and renders mixed in one sheet, and whether a network tells them apart.

The sheet shows as many of each, in an order drawn once; its key is a second sheet with the samples framed. The network
is a :class:`latent_widgets.training.judge.Judge` trained for nothing else, on other pictures than it is tested on.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import render, sample_factors
from latent_widgets.training._files import save_sheet
from latent_widgets.training._loop import channels_last, descend, in_bfloat16
from latent_widgets.training.judge import Judge
from latent_widgets.training.measure import draw_bytes, network_of, renders_of

__all__ = ["blind_look", "blind_sheet", "told_apart"]

FRAME = (1.0, -0.2, -1.0)  # the colour around samples in the key
BATCH = 64
RATE = 1e-3


def blind_sheet(samples: Tensor, renders: Tensor, sheet: Path, key: Path, seed: int = 0, columns: int = 16) -> Tensor:
    """Write samples and renders mixed, and the key beside them.

    Args:
        samples: ``(n, 3, H, W)`` in [-1, 1].
        renders: As many.
        sheet: Where the mixed pictures go, as PNG.
        key: Where the same goes with the samples framed.
        seed: Of the order.
        columns: Pictures a row.

    Returns:
        For each place of the sheet, whether it shows a sample.
    """
    order = torch.randperm(
        2 * len(samples), generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.int64, device="cpu"
    )
    images = torch.cat([samples, renders]).float().clamp(-1, 1)[order]
    generated = order < len(samples)
    width = max(2, images.shape[-1] // 32)
    frame = F.pad(
        torch.zeros(1, 1, *(side - 2 * width for side in images.shape[-2:]), dtype=torch.float32, device="cpu"),
        (width,) * 4,
        value=1.0,
    )
    colour = torch.tensor(FRAME, dtype=torch.float32, device="cpu")[:, None, None]
    framed = torch.where(generated[:, None, None, None] & frame.bool(), colour, images)
    for path, pictures in ((sheet, images), (key, framed)):
        make_folder(path.parent)
        save_sheet(path, pictures, columns, scale=1)
    return generated


def told_apart(samples: Tensor, renders: Tensor, images: int = 120_000, seed: int = 0) -> float:
    """Train a network to tell samples from renders, and return how often it is right on pictures it has not seen.

    Args:
        samples: ``(n, 3, 64, 64)`` bytes; the last fifth is held out.
        renders: As many.
        images: How many it is shown, of both kinds together.
        seed: Of its weights and batches.

    Returns:
        The share of the held-out pictures that it calls rightly: 0.5 for guessing, 1 if it is never fooled.
    """
    n = len(samples) * 4 // 5
    rng = torch.Generator("cpu").manual_seed(seed)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        judge = Judge()
        network = nn.Sequential(judge.trunk, nn.Linear(judge.embed.in_features, 1, **fresh()))
    channels_last(network)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    for seen in range(0, images, BATCH):
        picks = torch.randint(n, (BATCH,), generator=rng, dtype=torch.int64, device="cpu")
        half = BATCH // 2
        batch = torch.cat([samples[picks[:half]], renders[picks[half:]]]).float() / 127.5 - 1
        with in_bfloat16():
            score = network(batch)[:, 0].float()
        loss = F.softplus(-score[:half]).mean() + F.softplus(score[half:]).mean()
        descend(optimizer, loss, RATE * 0.5 * (1 + math.cos(math.pi * seen / images)))
    with torch.no_grad():
        right = [
            (sign * network(part.float() / 127.5 - 1) > 0).float()
            for sign, pictures in ((1, samples), (-1, renders))
            for part in pictures[n:].split(100)
        ]
    return float(torch.cat(right).mean())


def blind_look(
    name: str, docs: Path, folder: Path | None = None, pictures: int = 5000, shown: int = 64, seed: int = 21
) -> float:
    """Write the blind sheet and its key for a generator of faces, and tell its samples from renders.

    Args:
        name: Of the generator.
        docs: The folder that gets ``<name>-blind.png`` and ``<name>-blind-key.png``.
        folder: Of a run, which is looked at instead of the shipped weights; renders are kept in it.
        pictures: How many samples, and as many renders, the network learns from and is tested on.
        shown: How many of each are in the sheet.
        seed: Of latents, renders and order.

    Returns:
        What :func:`told_apart` found.
    """
    network = network_of(name, folder)
    latents = torch.randn(
        max(pictures, shown),
        network.z_dim,
        generator=torch.Generator("cpu").manual_seed(seed),
        dtype=torch.float32,
        device="cpu",
    )
    with torch.no_grad():
        samples = network(latents[:shown])
        renders = render(sample_factors(shown, seed), network.resolution).image
    blind_sheet(samples, renders, docs / f"{name}-blind.png", docs / f"{name}-blind-key.png", seed)
    drawn = renders_of(folder, pictures, seed + 1, network.resolution)
    return told_apart(draw_bytes(network, latents[:pictures]), drawn)
