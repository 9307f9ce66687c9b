"""What the file of a picture asks for in its headers, found before Pillow reads them.

Pillow keeps to the size that a picture says it has. A few hundred bytes can ask for more in other ways: a tile of a
TIFF may be larger than its picture, a hundred scans of a JPEG may follow each other, a profile may come a thousand
times. What no program writes is refused here; that a file is damaged in other ways is left for Pillow to say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["scans", "too_much"]

PROFILES = 16  # in a PNG, which has one; Pillow unpacks each, to a million bytes
NOTES = 256  # segments of a JPEG with the camera's notes, which has one; Pillow joins them one by one
STRIPS = 20_000  # of a TIFF, for each of which Pillow makes a decoder; more where the file has so many rows of pixels
STRIP = 256  # bytes of the file for each further one
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_OFFSETS, _TILE_SIDES = (273, 324), (322, 323)  # tags of a TIFF


def too_much(data: bytes) -> str | None:
    r"""Say what a picture file asks for that no picture needs.

    Args:
        data: The bytes.

    Returns:
        What it is, to go on after "which"; None where all is well.

    Example:
        >>> too_much(b"\x89PNG\r\n\x1a\n" + 20 * b"iCCP")
        'has 20 colour profiles'
    """
    if data.startswith(b"\x89PNG"):
        count = data.count(b"iCCP")
        return f"has {count} colour profiles" if count > PROFILES else None
    if data.startswith(b"\xff\xd8"):
        count = data.count(b"Exif\0\0")
        return f"has {count} notes of a camera" if count > NOTES else None
    return _of_tiff(data)


def scans(data: bytes) -> int:
    """Return how often a JPEG goes over the picture, those in it counted; 1 for other files.

    Within a scan the two bytes that begin one cannot stand.
    """
    return data.count(b"\xff\xda") if data.startswith(b"\xff\xd8") else 1


def _of_tiff(data: bytes) -> str | None:
    claimed, sides = 0, [1, 1]
    for tag, kind, count, value in _entries(data):
        claimed += min(count * _SIZES.get(kind, 1), len(data))
        if tag in _OFFSETS and count > STRIPS + len(data) // STRIP:
            return f"is cut into {count} pieces"
        if tag in _TILE_SIDES:
            sides[tag - _TILE_SIDES[0]] = value
    if sides[0] * sides[1] > max(2**22, 64 * len(data)):
        return f"has tiles of {sides[0]} x {sides[1]} pixels"
    return "has more notes than bytes" if claimed > 2 * len(data) + 2**16 else None


def _entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Tag, kind, count and value of each entry in the first directory of a TIFF; nothing of what is none."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    version = data[2:4] if order == ">" else data[3:1:-1]
    if order is None or version not in (b"\0*", b"\0+"):
        return
    large = version == b"\0+"
    where, number, entry = ("Q", "Q", "HHQQ") if large else ("L", "H", "HHLL")
    try:
        (start,) = struct.unpack_from(order + where, data, 8 if large else 4)
        (count,) = struct.unpack_from(order + number, data, start)
        start += struct.calcsize(order + number)
        size = struct.calcsize(order + entry)
        whole = min(count, (len(data) - start) // size)
        for tag, kind, many, value in struct.iter_unpack(order + entry, data[start : start + size * whole]):
            short = kind == 3 and order == ">" and many == 1  # a number of two bytes stands in front
            yield tag, kind, many, value >> (48 if large else 16) if short else value
    except (struct.error, OverflowError):
        return
