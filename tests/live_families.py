"""Small stand-ins for the generators that people train, with the attributes and the calls of each program."""

import types

import torch
import torch.nn.functional as F
from torch import nn

from latent_widgets.generators.stylegan2 import StyleGAN2
from tests.live_networks import Decoder, NvidiaLike, RosinalityLike, SmallBigGAN, SmallDCGAN


def style_network(c_dim=0, z_dim=6):
    torch.manual_seed(1)
    channels = {4: 4, 8: 4, 16: 2}
    network = StyleGAN2(z_dim=z_dim, w_dim=6, resolution=16, channels=channels, mapping_layers=2, c_dim=c_dim)
    network.mapping.w_avg.copy_(network.mapping(torch.randn(500, z_dim), *([torch.eye(3)[[1] * 500]] if c_dim else []))
                                .mean(0))  # fmt: skip
    return network


class GenForceLike(nn.Module):
    """Dictionaries in and out, a truncation beside the mapping, and sizes under other names."""

    def __init__(self, network):
        super().__init__()
        self.z_space_dim, self.w_space_dim = network.z_dim, network.w_dim
        self.label_dim, self.num_layers = network.c_dim, network.synthesis.num_ws
        self.network = network
        self.mapping = _DictMapping(network.mapping)
        self.truncation = nn.Module()
        self.truncation.register_buffer("w_avg", network.mapping.w_avg.clone())
        self.synthesis = _DictSynthesis(network.synthesis)

    def forward(self, z, label=None, randomize_noise=False, **options):
        w = self.mapping(z, label)["w"]
        return {"z": z, "w": w, **self.synthesis(w[:, None].repeat(1, self.num_layers, 1), randomize_noise)}


class _DictMapping(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, z, label=None):
        return {"z": z, "label": label, "w": self.inner(z, label)}


class _DictSynthesis(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, wp, randomize_noise=False):
        assert not randomize_noise
        return {"wp": wp, "image": self.inner(wp)}


class FastGANLike(nn.Module):
    """A mapping that hands on its latent, noise that is drawn at every call, and pictures of two sizes."""

    def __init__(self, c_dim=0):
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.img_resolution = 6, c_dim, 0, 16
        self.mapping, self.synthesis = _HandsOn(), _Excited(6, c_dim)

    def forward(self, z, c, **options):
        return self.synthesis(self.mapping(z, c), c)[0]


class _HandsOn(nn.Module):
    def forward(self, z, c, **options):
        return z.unsqueeze(1)


class _Excited(nn.Module):
    def __init__(self, z_dim, c_dim):
        super().__init__()
        self.init = nn.ConvTranspose2d(z_dim, 4, 4)
        self.embed = nn.Embedding(c_dim, 4) if c_dim else None
        self.noise_weight = nn.Parameter(torch.full((1,), 0.5))
        self.up, self.to_small, self.to_big = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 1)

    def forward(self, ws, c, **options):
        x = self.init(ws[:, 0, :, None, None])
        if self.embed is not None:
            x = x + self.embed(c.argmax(1))[:, :, None, None]
        x = F.interpolate(x, scale_factor=2)
        x = x + self.noise_weight * torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        x = self.up(x).tanh()
        return [self.to_big(F.interpolate(x, scale_factor=2)).tanh(), self.to_small(x).tanh()]


class ByNumber(nn.Module):
    """A conditional GAN of a tutorial: an embedding of the label beside the latent."""

    nz = 6

    def __init__(self):
        super().__init__()
        self.embed, self.main = nn.Embedding(5, 3), SmallDCGAN(9)

    def forward(self, z, labels):
        return self.main(torch.cat([z, self.embed(labels)], 1)[:, :, None, None])


class ByVector(nn.Module):
    """Another: the one-hot class beside the latent, which is a picture of one pixel."""

    latent_dim, n_classes = 6, 4

    def __init__(self):
        super().__init__()
        self.main = SmallDCGAN(10)

    def forward(self, x, y):
        return self.main(torch.cat([x, y[:, :, None, None]], 1))


class Shared(nn.Module):
    """As BigGAN's authors: the class is embedded outside."""

    dim_z, n_classes = 6, 3

    def __init__(self):
        super().__init__()
        self.shared, self.main = nn.Embedding(3, 2), SmallDCGAN(8)

    def forward(self, z, y):
        assert y.shape[1:] == (2,)
        return self.main(torch.cat([z, y], 1)[:, :, None, None])


class Modern(nn.Module):
    """As R3GAN's: the class beside the latent, which a network without classes is given too."""

    def __init__(self, c_dim=0):
        super().__init__()
        self.z_dim, self.c_dim = 6, c_dim
        self.embed, self.Model = nn.Linear(c_dim, 3, bias=False) if c_dim else None, SmallDCGAN(9 if c_dim else 6)

    def forward(self, x, c):
        x = x if self.embed is None else torch.cat([x, self.embed(c)], 1)
        return self.Model(x[:, :, None, None])


class Compiled(nn.Module):
    """A network as torch.compile wraps it."""

    def __init__(self, inner):
        super().__init__()
        self._orig_mod = inner

    def forward(self, *inputs):
        return self._orig_mod(*inputs)


class Progressive(nn.Module):
    """A progressive GAN inside a training object, whose first layer is no layer of PyTorch's."""

    def __init__(self):
        super().__init__()
        self.dimLatentVector = 6
        self.weight = nn.Parameter(torch.randn(6, 4 * 16))
        self.scaleLayers = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(2)])
        self.toRGB = nn.Conv2d(4, 3, 1)

    def forward(self, x):
        x = (x @ self.weight).unflatten(1, (4, 4, 4)) / 3
        for layer in self.scaleLayers:
            x = layer(F.interpolate(x, scale_factor=2)).relu()
        return self.toRGB(x).tanh()


def _seeded(make):
    torch.manual_seed(2)
    return make()


FAMILIES = {
    "NVIDIA-like": (lambda: NvidiaLike(style_network()), {}),
    "NVIDIA-like with classes": (lambda: NvidiaLike(style_network(3)), {"condition": 1}),
    "rosinality-like": (lambda: RosinalityLike(style_network()), {}),
    "GenForce-like": (lambda: GenForceLike(style_network()), {}),
    "GenForce-like with classes": (lambda: GenForceLike(style_network(3)), {"condition": 1}),
    "FastGAN-like": (lambda: _seeded(FastGANLike), {"freeze_noise": True}),
    "FastGAN-like with classes": (lambda: _seeded(lambda: FastGANLike(4)), {"condition": 2, "freeze_noise": True}),
    "G(z, number)": (lambda: _seeded(ByNumber), {"condition": 3}),
    "G(z, vector)": (lambda: _seeded(ByVector), {"condition": 3}),
    "G(z, embedding)": (lambda: _seeded(Shared), {"condition": 2}),
    "R3GAN-like": (lambda: _seeded(Modern), {}),
    "R3GAN-like with classes": (lambda: _seeded(lambda: Modern(4)), {"condition": 1}),
    "PGAN-like": (lambda: types.SimpleNamespace(avgG=nn.DataParallel(_seeded(Progressive))), {}),
    "BigGAN-like": (lambda: _seeded(SmallBigGAN), {"condition": 2}),
    "autoencoder": (lambda: _seeded(Decoder), {}),
}
