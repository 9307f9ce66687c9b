"""Train ``fashion32``: a small StyleGAN2 with classes, on the 60 000 photographs of Fashion-MNIST, resumable.

The data is Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): pictures of a shop's articles, 28 pixels, grey, ten classes.
The network is that of ``faces64`` with half its resolution, one colour, and a class vector in the mapping.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.budget import Budget
from latent_widgets.core.paths import make_folder
from latent_widgets.core.words import one_line
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training import adversarial
from latent_widgets.training.adversarial import Players, Real, Recipe
from latent_widgets.training.critic import Critic

__all__ = ["CLASSES", "CONFIG", "FOLDER", "RECIPE", "fashion_dataset", "train"]

FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package dataset-fashion-mnist puts it
CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
CHANNELS = {4: 96, 8: 96, 16: 64, 32: 32}
CONFIG: dict[str, Any] = {
    "z_dim": 64,
    "w_dim": 64,
    "resolution": 32,
    "channels": CHANNELS,
    "mapping_layers": 4,
    "c_dim": len(CLASSES),
    "noise": False,
    "colours": 1,
}
RECIPE = Recipe(r1=0.1)


def _read(path: Path) -> Tensor:
    """Read one gzipped IDX file of bytes: a big-endian header (two zeros, type, axes, sizes), then the numbers."""
    wrong = f"{path} must be a whole IDX file of bytes, gzipped"
    try:
        with gzip.open(path) as file:
            zeros, kind, axes = struct.unpack(">HBB", file.read(4))
            sizes = struct.unpack(f">{axes}I", file.read(4 * axes))
            count = math.prod(sizes)
            if zeros or kind != 8 or axes not in (1, 3) or not count:
                raise ValueError(f"{wrong}, got type {kind} and sizes {sizes[:4]}.")
            Budget(path.stat().st_size, str(path)).spend(count)
            data = file.read(count + 1)  # one more: at the end the checksum is looked at
    except (EOFError, gzip.BadGzipFile, struct.error, zlib.error) as error:
        raise ValueError(f"{wrong}, got a damaged one: {one_line(str(error), 80)}.") from None
    if len(data) != count:
        raise ValueError(f"{wrong}, got {'more' if len(data) > count else len(data)} bytes for sizes {sizes}.")
    return torch.from_numpy(np.frombuffer(bytearray(data), np.uint8).reshape(sizes))


def fashion_dataset(folder: Path = FOLDER, kind: str = "train", resolution: int = 32) -> tuple[Tensor, Tensor]:
    """Read Fashion-MNIST.

    Args:
        folder: Where its four files are.
        kind: ``"train"``, 60 000 pictures, or ``"t10k"``, the 10 000 that nothing is trained on.
        resolution: Side of the pictures; those of 28 pixels get a dark margin to 32, and are then resized.

    Returns:
        Pictures ``(n, 1, resolution, resolution)`` in [-1, 1], and their classes ``(n,)``.

    Raises:
        FileNotFoundError: If the files are not there.
        ValueError: If one of them is damaged.
    """
    paths = [folder / f"{kind}-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise FileNotFoundError(
            f"the folder of Fashion-MNIST must hold {' and '.join(missing)}, got {folder} without. Install Debian's "
            "package dataset-fashion-mnist (apt install dataset-fashion-mnist), or name the folder with --data."
        )
    pixels, labels = map(_read, paths)
    images = F.pad(pixels[:, None].float() / 127.5 - 1, (2, 2, 2, 2), value=-1.0)
    if resolution != 32:
        images = F.interpolate(images, (resolution, resolution), mode="bilinear", antialias=True)
    return images, labels.long()


def train(
    folder: Path,
    images: int = 180_000,
    seed: int = 0,
    minutes: float | None = None,
    data: Path = FOLDER,
    config: Mapping[str, Any] = CONFIG,
    recipe: Recipe = RECIPE,
    device: torch.device | str = "cpu",
) -> None:
    """Train, or go on training, until ``images`` pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where checkpoint, log and sample sheets are kept.
        images: Total of real pictures shown to the critic, over all sittings.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        data: The folder of Fashion-MNIST.
        config: Arguments of :class:`StyleGAN2`.
        recipe: The numbers of the training.
        device: Where the networks are trained.
    """
    folder = make_folder(folder)
    pictures, labels = fashion_dataset(data, resolution=config["resolution"])
    torch.manual_seed(seed)
    model = StyleGAN2(**config)
    critic = Critic(config["resolution"], config["channels"], colours=config["colours"], c_dim=config["c_dim"])

    places = [torch.where(labels == i)[0] for i in range(config["c_dim"])]

    def source(n: int, seen: int, rng: torch.Generator) -> Real:
        # groups whose spread the critic compares are of one class each: else it would miss that a class has one picture
        classes = torch.randperm(len(places), generator=rng, dtype=torch.int64, device="cpu")[
            : max(1, n // critic.group)
        ].repeat(critic.group)[:n]
        picks = [
            places[c][torch.randint(len(places[c]), (), generator=rng, dtype=torch.int64, device="cpu")]
            for c in classes.tolist()
        ]
        return Real(pictures[torch.stack(picks)], F.one_hot(classes, config["c_dim"]).float())

    adversarial.train(
        folder, Players(model, critic), source, recipe, images=images, seed=seed, minutes=minutes, device=device
    )
