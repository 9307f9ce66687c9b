"""TIFFs, and the EXIF of other pictures, whose directories lie."""

import struct

from tests.hostile import good
from tests.hostile.arrays import zeros
from tests.hostile.cases import PICTURES, hostile


def tiff(entries, data=b"", following=0):
    """A TIFF of one directory; an entry is (tag, type, count, value)."""
    body = b"".join(struct.pack("<HHII", tag, kind, count, value & 0xFFFFFFFF) for tag, kind, count, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", following) + data


def _tags(**changes):
    tags = {"width": (256, 4, 1, 9), "height": (257, 4, 1, 7), "bits": (258, 3, 1, 8), "packing": (259, 3, 1, 1),
            "kind": (262, 3, 1, 1), "where": (273, 4, 1, 200), "channels": (277, 3, 1, 1), "rows": (278, 4, 1, 7),
            "bytes": (279, 4, 1, 63)} | changes  # fmt: skip
    return sorted(tag for tag in tags.values() if tag)


@hostile("a TIFF with absurd tags", PICTURES)
def _():
    pixels = bytes(300)
    bomb = zeros(1024)
    changes = {
        "60 000 px": {"width": (256, 4, 1, 60_000), "height": (257, 4, 1, 60_000)},
        "14 000 px": {"width": (256, 4, 1, 14_000), "height": (257, 4, 1, 14_000), "rows": (278, 4, 1, 14_000)},
        "14 000 px of 64 bits": {"width": (256, 4, 1, 14_000), "height": (257, 4, 1, 14_000), "bits": (258, 3, 1, 64)},
        "2**32 px": {"width": (256, 4, 1, -1), "height": (257, 4, 1, -1)},
        "no width": {"width": None}, "no height": {"height": None}, "no place": {"where": None},
        "no kind": {"kind": None},
        "a place far away": {"where": (273, 4, 1, 2**31)}, "2**30 places": {"where": (273, 4, 2**30, 8)},
        "2**28 places": {"where": (273, 4, 2**28, 8), "bytes": (279, 4, 2**28, 8)},
        "65 535 channels": {"channels": (277, 3, 1, 65_535)}, "many bits": {"bits": (258, 3, 2**20, 8)},
        "bits of 65 535": {"bits": (258, 3, 1, 65_535)}, "no rows": {"rows": (278, 4, 1, 0)},
        "floats": {"bits": (258, 3, 1, 32), "format": (339, 3, 1, 3)},
        "text as width": {"width": (256, 2, 4, 0x41414141)}, "a share as width": {"width": (256, 5, 1, 100)},
        "an unknown packing": {"packing": (259, 3, 1, 9999)}, "a fax": {"packing": (259, 3, 1, 4)},
        "JPEG": {"packing": (259, 3, 1, 7)}, "old JPEG": {"packing": (259, 3, 1, 6)},
        "LZW": {"packing": (259, 3, 1, 5)},
        "WebP": {"packing": (259, 3, 1, 50_001)}, "zstd": {"packing": (259, 3, 1, 50_000)},
        "a page of 4 GB": {"profile": (34_675, 7, 2**32 - 1, 8)}, "a profile": {"profile": (34_675, 7, 250, 8)},
        "EXIF in itself": {"exif": (34_665, 4, 1, 8)}, "GPS in itself": {"gps": (34_853, 4, 1, 8)},
        "pages in themselves": {"sub": (330, 4, 1, 8)}, "turned": {"turn": (274, 3, 1, 6)},
        "turned oddly": {"turn": (274, 3, 1, 99)},
        "turned by text": {"turn": (274, 2, 4, 0x36363636)}, "turned thrice": {"turn": (274, 3, 3, 8)},
        "XMP": {"xmp": (700, 7, 200, 8)}, "tiles": {"tw": (322, 4, 1, 2**31), "tl": (323, 4, 1, 2**31),
        "to": (324, 4, 1, 200), "where": None},
        "no tiles": {"tw": (322, 4, 1, 0), "tl": (323, 4, 1, 0), "to": (324, 4, 1, 200), "where": None},
        "planes": {"planes": (284, 3, 1, 2), "channels": (277, 3, 1, 3)}, "a palette": {"kind": (262, 3, 1, 3)},
        "YCbCr": {"kind": (262, 3, 1, 6), "channels": (277, 3, 1, 3)},
    }  # fmt: skip
    made = {name: tiff(_tags(**change), pixels).ljust(300, b"\0") for name, change in changes.items()}
    large = _tags(width=(256, 4, 1, 30_000), height=(257, 4, 1, 30_000), rows=(278, 4, 1, 30_000),
    packing=(259, 3, 1, 8),
                  where=(273, 4, 1, 200), bytes=(279, 4, 1, len(bomb)))  # fmt: skip
    square = _tags(width=(256, 4, 1, 12_000), height=(257, 4, 1, 12_000), rows=(278, 4, 1, 12_000),
    packing=(259, 3, 1, 8),
                   where=(273, 4, 1, 200), bytes=(279, 4, 1, len(bomb)))  # fmt: skip
    made["deflate, 30 000 px"] = tiff(large).ljust(200, b"\0") + bomb
    made["deflate, 12 000 px"] = tiff(square).ljust(200, b"\0") + bomb
    made["a ring"] = tiff(_tags(), pixels, following=8)
    made["65 535 tags"] = b"II*\0" + struct.pack("<IH", 8, 65_535) + struct.pack("<HHII", 256, 4, 1, 9) * 65_535
    made["a directory far away"] = b"II*\0" + struct.pack("<I", 2**31)
    made["a directory in the head"] = b"II*\0" + struct.pack("<I", 0)
    made["large file"] = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60)
    made["only a head"] = b"MM\0*"
    tags = [(i, 2, 2**20, 200) for i in range(1000, 4000)]
    made["tags that share a megabyte"] = tiff(_tags() + tags).ljust(2**20 + 40_000, b"x")
    return made


@hostile("EXIF that never ends", PICTURES)
def _():
    whole = good.photo()

    def beside(exif, mark=b"\xff\xe1", head=b"Exif\0\0"):
        data = head + exif
        return whole[:2] + mark + struct.pack(">H", len(data) + 2) + data + whole[2:]

    turn = (274, 3, 1, 6)
    shared = [(i, 2, 30_000, 100) for i in range(1000, 3500)]
    return {
        "a ring": beside(tiff([turn], following=8)),
        "itself": beside(tiff([turn, (34_665, 4, 1, 8)])),
        "itself as places": beside(tiff([(34_853, 4, 1, 8), turn])),
        "itself as a maker's": beside(tiff([turn, (37_500, 7, 60_000, 0)])),
        "4 GB of text": beside(tiff([turn, (315, 2, 2**32 - 1, 8)])),
        "many that share": beside(tiff([turn, *shared]).ljust(60_000, b"x")),
        "turned oddly": beside(tiff([(274, 3, 1, 77)])),
        "turned by text": beside(tiff([(274, 2, 3, 0x41)])),
        "turned by shares": beside(tiff([(274, 5, 1, 100)]).ljust(200, b"\0")),
        "an unknown type": beside(tiff([(274, 99, 1, 6)])),
        "nothing": beside(b""), "no order": beside(b"XX*\0"), "half": beside(tiff([turn])[:12]),
        "again and again": whole[:2] + beside(tiff([turn]).ljust(60_000, b"x"))[2:-len(whole) + 2] * 60 + whole[2:],
        "several pictures": beside(tiff([(45_056, 7, 4, 0x30303130), (45_057, 4, 1, 2**31), (45_058, 7, 2**31, 8)]),
        b"\xff\xe2", b"MPF\0"),
        "a profile in 255 parts": b"".join([whole[:2], *[
            beside(b"x" * 3000, b"\xff\xe2",
            b"ICC_PROFILE\0" + bytes([i, 255]))[2:-len(whole) + 2] for i in range(1, 256)], whole[2:]]),
        "a profile of no parts": beside(b"x" * 60_000, b"\xff\xe2", b"ICC_PROFILE\0\0\0"),
        "Photoshop": beside(b"8BIM\x03\xed\0\0\xff\xff\xff\xff", b"\xff\xed", b"Photoshop 3.0\0"),
        "Adobe": beside(b"\0" * 7, b"\xff\xee", b"Adobe"), "XMP": beside(b"<x:xmpmeta" * 6000,
        head=b"http://ns.adobe.com/xap/1.0/\0"),
    }  # fmt: skip
