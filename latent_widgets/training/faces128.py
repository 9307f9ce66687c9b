"""Train ``faces128``: a StyleGAN2 of 128 pixels on rendered faces, resumable.

The faces are renders of :mod:`latent_widgets.faces`; their number grows with the training, so that the critic never has
them by heart. Most of the training runs at 64 pixels, at which the network has a picture of its own; then steps at 128
pixels join in. It can start from shipped weights, and then go without a critic: it is shown what its latents should
draw (:mod:`latent_widgets.training.copies`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import FACTORS
from latent_widgets.generators._networks import build_network
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import adversarial
from latent_widgets.training.adversarial import Players, Recipe
from latent_widgets.training.copies import Copies
from latent_widgets.training.critic import Critic
from latent_widgets.training.heads import Alike, Heads, Moments, Nearest, Reader, at_size
from latent_widgets.training.pool import Pool
from latent_widgets.training.warm import begin, start_from, weights_of

__all__ = ["CONFIG", "COPYING", "RECIPE", "STARTED", "players", "train"]

CHANNELS = {4: 96, 8: 96, 16: 64, 32: 32, 64: 16, 128: 8}
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
# A generator that has learnt something waits until the critic has, too.
STARTED = replace(RECIPE, rates=(1e-3, 2.5e-3, 1e-3), wait=10_000, warm=20_000, grow=50_000)
# A difference from a picture is a steadier guide than a critic: with momentum, and smaller batches do. The heads, which
# cost little, are there against blur.
COPYING = Recipe(
    batch=16, rates=(2.5e-3, 0.0, 1e-3), betas=(0.9, 0.99), heads=0.2, half_life=5_000, falling=0.7, warm=3_000,
    critic=0.0, copy=1.0, small=64, grow=15_000, full=0.5,
)  # fmt: skip
COPIES = {"start": 3000, "every": 8}  # of the pool: each face is read and rendered, so there are fewer


def players(config: Mapping[str, Any], channels: Mapping[int, int], recipe: Recipe, pool: Pool) -> Players:
    """Make the networks of a training.

    Args:
        config: Arguments of :class:`StyleGAN2`.
        channels: Of the critic.
        recipe: Says which of them are wanted.
        pool: Whose first faces give the moments to aim at.
    """
    factors = len(FACTORS) if recipe.factors else 0
    critic = None
    if recipe.critic:
        critic = Critic(config["resolution"], channels, smallest=recipe.small, factors=factors)
    wanted = (recipe.heads, recipe.moments, recipe.nearest, recipe.copy)
    reader = Reader(load_regressor()) if any(wanted) else None
    heads = Heads(reader.widths) if reader is not None and recipe.heads else None
    moments = nearest = alike = None
    if reader is not None and (recipe.moments or recipe.nearest or recipe.copy):
        rng = torch.Generator(device="cpu").manual_seed(0)
        renders = [at_size(pool(100, 0, rng).images) for _ in range(-(-pool.start // 100))]
        with torch.no_grad():
            features = torch.cat([reader(x)[1] for x in renders])
        moments = Moments(features) if recipe.moments else None
        nearest = Nearest(reader, torch.cat(renders)) if recipe.nearest else None
        alike = Alike(features) if recipe.copy else None
    model = StyleGAN2(**config)
    for side, name in model.synthesis.picture_layers.items():
        if recipe.small is not None and side > recipe.small:  # what joins in later starts at nothing
            torch.nn.init.zeros_(model.get_parameter(f"synthesis.{name}.weight"))
    return Players(model, critic, reader, heads, moments, nearest, alike)


def train(
    folder: Path,
    images: int = 1_200_000,
    seed: int = 0,
    minutes: float | None = None,
    config: Mapping[str, Any] = CONFIG,
    channels: Mapping[int, int] = CRITIC,
    recipe: Recipe | None = None,
    pool: Pool | None = None,
    start: str | None = None,
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
        recipe: The numbers of the training; by default :data:`RECIPE`, with a start :data:`STARTED`, and in a later
            sitting what fits the first one.
        pool: The faces; by default those in ``folder / "faces.u8"``, or ``copies.u8`` where the recipe copies.
        start: The name of shipped weights to begin from. A run that has begun goes on from its own.
        snapshots: After how many images the averaged generator is kept.
        device: Where the networks are trained and the faces rendered.
    """
    make_folder(folder)
    began = begin(folder, start, None if recipe is None else recipe.copy > 0)
    weights = weights_of(folder)
    if weights is not None:
        start_from(StyleGAN2(**config), weights.tensors)  # before anything is rendered: does it fit?
    recipe = recipe or (COPYING if began.copies else RECIPE if weights is None else STARTED)
    torch.manual_seed(seed)
    if began.copies and pool is None and weights is not None:
        starter = build_network("stylegan2", weights.about["config"]).requires_grad_(False)
        starter.load_state_dict(weights.tensors)
        assert isinstance(starter, StyleGAN2)
        options = {"size": config["resolution"], "device": device, **COPIES}
        pool = Copies(folder / "copies.u8", starter, Reader(load_regressor()), recipe.mixing, **options)
    pool = pool or Pool(folder / "faces.u8", config["resolution"], device=device)
    found = players(config, channels, recipe, pool)
    if weights is not None:
        start_from(found.model, weights.tensors)
    adversarial.train(
        folder, found, pool, recipe, images=images, seed=seed, minutes=minutes, snapshots=snapshots, device=device
    )
