"""The factor regressor: what is the smile, the yaw, the beard of this face? It measures generators, names directions.

It is a small convolutional network trained on rendered faces, whose factors are known. A factor that cannot be seen
(the gaze of closed eyes) is read as its mean.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import filled, fresh
from latent_widgets.core.pictures import check_pictures
from latent_widgets.faces.renderer import FACTORS
from latent_widgets.generators._shipped import read_shipped

__all__ = ["FEATURES", "SIZE", "FactorRegressor", "load_regressor"]

FEATURES = 64  # width of the layer before the last, in which Fréchet distances are measured
SIZE = 64  # side of the pictures that it looks at


class FactorRegressor(nn.Module):
    """Read the factors of faces.

    Convolutions bring the picture to 4 x 4, where places still count; then come 64 features, then one number a factor.

    Args:
        channels: Feature channels at 32, 16, 8 and 4 pixels.
        factors: How many factors.

    Example:
        >>> import torch
        >>> FactorRegressor()(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 39])
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: tuple[int, int, int, int] = (24, 48, 64, 64), factors: int = len(FACTORS)) -> None:
        super().__init__()
        a, b, c, d = channels
        self.trunk = nn.Sequential(
            _layer(3, a, kernel=5),
            _layer(a, b),
            _layer(b, b, stride=1),
            _layer(b, c),
            _layer(c, c, stride=1),
            _layer(c, d),
        )
        self.embed = nn.Linear(d * 16, FEATURES, **fresh())
        self.read = nn.Linear(FEATURES, factors, **fresh())
        self.register_buffer("mean", torch.zeros(factors, **fresh()))
        self.register_buffer("spread", torch.ones(factors, **fresh()))

    def features(self, images: Tensor) -> Tensor:
        """Return the layer before the last: the activated output of ``embed``.

        Args:
            images: ``(n, 3, H, W)``, nominally in [-1, 1]; other sizes than 64 are brought to it.

        Returns:
            ``(n, 64)``.

        Raises:
            TypeError: If they are not floating.
            ValueError: If they have another shape, are not finite, or are plainly not in [-1, 1].
        """
        check_pictures("images", checks.shape("images", images, ("n", 3, "H", "W")))
        images = images.to(self.mean.dtype)
        if images.shape[-2:] != (SIZE, SIZE):
            images = F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True)
        return F.silu(self.embed(self.trunk(images).flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Read the factors of ``images`` (n, 3, H, W): ``(n, factors)``, ordered and scaled like ``faces.FACTORS``."""
        return self.mean + self.spread * self.read(self.features(images))


def _layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 2) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, **fresh())
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(outputs, **fresh()), act=nn.SiLU()))


def load_regressor(device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> FactorRegressor:
    """Load the shipped regressor, offline.

    Args:
        device: Where to put it; the CPU by default.
        dtype: Its floating type; float32 by default.

    Returns:
        The network, ready to read: one picture's reading does not depend on the others.

    Example:
        >>> from latent_widgets import faces
        >>> factors = faces.sample_factors(8, seed=7)
        >>> readings = load_regressor()(faces.render(factors).image)
        >>> smile = faces.FACTOR_NAMES.index("smile")
        >>> bool((readings - factors)[:, smile].abs().mean() < 0.3)
        True
    """
    weights = read_shipped("faces-regressor")
    network = filled(lambda: FactorRegressor(tuple(weights.about["config"]["channels"])), weights.tensors)
    return network.eval().requires_grad_(False).to(device=device, dtype=dtype)
