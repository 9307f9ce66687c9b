"""Networks in which every number matters, in float32 as files have them, and a watch over what reading them runs."""

import sys

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from tests.generators.checkpoints.hostile import EXECUTED, WATCH
from tests.generators.checkpoints.web import serving

SKIP = {"resolution": 16, "channels": {4: 5, 8: 4, 16: 3}}
VARIANTS = {
    "skip": SKIP,
    "resnet": SKIP | {"architecture": "resnet"},
    "orig": SKIP | {"architecture": "orig"},
    "conditional": SKIP | {"c_dim": 3},
    "grey, clamped": SKIP | {"colours": 1, "clamp": 1.5},
    "no noise": SKIP | {"noise": False, "mapping_lr": 0.1},
    "T": {"resolution": 16},
    "R": {"resolution": 16, "rotation": True},
    "T, conditional": {"resolution": 16, "c_dim": 2},
}


@pytest.fixture
def make_variant():
    """Makes the network of a name in `VARIANTS`."""

    def make(name="skip", seed=0, **changes):
        sizes = {"z_dim": 7, "w_dim": 6, "mapping_layers": 2} | VARIANTS[name] | changes
        if "channels" in sizes:
            network = StyleGAN2(**sizes)
        else:
            network = make_stylegan3(**{"num_layers": 4, "channel_base": 64, "channel_max": 6} | sizes)
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for key, value in network.state_dict().items():
                if not key.endswith(("filter", "transform")):
                    drawn = torch.randn(value.shape, generator=rng)
                    value.copy_(drawn.abs() + 0.5 if key.endswith("magnitude_ema") else drawn)
        return network.eval().requires_grad_(False)

    return make


@pytest.fixture
def web(monkeypatch, tmp_path):
    """A server of this machine, and an empty cache in `tmp_path / "cache"`."""
    monkeypatch.setenv("LATENT_WIDGETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENT_WIDGETS_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as server:
        yield server


@pytest.fixture
def kept(tmp_path):
    """The files in the cache, by name; locks are left out."""

    def look():
        paths = (p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock")
        return {path.name: path.read_bytes() for path in paths}

    return look


@pytest.fixture(scope="session")
def watched():
    """An audit hook, which stays for the life of the process; it looks only while WATCH is on."""
    with pytest.raises(FileNotFoundError):
        lw.load("no such file.pkl")  # the reader itself is imported the first time

    def hook(event, arguments):
        if WATCH["on"]:
            runs = event in EXECUTED or event.startswith(("pickle.", "ctypes.", "socket.", "shutil."))
            writes = event == "open" and any(mark in str(arguments[1]) for mark in "wax+")
            if runs or writes:
                WATCH["seen"].append((event, str(arguments)[:80]))

    sys.addaudithook(hook)


def draw(G, network, condition=None):
    """Pictures of a loaded generator and of the network that the file was made of."""
    z = G.sample_z(2, seed=4)
    c = None if condition is None else torch.eye(network.c_dim)[[condition, condition]]
    picture = network(z, c)
    return G(z), picture.repeat(1, 3, 1, 1) if picture.shape[1] == 1 else picture
