"""Pictures as Pillow opens them: of seven formats, of bounded size, whole and upright. The one door for all of them."""

from __future__ import annotations

import importlib.util
import io
import threading
import warnings
from collections.abc import Callable

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from latent_widgets.core.picture_claims import scans, too_much

__all__ = ["FORMATS", "LARGEST", "MEMORY", "is_transparent", "open_picture"]

_AVIF = ("AVIF",) if importlib.util.find_spec("PIL.AvifImagePlugin") else ()
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", *_AVIF)  # Pillow knows 43, one of which starts Ghostscript
LARGEST = 200_000_000  # pixels of a picture, which are more than any camera has
MEMORY = 224 * 2**20, 60, 2**31  # bytes that a picture may need: of any file, for each byte of it, of the largest
SCANNED = 1_500_000_000, 300  # pixels times scans of a JPEG: of any file, for each byte of it
CLOSE_UP = 4096  # pixels of a side that a large JPEG keeps while it is decoded, where so many are enough
_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2}  # that a pixel takes in Pillow; four in all other modes
_DECODERS = {"WEBP": 16, "AVIF": 12}  # bytes of a pixel that stand beside those while it is decoded
_WAVES = 6  # the same, of a JPEG that goes over the picture several times
_LIMIT = threading.Lock()  # held while Pillow's own limit is another


def _as_a_photo(mode: str) -> int:
    """Two pictures in colour, of which one is made of the other, and a quarter more."""
    return 10


def open_picture(
    name: str,
    source: bytes | Image.Image,
    called: str = "",
    *,
    shrink: bool = False,
    needs: Callable[[str], int] = _as_a_photo,
) -> Image.Image:
    """Decode a picture and turn it upright.

    How many pixels there may be goes by the memory that they need decoded, which is at most 224 MiB and 60 bytes for
    each byte of the file, and at most 2 GiB: in any file 23 million, but 11 million in WebP.

    Args:
        name: What the argument is called.
        source: The bytes of a file, or an image of Pillow's, which may be one that is not decoded yet.
        called: What to call the source in errors; how long it is or of which class if not given.
        shrink: Whether a large JPEG may be decoded at a smaller size, which is quicker.
        needs: How many bytes the caller needs for a pixel, itself included, by the mode of the picture; ten, as for
            two pictures in colour, if not given.

    Returns:
        The picture, of the mode that it has in the file; of an animation, the frame that is open: the first.

    Raises:
        ValueError: If it is of no format of :data:`FORMATS`, is cut off, or would need too much memory.
        MemoryError: If there is no room for it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Pillow mends in a file; how large it may be is decided here
        if isinstance(source, Image.Image):
            image, called = source, called or f"a Pillow image of {source.width} x {source.height}"
            _closed_to_others(name, source)
            size, weight, passes = source.size, _weight(source), 1
        else:
            called = called or f"{len(source)} bytes"
            weight, passes = len(source), scans(source)
            image = _opened(name, source, called)
            size = image.size
            if shrink:
                image.draft("RGB", (CLOSE_UP, CLOSE_UP))  # formats other than JPEG ignore it
        _check_size(name, image, size, weight, passes, needs(image.mode))
        return _decoded(name, image, called)


def is_transparent(image: Image.Image) -> bool:
    """Whether a picture has transparency of any kind."""
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _closed_to_others(name: str, image: Image.Image) -> None:
    """Refuse what Pillow would decode only now, by a decoder of the many that are kept out."""
    if isinstance(image, ImageFile.ImageFile) and not _is_decoded(image) and image.format not in (*FORMATS, "MPO"):
        raise ValueError(
            f"{name} must be one of {', '.join(FORMATS)}, got an undecoded {image.format}. If you trust the file, "
            "call image.load() first."
        )


def _opened(name: str, data: bytes, called: str) -> Image.Image:
    wrong = too_much(data)
    if wrong:
        raise _damaged(name, called, wrong)
    try:
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            return _opened_large(data)
    except UnidentifiedImageError:
        raise ValueError(
            f"{name} must be a picture in one of the formats {', '.join(FORMATS)}, got {called}. Use PNG or JPEG."
        ) from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} must have at most {LARGEST // 1_000_000} million pixels, got more: {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(name, called, f"is damaged: {error}") from None


def _opened_large(data: bytes) -> Image.Image:
    """Open what is more than Pillow takes unasked, 179 million pixels: LARGEST is the limit that counts."""
    with _LIMIT:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST // 2  # it refuses twice as many
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def _is_decoded(image: Image.Image) -> bool:
    held = vars(image)
    return held.get("_im", held.get("im")) is not None and not held.get("tile")


def _weight(image: Image.Image) -> int | None:
    """Bytes of the file that an image is still to be decoded from; None where there is none."""
    file = getattr(image, "fp", None)
    if file is None or _is_decoded(image):
        return None
    try:
        here = file.tell()
        size: int = file.seek(0, io.SEEK_END)
        file.seek(here)
    except (AttributeError, OSError, ValueError):  # a stream, or one that is closed
        return None
    return size


def _check_size(
    name: str, image: Image.Image, size: tuple[int, int], weight: int | None, passes: int, needs: int
) -> None:
    """Refuse too many pixels, before they are decoded.

    Args:
        name: What the argument is called.
        image: Not decoded yet, or long ago.
        size: That in the file, before a JPEG is shrunk.
        weight: Bytes of the file; None where there is none.
        passes: Scans of a JPEG.
        needs: Bytes for a pixel.

    Raises:
        ValueError: If there are too many, or too many scans.
    """
    full, decoded, stored = size[0] * size[1], image.width * image.height, _BYTES.get(image.mode, 4)
    if not full:
        raise ValueError(f"{name} must have at least one pixel, got {size[0]} x {size[1]}.")
    floor, share, ceiling = MEMORY
    room = ceiling if weight is None else min(floor + share * weight, ceiling)
    waves = full * _WAVES if passes > 1 else 0
    decoder = _DECODERS.get(image.format or "", 0)
    needed = max(decoded * max(needs, 2 * stored, stored + decoder), decoded * stored + waves)
    if full > LARGEST or needed > room:
        most = LARGEST if full > LARGEST else int(full * (room / needed))
        within = "" if weight is None or full > LARGEST else f" in a file of {max(1, weight // 1000)} kB"
        raise ValueError(
            f"{name} must have at most {most // 1_000_000} million pixels{within}, got {size[0]} x {size[1]}. "
            "Shrink it first."
        )
    if passes > 1 and full * passes > SCANNED[0] + SCANNED[1] * (weight or 0):
        raise ValueError(
            f"{name} must be a JPEG of a dozen scans or so, got {passes} over {size[0]} x {size[1]} pixels. "
            "Save it anew."
        )


def _decoded(name: str, image: Image.Image, called: str) -> Image.Image:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on spoilt data in many ways
        raise _damaged(name, called, f"is damaged: {error}") from None
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # what the camera wrote is damaged, not the picture
        image = image.copy()
    return image.convert(image.mode.upper()) if image.mode in ("La", "RGBa") else image  # Pillow converts no others


def _damaged(name: str, called: str, how: str) -> ValueError:
    return ValueError(f"{name} must be a whole picture, got {called}, which {how.rstrip('.')}.")
