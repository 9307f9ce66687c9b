"""How a photo with its crop, and the loss of an inversion, are drawn; and an inversion in words. Knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from latent_widgets.core.texts import tr, trn
from latent_widgets.inversion.invert import Inversion
from latent_widgets.widgets.explorer.photo.crop import Crop
from latent_widgets.widgets.kit.plot import INK, LOOKS, Spot, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_crop", "draw_loss", "inversion_words"]

SHOWN = 320  # pixels of a photo's longer side in the drawing
ROOM: dict[str, float] = {"left": 0.2, "right": 0.97, "top": 0.96, "bottom": 0.2}


def draw_crop(figure: Figure, photo: Image.Image, crop: Crop) -> tuple[Axes, list[Spot]]:
    """Draw a photo, and the square of it that is taken.

    Args:
        figure: An empty figure.
        photo: The photo.
        crop: What is taken of it.

    Returns:
        The axes, in pixels of the photo, and no spot.
    """
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    width, height = photo.size
    small = photo.convert("RGBA")
    small.thumbnail((SHOWN, SHOWN))
    axes.imshow(np.asarray(small), extent=(0, width, height, 0), interpolation="none")
    x, y = zip(*crop.corners(width, height), strict=True)
    for line, colour in ((3.2, "#000000"), (1.6, "#ffffff")):  # seen on bright and dark photos alike
        axes.fill(x, y, fill=False, edgecolor=colour, linewidth=line, joinstyle="miter")
    axes.plot(x[:2], y[:2], color="#e69f00", linewidth=2.4)  # which side is up
    edge = 0.02 * max(width, height)
    axes.set_xlim(min(0, *x) - edge, max(width, *x) + edge)
    axes.set_ylim(max(height, *y) + edge, min(0, *y) - edge)
    axes.set_aspect("equal")
    axes.apply_aspect()
    return axes, []


def draw_loss(figure: Figure, losses: Sequence[float], steps: int) -> list[Spot]:
    """Draw the lowest loss after each step.

    Args:
        figure: An empty figure.
        losses: One a step so far.
        steps: How many there will be.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, **ROOM)[0])
    dress(axes, "y")
    index, values = np.arange(1, len(losses) + 1), np.maximum(np.asarray(losses, float), 1e-12)
    axes.plot(index, values, color=LOOKS[0][0], linewidth=1.6)
    style: dict[str, Any] = {"color": LOOKS[1][0], "marker": "o", "markersize": 4, "linestyle": "none"}
    axes.plot(index[-1:], values[-1:], **style)
    for i, side in ((0, "left"), (-1, "right")):
        axes.annotate(
            f"{values[i]:.2g}", (index[i], values[i]), xytext=(4 if i == 0 else -4, 5), textcoords="offset points",
            ha=side, fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xlim(0, steps + 1)
    axes.set_ylim(float(values.min()) / 2, 2 * float(values.max()))
    axes.set_xlabel(tr("step"))
    axes.set_ylabel(tr("lowest loss"))
    x, y = figure.transFigure.inverted().transform(axes.transData.transform((index[-1], values[-1])))
    said = tr("{loss:.3g} after {done} of {steps} steps", loss=values[-1], done=len(losses), steps=steps)
    return [Spot((x - 0.04, y - 0.06, x + 0.04, y + 0.06), said)]


def inversion_words(found: Inversion) -> str:
    """Say how well a code draws the photo, and how usual a latent it is."""
    share, steps = found.relative_error, len(found.losses)
    if found.stopped == "cancelled":
        words = [trn("stopped after {count} step", "stopped after {count} steps", steps)]
    else:
        words = [trn("done after {count} step", "done after {count} steps", steps)]
    words.append(tr("error {share:.2g} % of the variance of the generator's own pictures", share=100 * share))
    if share >= 0.5:
        words.append(tr("a poor fit: try more steps, another crop, or a picture more like those that it draws"))
    if found.percentile is None:
        words.append(tr("no density could be fitted to the latents"))
    elif found.percentile < 1:
        words.append(tr("fewer than 1 % of latents are less likely: an unusual code, which may edit oddly"))
    else:
        words.append(tr("{percent:.0f} % of latents are less likely", percent=found.percentile))
    if found.code.space == "w+":
        words.append(tr("its layers differ by {offset:.2g} sd", offset=found.offset))
    return " · ".join(words)
