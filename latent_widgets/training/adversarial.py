"""The adversarial training that the later generators share: one step of the critic, one of the generator, an average.

The losses are StyleGAN2's (Karras et al. 2020): logistic, not saturating, with a lazy R1 penalty and style mixing. The
pictures that the critic has just judged are judged again for the generator, by the critic as it is after its step: one
pass of the generator in place of two. What else may join in is described in :mod:`latent_widgets.training.heads`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training._loop import channels_last, follow, in_bfloat16, run
from latent_widgets.training.critic import Critic
from latent_widgets.training.heads import Heads, Moments, Nearest, Reader

__all__ = ["Players", "Real", "Recipe", "Source", "draw", "train"]


class Real(NamedTuple):
    """Real pictures.

    Attributes:
        images: ``(n, colours, H, W)`` in [-1, 1].
        classes: Their class vectors ``(n, c_dim)``, where there are classes.
        factors: What is known of them ``(n, k)``, each in its own standard deviations, where anything is.
    """

    images: Tensor
    classes: Tensor | None = None
    factors: Tensor | None = None


Source = Callable[[int, int, torch.Generator], Real]
"""Gives so many real pictures, after so many were seen."""


@dataclass(frozen=True)
class Recipe:
    """How a generator is trained.

    Attributes:
        batch: Pictures a step.
        rates: Learning rates of generator, critic and heads.
        betas: Of Adam, for all.
        r1: The weight (gamma) of the R1 penalty, at the smallest side; it grows with the number of pixels.
        r1_every: The penalty comes once in so many steps, as many times stronger.
        mixing: Share of the pictures drawn from two latents.
        half_life: Of the averaged weights, in pictures.
        falling: Share of the run, at its end, over which the learning rates fall to a twentieth.
        heads: Weight of the heads on the frozen reader, beside 1 for the critic.
        moments: Weight of the reader's moments.
        nearest: Weight of the distance to the nearest render.
        patience: After how many pictures that distance counts; over as many more it rises to its weight.
        factors: Weight of reading the factors of real pictures, in the critic's loss.
        small: Side of the pictures at first; None for the full resolution throughout.
        grow: After how many pictures the full resolution joins in.
        full: Share of the steps at full resolution from then on.
    """

    batch: int = 32
    rates: tuple[float, float, float] = (2.5e-3, 2.5e-3, 1e-3)
    betas: tuple[float, float] = (0.0, 0.99)
    r1: float = 0.2
    r1_every: int = 16
    mixing: float = 0.25
    half_life: float = 10_000
    falling: float = 0.3
    heads: float = 0.0
    moments: float = 0.0
    nearest: float = 0.0
    patience: int = 10_000
    factors: float = 0.0
    small: int | None = None
    grow: int = 0
    full: float = 1.0


@dataclass(frozen=True, eq=False)
class Players:
    """The networks of a training.

    Attributes:
        model: The generator.
        critic: Its critic.
        reader: The frozen reader that heads and moments stand on.
        heads: The heads.
        moments: The moments.
        nearest: The nearest renders.
    """

    model: StyleGAN2
    critic: Critic
    reader: Reader | None = None
    heads: Heads | None = None
    moments: Moments | None = None
    nearest: Nearest | None = None


def draw(
    model: StyleGAN2, z: Tensor, c: Tensor | None, mixing: float, rng: torch.Generator, side: int | None = None
) -> Tensor:
    """Draw pictures, some of them from two latents: the first layers take one, the later ones the other.

    Args:
        model: The generator.
        z: ``(2 n, z_dim)``.
        c: Class vectors ``(n, c_dim)``, for a network with classes.
        mixing: Share of the pictures that are drawn from two.
        rng: Decides which, and where the layers are cut; it is the CPU's, wherever the network is.
        side: Of the pictures; the network's resolution by default.

    Returns:
        ``(n, colours, side, side)``.
    """
    synthesis = model.synthesis
    end = synthesis.layer_names.index(synthesis.picture_layers[side or model.resolution]) + 1
    n, count = len(z) // 2, synthesis.ws_index[end - 1] + 1
    w = model.mapping(z, None if c is None else torch.cat([c, c]))
    cut = torch.randint(1, count, (n, 1), generator=rng, dtype=torch.int64, device="cpu")
    cut = torch.where(
        torch.rand(n, 1, generator=rng, dtype=torch.float32, device="cpu") < mixing, cut, synthesis.num_ws
    )
    first = (torch.arange(synthesis.num_ws, dtype=torch.int64, device="cpu") < cut)[:, :, None].to(w.device)
    ws = torch.where(first, w[:n, None], w[n:, None])
    images = synthesis.run(synthesis.styles(ws), end=end)[-1].rgb
    assert images is not None
    return images


def train(
    folder: Path,
    players: Players,
    source: Source,
    recipe: Recipe,
    *,
    images: int,
    seed: int = 0,
    minutes: float | None = None,
    snapshots: Sequence[int] = (),
    device: torch.device | str = "cpu",
) -> None:
    """Train, or go on training, until ``images`` pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where checkpoint, log and sample sheets are kept.
        players: The networks.
        source: The real pictures.
        recipe: The numbers.
        images: Total of real pictures shown to the critic, over all sittings.
        seed: Seed of the run's random numbers.
        minutes: Stop after this time; the next call goes on.
        snapshots: After how many images the averaged generator is kept as ``ema-<images>.pt``.
        device: Where the networks are trained. The random numbers are the CPU's on every device.
    """
    model = players.model
    helpers = (players.reader, players.heads, players.moments, players.nearest)
    for network in (model, players.critic, *helpers):
        if network is not None:
            network.to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    ratio = recipe.r1_every / (recipe.r1_every + 1)  # lazy regularisation: StyleGAN2, appendix B
    lazy = (recipe.betas[0] ** ratio, recipe.betas[1] ** ratio)
    rates = [recipe.rates[0], recipe.rates[1] * ratio]
    parts: dict[str, Any] = {"model": model, "critic": players.critic, "average": average}
    optimizers = [
        torch.optim.Adam(model.parameters(), rates[0], recipe.betas),
        torch.optim.Adam(players.critic.parameters(), rates[1], lazy),
    ]
    parts |= {"opt_g": optimizers[0], "opt_d": optimizers[1]}
    if players.heads is not None:
        optimizers.append(torch.optim.Adam(players.heads.heads.parameters(), recipe.rates[2], recipe.betas))
        rates.append(recipe.rates[2])
        parts |= {"heads": players.heads, "opt_h": optimizers[2]}
    if players.moments is not None:
        parts["moments"] = players.moments
    if players.nearest is not None:
        parts["nearest"] = players.nearest
    channels_last(model, average, *(x for x in (players.critic, players.reader, players.heads) if x is not None))
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        falling = min(1.0, max(0.05, (images - seen) / max(recipe.falling * images, 1)))
        for optimizer, rate in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * falling
        losses = _update(players, optimizers, source, recipe, seen, rng)
        follow(average, model, min(recipe.half_life, 0.05 * (seen + recipe.batch)), recipe.batch)
        return losses

    shown = torch.Generator("cpu").manual_seed(1234)
    latents: tuple[Tensor, ...] = (
        torch.randn(64, model.z_dim, generator=shown, dtype=torch.float32, device="cpu").to(device),
    )
    if model.c_dim:
        latents += (
            F.one_hot(torch.arange(64, device=device, dtype=torch.int64) // 6 % model.c_dim, model.c_dim).float(),
        )
    run(
        folder, parts, rng, step, images=images, batch=recipe.batch, minutes=minutes, snapshots=snapshots,
        latents=latents,
    )  # fmt: skip


def _update(
    players: Players,
    optimizers: Sequence[torch.optim.Optimizer],
    source: Source,
    recipe: Recipe,
    seen: int,
    rng: torch.Generator,
) -> dict[str, float]:
    """One step of the critic and one of the generator; activations in bfloat16, weights in float32."""
    model, critic, reader, heads, moments = (
        players.model, players.critic, players.reader, players.heads, players.moments,
    )  # fmt: skip
    batch, side = recipe.batch, model.resolution
    if recipe.small is not None and (
        seen < recipe.grow or float(torch.rand((), generator=rng, dtype=torch.float32, device="cpu")) >= recipe.full
    ):
        side = recipe.small
    device = model.mapping.w_avg.device
    given = source(batch, seen, rng)
    real = given.images.to(device)
    c, factors = (None if x is None else x.to(device) for x in (given.classes, given.factors))
    if side < real.shape[-1]:
        real = F.avg_pool2d(real, real.shape[-1] // side)
    with in_bfloat16(device):
        z = torch.randn(2 * batch, model.z_dim, generator=rng, dtype=torch.float32, device="cpu").to(device)
        fake = draw(model, z, c, recipe.mixing, rng, side).float()
        score_fake, looked = critic(fake.detach(), c), critic.look(real)
        score_real = critic.score(looked, c)
        loss_d = F.softplus(score_fake).mean() + F.softplus(-score_real).mean()
        losses = {"loss_d": loss_d.item(), "real": score_real.mean().item(), "fake": score_fake.mean().item()}
        if recipe.factors and factors is not None:
            reading = (critic.read(looked).float() - factors).square().mean()
            losses["reading"] = reading.item()
            loss_d = loss_d + recipe.factors * reading
        if reader is not None and heads is not None:
            scales, _ = reader(torch.cat([fake.detach(), real]))
            loss_h = sum(
                F.softplus(s[:batch]).mean() + F.softplus(-s[batch:]).mean() for s in heads(scales)
            ) / len(scales)  # fmt: skip
    optimizers[1].zero_grad(set_to_none=True)
    loss_d.backward()
    if seen // batch % recipe.r1_every == 0:
        half = (
            torch.arange(batch, dtype=torch.int64, device="cpu")
            .view(critic.group, -1)[:, : max(1, batch // critic.group // 2)]
            .flatten()
        )
        x = real[half].requires_grad_(True)  # half of the groups, each whole
        (slope,) = torch.autograd.grad(critic(x, None if c is None else c[half]).sum(), x, create_graph=True)
        gamma = recipe.r1 * (side / (recipe.small or side)) ** 2
        (slope.square().sum((1, 2, 3)).mean() * (gamma / 2 * recipe.r1_every)).backward()
    optimizers[1].step()
    critic.requires_grad_(False)
    if heads is not None:
        optimizers[2].zero_grad(set_to_none=True)
        loss_h.backward()  # type: ignore[union-attr]
        optimizers[2].step()
        heads.heads.requires_grad_(False)
        losses["loss_h"] = loss_h.item()  # type: ignore[union-attr]
    with in_bfloat16(device):
        loss_g = F.softplus(-critic(fake, c)).mean()
        losses["loss_g"] = loss_g.item()
        if reader is not None:
            scales, features = reader(fake)
            if heads is not None:
                loss_g = loss_g + recipe.heads * sum(F.softplus(-s).mean() for s in heads(scales)) / len(scales)
    if reader is not None and moments is not None:
        off = moments(features)
        losses["moments"] = off.item()
        loss_g = loss_g + recipe.moments * off
    if reader is not None and players.nearest is not None:
        apart, median = players.nearest(fake, reader.read(features.detach()))
        losses |= {"apart": apart.item(), "residual": median.item()}
        loss_g = loss_g + recipe.nearest * min(max(seen / recipe.patience - 1, 0.0), 1.0) * apart
    optimizers[0].zero_grad(set_to_none=True)
    loss_g.backward()
    optimizers[0].step()
    critic.requires_grad_(True)
    if heads is not None:
        heads.heads.requires_grad_(True)
    return losses
