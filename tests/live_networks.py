"""Small networks with the attributes by which foreign ones are recognised, and one generator of every kind."""

import math
import types

import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3


class NvidiaLike(nn.Module):
    """Mapping and synthesis around a StyleGAN2 of ours, called as NVIDIA's are."""

    def __init__(self, network):
        super().__init__()
        self.z_dim, self.w_dim, self.c_dim = network.z_dim, network.w_dim, network.c_dim
        self.num_ws = network.synthesis.num_ws
        self.network = network
        self.mapping = _Mapping(network.mapping, self.num_ws)
        self.synthesis = _Synthesis(network.synthesis)


class _Mapping(nn.Module):
    def __init__(self, mapping, num_ws):
        super().__init__()
        self.inner, self.num_ws, self.w_avg = mapping, num_ws, mapping.w_avg

    def forward(self, z, c, truncation_psi=1):
        return self.inner(z, c)[:, None].repeat(1, self.num_ws, 1)


class _Synthesis(nn.Module):
    def __init__(self, synthesis):
        super().__init__()
        self.inner = synthesis

    def forward(self, ws, noise_mode="random", force_fp32=False):
        assert (noise_mode, force_fp32) == ("const", True)
        return self.inner(ws)


class RosinalityLike(nn.Module):
    """A StyleGAN2 of ours, called as rosinality's is."""

    def __init__(self, network):
        super().__init__()
        self.network, self.style = network, network.mapping
        self.style_dim, self.n_latent = network.w_dim, network.synthesis.num_ws
        self.convs = self.to_rgbs = nn.ModuleList()

    def forward(self, styles, input_is_latent=False, randomize_noise=True):
        assert input_is_latent
        assert not randomize_noise
        return self.network.synthesis(styles[0]), None


class Bent(nn.Module):
    """A style that is not affine."""

    def __init__(self, inner):
        super().__init__()
        self.weight = inner.weight  # not a submodule, which alone would be affine

    def forward(self, w):
        return (w @ self.weight.T).tanh()


class ConditionedNorm(nn.Module):
    def __init__(self, channels, conditions):
        super().__init__()
        self.scale, self.offset = (
            nn.Linear(conditions, channels, bias=False),
            nn.Linear(conditions, channels, bias=False),
        )

    def forward(self, x, truncation, condition):
        return x * truncation * (1 + self.scale(condition)[:, :, None, None]) + self.offset(condition)[:, :, None, None]


class GenBlock(nn.Module):
    def __init__(self, inputs, outputs, conditions):
        super().__init__()
        self.bn_0, self.conv = ConditionedNorm(inputs, conditions), nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x, condition, truncation):
        x = nn.functional.interpolate(self.bn_0(x, truncation, condition).tanh(), scale_factor=2)
        return self.conv(x)


class Attention(nn.Module):
    def forward(self, x):
        return x + 0.1 * x.mean((2, 3), keepdim=True)


class FinalNorm(nn.Module):
    def forward(self, x, truncation):
        return x * truncation


class BigGANInner(nn.Module):
    def __init__(self, conditions, width):
        super().__init__()
        self.width = width
        self.gen_z = nn.Linear(conditions, 16 * width)
        self.layers = nn.ModuleList([GenBlock(width, width, conditions), Attention(), GenBlock(width, 4, conditions)])
        self.bn, self.relu, self.conv_to_rgb = FinalNorm(), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, condition, truncation):
        x = self.gen_z(condition).view(-1, 4, 4, self.width).permute(0, 3, 1, 2).contiguous()
        for layer in self.layers:
            x = layer(x, condition, truncation) if isinstance(layer, GenBlock) else layer(x)
        return self.conv_to_rgb(self.relu(self.bn(x, truncation)))[:, :3].tanh()


class SmallBigGAN(nn.Module):
    """The attributes and the forward pass of the BigGAN that people have, at 16 px."""

    def __init__(self, z_dim=6, classes=5, width=8):
        super().__init__()
        self.embeddings = nn.Linear(classes, z_dim, bias=False)
        self.generator = BigGANInner(2 * z_dim, width)

    def forward(self, z, class_label, truncation):
        return self.generator(torch.cat([z, self.embeddings(class_label)], 1), truncation)


class SmallDCGAN(nn.Module):
    """The chain of transposed convolutions and batch norms that everybody trains first."""

    def __init__(self, nz=6, resolution=16, colours=3):
        super().__init__()
        steps = int(math.log2(resolution)) - 3
        layers = [nn.ConvTranspose2d(nz, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        for _ in range(steps):
            layers += [nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(8, colours, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, x):
        return self.main(x)


class Decoder(nn.Module):
    """An autoencoder with a configuration, and the result as an object."""

    def __init__(self):
        super().__init__()
        self.config = types.SimpleNamespace(
            latent_channels=2, sample_size=8, block_out_channels=(4, 4), scaling_factor=0.5
        )
        self.up = nn.ConvTranspose2d(2, 3, 2, 2)

    def decode(self, z):
        return types.SimpleNamespace(sample=self.up(z))

    def forward(self, x):
        raise NotImplementedError


class Oblong(nn.Module):
    """Pictures of 24 x 40 pixels; turned, the same ones with rows and columns exchanged."""

    def __init__(self, turned=False, width=6, seed=0):
        super().__init__()
        rng = torch.Generator("cpu").manual_seed(seed)
        self.turned, self.shape = turned, (width, 6, 10)
        weights = (torch.randn(width * 60, 8, generator=rng), torch.randn(width, width, 3, 3, generator=rng) / 4)
        weights += (torch.randn(3, width, 3, 3, generator=rng) / 8,)
        self.first = nn.Parameter(weights[0])
        self.inner, self.outer = (nn.Conv2d(width, n, 3, padding=1) for n in (width, 3))
        with torch.no_grad():
            for layer, weight in zip((self.inner, self.outer), weights[1:], strict=True):
                layer.weight.copy_(weight.mT if turned else weight)
                layer.bias.zero_()

    def forward(self, z):
        x = (z @ self.first.T).reshape(-1, *self.shape)
        x = self.inner(nn.functional.interpolate(x.mT if self.turned else x, scale_factor=2).sin())
        return self.outer(nn.functional.interpolate(x, scale_factor=2).sin()).tanh()


def oblong(turned=False):
    return lw.load(Oblong(turned), z_dim=8, value_range=(-1, 1))


def _stylegan2():
    channels = {2**i: 4 if i < 5 else 2 for i in range(2, 9)}
    network = StyleGAN2(z_dim=6, w_dim=7, resolution=256, channels=channels, mapping_layers=2, noise=False)
    return StyleGenerator(network, "narrow 256 px")


def _stylegan3():
    network = make_stylegan3(z_dim=6, w_dim=7, resolution=32, channel_base=64, channel_max=4, num_layers=6)
    return StyleGenerator(network, "32 px T")


def _function():
    A = torch.randn(3 * 16 * 16, 6, generator=torch.Generator().manual_seed(0))
    return lw.load(lambda z: (0.5 * z @ A.T).tanh().unflatten(1, (3, 16, 16)), z_dim=6, name="a function")


MAKERS = {
    "StyleGAN2, 256 px": _stylegan2,
    "StyleGAN3-T, 32 px": _stylegan3,
    "BigGAN": lambda: lw.load(SmallBigGAN(), condition=2),
    "DCGAN": lambda: lw.load(SmallDCGAN()),
    "a plain function": _function,
    "wider than tall": oblong,
}


def conditional_style():
    """A StyleGAN2 of four classes that draws the second."""
    network = StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}, mapping_layers=2, c_dim=4)
    return StyleGenerator(network, "classes", 1)
