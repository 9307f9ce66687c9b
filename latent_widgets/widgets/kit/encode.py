"""Pictures as the screen wants them: 8-bit arrays, contact sheets, colour maps, JPEG and PNG bytes, animations.

A picture is a float tensor ``(3, H, W)`` or ``(1, 3, H, W)``, nominally in [-1, 1], or a ready ``(H, W, 3)`` uint8
array. Here, and nowhere else in the package, values are clamped.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole
from latent_widgets.core.paths import NotWritten, to_write, write_whole
from latent_widgets.core.pictures import check_pictures
from latent_widgets.geometry.regions.spectra import LUMINANCE

__all__ = ["Picturelike", "animation", "colourise", "difference", "encode", "sheet", "small", "strip", "to_uint8"]

Pixels = NDArray[np.uint8]
Picturelike = Tensor | Pixels

FORMATS = ("gif", "webp", "mp4")


def to_uint8(image: Picturelike) -> Pixels:
    """Turn a picture into 8-bit pixels: -1 becomes 0, +1 becomes 255, what lies beyond is clamped.

    Args:
        image: ``(3, H, W)`` or ``(1, 3, H, W)`` in [-1, 1], or ``(H, W, 3)`` uint8, which is returned as it is.

    Returns:
        ``(H, W, 3)``.

    Raises:
        TypeError: If it is neither, or a tensor that is not floating.
        ValueError: If its shape is another, or it holds NaN or infinity.

    Example:
        >>> to_uint8(torch.tensor([-1.0, 0.0, 2.0]).reshape(3, 1, 1)).tolist()
        [[[0, 128, 255]]]
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"image must be an (H, W, 3) uint8 array, got {image.shape} {image.dtype}. "
                "Bring it to 0 to 255 and to red, green and blue."
            )
        return image
    checks.shape("image", image, (3, "H", "W"), (1, 3, "H", "W"))
    if not image.is_floating_point():
        check_pictures("image", image)
    image = image.detach().reshape(image.shape[-3:]).float()
    if not bool(image.sum().isfinite()):  # one pass, where all is well: NaN and infinity survive a sum
        checks.finite("image", image)
    pixels = image.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return pixels.permute(1, 2, 0).contiguous().cpu().numpy()  # (3, H, W) -> (H, W, 3)


def encode(image: Picturelike, *, lossless: bool, quality: int = 90) -> tuple[bytes, str]:
    """Encode a picture at its own size; the page scales it.

    JPEG for a picture that the next one replaces at once, PNG for one that stays: PNG takes several times as long and
    as many bytes (``benchmarks/bench_encode.py``), which a drag feels and a picture at rest does not.

    Args:
        image: The picture.
        lossless: PNG if true, else JPEG.
        quality: Of the JPEG, 1 to 95.

    Returns:
        The bytes and ``"png"`` or ``"jpeg"``.
    """
    picture, file = Image.fromarray(to_uint8(image)), io.BytesIO()
    if lossless:
        picture.save(file, "PNG", compress_level=1)  # the usual 6 takes half as long again for a tenth fewer bytes
        return file.getvalue(), "png"
    picture.save(file, "JPEG", quality=checks.integer("quality", quality, 1, 95))
    return file.getvalue(), "jpeg"


def sheet(images: Tensor | Iterable[Picturelike], columns: int | None = None, gap: int = 2, paper: int = 255) -> Pixels:
    """Lay pictures out in rows.

    Args:
        images: ``(n, 3, H, W)``, or pictures of one size.
        columns: How many to a row; by default about as many as rows.
        gap: Pixels between them.
        paper: The grey between them, 0 to 255.

    Raises:
        ValueError: If there is none, or they differ in size.

    Example:
        >>> sheet(torch.zeros(3, 3, 4, 5), columns=2, gap=1).shape
        (9, 11, 3)
    """
    tiles = _tiles(images)
    columns = min(checks.integer("columns", columns or math.ceil(math.sqrt(len(tiles))), low=1), len(tiles))
    gap = checks.integer("gap", gap, low=0)
    height, width, _ = tiles[0].shape
    rows = math.ceil(len(tiles) / columns)
    page = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), paper, np.uint8)
    for index, tile in enumerate(tiles):
        y, x = index // columns * (height + gap), index % columns * (width + gap)
        page[y : y + height, x : x + width] = tile
    return page


def strip(images: Tensor | Iterable[Picturelike], gap: int = 2) -> Pixels:
    """Lay pictures out in one row, as :func:`sheet` does."""
    tiles = _tiles(images)
    return sheet(tiles, len(tiles), gap)


def _tiles(images: Tensor | Iterable[Picturelike]) -> list[Pixels]:
    if isinstance(images, Tensor):
        checks.shape("images", images, ("n", 3, "H", "W"))
    tiles = [to_uint8(image) for image in images]
    sizes = sorted({tile.shape[:2] for tile in tiles})
    if len(sizes) != 1:
        got = ", ".join(f"{width} x {height}" for height, width in sizes) or "none"
        raise ValueError(f"images must be at least one and of one size, got {got}.")
    return tiles


def colourise(values: Any, cmap: str = "viridis", low: float | None = None, high: float | None = None) -> Pixels:
    """Colour a map of numbers.

    Args:
        values: ``(H, W)``.
        cmap: A colour map of matplotlib's.
        low: The number that gets the first colour; by default the smallest.
        high: The number that gets the last colour; by default the largest.
    """
    import_whole("matplotlib")
    from matplotlib import colormaps

    values = values if isinstance(values, Tensor) else torch.from_numpy(np.asarray(values))
    checks.shape("values", values, ("H", "W"))
    checks.finite("values", values)
    numbers = values.detach().cpu().double().numpy()
    low = float(numbers.min()) if low is None else checks.number("low", low)
    high = float(numbers.max()) if high is None else checks.number("high", high)
    shares = (numbers - low) / (high - low) if high > low else np.full_like(numbers, 0.5)
    name = checks.choice("cmap", cmap, tuple(colormaps)) if cmap not in colormaps else cmap
    return np.ascontiguousarray(colormaps[name](shares, bytes=True)[..., :3])


def difference(a: Picturelike, b: Picturelike, *, mode: str = "signed", limit: float | None = None) -> Pixels:
    """Show where and how ``b`` differs from ``a``.

    Args:
        a: The picture before.
        b: The picture after.
        mode: ``"signed"`` colours the change of luminance, orange where ``b`` is darker, purple where it is brighter,
            white where nothing changed (a map that colour-blind readers can read); ``"magnitude"`` the root mean square
            over R, G and B, from black for none to bright yellow.
        limit: The change that gets the last colour, where the whole range from black to white is 2; by default the
            largest there is. Give one to compare maps.

    Raises:
        ValueError: If the sizes differ, or an argument is out of range.
    """
    checks.choice("mode", mode, ("signed", "magnitude"))
    before, after = to_uint8(a), to_uint8(b)
    if before.shape != after.shape:
        sizes = " and ".join(f"{p.shape[1]} x {p.shape[0]}" for p in (before, after))
        raise ValueError(f"a and b must have one size, got {sizes}.")
    change = (after.astype(np.float64) - before) / 127.5  # (H, W, 3)
    signed = mode == "signed"
    values = change @ np.array(LUMINANCE) if signed else np.sqrt((change**2).mean(-1))
    largest = float(np.abs(values).max()) if limit is None else checks.number("limit", limit, low=0)
    largest = largest or 1.0  # nothing changed: the colour of no change, not of the middle of an empty range
    return colourise(values, "PuOr" if signed else "inferno", -largest if signed else 0.0, largest)


def animation(
    images: Tensor | Iterable[Picturelike],
    path: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,
    fps: float = 20.0,
    bounce: bool = True,
) -> bytes | Path:
    """Make pictures move.

    Args:
        images: ``(n, 3, H, W)``, or pictures of one size.
        path: Where to save it; its ending gives the format.
        format: ``"gif"`` (256 colours a picture), ``"webp"`` or ``"mp4"``, which takes ``latent_widgets[video]``.
        fps: Pictures a second; GIF rounds their length to hundredths of a second.
        bounce: Whether it runs back to the beginning.

    Returns:
        The path, or without one the bytes.

    Raises:
        ValueError: If the format is not known.
    """
    file = None if path is None else to_write(path)
    if format is None:
        format = "gif" if file is None else file.suffix.lstrip(".").lower()
    checks.choice("format", format, FORMATS)
    fps = checks.number("fps", fps, low=0.1, high=100)
    tiles = _tiles(images)
    tiles += tiles[-2:0:-1] if checks.flag("bounce", bounce) else []
    data = _mp4(tiles, fps) if format == "mp4" else _pillow(tiles, fps, format)
    return data if file is None else write_whole(file, data)


def _pillow(tiles: Sequence[Pixels], fps: float, format: str) -> bytes:
    frames, file = [Image.fromarray(tile) for tile in tiles], io.BytesIO()
    extra: dict[str, Any] = {"quality": 90, "method": 2} if format == "webp" else {}
    frames[0].save(
        file, format.upper(), save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0, **extra
    )
    return file.getvalue()


def _mp4(tiles: Sequence[Pixels], fps: float) -> bytes:
    try:
        import_whole("imageio_ffmpeg")
        import imageio_ffmpeg
    except ImportError:
        raise ImportError(
            "imageio-ffmpeg must be installed to save MP4. Use `pip install 'latent_widgets[video]'`, or GIF or WebP."
        ) from None
    import tempfile

    height, width, _ = tiles[0].shape
    odd = (
        (0, height % 2),
        (0, width % 2),
        (0, 0),
    )  # the usual MP4 halves the resolution of colours: sides must be even
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "animation.mp4")
        size = (width + width % 2, height + height % 2)
        try:
            writer = imageio_ffmpeg.write_frames(file, size, fps=fps, quality=8, macro_block_size=1)
            writer.send(None)
            for tile in tiles:
                writer.send(np.ascontiguousarray(np.pad(tile, odd, mode="edge")))
            writer.close()
            data = Path(file).read_bytes()
        except OSError as error:
            raise _no_video(folder) from error
    if b"moov" not in data:  # where its frames are, which comes last: ffmpeg does not say that it was stopped
        raise _no_video(folder)
    return data


def _no_video(folder: str) -> NotWritten:
    where = str(Path(folder).parent)
    return NotWritten(
        f"the video must be made whole among the temporary files, got {where!r}, where ffmpeg was stopped. Make room "
        "there, or set TMPDIR to a folder on another disk."
    )


def small(pictures: Tensor, side: int) -> Tensor:
    """Shrink pictures that are larger than a page shows them.

    Args:
        pictures: ``(n, 3, H, W)``.
        side: The most pixels that a side should have.

    Returns:
        Averages over whole blocks of pixels; the pictures themselves where they are small enough.
    """
    block = -(-max(pictures.shape[-2:]) // side)
    return avg_pool2d(pictures, block) if block > 1 else pictures
