"""Masks as programs write them, and whether they were read as painted."""

import numpy as np
import torch
from PIL import Image, ImageDraw

H, W = 9, 14
INSIDE = np.zeros((H, W), bool)
INSIDE[2:7, 3:11] = True


def two(low, high, dtype=np.uint8):
    """Outside and inside as two numbers."""
    return np.where(INSIDE, high, low).astype(dtype)


def hard(found):
    """Whether a mask is INSIDE and nothing else."""
    return found.dtype == torch.bool and np.array_equal(found.cpu().numpy(), INSIDE)


def soft(found, expected):
    """Whether weights are those expected, but for the rounding to eight bits."""
    return found.is_floating_point() and np.allclose(found.cpu().numpy(), expected, rtol=0, atol=0.5 / 255 + 1e-6)


def feathered(size=8):
    """A disc with a soft edge, drawn large and shrunk."""
    sheet = Image.new("L", (size * W, size * H))
    ImageDraw.Draw(sheet).ellipse((2 * size, size, 11 * size, 8 * size), fill=255)
    return np.asarray(sheet.resize((W, H), Image.Resampling.BOX))


def labels(*numbers):
    """Areas, each with a label."""
    return np.repeat(np.repeat([numbers, numbers[::-1]], 6, axis=1), 9, axis=0)


def palette(numbers, colours):
    """An image of Pillow's whose pixels are numbers of colours."""
    image = Image.fromarray(np.asarray(numbers, np.uint8))
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([level for colour in colours for level in colour])
    return image


def rgba(colour_in, colour_out, alpha_in=255, alpha_out=255):
    """Two colours, with how opaque they are."""
    pixels = np.empty((H, W, 4), np.uint8)
    pixels[INSIDE], pixels[~INSIDE] = (*colour_in, alpha_in), (*colour_out, alpha_out)
    return pixels


def grey_mask(inside, low, high):
    """An image of Pillow's of two greys."""
    return Image.fromarray(np.where(inside, high, low).astype(np.uint8))
