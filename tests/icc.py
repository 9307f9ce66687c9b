"""Colour profiles made by hand, and by hand what they mean: from ICC.1:2010 and IEC 61966-2-1."""

import struct

import numpy as np
from PIL import Image

from latent_widgets.core.colours import in_srgb

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_xyz(primaries, white=D65):
    """The matrix from linear red, green and blue to XYZ, for the chromaticities of primaries and white."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = white
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])


def adapted(matrix, white=D65):
    """The same for the white of profiles, D50."""
    x, y = white
    source, target = BRADFORD @ [x / y, 1, (1 - x - y) / y], BRADFORD @ D50
    return np.linalg.inv(BRADFORD) @ np.diag(target / source) @ BRADFORD @ matrix


def linear(v):
    """Undo the curve of sRGB, which Display P3 has too."""
    v = np.asarray(v, float)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def curved(v):
    """The curve of sRGB."""
    v = np.clip(v, 0, 1)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


def lab_to_xyz(lab):
    """CIE L*a*b* to XYZ, both for D50."""
    level, a, b = lab
    y = (level + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    return D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))


def _fixed(*values):
    return b"".join(struct.pack(">i", round(65536 * value)) for value in values)


def _xyz(*values):
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))


SRGB_CURVE = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(colours, tags, kind=b"mntr", pcs=b"XYZ "):
    """The bytes of a profile."""
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78), b"wtpt": _xyz(*D50)} | tags
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    size = start + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, kind, colours, pcs)
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(*D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def display_p3():
    """A profile of Display P3."""
    columns = adapted(to_xyz(P3)).T
    tags = {name: _xyz(*column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), SRGB_CURVE))


def grey(gamma):
    """A profile of grey with a gamma."""
    return profile(b"GRAY", {b"kTRC": _curve(gamma)})


def inks(corners):
    """A profile of four inks: ``corners[c, m, y, k]`` is the L*a*b* of ink everywhere or nowhere."""
    ramp = bytes(range(256))
    table = bytearray()
    for index in np.ndindex(2, 2, 2, 2):
        level, a, b = corners[index]
        table += bytes([round(level * 2.55), round(a + 128), round(b + 128)])
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + 4 * ramp + bytes(table) + 3 * ramp
    return profile(b"CMYK", {b"A2B0": lut}, b"prtr", b"Lab ")


def with_profile(pixels, profile):
    """An image of Pillow's that carries a profile."""
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    image.info["icc_profile"] = profile
    return image


def srgb(image):
    """What the package makes of an image, as whole numbers."""
    return np.asarray(in_srgb("photo", image)).astype(int)


def p3_to_srgb(colours):
    """Colours of Display P3 in sRGB, all of 0 to 255, by the matrices of both."""
    matrix = np.linalg.solve(to_xyz(SRGB), to_xyz(P3))
    return 255 * curved(linear(colours / 255) @ matrix.T)
