"""A generator whose every Jacobian is known: two matrices."""

import torch
from torch import nn

from latent_widgets.generators.base import Generator


class LinearMaps(nn.Module):
    def __init__(self, mapping, synthesis):
        super().__init__()
        self.register_buffer("mapping", mapping)
        self.register_buffer("synthesis", synthesis)


class LinearGenerator(Generator):
    """`w = M z` and a picture `A w`, with `M` (w_dim, z_dim) and `A` (3 * side * side, w_dim)."""

    def __init__(self, mapping, synthesis):
        side = round((len(synthesis) / 3) ** 0.5)
        super().__init__(
            LinearMaps(mapping, synthesis),
            name="linear",
            spaces=("z", "w", "w+"),
            z_dim=mapping.shape[1],
            w_dim=mapping.shape[0],
            num_layers=2,
            layer_names=("all",),
            resolution=side,
        )

    def _map(self, z):
        return z @ self.module.mapping.T

    def _synthesize(self, code, space):
        if space == "z":
            code = self._map(code)
        if space == "w+":  # the second row sees twice the picture
            code = (code[:, 0] + 2 * code[:, 1]) / 3
        return (code @ self.module.synthesis.T).unflatten(1, (3, self.resolution, self.resolution))

    def _features(self, code, space, layers):
        return {name: self._synthesize(code, space) ** 3 for name in layers}


def linear_generator(z_dim=5, w_dim=7, side=4, dtype=torch.float64, seed=0):
    """Random orthogonal factors around separated singular values: 2, 1.6, 1.28 and so on."""
    rng = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(w_dim, z_dim, generator=rng, dtype=torch.float64)).Q
    right = torch.linalg.qr(torch.randn(z_dim, z_dim, generator=rng, dtype=torch.float64)).Q
    values = 2 * 0.8 ** torch.arange(z_dim, dtype=torch.float64)
    synthesis = torch.randn(3 * side**2, w_dim, generator=rng, dtype=torch.float64)
    return LinearGenerator((left * values @ right.T).to(dtype), synthesis.to(dtype))
