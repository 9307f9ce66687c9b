"""Layers whose weights are drawn at unit variance and scaled where they are used (Karras et al. 2018, section 4.1)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh

__all__ = ["GAIN", "Dense", "drawn"]

GAIN = math.sqrt(2.0)  # keeps the variance through a leaky ReLU of slope 0.2


def drawn(*shape: int, over: float = 1.0) -> Tensor:
    """Return random weights of standard deviation ``1 / over``; on the meta device only their shape.

    There PyTorch's own function would import its compiler, which takes longer than reading a file.
    """
    x = torch.empty(shape, **fresh())
    return x if x.is_meta else x.normal_().div_(over)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * GAIN


class Dense(nn.Module):
    """A fully connected layer with equalised learning rate (Karras et al. 2018, section 4.1)."""

    def __init__(
        self, inputs: int, outputs: int, *, activate: bool = False, lr: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(outputs, inputs, over=lr))
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr, **fresh()))
        self.activate, self.lr, self.gain = activate, lr, lr / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., inputs)`` to ``(..., outputs)``."""
        y = F.linear(x * self.gain, self.weight, self.bias if self.lr == 1.0 else self.bias * self.lr)
        return _activate(y) if self.activate else y

    @property
    def matrix(self) -> Tensor:
        """What the input is multiplied by, ``(outputs, inputs)``."""
        return self.weight * self.gain
