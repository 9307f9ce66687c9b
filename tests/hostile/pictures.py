"""Pictures without end, of formats that run a program, or that are no masks."""

import io
import struct

import numpy as np
from PIL import Image

from tests.hostile import good
from tests.hostile.cases import PICTURES, hostile


@hostile("frames without end", PICTURES)
def _():
    def animated(kind, size, count, **options):
        file, frames = io.BytesIO(), [Image.new("L", size, 2 * i % 255) for i in range(count)]
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], **options)
        return file.getvalue()

    gif = good.picture("GIF", "P")
    start = 13 + 3 * 2 ** ((gif[10] & 7) + 1)  # behind the palette
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 4, 1, 0, 0)
    frame = control + b"," + struct.pack("<HHHHB", 0, 0, 9, 7, 0) + b"\x02\x02\x4c\x01\x00"
    far = b"," + struct.pack("<HHHHB", 60_000, 60_000, 65_535, 65_535, 0) + b"\x02\x02\x4c\x01\x00"
    return {
        "GIF": gif[:-1] + frame * 10_000 + b";",
        "a large screen": gif[:6] + struct.pack("<HH", 65_535, 65_535) + gif[10:],
        "a frame outside": gif[:-1] + far + b";",
        "a first frame outside": gif[:13] + far + b";",
        "GIF, no end of comments": gif[:-1] + b"\x21\xfe" + (b"\xff" + b"x" * 255) * 1000,
        "GIF, comments first": gif[:start] + b"\x21\xfe" + (b"\xff" + b"x" * 255) * 1000 + b"\0" + gif[start:],
        "GIF, only a head": gif[:13],
        "GIF, a code of 255 bits": gif[:13] + b"," + struct.pack("<HHHHB", 0, 0, 9, 7, 0) + b"\xff\x02\x4c\x01\x00;",
        "WebP": animated("WEBP", (100, 100), 20), "APNG": animated("PNG", (100, 100), 20), "TIFF": animated("TIFF",
        (8, 8), 50),
    }  # fmt: skip


@hostile("a picture of a format that is not read", PICTURES)
def _():
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n%%EndComments\n(touch executed) (r) file\n%%EOF\n"
    made = {
        "EPS": eps,
        "EPS in DOS": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 32, len(eps), 0, 0, 0, 0).ljust(28, b"\0") + eps,
    }
    image = Image.fromarray(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3))
    for kind, mode in {"PPM": "RGB", "TGA": "RGB", "PCX": "RGB", "SGI": "RGB", "ICO": "RGB", "ICNS": "RGB", "IM": "RGB",
                       "DDS": "RGB", "XBM": "1", "MSP": "1", "SPIDER": "F", "DIB": "RGB", "PDF": "RGB",
                       "BLP": "P"}.items():  # fmt: skip
        file = io.BytesIO()
        image.convert(mode).save(file, kind)
        made[kind] = file.getvalue()
    return made | {
        "PPM, large": b"P6\n99999 99999\n255\n", "PPM, letters": b"P3\n9 7\n255\n" + b"1 " * 10**6,
        "PPM, comments": b"P6\n" + b"#\n" * 10**6, "PFM": b"PF\n99999 99999\n-1.0\n",
        "QOI": b"qoif" + struct.pack(">IIBB", 60_000, 60_000, 4, 0),
        "PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 30_000, 30_000, 8, 3) + bytes(100),
        "FITS": b"SIMPLE  =                    T".ljust(80) + b"NAXIS   =                    2".ljust(80) + b" " * 5600,
        "FLI": bytes(4) + b"\x11\xaf" + struct.pack("<HHH", 60_000, 60_000, 60_000) + bytes(200),
        "DCX": b"\xb1\x68\xde\x3a" + bytes(4100),
        "WMF": b"\xd7\xcd\xc6\x9a" + bytes(100), "EMF": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(100),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "GRIB": b"GRIB" + bytes(3) + b"\1" + bytes(100), "BUFR": b"BUFR" + bytes(100),
        "XPM": b"/* XPM */\n" + b'"99999 99999 2 1",\n' * 1000,
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I", 2**31) + b"ftyp" + bytes(100),
        "J2K": b"\xff\x4f\xff\x51" + bytes(100),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "ICO, pictures in itself": b"\0\0\1\0\xff\xff" + (bytes(8) + struct.pack("<II", 2**31, 22)) * 4000,
        "OLE": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "MPEG": b"\0\0\1\xb3\xff\xff\xff" + bytes(100),
        "GIMP's brush": struct.pack(">IIIII", 28, 2, 60_000, 60_000, 4) + b"GIMP" + bytes(100),
        "PhotoCD": bytes(2048) + b"PCD_" + bytes(2000),
        "FTEX": b"FTEX" + struct.pack("<IIIII", 1, 60_000, 60_000, 1, 1) + bytes(100),
        "a page": b"<html><script>alert(1)</script></html>",
    }  # fmt: skip


@hostile("a BMP that claims what it has not", PICTURES)
def _():
    def bmp(width, height, bits=24, packing=0, colours=0, data=bytes(300), offset=54):
        head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(data), 0, 0, colours, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, offset) + head + data

    return {
        "14 000 px": bmp(14_000, 14_000), "60 000 px": bmp(60_000, 60_000), "2**31 px": bmp(2**31 - 1, 2**31 - 1),
        "one bit": bmp(100_000, 2_000, 1), "below zero": bmp(-9, -7), "the lowest": bmp(9, -(2**31)),
        "nothing": bmp(0, 0),
        "many colours": bmp(9, 7, 8, colours=2**32 - 1), "runs": bmp(14_000, 14_000, 8, 1, data=b"\xff\0" * 300),
        "runs that jump": bmp(5000, 5000, 8, 1, data=b"\0\2\xff\xff" * 20_000),
        "runs of four bits": bmp(14_000, 14_000, 4, 2),
        "masks": bmp(9, 7, 32, 3), "a picture of JPEG": bmp(9, 7, 24, 4), "64 bits": bmp(9, 7, 64),
        "far pixels": bmp(9, 7, offset=2**31),
        "a long head": b"BM" + bytes(12) + struct.pack("<I", 2**31),
        "a short head": b"BM" + bytes(12) + struct.pack("<I", 12) + struct.pack("<HHHH", 65_535, 65_535, 1, 1),
    }  # fmt: skip


@hostile("a WebP or AVIF that claims what it has not", PICTURES)
def _():
    def riff(*chunks):
        body = b"WEBP" + b"".join(
            kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
        )
        return b"RIFF" + struct.pack("<I", len(body)) + body

    def side(value):
        return struct.pack("<I", value - 1)[:3]

    huge = (b"VP8X", b"\x02\0\0\0" + side(2**24) + side(2**8))
    large = (b"VP8X", b"\x02\0\0\0" + side(16_383) + side(12_000))
    frame = (
        b"ANMF",
        side(1)
        + side(1)
        + side(16_383)
        + side(12_000)
        + bytes(4)
        + b"VP8L\x0c\0\0\0\x2f"
        + struct.pack("<I", 16_382 | 11_999 << 14)
        + bytes(7),
    )
    still = good.picture("WEBP")
    lossless = b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14) + b"\x88\x88\x08"
    made = {
        "16 383 px": riff((b"VP8L", lossless + bytes(100))), "a huge page": riff(huge, (b"ANIM", bytes(6)), frame),
        "large frames": riff(large, (b"ANIM", bytes(6)), *[frame] * 300), "no frames": riff(large, (b"ANIM", bytes(6))),
        "an empty part": riff(*[(b"ABCD", b"")] * 10_000), "cut": still[: len(still) // 2],
        "4 GB": still[:4] + b"\xff" * 4 + still[8:],
        "spoilt": still[:40] + bytes(10) + still[50:], "only a head": still[:12], "a still page": riff(large,
        (b"VP8L", lossless + bytes(100))),
        "a profile": riff((b"VP8X", b"\x20\0\0\0" + side(9) + side(7)), (b"ICCP", b"x" * 10**6), (b"VP8L", lossless)),
    }  # fmt: skip
    made["12 000 px, whole"] = riff((b"VP8L", b"\x2f" + struct.pack("<I", 11_999 | 11_999 << 14) + b"\x88\x88\x08"))
    box = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"avif", 0, b"avif", b"mif1")
    made["AVIF, only a head"] = box + struct.pack(">I4s", 2**31, b"meta")
    made["AVIF, a nest"] = box + b"".join(struct.pack(">I4sI", 2**20 - 12 * i, b"meta", 0) for i in range(1000))
    return made


@hostile("a mask that is none", PICTURES)
def _():
    def of(image, **options):
        file = io.BytesIO()
        image.save(file, "PNG", **options)
        return file.getvalue()

    shades = Image.fromarray((np.arange(500 * 600) % 251).astype(np.uint8).reshape(500, 600))
    noise = (np.arange(400 * 400 * 3, dtype=np.uint64) * 2654435761 >> 7).astype(np.uint8).reshape(400, 400, 3)
    return {
        "shades": of(shades), "colours": of(Image.fromarray(noise)),
        "a palette": of(Image.fromarray(noise).convert("P")),
        "transparent": of(Image.new("RGBA", (9, 7))), "16 bits": of(Image.fromarray(np.arange(63,
        dtype=np.uint16).reshape(7, 9) * 999)),
        "another size": of(Image.new("1", (3, 3))), "one pixel": of(Image.new("1", (1, 1))),
        "a line": of(Image.new("1", (60_000, 1))),
        "transparent colour": of(Image.new("P", (9, 7)), transparency=b"\0" * 300),
        "a grey profile": of(Image.new("L", (9, 7)), icc_profile=bytes(200)),
        "a profile of sizes": of(Image.new("RGB", (9, 7)), icc_profile=_profile()),
    }  # fmt: skip


def _profile():
    """A profile of colours whose parts lie far away and in themselves."""
    tags = b"".join(struct.pack(">4sII", name, at, size) for name, at, size in (
        (b"A2B0", 128, 2**31), (b"desc", 2**31, 100), (b"wtpt", 132, 20), (b"rXYZ", 0, 2**32 - 1),
        (b"cprt", 128, 12)))  # fmt: skip
    head = struct.pack(">I4sI4s4s4s", 4000, b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ").ljust(36, b"\0") + b"acsp"
    return (head.ljust(128, b"\0") + struct.pack(">I", 5) + tags).ljust(4000, b"\xff")
