"""The classifier of articles: which of the ten classes of Fashion-MNIST is this picture? It reads ``fashion32``.

It is a small convolutional network trained on photographs, so what it says of a generated picture is not the
generator's own opinion.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.fresh import filled, fresh
from latent_widgets.core.pictures import check_pictures
from latent_widgets.generators._shipped import read_shipped

__all__ = ["Classifier", "load_classifier"]

SHIPPED = {"fashion32": "fashion-classifier"}  # generators and what reads them


class Classifier(nn.Module):
    """Tell classes of pictures apart.

    Convolutions bring the picture, in grey, to an eighth of its side; then come as many features as the last of them
    has channels, averaged over places, then one number a class.

    Args:
        channels: Feature channels at the full, half, quarter and eighth of the side.
        classes: What the classes are called.
        size: Side of the pictures that it looks at.

    Example:
        >>> import torch
        >>> Classifier(classes=("yes", "no"))(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 2])
    """

    def __init__(
        self, channels: Sequence[int] = (16, 32, 48, 64), classes: Sequence[str] = ("0", "1"), size: int = 32
    ) -> None:
        super().__init__()
        self.class_names, self.size = tuple(classes), size
        layers, inputs = [], 1
        for i, outputs in enumerate(channels):
            layers += [_layer(inputs, outputs, stride=2 if i else 1), _layer(outputs, outputs)]
            inputs = outputs
        self.trunk = nn.Sequential(*layers)
        self.read = nn.Linear(inputs, len(self.class_names), **fresh())

    def features(self, images: Tensor) -> Tensor:
        """Return the layer before the last.

        Args:
            images: ``(n, C, H, W)``, nominally in [-1, 1], grey or coloured; other sizes are brought to its own.

        Returns:
            ``(n, channels[-1])``.

        Raises:
            TypeError: If they are not floating.
            ValueError: If they have another shape, are not finite, or are plainly not in [-1, 1].
        """
        check_pictures("images", checks.shape("images", images, ("n", "C", "H", "W")))
        images = images.to(self.read.weight.dtype)
        grey = images.mean(1, keepdim=True)
        if images.shape[-2:] != (self.size, self.size):
            grey = F.interpolate(grey, (self.size, self.size), mode="bilinear", antialias=True)
        places: Tensor = self.trunk(grey)
        return places.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Score ``images`` (n, C, H, W): ``(n, classes)`` logits, whose softmax is a probability for each class."""
        logits: Tensor = self.read(self.features(images))
        return logits


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False, **fresh())
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, **fresh()), nn.SiLU())


def load_classifier(
    name: str = "fashion32", device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Classifier:
    """Load the shipped classifier that reads a generator's pictures, offline.

    Args:
        name: Of the generator.
        device: Where to put it; the CPU by default.
        dtype: Its floating type; float32 by default.

    Returns:
        The network, ready to read: one picture's reading does not depend on the others.

    Raises:
        ValueError: If no classifier reads that generator.

    Example:
        >>> C = load_classifier("fashion32")
        >>> C.class_names[7]
        'sneaker'
    """
    checks.choice("name", name, tuple(SHIPPED))
    weights = read_shipped(SHIPPED[name])
    network = filled(lambda: Classifier(**weights.about["config"]), weights.tensors)
    return network.eval().requires_grad_(False).to(device=device, dtype=dtype)
