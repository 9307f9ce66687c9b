"""A network without layers, of any size: a generator as small or as large as a picture can be, and light."""

import torch
from torch import nn
from torch.nn.functional import interpolate


class Spread(nn.Module):
    """Some numbers, spread over a small picture, which is drawn as large as one likes."""

    def __init__(self, side, resolution, z_dim=6):
        super().__init__()
        torch.manual_seed(0)
        self.lift, self.side, self.resolution = nn.Linear(z_dim, 3 * side * side), side, resolution

    def forward(self, z):
        x = self.lift(z).reshape(-1, 3, self.side, self.side)
        return (2 * interpolate(x, size=(self.resolution, self.resolution), mode="bilinear")).tanh()
