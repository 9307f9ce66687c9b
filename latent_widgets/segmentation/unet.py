"""The built-in segmenter of ``faces64``: a small U-Net, trained on the renderer's exact part maps."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import filled, fresh
from latent_widgets.faces.renderer import PARTS
from latent_widgets.generators._shipped import read_shipped
from latent_widgets.segmentation.base import Features, Segmenter

__all__ = ["FaceSegmenter", "UNet", "load_segmenter"]

SIZE = 64  # side of the pictures that it was trained on
BUILT_IN = {"faces64": "faces-segmenter"}  # what it is for, and its entry in the registry


class UNet(nn.Module):
    """Give every pixel of a picture one logit a part.

    As in Ronneberger et al. 2015 the picture is brought down to coarse features and up again, past the features of
    the same size; ours are added, not stacked, which halves the cost.

    Args:
        channels: Feature channels at 64, 32, 16 and 8 pixels.
        parts: How many parts.

    Example:
        >>> import torch
        >>> UNet()(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 10, 64, 64])
    """

    def __init__(self, channels: tuple[int, int, int, int] = (16, 32, 64, 64), parts: int = len(PARTS)) -> None:
        super().__init__()
        steps = list(pairwise(channels))
        self.enter = _layer(3, channels[0])
        self.down = nn.ModuleList([nn.Sequential(_layer(a, b, stride=2), _layer(b, b)) for a, b in steps])
        self.across = nn.ModuleList([nn.Conv2d(b, a, 1, **fresh()) for a, b in reversed(steps)])
        self.up = nn.ModuleList([_layer(a, a) for a, _ in reversed(steps)])
        self.read = nn.Conv2d(channels[0], parts, 1, **fresh())

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(n, parts, H, W)`` of ``images`` (n, 3, H, W), whose sides are multiples of 8."""
        x = self.enter(images)
        skipped = [x]
        for down in self.down:
            x = down(x)
            skipped.append(x)
        for across, up, skip in zip(self.across, self.up, reversed(skipped[:-1]), strict=True):
            x = up(F.interpolate(across(x), skip.shape[-2:], mode="bilinear", align_corners=False) + skip)
        logits: Tensor = self.read(x)
        return logits


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False, **fresh())
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(outputs, **fresh()), act=nn.SiLU()))


class FaceSegmenter(Segmenter):
    """Label the parts of rendered faces, and of pictures that look like them.

    Pictures of other sizes are brought to 64 pixels, and the logits back to theirs. The network follows the pictures
    to their device.

    Args:
        network: Gives one logit for each of :data:`latent_widgets.faces.PARTS`.
        name: What to call it.
    """

    def __init__(self, network: UNet, name: str = "the built-in segmenter") -> None:
        super().__init__(PARTS, name)
        self.network = network.eval().requires_grad_(False)

    def logits(self, images: Tensor) -> Tensor:
        """Return one logit for each part: ``(n, parts, H, W)`` for ``images`` (n, 3, H, W)."""
        self._check_images(images)
        weights = self.network.read.weight
        if weights.device != images.device:
            self.network.to(images.device)
        x = images.to(self.network.read.weight.dtype)
        if x.shape[-2:] == (SIZE, SIZE):
            return self.network(x)
        x = F.interpolate(x, (SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)
        return F.interpolate(self.network(x), images.shape[-2:], mode="bilinear", align_corners=False)

    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        assert images is not None  # labels() has seen to it
        return self.logits(images).argmax(1)


def load_segmenter(
    name: str = "faces64", *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> FaceSegmenter:
    """Load the segmenter that comes with the package, offline.

    Args:
        name: Of the generator that it is for; there is one, ``"faces64"``. It reads ``faces-exact`` as well.
        device: Where to put it at first; it follows the pictures that it is given.
        dtype: Its floating type; float32 by default.

    Returns:
        The segmenter; its parts are those of the renderer, :data:`latent_widgets.faces.PARTS`.

    Raises:
        ValueError: If there is no such segmenter.

    Example:
        >>> from latent_widgets import faces
        >>> S = load_segmenter("faces64")
        >>> render = faces.render(faces.sample_factors(8, seed=7))
        >>> agreement = (S(render.image) == render.parts.argmax(1)).double().mean()
        >>> bool(agreement > 0.95)
        True
    """
    hint = "Other generators need fit_segmenter(G, codes, painted_labels), or as_segmenter(your_network)."
    entry = BUILT_IN[checks.choice("name", name, tuple(BUILT_IN), hint)]
    weights = read_shipped(entry)
    network = filled(lambda: UNet(tuple(weights.about["config"]["channels"])), weights.tensors)
    return FaceSegmenter(network.to(device=device, dtype=dtype))
