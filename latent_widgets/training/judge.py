"""A second pair of eyes: a network that reads faces and that no training of a generator ever uses.

A generator trained with the factor regressor may please it without looking better. The judge differs from it in all
that counts: other faces, another seed, convolutions of four pixels with group normalisation and leaky ReLUs, and a
second thing to read, how much of the picture each part takes. Its 64 features are where distances are measured.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.core.paths import make_folder
from latent_widgets.faces.renderer import FACTORS, PARTS, sample_factors
from latent_widgets.training._files import load_checkpoint
from latent_widgets.training._loop import channels_last, descend, rise_and_fall, run
from latent_widgets.training.regressor import disturb
from latent_widgets.training.segmenter import labelled_faces

__all__ = ["Judge", "load_judge", "train"]

FACES = 5  # the seed of its faces: 1 and 2 are the regressor's, 3 and 4 the segmenter's
RATE = 2e-3
BATCH = 64


class Judge(nn.Module):
    """Read the factors of faces of 64 pixels, and the share of the picture that each part takes.

    Args:
        channels: Feature channels at 32, 16, 8 and 4 pixels.
        width: Length of the layer before the last, :meth:`features`.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (32, 48, 64, 96), width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *channels), channels, strict=False):
            layers += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, **fresh()),
                nn.GroupNorm(8, outputs, **fresh()),
                nn.LeakyReLU(0.1),
            ]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.embed = nn.Linear(16 * channels[-1], width, **fresh())
        self.read = nn.Linear(width, len(FACTORS) + len(PARTS), **fresh())

    def features(self, images: Tensor) -> Tensor:
        """Return the layer before the last (n, 64) for ``images`` (n, 3, 64, 64)."""
        return torch.tanh(self.embed(self.trunk(images)))

    def forward(self, images: Tensor) -> Tensor:
        """Read ``images`` (n, 3, 64, 64): factors and shares (n, 49), each in its own standard deviations."""
        reading: Tensor = self.read(self.features(images))
        return reading


def _truth(factors: Tensor, labels: Tensor) -> Tensor:
    shares = F.one_hot(labels.flatten(1).long(), len(PARTS)).float().mean(1)
    truth = torch.cat([factors, shares], 1)
    return (truth - truth.mean(0)) / truth.std(0)


def train(
    folder: Path, images: int = 160_000, seed: int = 77, minutes: float | None = None, count: int = 16_000
) -> None:
    """Train, or go on, until ``images`` pictures were seen in all or ``minutes`` have passed.

    Args:
        folder: Where the checkpoint, the log and the faces are kept.
        images: Total of pictures, over all sittings; the learning rate falls to zero at it.
        seed: Seed of the whole run.
        minutes: Stop after this time; the next call goes on.
        count: How many faces are rendered.
    """
    folder = make_folder(folder)
    data, labels = labelled_faces(folder / "faces.pt", count, FACES)
    truth = _truth(sample_factors(count, FACES), labels)
    torch.manual_seed(seed)
    network = Judge()
    channels_last(network)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    rng = torch.Generator("cpu").manual_seed(seed)

    def step(seen: int) -> dict[str, float]:
        picks = torch.randint(count, (BATCH,), generator=rng, dtype=torch.int64, device="cpu")
        batch = disturb(data[picks].float() / 127.5 - 1, rng)
        with torch.autocast("cpu", torch.bfloat16):
            readings = network(batch)
        loss = (readings.float() - truth[picks]).square().mean()
        descend(optimizer, loss, rise_and_fall(RATE, BATCH, seen, images))
        return {"loss": loss.item()}

    run(folder, {"average": network, "optimizer": optimizer}, rng, step, images=images, batch=BATCH, minutes=minutes)


def load_judge(folder: Path) -> Judge:
    """Load the judge of a folder; train it first where there is none.

    Args:
        folder: The folder of its run.

    Returns:
        The network, ready to read.
    """
    file = folder / "checkpoint.pt"
    if not file.exists():
        train(folder)
    network = Judge()
    network.load_state_dict(load_checkpoint(file)["average"])
    return network.eval().requires_grad_(False)
