"""The low-pass filter of the published StyleGAN2, which the files of some programs carry along."""

from __future__ import annotations

import math

import torch

from latent_widgets.generators.checkpoints._found import Readable
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, short

__all__ = ["USUAL", "need_taps", "need_usual"]

USUAL = (1.0, 3.0, 3.0, 1.0)  # along each axis; its sum differs from layer to layer and plays no part


def need_usual(name: str, kernel: Readable) -> None:
    """Refuse a filter other than that of the paper, with which the pictures would be others.

    Args:
        name: What the file calls it.
        kernel: The filter.

    Raises:
        CheckpointError: If it is another one.
    """
    if math.prod(kernel.shape) != len(USUAL) ** 2:
        raise _other(name, USUAL)
    need_taps(name, kernel, USUAL)


def need_taps(name: str, kernel: Readable, taps: tuple[float, ...]) -> None:
    """Refuse filters other than a separable one; there may be one for each channel.

    Args:
        name: What the file calls them.
        kernel: The filters.
        taps: The filter along each axis.

    Raises:
        CheckpointError: If one is another.
    """
    if math.prod(kernel.shape) and math.prod(kernel.shape) % len(taps) ** 2 == 0:
        found = kernel.read().double().reshape(-1, len(taps) ** 2)
        line = torch.tensor(taps, dtype=torch.float64, device="cpu")
        wanted = torch.outer(line, line).flatten() / line.sum() ** 2
        if torch.allclose(found / found.sum(1, keepdim=True), wanted.expand_as(found), rtol=1e-3):
            return
    raise _other(name, taps)


def _other(name: str, taps: tuple[float, ...]) -> CheckpointError:
    numbers = " ".join(f"{tap:g}" for tap in taps)
    return CheckpointError(
        f"the resampling filter must be that of StyleGAN{'2' if taps == USUAL else ''}, {numbers} along each axis, "
        f"got another in {short(name)}. {WAY_OUT}"
    )
