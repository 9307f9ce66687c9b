"""What a modulated layer of a StyleGAN2 does beside its numbers, as one pass writes it and as derivatives need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.generators._fir import Reach, fir_rows, reach_of

__all__ = ["SLOPE", "Kind"]

SLOPE = 0.2  # of the leaky ReLU


class Kind(NamedTuple):
    """The filter's taps if a layer doubles the resolution, and its largest activation."""

    taps: Sequence[float] | None
    clamp: float | None

    def convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve; the filter comes after that."""
        if self.taps is None:
            return F.conv2d(x, weight, padding=1)
        return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)

    def transposed(self, y: Tensor, weight: Tensor) -> Tensor:
        """Multiply with the transpose of that map."""
        if self.taps is not None:
            return F.conv2d(y, weight.transpose(0, 1), stride=2)
        return F.conv_transpose2d(y, weight, padding=1)

    def filtered(self, y: Tensor, first: int, last: int) -> Tensor:
        """Return rows of what was convolved, filtered."""
        if self.taps is None:
            return y[:, :, first:last]
        reach = reach_of(self.taps, first, last, y.shape[2])
        return fir_rows(y[:, :, reach.first : reach.last], self.taps, reach)

    def reach(self, first: int, last: int, height: int) -> Reach:
        """Say which of ``height`` filtered rows those before the filter have part in."""
        if self.taps is None:
            return Reach(first, last, 0, 0, 0)
        return reach_of(self.taps, first, last, height, adjoint=True)

    def spread(self, rows: Tensor, reach: Reach) -> Tensor:
        """Multiply these with the transpose of the filter."""
        return rows if self.taps is None else fir_rows(rows, self.taps, reach)

    def activate(self, rows: Tensor, shift: Tensor, noise: Tensor | None) -> None:
        """Add noise and shift, and activate, in place."""
        if noise is not None:
            rows.add_(noise)
        F.leaky_relu_(rows.add_(shift), SLOPE)
        if self.clamp is not None:
            rows.clamp_(-self.clamp, self.clamp)

    def sloped(self, moved: Tensor, out: Tensor) -> Tensor:
        """Multiply with the activation's derivative where it gave ``out``."""
        sloped: Tensor = torch.ops.aten.leaky_relu_backward(moved, out, SLOPE, True)
        return sloped if self.clamp is None else sloped.masked_fill_(out.abs() >= self.clamp, 0.0)
