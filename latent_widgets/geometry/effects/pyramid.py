"""The Laplacian pyramid (Burt and Adelson 1983, doi 10.1109/TCOM.1983.1095851) and the distance Lap1 built on it.

Each level is what the next coarser one leaves out, so that adding the levels up gives the picture again, exactly.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.pictures import check_pictures
from latent_widgets.core.rounding import wide

__all__ = ["collapse", "default_levels", "lap1", "lap1_norm", "laplacian_pyramid"]

BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # Burt and Adelson's kernel with a = 3/8


def default_levels(height: int, width: int) -> int:
    """Return how many times a picture is halved, so that some four pixels are left: our choice, GLO names none."""
    return max(1, int(math.log2(min(height, width))) - 2)


@exact()
def laplacian_pyramid(images: Tensor, levels: int | None = None) -> list[Tensor]:
    """Split pictures into bands of detail, the finest first, and what is left.

    Args:
        images: ``(n, C, H, W)``.
        levels: How many bands; :func:`default_levels` if not given.

    Returns:
        ``levels + 1`` tensors; band ``j`` has sides of about ``H / 2**j``.

    Raises:
        TypeError: If they are not floating.
        ValueError: If there are no pictures, or they are too small for so many levels.

    Example:
        >>> bands = laplacian_pyramid(torch.rand(1, 3, 16, 12), levels=2)
        >>> [tuple(b.shape[-2:]) for b in bands]
        [(16, 12), (8, 6), (4, 3)]
    """
    checks.shape("images", images, ("n", "C", "H", "W"))
    if not images.is_floating_point():
        check_pictures("images", images)
    most = max(0, int(math.log2(max(min(images.shape[-2:]), 1))))
    levels = default_levels(*images.shape[-2:]) if levels is None else checks.integer("levels", levels, low=1)
    if levels > most:
        size = "x".join(map(str, images.shape[-2:]))
        raise ValueError(f"levels must be at most {most} for pictures of {size}, got {levels}.")
    bands = []
    for _ in range(levels):
        coarse = _blur(images)[..., ::2, ::2]
        bands.append(images - _expand(coarse, images))
        images = coarse
    return [*bands, images]


@exact()
def collapse(pyramid: list[Tensor]) -> Tensor:
    """Put the bands together again: the inverse of :func:`laplacian_pyramid`, exact to rounding.

    Args:
        pyramid: What it returned.

    Returns:
        The pictures.

    Example:
        >>> x = torch.rand(1, 3, 16, 16, dtype=torch.float64)
        >>> torch.allclose(collapse(laplacian_pyramid(x)), x, atol=1e-14)
        True
    """
    image = pyramid[-1]
    for band in reversed(pyramid[:-1]):
        image = band + _expand(image, band)
    return image


@exact()
def lap1(a: Tensor, b: Tensor, levels: int | None = None) -> Tensor:
    r"""Measure how far pictures are apart, detail by detail.

    GLO (Bojanowski et al. 2018, section 2) takes :math:`\sum_j 2^{2j} |L^j(a) - L^j(b)|_1`, which is returned divided
    by the numbers that a picture has. A level has :math:`2^{-2j}` times as many, so this is the sum over levels of the
    *mean* difference where the sides can be halved, and else nearly so: 50 pixels are halved to 25, 13 and 7.

    Args:
        a: ``(n, C, H, W)``.
        b: The same; one picture serves for all.
        levels: As for :func:`laplacian_pyramid`.

    Returns:
        ``(n,)``; of pictures in half precision in float32.

    Raises:
        TypeError: If they are not floating.
        ValueError: If the pictures differ in size, or are plainly not in [-1, 1].

    Example:
        >>> x = torch.zeros(2, 3, 16, 16)
        >>> lap1(x, x + 0.5)  # a constant is all in what is left
        tensor([0.5000, 0.5000])
    """
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(f"b must have pictures of the size of a, {tuple(a.shape[1:])}, got {tuple(b.shape[1:])}.")
    for name, pictures in (("a", a), ("b", b)):
        check_pictures(name, pictures)
    return lap1_norm(wide(a) - wide(b), levels)  # the pyramid is linear


@exact()
def lap1_norm(differences: Tensor, levels: int | None = None) -> Tensor:
    """Measure differences of pictures as :func:`lap1` does, in whatever range they are.

    For those who compare what a generator draws: that it draws something far out is not to end a search.

    Args:
        differences: ``(n, C, H, W)``.
        levels: As for :func:`laplacian_pyramid`.

    Returns:
        ``(n,)``.
    """
    bands = laplacian_pyramid(differences, levels)
    numbers = differences[0].numel()
    return torch.stack([band.abs().sum((1, 2, 3)) * (4**j / numbers) for j, band in enumerate(bands)]).sum(0)


def _kernel(like: Tensor) -> Tensor:
    return like.new_tensor(BINOMIAL)


def _filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Filter each channel along both axes; the border repeats its last pixel."""
    channels = images.shape[1]
    weight = kernel.expand(channels, 1, -1)
    images = F.conv2d(F.pad(images, (2, 2, 0, 0), mode="replicate"), weight[:, :, None, :], groups=channels)
    return F.conv2d(F.pad(images, (0, 0, 2, 2), mode="replicate"), weight[:, :, :, None], groups=channels)


def _blur(images: Tensor) -> Tensor:
    return _filtered(images, _kernel(images))


def _expand(coarse: Tensor, like: Tensor) -> Tensor:
    """Double the size: zeros between the pixels, blurred, each axis times two; constants stay constants."""
    height, width = like.shape[-2:]
    padded = F.pad(coarse, (1, 1, 1, 1), mode="replicate")  # so that the border is filtered from pixels, not from zeros
    spread = padded.new_zeros(*padded.shape[:-2], 2 * padded.shape[-2], 2 * padded.shape[-1])
    spread[..., ::2, ::2] = padded
    return _filtered(spread, 2 * _kernel(coarse))[..., 2 : 2 + height, 2 : 2 + width]
