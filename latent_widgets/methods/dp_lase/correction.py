"""The learned correction C of DP-LaSE: ``z0 + e g + C(z0, e, g)`` is to be as likely as ``z0`` (equation 6)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import fresh

__all__ = ["Correction", "CorrectionKind"]

CorrectionKind = Literal["informed", "plain", "unbounded"]
LogDensity = Callable[[Tensor], Tensor]


class Correction(nn.Module):
    """The network C. Its sizes are unpublished; these are ours.

    ``"plain"`` is an hourglass of six blocks on ``(z0, e, g)``, as in the paper's figure. ``"informed"`` adds a Newton
    step of the log density, from ``z0 + e g`` towards the level of ``z0``, times a learned gain that sees how large it
    is: a network that has to find squared norms in the coordinates needs far more steps than the directions do.
    The correction is never longer than the step, so that of a step of zero is zero: nothing else would keep C from
    leaving the codes altogether where that changes the picture most. ``"unbounded"`` is the hourglass on ``(z0, e, g)``
    as equation 6 has it, of any length.

    Args:
        dim: Length of a code.
        kind: ``"informed"``, ``"plain"`` or ``"unbounded"``.
        seed: Of the first weights.

    Example:
        >>> C = Correction(3, "plain")
        >>> z = torch.ones(2, 3, dtype=torch.float64)
        >>> C(z, torch.ones(2).double(), z, lambda x: -0.5 * x.square().sum(1)).shape
        torch.Size([2, 3])
    """

    def __init__(self, dim: int, kind: CorrectionKind = "informed", seed: int = 0) -> None:
        super().__init__()
        checks.choice("kind", kind, get_args(CorrectionKind))
        self.dim, self.kind = dim, kind
        narrow = max(dim // 2, 4)
        sizes = (2 * dim + 1, 2 * dim, dim, narrow, narrow, dim, 2 * dim)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
            torch.default_generator.manual_seed(seed)  # of the CPU alone, where the weights are drawn
            blocks = [_block(a, b) for a, b in pairwise(sizes)]
            heads = nn.Linear(sizes[-1], dim, **fresh()), nn.Linear(32, 1, **fresh())
            self.vector = nn.Sequential(*blocks, heads[0])
            self.gain = nn.Sequential(_block(4, 32), _block(32, 32), heads[1])
        for head in heads:
            nn.init.zeros_(head.weight)  # it begins as no correction, or as the Newton step
            nn.init.zeros_(head.bias)
        self.double()

    def forward(self, z: Tensor, strides: Tensor, directions: Tensor, log_density: LogDensity) -> Tensor:
        """Return the corrections.

        Args:
            z: ``(n, dim)`` starts.
            strides: ``(n,)``.
            directions: ``(n, dim)`` of length one.
            log_density: Of codes ``(n, dim)``: ``(n,)``, differentiable twice.

        Returns:
            ``(n, dim)``.
        """
        if self.kind == "unbounded":
            free: Tensor = self.vector(torch.cat([z, strides[:, None], directions], 1))
            return free
        share = (strides / self.dim**0.5)[:, None]
        found = share * self.vector(torch.cat([z, share, share * self.dim**0.5 * directions], 1))
        if self.kind == "informed":
            found = found + self._newton(z, share, directions, log_density)
        length = (found.square().sum(1, keepdim=True) + 1e-24).sqrt()
        return found * (strides.abs()[:, None] / length).clamp(max=1)

    def _newton(self, z: Tensor, share: Tensor, directions: Tensor, log_density: LogDensity) -> Tensor:
        straight = z + share * self.dim**0.5 * directions
        with torch.enable_grad():
            here = straight if straight.requires_grad else straight.clone().requires_grad_()
            there = log_density(here)
            (slope,) = torch.autograd.grad(there.sum(), here, create_graph=straight.requires_grad)
        if here is not straight:
            there = there.detach()
        gap = (log_density(z) - there)[:, None]
        squared = slope.square().sum(1, keepdim=True) + 1e-6 * self.dim  # at the mode there is no way to go
        size = gap / squared
        facts = torch.cat([share, size, gap / self.dim, squared / self.dim], 1)
        return (1 + self.gain(facts)) * size * slope


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs, **fresh()), nn.SiLU())
