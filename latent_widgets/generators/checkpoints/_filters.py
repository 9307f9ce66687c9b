"""The low-pass filter of the published StyleGAN2, which the files of some programs carry along."""

from __future__ import annotations

import math

import torch

from latent_widgets.generators.checkpoints._found import Readable
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, short

__all__ = ["USUAL", "need_usual"]

USUAL = (1.0, 3.0, 3.0, 1.0)  # along each axis; its sum differs from layer to layer and plays no part


def need_usual(name: str, kernel: Readable) -> None:
    """Refuse a filter other than that of the paper, with which the pictures would be others.

    Args:
        name: What the file calls it.
        kernel: The filter.

    Raises:
        CheckpointError: If it is another one.
    """
    if math.prod(kernel.shape) == len(USUAL) ** 2:
        found, taps = kernel.read().double().flatten(), torch.tensor(USUAL, dtype=torch.float64, device="cpu")
        if torch.allclose(found / found.sum(), torch.outer(taps, taps).flatten() / taps.sum() ** 2, rtol=1e-3):
            return
    raise CheckpointError(
        f"the resampling filter must be that of StyleGAN2, 1 3 3 1 along each axis, got another in {short(name)}. "
        f"{WAY_OUT}"
    )
