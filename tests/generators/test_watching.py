"""Feature layers are the blocks of a network, whatever it is made of."""

import functools

import pytest
import torch
from torch import nn

from latent_widgets.generators.live.watching import feature_layers, watching
from tests.live_networks import SmallBigGAN, SmallDCGAN

conv = functools.partial(nn.Conv2d, kernel_size=3, padding=1)


class Residual(nn.Module):
    def __init__(self, up):
        super().__init__()
        self.conv1, self.conv2 = conv(4, 4), conv(4, 4)
        self.up = nn.Upsample(scale_factor=2) if up else nn.Identity()

    def forward(self, x):
        return self.up(x + self.conv2(self.conv1(x).relu()))


class UpBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnets = nn.ModuleList([Residual(False), Residual(False)])
        self.upsamplers = nn.ModuleList([nn.ConvTranspose2d(4, 4, 2, 2)])

    def forward(self, x):
        for part in (*self.resnets, *self.upsamplers):
            x = part(x)
        return x


class Autoencoder(nn.Module):
    """As autoencoders for diffusion are built: a convolution, then a decoder of blocks."""

    def __init__(self):
        super().__init__()
        self.post_quant_conv, self.decoder = nn.Conv2d(2, 2, 1), nn.Sequential()
        blocks = nn.Sequential(UpBlock(), UpBlock(), UpBlock())
        for name, part in (("conv_in", conv(2, 4)), ("mid", Residual(False)), ("up", blocks), ("conv_out", conv(4, 3))):
            self.decoder.add_module(name, part)

    def forward(self, z):
        return self.decoder(self.post_quant_conv(z))


class StyledConv(nn.Module):
    """A doubling convolution has a margin, which its blur takes away."""

    def __init__(self, up):
        super().__init__()
        self.conv = nn.ConvTranspose2d(4, 4, 3, 2) if up else conv(4, 4)
        self.blur, self.activate = nn.AvgPool2d(2, 1) if up else nn.Identity(), nn.LeakyReLU(0.2)

    def forward(self, x):
        return self.activate(self.blur(self.conv(x)))


class Skips(nn.Module):
    """As rosinality's: a list of convolutions, and one of those that give pictures."""

    def __init__(self):
        super().__init__()
        self.conv1, self.to_rgb1 = StyledConv(False), conv(4, 3)
        self.convs = nn.ModuleList([StyledConv(up) for _ in range(2) for up in (True, False)])
        self.to_rgbs = nn.ModuleList([conv(4, 3) for _ in range(2)])

    def forward(self, x):
        x = self.conv1(x)
        picture = self.to_rgb1(x)
        for i, to_rgb in enumerate(self.to_rgbs):
            x = self.convs[2 * i + 1](self.convs[2 * i](x))
            picture = nn.functional.interpolate(picture, scale_factor=2) + to_rgb(x)
        return picture


CASES = {
    "autoencoder": (
        Autoencoder(),
        (torch.zeros(1, 2, 3, 4),),
        "post_quant_conv decoder.conv_in decoder.mid decoder.up.0 decoder.up.1 decoder.up.2 decoder.conv_out",
    ),
    "skips": (
        Skips(),
        (torch.zeros(1, 4, 4, 3),),
        "conv1 to_rgb1 convs.0 convs.1 to_rgbs.0 convs.2 convs.3 to_rgbs.1",
    ),
    "BigGAN": (
        SmallBigGAN(),
        (torch.zeros(1, 6), torch.eye(5)[:1], 0.5),
        "generator.layers.0 generator.layers.1 generator.layers.2 generator.bn generator.relu generator.conv_to_rgb",
    ),
    "a chain in a wrapper": (
        nn.Sequential(nn.Sequential(SmallDCGAN(resolution=8))),
        (torch.zeros(1, 6, 1, 1),),
        "0.0.main.0 0.0.main.1 0.0.main.2 0.0.main.3 0.0.main.4",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_layers_are_blocks(case):
    network, inputs, wanted = CASES[case]
    network.eval()
    with torch.no_grad(), watching(network, [name for name, _ in network.named_modules() if name]) as seen:
        network(*inputs)
    assert feature_layers(seen) == tuple(wanted.split())
