"""How like renders are the pictures of a generator? Measures that see what the eye sees.

*Read the factors of a picture with the regressor, render them, compare*: a face that the renderer could have drawn
comes back nearly as it was, melted glasses do not. And precision and recall: how many samples look like some render,
and how many renders look like some sample.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.faces.renderer import FACTORS, render
from latent_widgets.readers.regressor import FactorRegressor

__all__ = ["beyond", "precision_recall", "residuals", "to_side"]


def to_side(images: Tensor, side: int = 64) -> Tensor:
    """Average pictures (n, 3, H, W) of bytes down to ``side`` pixels, as bytes."""
    if images.shape[-1] == side:
        return images
    small = [F.avg_pool2d(part.float(), images.shape[-1] // side).round() for part in images.split(100)]
    return torch.cat([x.to(torch.uint8) for x in small])


@torch.no_grad()
def residuals(regressor: FactorRegressor, images: Tensor, size: int = 64) -> Tensor:
    """Return how far each picture is from the render of the factors that the regressor reads in it.

    Args:
        regressor: Reads; what it reads is kept within the factors' ranges.
        images: ``(n, 3, 64, 64)`` bytes.
        size: Side at which the factors are rendered, before they are averaged down to 64.

    Returns:
        ``(n,)``: the root mean square over pixels and colours, where black to white is 2.
    """
    low, high = (
        torch.tensor([getattr(factor, end) for factor in FACTORS], dtype=torch.float32, device="cpu")
        for end in ("low", "high")
    )
    found = []
    for part in images.split(50):
        x = part.float() / 127.5 - 1
        drawn = F.avg_pool2d(render(regressor(x).clamp(low, high), size).image, size // 64)
        found.append((drawn - x).square().mean((1, 2, 3)).sqrt())
    return torch.cat(found)


def beyond(samples: Tensor, renders: Tensor, quantile: float = 0.995) -> float:
    """Return the share of ``samples`` (n,) above that quantile of ``renders`` (m,)."""
    return float((samples > renders.quantile(quantile)).float().mean())


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equation 2).

    A set is estimated by balls around its points, each as wide as the distance to its k-th neighbour in the set.

    Args:
        real: Features ``(n, d)`` of real pictures.
        fake: Of generated ones, ``(m, d)``.
        k: Which neighbour.

    Returns:
        Precision, the share of ``fake`` within some ball of ``real``; and recall, the other way round.

    Example:
        >>> import torch
        >>> line = torch.arange(8.0)[:, None]
        >>> precision_recall(line, line[:4] + 0.5)
        (1.0, 0.875)
    """
    between = torch.cdist(real, fake)

    def share(points: Tensor, distances: Tensor) -> float:
        radii = torch.cdist(points, points).kthvalue(k + 1, 1).values  # the nearest of all is the point itself
        return float((distances <= radii[:, None]).any(0).float().mean())

    return share(real, between), share(fake, between.T)
