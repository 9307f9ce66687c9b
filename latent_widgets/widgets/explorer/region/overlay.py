"""Where something acts, as heat over a picture, with the scale that says what the colours mean."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.core.imports import import_whole
from latent_widgets.core.words import page_text
from latent_widgets.geometry.regions.spectra import LUMINANCE, RegionSpectra
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.kit.encode import Picturelike, Pixels, to_uint8

__all__ = ["Heat", "change_map", "heat", "predicted_map", "scale_bar"]

COLOURS = "inferno"  # perceptually uniform, and rising in luminance: readable without colours too
SIDE = 384  # pixels that the longer side of a heated picture has at least, so that heat and outline are smooth
FAINT, FULL = 0.12, 0.85  # how much heat covers the picture where nothing acts, and where it acts most


def coordinates(spectra: RegionSpectra, direction: Directions) -> Tensor:
    """Return one unit of a direction in the reduced basis, ``(r,)``.

    Args:
        spectra: The Jacobian.
        direction: One direction, in the space that was differentiated.

    Raises:
        ValueError: If it lives in another space.
    """
    function = spectra.functions[0]
    if direction.space != function.space:
        raise ValueError(f"direction must be in {function.space}, got one in {direction.space}.")
    step = (direction.unit_vectors[0] * direction.scales[0]).to(spectra.basis)
    if step.ndim == 2:  # w+: the rows that move, one after the other
        step = step[list(range(len(step)) if function.rows is None else function.rows)].reshape(-1)
    return spectra.basis.T @ step


def predicted_map(spectra: RegionSpectra, direction: Directions) -> Tensor:
    r"""Predict where a direction acts: the root mean square over channels of :math:`J n`, for one of its units.

    Args:
        spectra: The Jacobian at a latent, or at several, over which squares are averaged.
        direction: One direction.

    Returns:
        ``(h, w)``, at the analysis size.

    Raises:
        ValueError: If the direction lives in another space than the Jacobian.
    """
    change = spectra.pooled @ coordinates(spectra, direction)  # (n, C, h, w)
    return change.square().mean((0, 1)).sqrt()


def change_map(before: Tensor, after: Tensor) -> Tensor:
    """Return how much each pixel changed, the root mean square over channels.

    Args:
        before: ``(1, 3, H, W)``.

    Returns:
        ``(H, W)``.
    """
    return (after - before)[0].square().mean(0).sqrt()


@dataclass(frozen=True, eq=False)
class Heat:
    """Where something acts, to lie over whatever picture is shown.

    Attributes:
        values: ``(h, w)``, from 0.
        high: The value that gets the last colour.
        size: Height and width of the picture.
        mask: The region, which is outlined where heat and picture become one; None for none.

    Example:
        >>> hot = Heat(torch.eye(2), 1.0, (4, 6))
        >>> hot.over(np.zeros((4, 6, 3), np.uint8)).shape
        (256, 384, 3)
        >>> Image.open(io.BytesIO(hot.sheet)).size
        (384, 256)
    """

    values: Tensor
    high: float
    size: tuple[int, int]
    mask: Mask | None = None

    def over(self, picture: Picturelike) -> Pixels:
        """Return a picture with the heat in it, see :func:`heat`."""
        return heat(picture, self.values, self.high, self.mask)

    @cached_property
    def sheet(self) -> bytes:
        """The heat alone, a PNG to lay over the picture in grey: a page draws it as large as that."""
        scale = SIDE / max(self.size)
        cover, colours = _layer(self.values, self.high, (round(self.size[0] * scale), round(self.size[1] * scale)))
        file = io.BytesIO()
        rgba = np.dstack([colours, np.rint(255 * cover).astype(np.uint8)])
        Image.fromarray(rgba).save(file, "PNG", compress_level=1)  # 6 takes four times as long for a third fewer bytes
        return file.getvalue()


def _layer(values: Tensor, high: float, size: tuple[int, int]) -> tuple[NDArray[np.float64], Pixels]:
    """How much heat covers each pixel, ``(H, W)``, and its colour there, ``(H, W, 3)``."""
    import_whole("matplotlib")
    from matplotlib import colormaps

    smooth = interpolate(values.detach().double().cpu()[None, None], size=size, mode="bilinear", align_corners=False)
    share = (smooth[0, 0] / max(high, 1e-12)).clamp(0, 1).numpy()
    return FAINT + (FULL - FAINT) * np.sqrt(share), colormaps[COLOURS](share, bytes=True)[..., :3]


def heat(picture: Picturelike, values: Tensor, high: float, mask: Mask | None = None) -> Pixels:
    """Lay a map over a picture: grey and dark where nothing acts, bright and yellow where it acts most.

    Args:
        picture: The picture.
        values: ``(h, w)``, from 0.
        high: The value that gets the last colour.
        mask: A region to outline.

    Returns:
        A picture, at least :data:`SIDE` pixels along its longer side.
    """
    pixels = to_uint8(picture)
    scale = max(1.0, SIDE / max(pixels.shape[:2]))
    size = (round(pixels.shape[0] * scale), round(pixels.shape[1] * scale))
    large = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR), dtype=np.float64)
    grey = (large @ np.array(LUMINANCE))[..., None]
    cover, colours = _layer(values, high, size)
    out = (1 - cover[..., None]) * grey + cover[..., None] * colours
    if mask is not None:
        edge, rim = _outline(mask, *size)
        out[rim], out[edge] = 0, 255
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _outline(mask: Mask, height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The pixels just inside a region's edge, and those just outside: white on black, seen on everything."""
    import_whole("scipy.ndimage")
    from scipy.ndimage import binary_dilation, binary_erosion

    inside = (mask.weights(height, width) >= 0.5).numpy()
    return inside & ~binary_erosion(inside, border_value=1), ~inside & binary_dilation(inside)


def scale_bar(high: float, words: str, width: int = 220) -> str:
    """Return the scale of a heat map as HTML, drawn over grey as the map is over the picture.

    Args:
        high: The value of the last colour.
        words: What the colours mean.
        width: CSS pixels.

    Returns:
        HTML.
    """
    ramp = torch.linspace(0, 1, 128, dtype=torch.float32, device="cpu").expand(8, 128)
    file = io.BytesIO()
    Image.fromarray(heat(np.full((8, 128, 3), 128, np.uint8), ramp, 1.0)).save(file, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    style = f"width:{width}px;height:10px;vertical-align:middle;margin:0 4px;border-radius:2px"
    return f'<span>0<img src="{source}" alt="" style="{style}">{high:.3g} {page_text(words)}</span>'
