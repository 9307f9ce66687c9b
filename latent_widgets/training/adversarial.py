"""The adversarial training that the later generators share: one step of the critic, one of the generator, an average.

The losses are StyleGAN2's (Karras et al. 2020): logistic, not saturating, with a lazy R1 penalty and style mixing. The
pictures that the critic has just judged are judged again for the generator, by the critic as it is after its step: one
pass of the generator in place of two. What else may join in is described in :mod:`latent_widgets.training.heads`. Where
it is known what each latent should draw (:mod:`latent_widgets.training.copies`), the generator can do without a critic.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training._loop import channels_last, descend, follow, in_bfloat16, run
from latent_widgets.training.critic import Critic
from latent_widgets.training.heads import Alike, Heads, Moments, Nearest, Reader

__all__ = ["Codes", "Players", "Real", "Recipe", "Source", "cuts", "draw", "train"]


class Codes(NamedTuple):
    """What pictures are drawn from.

    Attributes:
        z: Two latents each, ``(2 n, z_dim)``: the first of all, then the second of all.
        cut: The first layer that takes the second one, ``(n, 1)``.
    """

    z: Tensor
    cut: Tensor


class Real(NamedTuple):
    """Real pictures.

    Attributes:
        images: ``(n, colours, H, W)`` in [-1, 1].
        classes: Their class vectors ``(n, c_dim)``, where there are classes.
        factors: What is known of them ``(n, k)``, each in its own standard deviations, where anything is.
        codes: What the generator should draw them from, where that is known.
    """

    images: Tensor
    classes: Tensor | None = None
    factors: Tensor | None = None
    codes: Codes | None = None


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
        wait: For so many pictures the generator stays as it is: a critic that knows nothing would spoil one that has
            started from another.
        warm: Over so many more its learning rate rises to what it is.
        critic: Weight of the critic; 0 for none.
        copy: Weight of the likeness to the pictures that the latents should draw.
        heads: Weight of the heads on the frozen reader.
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
    wait: int = 0
    warm: int = 0
    critic: float = 1.0
    copy: float = 0.0
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
        reader: The frozen reader that heads, moments and likeness stand on.
        heads: The heads.
        moments: The moments.
        nearest: The nearest renders.
        alike: How far pictures are from others.
    """

    model: StyleGAN2
    critic: Critic | None
    reader: Reader | None = None
    heads: Heads | None = None
    moments: Moments | None = None
    nearest: Nearest | None = None
    alike: Alike | None = None


def cuts(n: int, count: int, mixing: float, rng: torch.Generator) -> Tensor:
    """Decide which of ``n`` pictures mix two latents, and from which layer on the second one counts.

    Args:
        n: How many pictures.
        count: Of the layers that take a ``w``.
        mixing: Share of the pictures that mix.
        rng: The source of the random numbers.

    Returns:
        ``(n, 1)``: 1 to ``count - 1`` where a picture mixes, and beyond every layer where it does not.
    """
    cut = torch.randint(1, count, (n, 1), generator=rng, dtype=torch.int64, device="cpu")
    mixes = torch.rand(n, 1, generator=rng, dtype=torch.float32, device="cpu") < mixing
    return torch.where(mixes, cut, torch.iinfo(cut.dtype).max)


def draw(
    model: StyleGAN2,
    z: Tensor,
    c: Tensor | None,
    mixing: float | Tensor,
    rng: torch.Generator | None = None,
    side: int | None = None,
) -> Tensor:
    """Draw pictures, some of them from two latents: the first layers take one, the later ones the other.

    Args:
        model: The generator.
        z: ``(2 n, z_dim)``.
        c: Class vectors ``(n, c_dim)``, for a network with classes.
        mixing: Share of the pictures that are drawn from two; or, of each, the first layer that takes the second
            latent, ``(n, 1)``.
        rng: Decides which, and where the layers are cut; it is the CPU's, wherever the network is.
        side: Of the pictures; the network's resolution by default.

    Returns:
        ``(n, colours, side, side)``.
    """
    synthesis = model.synthesis
    end = synthesis.layer_names.index(synthesis.picture_layers[side or model.resolution]) + 1
    n, count = len(z) // 2, synthesis.ws_index[end - 1] + 1
    w = model.mapping(z, None if c is None else torch.cat([c, c]))
    cut = mixing if isinstance(mixing, Tensor) else cuts(n, count, mixing, rng or torch.default_generator)
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
    helpers = (players.reader, players.heads, players.moments, players.nearest, players.alike)
    for network in (model, players.critic, *helpers):
        if network is not None:
            network.to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    ratio = recipe.r1_every / (recipe.r1_every + 1)  # lazy regularisation: StyleGAN2, appendix B
    lazy = (recipe.betas[0] ** ratio, recipe.betas[1] ** ratio)
    parts: dict[str, Any] = {"model": model, "average": average}
    optimizers = {"g": torch.optim.Adam(model.parameters(), recipe.rates[0], recipe.betas)}
    if players.critic is not None:
        optimizers["d"] = torch.optim.Adam(players.critic.parameters(), recipe.rates[1] * ratio, lazy)
        parts["critic"] = players.critic
    if players.heads is not None:
        optimizers["h"] = torch.optim.Adam(players.heads.heads.parameters(), recipe.rates[2], recipe.betas)
        parts["heads"] = players.heads
    parts |= {f"opt_{name}": optimizer for name, optimizer in optimizers.items()}
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()}
    if players.moments is not None:
        parts["moments"] = players.moments
    if players.nearest is not None:
        parts["nearest"] = players.nearest
    channels_last(model, average, *(x for x in (players.critic, players.reader, players.heads) if x is not None))
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        falling = min(1.0, max(0.05, (images - seen) / max(recipe.falling * images, 1)))
        rising = min(1.0, (seen + recipe.batch - recipe.wait) / max(recipe.warm, recipe.batch))
        for name, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = rates[name] * falling * (max(rising, 0.0) if name == "g" else 1.0)
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
    optimizers: Mapping[str, torch.optim.Optimizer],
    source: Source,
    recipe: Recipe,
    seen: int,
    rng: torch.Generator,
) -> dict[str, float]:
    """One step of each player; activations in bfloat16, weights in float32."""
    model, batch, side = players.model, recipe.batch, players.model.resolution
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
    with in_bfloat16(device), torch.set_grad_enabled(seen >= recipe.wait):
        if given.codes is None:
            z = torch.randn(2 * batch, model.z_dim, generator=rng, dtype=torch.float32, device="cpu").to(device)
            fake = draw(model, z, c, recipe.mixing, rng, side).float()
        else:
            fake = draw(model, given.codes.z.to(device), c, given.codes.cut, side=side).float()
    losses: dict[str, float] = {}
    if players.critic is not None:
        shown = Real(real, c, factors)
        losses |= _teach_critic(players.critic, optimizers["d"], fake.detach(), shown, recipe, seen)
    if players.reader is not None and players.heads is not None:
        losses["loss_h"] = _teach_heads(players.reader, players.heads, optimizers["h"], fake.detach(), real)
    if seen >= recipe.wait:
        losses |= _teach_generator(players, optimizers["g"], fake, real, c, recipe, seen)
    return losses


def _teach_critic(
    critic: Critic, optimizer: torch.optim.Optimizer, fake: Tensor, shown: Real, recipe: Recipe, seen: int
) -> dict[str, float]:
    real, c, batch = shown.images, shown.classes, recipe.batch
    with in_bfloat16(real.device):
        score_fake, looked = critic(fake, c), critic.look(real)
        score_real = critic.score(looked, c)
        loss = F.softplus(score_fake).mean() + F.softplus(-score_real).mean()
        losses = {"loss_d": loss.item(), "real": score_real.mean().item(), "fake": score_fake.mean().item()}
        if recipe.factors and shown.factors is not None:
            reading = (critic.read(looked).float() - shown.factors).square().mean()
            losses["reading"] = reading.item()
            loss = loss + recipe.factors * reading
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if seen // batch % recipe.r1_every == 0:
        half = (
            torch.arange(batch, dtype=torch.int64, device="cpu")
            .view(critic.group, -1)[:, : max(1, batch // critic.group // 2)]
            .flatten()
        )
        x = real[half].requires_grad_(True)  # half of the groups, each whole
        (slope,) = torch.autograd.grad(critic(x, None if c is None else c[half]).sum(), x, create_graph=True)
        gamma = recipe.r1 * (real.shape[-1] / (recipe.small or real.shape[-1])) ** 2
        (slope.square().sum((1, 2, 3)).mean() * (gamma / 2 * recipe.r1_every)).backward()
    optimizer.step()
    return losses


def _teach_heads(reader: Reader, heads: Heads, optimizer: torch.optim.Optimizer, fake: Tensor, real: Tensor) -> float:
    with in_bfloat16(real.device):
        scales, _ = reader(torch.cat([fake, real]))
        each = [F.softplus(s[: len(fake)]).mean() + F.softplus(-s[len(fake) :]).mean() for s in heads(scales)]
        loss = torch.stack(each).mean()
    descend(optimizer, loss)
    return loss.item()


def _teach_generator(
    players: Players,
    optimizer: torch.optim.Optimizer,
    fake: Tensor,
    real: Tensor,
    c: Tensor | None,
    recipe: Recipe,
    seen: int,
) -> dict[str, float]:
    critic, reader, heads = players.critic, players.reader, players.heads
    frozen = [x for x in (critic, None if heads is None else heads.heads) if x is not None]
    losses, loss = {}, fake.new_zeros(())
    for network in frozen:
        network.requires_grad_(False)
    with in_bfloat16(fake.device):
        if critic is not None:
            fooled = F.softplus(-critic(fake, c)).mean()
            losses["loss_g"] = fooled.item()
            loss = loss + recipe.critic * fooled
        if reader is not None:
            scales, features = reader(fake)
            if heads is not None:
                loss = loss + recipe.heads * torch.stack([F.softplus(-s).mean() for s in heads(scales)]).mean()
    if reader is not None and players.moments is not None:
        off = players.moments(features)
        losses["moments"] = off.item()
        loss = loss + recipe.moments * off
    if reader is not None and players.nearest is not None:
        apart, median = players.nearest(fake, reader.read(features.detach()))
        losses |= {"apart": apart.item(), "residual": median.item()}
        loss = loss + recipe.nearest * min(max(seen / recipe.patience - 1, 0.0), 1.0) * apart
    if reader is not None and players.alike is not None:
        with torch.no_grad():
            wanted = reader(real)[1]
        pixels, read = players.alike(fake, real, features, wanted)
        losses |= {"pixels": pixels.item(), "features": read.item()}
        loss = loss + recipe.copy * (pixels + players.alike.weight * read)
    descend(optimizer, loss)
    for network in frozen:
        network.requires_grad_(True)
    return losses
