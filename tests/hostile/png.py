"""PNGs that are large when they are unpacked, in their pixels and beside them."""

import struct
import zlib

from tests.hostile import good
from tests.hostile.arrays import zeros
from tests.hostile.cases import PICTURES, hostile

MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth=8, colours=0, pixels=b"", before=b"", after=b"", lace=0):
    """A PNG with any claims; `colours` 0 is grey, 2 RGB, 3 a palette, 4 grey with alpha, 6 RGBA."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, lace))
    return MAGIC + head + before + chunk(b"IDAT", pixels) + after + chunk(b"IEND", b"")


def whole_png(width, height, depth, colours):
    """A PNG that is all there, of zeros; a little more than the picture needs."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    size = height * (1 + -(-width * depth * channels // 8))
    palette = chunk(b"PLTE", bytes(6)) if colours == 3 else b""
    return png(width, height, depth, colours, zeros(-(-size // 2**20)), palette)


@hostile("a PNG that is large when it is unpacked", PICTURES)
def _():
    return {
        "16 bits, 8000 px": whole_png(8000, 8000, 16, 0),
        "16 bits, 13 300 px": whole_png(13_300, 13_300, 16, 0),
        "16 bits of four colours": whole_png(8000, 8000, 16, 6),
        "four colours, 14 000 px": whole_png(14_000, 14_000, 8, 6),
        "one bit, 100 000 px": whole_png(100_000, 2_000, 1, 0),
        "one bit, 60 000 px": whole_png(60_000, 60_000, 1, 0),
        "a palette": whole_png(14_000, 14_000, 8, 3),
        "a palette of two bits": whole_png(14_000, 14_000, 2, 3),
        "wide": whole_png(2**31 - 1, 1, 1, 0),
        "high": whole_png(1, 10**8, 1, 0),
        "grey with alpha": whole_png(14_000, 14_000, 8, 4),
    }


@hostile("a PNG that claims what it has not", PICTURES)
def _():
    sizes = {"60 000 px": (60_000, 60_000), "2**31 px": (2**31 - 1, 2**31 - 1), "2**32 px": (2**32 - 1, 1),
    "nothing": (0, 0),
             "14 000 px": (14_000, 14_000)}  # fmt: skip
    made = {f"{name}, {depth} bits, {colours}": png(*size, depth, colours, zlib.compress(bytes(100)))
            for name, size in sizes.items() for depth, colours in ((8, 0), (16, 6), (8, 2), (1, 0))}  # fmt: skip
    made |= {f"depth {depth}, colours {colours}": png(9, 7, depth, colours, zlib.compress(bytes(1000)))
             for depth in (0, 3, 64, 255) for colours in (0, 1, 7)}  # fmt: skip
    whole = good.picture()
    return (
        made
        | {
            "woven": png(14_000, 14_000, 8, 6, zlib.compress(bytes(100)), lace=1),
            "no pixels": png(9, 7),
            "no head": MAGIC + chunk(b"IDAT", b""),
            "two heads": MAGIC + whole[8:33] + png(60_000, 60_000)[8:],
            "a chunk of 4 GB": MAGIC + struct.pack(">I", 2**32 - 1) + b"IHDR",
            "a chunk of 2 GB after the head": whole[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + whole[41:],
            "another checksum": whole[:29] + bytes(4) + whole[33:],
            "no zlib": png(9, 7, 8, 2, b"x" * 100),
            "a spoilt stream": whole[:60] + b"\xff" * 8 + whole[68:],
            "a method": MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 7, 8, 2, 9, 9, 9)) + whole[33:],
            "an empty palette": png(9, 7, 8, 3, zlib.compress(bytes(70)), chunk(b"PLTE", b"")),
            "no palette": png(9, 7, 8, 3, zlib.compress(b"\x00" + b"\xff" * 9)),
        }
        | {f"cut at {at}": whole[:at] for at in (1, 8, 16, 33, 41, 60, len(whole) - 12)}
    )


@hostile("text and profiles of a picture that inflate", PICTURES)
def _():
    bomb = zeros(1024)
    kinds = {
        "zTXt": chunk(b"zTXt", b"a\0\0" + bomb),
        "iTXt": chunk(b"iTXt", b"a\0\1\0\0\0" + bomb),
        "iCCP": chunk(b"iCCP", b"a\0\0" + bomb),
        "many zTXt": b"".join(chunk(b"zTXt", f"{i}".encode() + b"\0\0" + zeros(1)) for i in range(100)),
        "very many tEXt": b"".join(chunk(b"tEXt", f"{i}".encode() + b"\0x") for i in range(3000)),
        "large tEXt": chunk(b"tEXt", b"a\0" + b"x" * 2**22),
        "spoilt iCCP": chunk(b"iCCP", b"a\0\0x" + b"y" * 100),
        "no end of a keyword": chunk(b"zTXt", b"a" * 1000),
        "another packing": chunk(b"iTXt", b"a\0\1\7\0\0" + bomb[:1000]),
        "eXIf": chunk(b"eXIf", b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 65535) + bytes(1000)),
        "acTL": chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        "tRNS": chunk(b"tRNS", b"x" * 10**6),
        "pHYs, gAMA, cHRM, sRGB": chunk(b"pHYs", b"") + chunk(b"gAMA", b"") + chunk(b"cHRM", b"xyz") + chunk(b"sRGB",
        b""),
        "ours": chunk(b"tEXt", b"latent_widgets.weights\0") + chunk(b"tEXt",
        b"latent_widgets.weights\0" + b"x" * 10**5),
        "unknown": b"".join(chunk(b"abCD", b"") for _ in range(3000)),
    }  # fmt: skip
    pixels = zlib.compress(b"\0" * 70)
    made = {name: png(9, 7, 8, 0, pixels, before) for name, before in kinds.items()}
    return made | {f"{name}, behind": png(9, 7, 8, 0, pixels, after=after) for name, after in kinds.items()}
