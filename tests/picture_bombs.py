"""Small files of pictures that ask for much: memory, time or another program."""

import struct
import zlib

from PIL import Image

from tests.pictures import file_of

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(owned) print\nshowpage\n%%EOF\n"


def png_head(width, height, bits=8, colour=2):
    """The beginning of a PNG, which says how large it is and what a pixel holds."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def cut_png(width, height, bits=8, colour=2):
    """The same as far as where the pixels begin."""
    return png_head(width, height, bits, colour) + struct.pack(">I", 2**30) + b"IDAT"


def chunk(kind, data):
    """A piece of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks):
    """A small grey PNG with pieces of any kind."""
    row = zlib.compress(bytes(9) * 8)
    pieces = b"".join(chunk(*piece) for piece in (*chunks, (b"IDAT", row), (b"IEND", b"")))
    return png_head(8, 8, 8, 0) + pieces


def tiff(tags, data=bytes(64), order="<"):
    """A grey TIFF of 8 x 8 with more tags, (number, kind, count, value), behind some data that begin at 8."""
    plain = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    data += bytes(len(data) % 2)
    entries = b"".join(
        struct.pack(f"{order}HHLHH", t, k, n, v, 0) if k == 3 and n == 1 else struct.pack(f"{order}HHLL", t, k, n, v)
        for t, k, n, v in sorted(plain + tags)
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(plain + tags)) + entries + bytes(4)


def jpeg(*segments):
    """A small JPEG with more segments, (marker, data)."""
    plain = file_of(Image.new("RGB", (8, 8), "red"), "JPEG")
    more = b"".join(marker + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return plain[:2] + more + plain[2:]


def over_and_over(side, times):
    """A progressive JPEG that goes over the picture again and again, and says nothing new."""
    plain = file_of(Image.new("L", (side, side)), "JPEG", progressive=True)
    end = plain.rindex(b"\xff\xda")
    return plain[:end] + times * plain[end:-2] + b"\xff\xd9"


def _squeezed(size):
    return zlib.compress(bytes(size), 9)


# What is refused, and by which words; files of up to a megabyte, most of a few kilobytes.
BOMBS = {
    "one note, many times": (
        lambda: tiff([(1000 + i, 7, 60_000, 8) for i in range(9000)], bytes(60_000)),
        "has more notes than bytes",
    ),
    "one note, many times, the other way round": (
        lambda: tiff([(1000 + i, 7, 60_000, 8) for i in range(9000)], bytes(60_000), ">"),
        "has more notes than bytes",
    ),
    "a strip for each byte": (lambda: tiff([(273, 3, 300_000, 8)], bytes(600_000)), "is cut into 300000 pieces"),
    "tile larger than the picture": (
        lambda: tiff([(322, 4, 1, 32768), (323, 4, 1, 32768), (324, 4, 1, 8), (325, 4, 1, 17)], _squeezed(9)),
        "has tiles of 32768 x 32768 pixels",
    ),
    "short tile larger than the picture": (
        lambda: tiff([(322, 3, 1, 65520), (323, 3, 1, 65520), (324, 4, 1, 8), (325, 4, 1, 17)], _squeezed(9), ">"),
        "has tiles of 65520 x 65520 pixels",
    ),
    "profile, again and again": (
        lambda: png(*[(b"iCCP", b"p\0\0" + _squeezed(2**20 - 9))] * 40),
        "has 40 colour profiles",
    ),
    "profile that unpacks to much": (lambda: png((b"iCCP", b"p\0\0" + _squeezed(2**25))), "is damaged: .* too large"),
    "text that unpacks to much": (lambda: png((b"zTXt", b"t\0\0" + _squeezed(2**25))), "is damaged: .* too large"),
    "text in all languages": (lambda: png((b"iTXt", b"t\0\1\0\0\0" + _squeezed(2**25))), "is damaged: .* too large"),
    "notes of a camera, byte by byte": (
        lambda: jpeg(*[(b"\xff\xe1", b"Exif\0\0x")] * 2000),
        "has 2000 notes of a camera",
    ),
    "over and over": (lambda: over_and_over(2500, 400), "must be a JPEG of a dozen scans or so, got 4"),
}
