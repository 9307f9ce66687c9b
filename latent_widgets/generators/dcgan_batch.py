"""DCGAN as published (Radford et al. 2016): transposed convolutions and batch normalisation, for weights that exist."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from latent_widgets.core.fresh import fresh

__all__ = ["BatchDCGAN"]


class _Block(nn.Module):
    """A transposed convolution, batch normalisation and ReLU; the first one takes the latent as a picture of 1 px."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        super().__init__()
        step = 1 if first else 2
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=step, padding=step - 1, bias=False, **fresh())
        self.norm = nn.BatchNorm2d(outputs, **fresh())
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x[:, :, None, None] if self.first else x))
        return y.relu()


class _Image(nn.Module):
    """The last transposed convolution; tanh brings its result to [-1, 1]."""

    def __init__(self, inputs: int, colours: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, colours, 4, stride=2, padding=1, bias=False, **fresh())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y.tanh()


class BatchDCGAN(nn.Sequential):
    """The generator of DCGAN with the statistics of its batch normalisation fixed.

    Args:
        z_dim: Length of the latent.
        channels: Feature channels at 4 px, 8 px and so on; the picture has twice the last of these sides.
        colours: Channels of the picture.

    Example:
        >>> import torch
        >>> net = BatchDCGAN(z_dim=5, channels=[8, 4], colours=3).eval()
        >>> net(torch.zeros(2, 5)).shape
        torch.Size([2, 3, 16, 16])
    """

    def __init__(self, *, z_dim: int, channels: Sequence[int], colours: int = 3) -> None:
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for i, (inputs, outputs) in enumerate(zip([z_dim, *channels[:-1]], channels, strict=True)):
            blocks[f"b{4 * 2**i}"] = _Block(inputs, outputs, first=i == 0)
        blocks["image"] = _Image(channels[-1], colours)
        super().__init__(blocks)
        self.z_dim, self.resolution = z_dim, 4 * 2 ** len(channels)
