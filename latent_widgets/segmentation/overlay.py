"""Labels laid over their pictures, so that a person sees what a segmenter found and how sure it is."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.pictures import check_pictures

__all__ = ["COLOURS", "overlay"]

# The "muted" scheme of Paul Tol, whose nine colours stay apart for colour-blind readers.
COLOURS: tuple[str, ...] = (
    "#cc6677", "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499",
)  # fmt: skip


def overlay(images: Tensor, labels: Tensor, confidence: Tensor | None = None, opacity: float = 0.6) -> Tensor:
    """Tint the parts of pictures; the background (label 0) and what is not known (-1) keep their colours.

    Args:
        images: ``(n, 3, H, W)`` in [-1, 1].
        labels: ``(n, H, W)``; label i has ``COLOURS[i - 1]``, and they begin anew where they end.
        confidence: ``(n, H, W)`` in [0, 1]: where it is low the pixel is hatched towards white, which shows where to
            paint next.
        opacity: Of the tint, from 0 to 1.

    Returns:
        ``(n, 3, H, W)``.

    Raises:
        TypeError: If the pictures are not floating.
        ValueError: If the shapes do not fit, or the pictures are plainly not in [-1, 1].

    Example:
        >>> overlay(torch.zeros(1, 3, 1, 2), torch.tensor([[[0, 1]]]), opacity=1.0)[0, :, 0]
        tensor([[ 0.0000,  0.6000],
                [ 0.0000, -0.2000],
                [ 0.0000, -0.0667]])
    """
    check_pictures("images", checks.shape("images", images, ("n", 3, "H", "W")))
    size = (len(images), *images.shape[-2:])
    checks.shape("labels", labels, size)
    checks.number("opacity", opacity, low=0, high=1)
    table = (
        torch.tensor([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in COLOURS], dtype=torch.float32, device="cpu")
        / 127.5
        - 1
    )
    colour = table.to(images.device, images.dtype)[(labels - 1) % len(COLOURS)].movedim(-1, 1)
    strength = opacity * (labels > 0)[:, None].to(images.dtype)
    tinted = images.lerp(colour, strength.expand_as(images))
    if confidence is None:
        return tinted
    checks.shape("confidence", confidence, size)
    rows, columns = (torch.arange(n, device=images.device, dtype=torch.int64) for n in size[1:])
    hatched = ((rows[:, None] + columns) % 2 == 0).to(images.dtype)
    doubt = (1 - confidence.to(images.dtype)).clamp(0, 1)[:, None] * hatched
    return tinted.lerp(torch.ones_like(tinted), doubt.expand_as(tinted))
