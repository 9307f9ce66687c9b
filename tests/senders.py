"""Generators of every kind, to be sent to other processes the way tasks go."""

import functools
import tempfile
import types
from pathlib import Path

import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.core.sweep import tasks
from latent_widgets.generators import sending
from latent_widgets.generators.dcgan import DCGAN
from latent_widgets.generators.pggan import PGGAN
from latent_widgets.generators.sending import Sent
from latent_widgets.generators.stylegan1 import StyleGAN1
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from tests.generators.checkpoints import standins
from tests.linear import linear_generator
from tests.live_families import FAMILIES, Compiled
from tests.live_networks import MAKERS, SmallDCGAN, conditional_style
from tests.savers import small_glo


def sent(G):
    """The generator that arrives in another process, and the bytes that travel."""
    parcel = tasks.Parcel(Sent(G))
    make, arguments = parcel.__reduce__()
    tasks._UNPACKED.clear()  # another process has not seen it
    return make(*arguments).task.generator, parcel.packed().nbytes


def from_file(ending=".pkl"):
    """A StyleGAN2 as NVIDIA's programs store it, loaded."""
    network = StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}, mapping_layers=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"network{ending}"
        standins.write_nvidia(path, network)
        return lw.load(path)


def changed(name="digits32", by=0.01):
    """A built-in generator whose weights were changed after it was loaded."""
    G = lw.load(name)
    with torch.no_grad():
        next(G.module.parameters()).add_(by)
    return G


def darker(module, inputs, result):
    """A hook."""
    return result / 2


def hooked():
    """A built-in generator whose pictures somebody's hook changes."""
    G = lw.load("digits32")
    G.module.register_forward_hook(darker)
    return G


def mixed():
    """A built-in generator that draws what is no single class."""
    G = lw.load("fashion32", condition=3)
    G.condition = torch.full((G.classes,), 1 / G.classes)
    return G


def named(text):
    """A built-in generator under a name of the user's."""
    G = lw.load("digits32")
    G.name = text
    return G


def training():
    """A built-in generator whose network somebody trains."""
    G = lw.load("digits32")
    G.module.train()
    return G


def used():
    """A live network of which all that is found out was found out, and kept."""
    G = MAKERS["a plain function"]()
    G(G.sample_z(2))
    lw.local_basis(G, G.sample_z(1), "image", k=1)
    return G


def _network(make, **options):
    torch.manual_seed(3)
    return lambda: lw.load(make(**options))


STYLE = {"z_dim": 4, "w_dim": 5, "resolution": 8, "channels": {4: 4, 8: 4}}
BUILT_IN = {
    "faces64": {}, "faces128": {}, "digits32": {}, "fashion32": {"condition": 4},
    "faces-exact": {"resolution": 16, "entanglement": 0.5, "seed": 3},
}  # fmt: skip
WITH_WEIGHTS = {
    "StyleGAN1": _network(StyleGAN1, **STYLE),
    "StyleGAN2": _network(StyleGAN2, **STYLE),
    "StyleGAN2 with classes": conditional_style,
    "StyleGAN2 of a file": from_file,
    "StyleGAN3-T": _network(
        make_stylegan3, z_dim=6, w_dim=7, resolution=32, channel_base=64, channel_max=4, num_layers=6
    ),
    "PGGAN": _network(PGGAN, z_dim=4, channels=[4, 4]),
    "DCGAN": _network(DCGAN, z_dim=5, resolution=16, channels={4: 8, 8: 4, 16: 2}),
    "GLO": lambda: small_glo().generator,
    "two matrices": linear_generator,
    "changed weights": changed,
    "a hook": hooked,
    "no single class": mixed,
    "another name": functools.partial(named, "mine"),
    "in training": training,
    "a network that was used": used,
    "a lambda": lambda: lw.load(lambda z: z[:, :, None, None].expand(-1, 3, 8, 8).sin(), z_dim=3),
    "compiled": lambda: lw.load(Compiled(SmallDCGAN())),
    "parallel": lambda: lw.load(nn.DataParallel(SmallDCGAN())),
    "inside an object": lambda: lw.load(types.SimpleNamespace(netG=SmallDCGAN())),
    "float64 of a live network": lambda: lw.load(SmallDCGAN().double()),
    **{f"{name}, live": make for name, make in MAKERS.items()},
    **{f"{name}, family": (lambda make=make, options=options: lw.load(make(), **options))
       for name, (make, options) in FAMILIES.items()},
}  # fmt: skip


class OnGPU(Sent):
    """Pretends that its generator is on a GPU here."""

    def __reduce__(self):
        return sending._loaded, ("digits32", {}, None, "cuda", "float32")


class Holding(nn.Module):
    """A network that holds something else."""

    def __init__(self, held):
        super().__init__()
        self.inner, self.held = SmallDCGAN(), held

    def forward(self, x):
        return self.inner(x[:, :, None, None])


MAIN = """
import sys
from pathlib import Path

import torch

import latent_widgets as lw
from latent_widgets.core.sweep.tasks import Parcel
from latent_widgets.generators.sending import Sent
from tests.linear import LinearGenerator, linear_generator

SCALE = 3.0


class Mine(LinearGenerator):
    def _synthesize(self, code, space):
        return super()._synthesize(code, space) * SCALE


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.ConvTranspose2d(4, 3, 8)

    def forward(self, z):
        return scaled(self.layer(z[:, :, None, None]))


def scaled(x):
    return x.tanh() * SCALE


plain = linear_generator()
MAKE = {
    "generator": lambda: Mine(plain.module.mapping, plain.module.synthesis),
    "network": lambda: lw.load(Net(), z_dim=4, value_range=(-3, 3)),
    "function": lambda: lw.load(
        lambda z: scaled(z[:, :, None, None].expand(-1, 3, 8, 8)), z_dim=3, value_range=(-3, 3)
    ),
}
G = MAKE[sys.argv[1]]()
Path(sys.argv[2]).write_bytes(Parcel(Sent(G)).packed().tobytes())
torch.save((G.sample_z(2), G(G.sample_z(2)), G.weights_hash), sys.argv[3])
"""
