"""Train ``faces64``: a small StyleGAN2 on rendered faces, on a laptop's processor, resumable.

The recipe is StyleGAN2's (Karras et al. 2020): non-saturating logistic loss, lazy R1 penalty, equalised learning
rates, style mixing, an exponential moving average of the generator. Smaller channels and no noise inputs are this
project's; without noise the picture, and so its Jacobian, is a function of the latent alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import render, sample_factors
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training._files import load_checkpoint, save_checkpoint
from latent_widgets.training._loop import channels_last, descend, follow, in_bfloat16, run
from latent_widgets.training.discriminator import Discriminator

__all__ = ["CONFIG", "faces_dataset", "train"]

CHANNELS = {4: 96, 8: 96, 16: 64, 32: 32, 64: 16}
CONFIG: dict[str, Any] = {
    "z_dim": 64,
    "w_dim": 64,
    "resolution": 64,
    "channels": CHANNELS,
    "mapping_layers": 6,
    "noise": False,
}
LEARNING_RATE = 2.5e-3  # StyleGAN2-ADA's for 64 px
BETAS = (0.0, 0.99)
R1_EVERY, R1_GAMMA = 16, 0.2
MIXING = 0.25  # share of the pictures drawn from two latents
EMA_HALF_LIFE = 10_000  # images


def faces_dataset(path: Path, n: int = 40_000, seed: int = 1, size: int = 64) -> Tensor:
    """Render the training faces once: ``(n, 3, size, size)`` uint8, kept in ``path`` for the next run."""
    if path.exists():
        data: Tensor = load_checkpoint(path)
        if data.shape == (n, 3, size, size):
            return data
    factors = sample_factors(n, seed)
    with torch.no_grad():
        images = [render(part, size).image for part in tqdm(factors.split(100), desc="rendering")]
    data = torch.cat([((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for x in images])
    make_folder(path.parent)
    save_checkpoint(path, data)
    return data


def _batches(data: Tensor, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        picks = torch.randint(len(data), (batch,), generator=generator, dtype=torch.int64, device="cpu")
        yield data[picks].float() / 127.5 - 1


def _fake(model: StyleGAN2, batch: int, generator: torch.Generator) -> Tensor:
    w = model.mapping(torch.randn(2 * batch, model.z_dim, generator=generator, dtype=torch.float32, device="cpu"))
    count = model.synthesis.num_ws
    cut = torch.randint(1, count, (batch, 1), generator=generator, dtype=torch.int64, device="cpu")
    cut = torch.where(torch.rand(batch, 1, generator=generator, dtype=torch.float32, device="cpu") < MIXING, cut, count)
    first = (torch.arange(count, dtype=torch.int64, device="cpu") < cut)[:, :, None]
    images: Tensor = model.synthesis(torch.where(first, w[:batch, None], w[batch:, None]))
    return images


def _learning_rate(seen: int, total: int) -> float:
    """Constant, then linear to a twentieth over the last 30 % of the run."""
    return LEARNING_RATE * min(1.0, max(0.05, (total - seen) / (0.3 * total)))


def train(
    folder: Path,
    images: int = 500_000,
    batch: int = 32,
    seed: int = 0,
    snapshots: tuple[int, ...] = (40_000,),
    minutes: float | None = None,
    config: Mapping[str, Any] = CONFIG,
    faces: int = 40_000,
) -> None:
    """Train, or go on training, until ``images`` pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where the rendered data, checkpoint, log and sample sheets are kept.
        images: Total of real pictures shown to the discriminator, over all sittings; the learning rate falls in the
            last 30 %.
        batch: Pictures a step.
        seed: Seed of the whole run.
        snapshots: After how many images the averaged generator is kept as ``ema-<images>.pt``.
        minutes: Stop after this time; the next call goes on.
        config: Arguments of :class:`StyleGAN2`.
        faces: How many faces are rendered to train on.
    """
    folder = make_folder(folder)
    resolution = config["resolution"]
    data = faces_dataset(folder / "faces.pt", faces, size=resolution)
    torch.manual_seed(seed)
    model, critic = StyleGAN2(**config), Discriminator(resolution, config["channels"])
    channels_last(model, critic)
    average = copy.deepcopy(model).requires_grad_(False)
    ratio = R1_EVERY / (R1_EVERY + 1)  # lazy regularisation: StyleGAN2, appendix B
    optimizers = (
        torch.optim.Adam(model.parameters(), LEARNING_RATE, BETAS),
        torch.optim.Adam(critic.parameters(), LEARNING_RATE * ratio, (BETAS[0] ** ratio, BETAS[1] ** ratio)),
    )
    rng = torch.Generator("cpu").manual_seed(seed)
    real = _batches(data, batch, rng)

    def step(seen: int) -> dict[str, float]:
        for optimizer, share in zip(optimizers, (1.0, ratio), strict=True):
            optimizer.param_groups[0]["lr"] = _learning_rate(seen, images) * share
        losses = _update(model, critic, optimizers, real, batch, rng, penalise=seen // batch % R1_EVERY == 0)
        follow(average, model, min(EMA_HALF_LIFE, 0.05 * (seen + batch)), batch)
        return losses

    run(
        folder,
        {"model": model, "critic": critic, "average": average, "opt_g": optimizers[0], "opt_d": optimizers[1]},
        rng,
        step,
        images=images,
        batch=batch,
        minutes=minutes,
        snapshots=snapshots,
        latents=torch.randn(
            64, model.z_dim, generator=torch.Generator("cpu").manual_seed(1234), dtype=torch.float32, device="cpu"
        ),
    )


def _update(
    model: StyleGAN2,
    critic: nn.Module,
    optimizers: tuple[torch.optim.Optimizer, ...],
    real: Iterator[Tensor],
    batch: int,
    rng: torch.Generator,
    penalise: bool,
) -> dict[str, float]:
    """One step of the generator and one of the discriminator; activations in bfloat16, weights in float32."""
    critic.requires_grad_(False)
    with in_bfloat16():
        loss_g = F.softplus(-critic(_fake(model, batch, rng))).mean()
    descend(optimizers[0], loss_g)
    critic.requires_grad_(True)
    with in_bfloat16():
        with torch.no_grad():
            fake = _fake(model, batch, rng)
        score_fake, score_real = critic(fake.float()), critic(next(real))
        loss_d = F.softplus(score_fake).mean() + F.softplus(-score_real).mean()
    optimizers[1].zero_grad(set_to_none=True)
    loss_d.backward()
    if penalise:
        x = next(real)[: batch // 2].requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        (gradient.square().sum((1, 2, 3)).mean() * (R1_GAMMA / 2 * R1_EVERY)).backward()
    optimizers[1].step()
    return {
        "loss_g": loss_g.item(),
        "loss_d": loss_d.item(),
        "real": score_real.mean().item(),
        "fake": score_fake.mean().item(),
    }
