"""Generators of plain pictures whose brightness is known: where their own pictures end is known too."""

import torch
from torch import nn

from latent_widgets.generators.base import Generator

EDGE = 0.5


class RampGenerator(Generator):
    """`w` (2,) uniform in [-EDGE, EDGE]; the brightness of the picture is its first number, the second does nothing."""

    def __init__(self, side=4, dtype=torch.float64, collapsed=False, mapped=True, broken=1e9):
        module = nn.Module()
        module.register_buffer("gain", torch.tensor([0.0 if collapsed else 1.0, 0.0], dtype=dtype))
        spaces, dims = (("z", "w"), {"w_dim": 2}) if mapped else (("z",), {})
        super().__init__(module, name="ramp", spaces=spaces, z_dim=2, resolution=side, **dims)
        self.broken = broken  # brightness beyond which there is no picture

    def _map(self, z):
        return EDGE * torch.erf(z / 2**0.5)

    def _synthesize(self, code, space):
        w = self._map(code) if space == "z" and "w" in self.spaces else code
        bright = w @ self.module.gain
        bright = torch.where(bright.abs() > self.broken, torch.nan, bright)
        return bright[:, None, None, None].expand(-1, 3, *self.picture_size)
