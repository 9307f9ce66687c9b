"""What the tests of a start from other weights share: small networks, slow upsampling, made-up readings, short runs."""

from dataclasses import replace

import torch
import torch.nn.functional as F

from latent_widgets import faces
from latent_widgets.core.rounding import rounding
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training import faces128
from latent_widgets.training import pool as pool_module
from latent_widgets.training._files import load_checkpoint
from tests.training.runs import FACES, flat


def network(channels, seed, **options):
    torch.manual_seed(seed)
    shape = {"z_dim": 6, "w_dim": 5, "mapping_layers": 2, "noise": False} | options
    return StyleGAN2(resolution=max(channels), channels=channels, **shape)


def same(found, expected):
    off = (found - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    return off <= rounding(torch.float32)


def enlarged(images):
    """Zeros between the pixels, then the filter (1, 3, 3, 1) along each axis: written out."""
    n, colours, h, w = images.shape
    x = torch.zeros(n, colours, 2 * h, 2 * w)
    x[..., ::2, ::2] = images
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    kernel = (taps[:, None] * taps).expand(colours, 1, 4, 4)
    return F.conv2d(F.pad(x, (2, 1, 2, 1)), kernel, groups=colours)


def readings(n, seed, mix=0.0):
    """Of as many factors as there are, each skewed in its own way, neighbours correlated."""
    x = torch.randn(n, len(faces.FACTORS), generator=torch.Generator().manual_seed(seed))
    return (x + mix * x.roll(1, 1)).sinh() * 3 + 1


def state(folder):
    return dict(flat(load_checkpoint(folder / "checkpoint.pt")))


def started(folder, images, **changes):
    recipe = replace(faces128.STARTED, batch=8, small=16, grow=0, **changes)
    pool = pool_module.Pool(folder / "faces.u8", 32, start=20)
    faces128.train(folder, images, config=FACES, channels=FACES["channels"], recipe=recipe, pool=pool)
    return load_checkpoint(folder / "checkpoint.pt")
