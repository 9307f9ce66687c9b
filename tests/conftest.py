"""Small generators that every test may use, in float64 so that laws hold to many digits."""

import pytest
import torch

from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2


@pytest.fixture(autouse=True)
def fresh_randomness():
    """Starts PyTorch's own random generator anew: what a test draws does not depend on those before it."""
    torch.manual_seed(0)


@pytest.fixture
def make_network():
    """Makes StyleGAN2 networks in which every parameter and buffer matters; keywords go to the network."""

    def make(seed=0, **options):
        sizes = {"z_dim": 7, "w_dim": 6, "resolution": 16, "channels": {4: 5, 8: 4, 16: 3}, "mapping_layers": 2}
        network = StyleGAN2(**sizes | options).double()
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                spread = 1.0 if value.ndim > 1 else 0.3  # biases and noise strengths leave the signal visible
                offset = 1.0 if name.endswith("affine.bias") else 0.0
                value.copy_(offset + spread * torch.randn(value.shape, generator=rng, dtype=value.dtype))
            for name, value in network.mapping.named_parameters():
                if name.startswith("fc") and name.endswith("weight"):
                    value.mul_(100)  # undoes the mapping's learning-rate multiplier
        return network

    return make


@pytest.fixture
def tiny(make_network):
    """A StyleGAN2 with z, w, w+ and s."""
    return StyleGenerator(make_network(), "tiny")


@pytest.fixture
def plain():
    """A generator with z only."""
    torch.manual_seed(0)
    return PlainGenerator(DCGAN(z_dim=5, resolution=16, channels={4: 8, 8: 4, 16: 2}).double(), "plain")
