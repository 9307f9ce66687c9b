"""JPEGs of many passes, and such as claim what they have not."""

import struct

from tests.hostile import good
from tests.hostile.cases import PICTURES, hostile


def scans(width, height, count):
    """A grey JPEG of many passes, each of which says in a few bytes that nothing changes in the whole picture."""
    head = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
    head += b"\xff\xc2" + struct.pack(">HBHHBBBB", 11, 8, height, width, 1, 1, 0x11, 0)
    head += b"\xff\xc4" + struct.pack(">HB", 20, 0x00) + b"\1" + bytes(15) + b"\0"  # no difference: the code 0
    # runs of 2**r empty blocks and more: r in four bits, then how many more
    head += b"\xff\xc4" + struct.pack(">HB", 34, 0x10) + b"\0\0\0\x0f" + bytes(12) + bytes(r << 4 for r in range(15))
    blocks = left = -(-width // 8) * -(-height // 8)
    start = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0x00, 0, 0, 0)
    bits = ""
    while left:
        r = min(14, left.bit_length() - 1)
        run = min(left, 2 ** (r + 1) - 1)
        bits += f"{r:04b}" + (f"{run - 2**r:0{r}b}" if r else "")
        left -= run
    bits += "1" * (-len(bits) % 8)
    runs = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    empty = bytes(-(-blocks // 8))
    one = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0x00, 1, 63, 0) + runs
    return head + start + empty + one * count + b"\xff\xd9"


@hostile("a JPEG of many passes", PICTURES)
def _():
    return {
        "3000 px": scans(3000, 3000, 3000),
        "8000 px": scans(8000, 8000, 3000),
        "small": scans(64, 64, 20_000),
        "one": scans(3000, 3000, 1),
    }


@hostile("a JPEG that claims what it has not", PICTURES)
def _():
    whole = good.photo()
    place = whole.index(b"\xff\xc0") + 5

    def sized(height, width):
        return whole[:place] + struct.pack(">HH", height, width) + whole[place + 4 :]

    return {
        "65 535 px": sized(65_535, 65_535), "14 000 px": sized(14_000, 14_000), "no rows": sized(0, 9),
        "no columns": sized(7, 0),
        "65 535 rows": sized(65_535, 9), "CMYK": good.picture("JPEG", "CMYK"),
        "marks": b"\xff\xd8" + b"\xff" * 2**17, "empty parts": b"\xff\xd8" + b"\xff\xe5\0\2" * 10_000 + whole[2:],
        "comments": b"\xff\xd8" + (b"\xff\xfe\xff\xff" + b"x" * 65_533) * 20 + whole[2:],
        "a part of no length": whole[:2] + b"\xff\xe1\0\0" + whole[2:],
        "a part of one": whole[:2] + b"\xff\xe1\0\1" + whole[2:],
        "tables": whole[:2] + (b"\xff\xdb\0\x43\0" + b"\1" * 64) * 1000 + whole[2:],
        "no tables": whole[:2] + whole[place - 5 :],
        "two heads": whole[:place - 5] + whole[place - 5 : place + 14] * 2 + whole[place + 14 :],
        "255 colours": whole[:place + 4] + b"\xff" + whole[place + 5 :],
        "lossless": whole[: place - 4] + b"\xc3" + whole[place - 3 :],
        "arithmetic": whole[: place - 4] + b"\xc9" + whole[place - 3 :],
        "restarts": whole[:-2] + b"\xff\xd0\xff\xd1" * 60_000 + whole[-2:],
    } | {f"cut at {at}": whole[:at] for at in (2, 3, 20, 200, place, len(whole) - 20, len(whole) - 2)}  # fmt: skip
