"""A generator whose parts are disjoint: each latent coordinate changes one of four blocks of the picture."""

import torch
from torch import nn

from latent_widgets.generators.base import Generator

HEIGHT, WIDTH = 8, 12
NAMES = ("north west", "north east", "south west", "south east")


class Blocks(nn.Module):
    def __init__(self, turn, patterns):
        super().__init__()
        self.register_buffer("turn", turn)
        self.register_buffer("patterns", patterns)


class BlocksGenerator(Generator):
    """`h = Q w`; block `q` of the picture is a sum of patterns, weighted by `tanh` of its quarter of `h`."""

    def __init__(self, dim=16, seed=0, dtype=torch.float64):
        rng = torch.Generator().manual_seed(seed)
        turn = torch.linalg.qr(torch.randn(dim, dim, generator=rng, dtype=torch.float64)).Q
        patterns = torch.randn(dim, 3, HEIGHT, WIDTH, generator=rng, dtype=torch.float64)
        patterns = patterns * (block_labels()[None] == torch.arange(dim)[:, None, None] * 4 // dim)[:, None]
        super().__init__(
            Blocks(turn.to(dtype), patterns.to(dtype)),
            name="blocks",
            spaces=("z", "w", "w+"),
            z_dim=dim,
            w_dim=dim,
            num_layers=2,
            layer_names=("half", "picture"),
            layer_index=(0, 1),
            resolution=HEIGHT,
        )

    def _map(self, z):
        return 1.5 * z

    def _synthesize(self, code, space):
        if space == "z":
            code = self._map(code)
        if space == "w+":
            code = (code[:, 0] + 2 * code[:, 1]) / 3
        return torch.einsum("nk,kchw->nchw", torch.tanh(code @ self.module.turn.T / 3), self.module.patterns)

    def _features(self, code, space, layers):
        image = self._synthesize(code, space)
        halved = torch.nn.functional.avg_pool2d(image, 2) * 3
        return {name: image if name == "picture" else halved for name in layers}


def block_labels():
    """Which block each pixel belongs to, (HEIGHT, WIDTH); the edges lie between pixels of the half size too."""
    labels = torch.zeros(HEIGHT, WIDTH, dtype=torch.long)
    labels[:, 4:] += 1
    labels[4:] += 2
    return labels


class BlockSegmenter:
    """Sees the same four blocks in every picture, and counts the pictures."""

    names = NAMES

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        return block_labels().to(images.device).expand(len(images), -1, -1)
