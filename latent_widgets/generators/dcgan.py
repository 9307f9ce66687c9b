"""Plain generators: one latent ``z``, a chain of blocks, a picture. No mapping network, no styles."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core.fresh import fresh
from latent_widgets.generators._synthesis import sides_of
from latent_widgets.generators.base import Generator

__all__ = ["DCGAN", "PlainGenerator"]


class _Start(nn.Module):
    """The latent, spread over a 4 x 4 grid."""

    def __init__(self, z_dim: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(z_dim, outputs * 16, bias=False, **fresh())
        self.norm = _norm(outputs)

    def forward(self, z: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.dense(z).unflatten(1, (-1, 4, 4))), 0.2)


class _Up(nn.Module):
    """A transposed convolution that doubles the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False, **fresh())
        self.norm = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), 0.2)


class _ToImage(nn.Module):
    """The last convolution; tanh brings its result to [-1, 1]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, **fresh())

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).tanh()


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels, **fresh())


class DCGAN(nn.Sequential):
    """The generator of DCGAN (Radford et al. 2016) with group instead of batch normalisation.

    Group normalisation looks at one picture at a time, so a picture does not depend on its batch, neither in training
    nor after.

    Args:
        z_dim: Length of the latent.
        resolution: Side of the picture, a power of two, at least 8.
        channels: Feature channels at each resolution from 4 to ``resolution``.
        colours: Channels of the picture, 1 or 3.

    Raises:
        ValueError: If ``resolution`` is not a power of two or a resolution has no channels.

    Example:
        >>> import torch
        >>> DCGAN(z_dim=5, resolution=8, channels={4: 8, 8: 4}, colours=1)(torch.zeros(2, 5)).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(self, *, z_dim: int, resolution: int, channels: Mapping[int, int], colours: int = 3) -> None:
        sides = sides_of(resolution, channels)
        blocks: OrderedDict[str, nn.Module] = OrderedDict(b4=_Start(z_dim, channels[4]))
        for side in sides[1:]:
            blocks[f"b{side}"] = _Up(channels[side // 2], channels[side])
        blocks["image"] = _ToImage(channels[resolution], colours)
        super().__init__(blocks)
        self.z_dim, self.resolution = z_dim, resolution


class PlainGenerator(Generator):
    """A network with ``z`` only, to explore.

    Its layers are the blocks of the chain, and :meth:`features` runs no more of them than it needs. Grey pictures are
    repeated to three channels.

    Args:
        module: A chain of blocks from ``z`` (n, z_dim) to pictures (n, 1 or 3, H, W); their names name the layers.
        name: What to call it.
        z_dim: Length of ``z``; taken from ``module.z_dim`` if not given.
        resolution: Side of the picture; taken from ``module.resolution`` if not given.

    Raises:
        TypeError: If ``module`` is no chain.
        ValueError: If a size is neither given nor known to the module.

    Example:
        >>> net = DCGAN(z_dim=5, resolution=8, channels={4: 8, 8: 4}, colours=1)
        >>> G = PlainGenerator(net)
        >>> G(G.sample_z(2)).shape, G.layer_names
        (torch.Size([2, 3, 8, 8]), ('b4', 'b8', 'image'))
    """

    module: nn.Sequential

    def __init__(
        self, module: nn.Sequential, name: str = "dcgan", *, z_dim: int | None = None, resolution: int | None = None
    ) -> None:
        if not isinstance(module, nn.Sequential):
            raise TypeError(
                f"module must be a torch.nn.Sequential, got {type(module).__name__}. Chain its blocks in one."
            )
        super().__init__(
            module,
            name=name,
            spaces=("z",),
            z_dim=_size("z_dim", z_dim, module),
            layer_names=[child for child, _ in module.named_children()],
            resolution=_size("resolution", resolution, module),
        )

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        image: Tensor = self.module(code)
        return image.repeat(1, 3, 1, 1) if image.shape[1] == 1 else image

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = {}
        x = code
        for name, block in self.module.named_children():
            if set(layers) <= outputs.keys():
                break
            x = block(x)
            if name in layers:
                outputs[name] = x
        return {name: outputs[name] for name in layers}


def _size(name: str, given: int | None, module: nn.Module) -> int:
    size = given if given is not None else getattr(module, name, None)
    if not isinstance(size, int):
        raise ValueError(f"{name} must be given for a module that has no attribute {name}, got {size}.")
    return size
