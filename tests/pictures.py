"""What tests of photos ask of pictures and files."""

import io

import torch
from PIL import Image


def corners(x):
    """Which of red, green and blue are bright in the four corners of (1, 3, H, W), row by row."""
    return [tuple(int(v > 0) for v in x[0, :, i, j]) for i in (1, -2) for j in (1, -2)]


def file_of(image, kind="PNG", **options):
    """The bytes of a file with a Pillow image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def lazily(image, part=1.0, kind="PNG"):
    """An image of Pillow's that is not decoded yet, of the first part of a file."""
    data = file_of(image, kind)
    return Image.open(io.BytesIO(data[: int(part * len(data))]))


def noise(n=2, side=(10, 14), seed=0):
    """Random pictures in [0, 1]."""
    return torch.rand(n, 3, *side, generator=torch.Generator().manual_seed(seed))
