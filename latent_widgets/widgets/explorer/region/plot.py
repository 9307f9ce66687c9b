"""How the spectrum of a region and the reach of its directions are drawn; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latent_widgets.core.texts import tr
from latent_widgets.geometry.regions.solvers import RegionSpectrum
from latent_widgets.widgets.kit.plot import DIM, EDGE, INK, LOOKS, PAPER, Spot, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latent_widgets.widgets.explorer.region.work import EffectMap

__all__ = ["draw_effect", "draw_locality", "draw_region_spectrum"]

(INSIDE, _), (OUTSIDE, _) = LOOKS[:2]
REST = "#56b4e9"  # bars of directions that are not the active one
DECADES = 4  # of values that are shown at most
ROOM: dict[str, float] = {"left": 0.17, "right": 0.97, "top": 0.9, "bottom": 0.19}


def draw_region_spectrum(figure: Figure, spectrum: RegionSpectrum) -> list[Spot]:
    """Draw how strongly a region answers along its principal directions, and what else moves then.

    Args:
        figure: An empty figure.
        spectrum: Of the region.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, **ROOM)[0])
    dress(axes, "y")
    inside, outside = spectrum.singular_values.numpy(), spectrum.outside.numpy()
    index, top = np.arange(1, len(inside) + 1), max(float(inside.max()), float(outside.max()))
    floor = top * 10.0**-DECADES
    for values, (colour, marker), label in zip((inside, outside), LOOKS, (tr("inside"), tr("outside")), strict=False):
        axes.plot(
            index, np.maximum(values, floor), color=colour, marker=marker, markersize=2.6, linewidth=1.0, label=label
        )
    random = tr("a random step, inside")
    axes.axhline(spectrum.chance, color=DIM, linewidth=1.0, linestyle=(0, (4, 2)), label=random)
    axes.axvline(spectrum.rank + 0.5, color=INK, linewidth=0.9)
    right = spectrum.rank > 0.6 * len(inside)
    axes.annotate(
        tr("rank {rank} (95 % of the energy)", rank=spectrum.rank), (spectrum.rank + 0.5, 1.0),
        xycoords=("data", "axes fraction"), xytext=(-3 if right else 3, 3), textcoords="offset points",
        ha="right" if right else "left", fontsize=8, color=INK,
    )  # fmt: skip
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_ylim(max(floor, min(float(inside[inside > floor].min()), spectrum.chance) / 2), 1.8 * top)
    axes.set_xlim(0.2, len(inside) + 0.8)
    axes.set_xlabel(tr("principal direction of the region"))
    axes.set_ylabel(tr("rms per unit step"))
    _legend(axes, "lower left")
    rows = zip(index, inside, outside, strict=True)
    return _columns(axes, [tr("{i}: {a:.3g} inside, {b:.3g} outside", i=i, a=a, b=b) for i, a, b in rows])


def draw_locality(
    figure: Figure, shares: Sequence[float], active: int, area: float, chance: float, true: float | None = None
) -> tuple[Axes, list[Spot]]:
    """Draw which share of its change each direction keeps inside, beside what chance gives.

    Args:
        figure: An empty figure.
        shares: Predicted, of each direction.
        active: Which is the active one; -1 for none.
        area: Share of the picture that the region covers.
        chance: The share of a random direction.
        true: Measured, of the active direction.

    Returns:
        The axes, and a spot for every direction.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, **ROOM | {"left": 0.22})[0])
    dress(axes, "y")
    index = np.arange(1, len(shares) + 1)
    axes.bar(index, shares, width=0.66, color=[INSIDE if i == active else REST for i in range(len(shares))])
    whole, random = tr("its area, {share:.1%}", share=area), tr("random direction, {share:.1%}", share=chance)
    axes.axhline(area, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label=whole)
    axes.axhline(chance, color=DIM, linewidth=1.2, linestyle=":", label=random)
    if true is not None and active >= 0:
        style: dict[str, Any] = {"color": OUTSIDE, "marker": "D", "markersize": 6, "linestyle": "none"}
        axes.plot([active + 1], [true], label=tr("true, {share:.1%}", share=true), markeredgecolor=PAPER, **style)
    axes.set_ylim(0, 1.3)  # room for the legend
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(0.3, len(shares) + 0.7)
    axes.set_xticks(index if len(index) <= 12 else index[::2])
    axes.set_xlabel(tr("slider of the region"))
    axes.set_ylabel(tr("share inside"))
    _legend(axes, "upper right")
    rows = zip(index, shares, strict=True)
    return axes, _columns(axes, [tr("{i}: {share:.1%} inside, predicted", i=i, share=share) for i, share in rows])


def draw_effect(figure: Figure, predicted: EffectMap, true: EffectMap | None, step: str) -> list[Spot]:
    """Draw how much a step changes inside and outside, as predicted and as measured.

    Args:
        figure: An empty figure.
        predicted: To first order.
        true: Measured; None while it is not.
        step: The step in words.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, **ROOM | {"left": 0.22})[0])
    dress(axes, "y")
    both = [(tr("predicted"), predicted, -0.19, REST)]
    both += [] if true is None else [(tr("true"), true, 0.19, OUTSIDE)]
    places = (tr("inside"), tr("outside"))
    top = max(max(e.inside, e.outside) for _, e, _, _ in both) or 1.0
    spots = []
    for name, effect, shift, colour in both:
        for x, (place, value) in enumerate(zip(places, (effect.inside, effect.outside), strict=True)):
            axes.bar(x + shift, value, width=0.36, color=colour, label=name if x == 0 else None)
            axes.annotate(
                f"{value:.2g}", (x + shift, value), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8,
                color=INK,
            )  # fmt: skip
            spots.append((x + shift, tr("{place}, {map}: {value:.3g} rms", place=place, map=name, value=value)))
    axes.set_xticks([0, 1], places)
    axes.set_xlim(-0.6, 1.6)
    axes.set_ylim(0, 1.18 * top)
    axes.set_xlabel(step)
    axes.set_ylabel(tr("rms change"))
    _legend(axes, "upper right")
    axes.tick_params(axis="x", length=0)
    axes.spines["bottom"].set_color(EDGE)
    return [_spot(axes, x - 0.18, x + 0.18, words) for x, words in spots]


def _legend(axes: Axes, corner: str) -> None:
    options: dict[str, Any] = {"facecolor": PAPER, "edgecolor": EDGE, "framealpha": 0.8, "loc": corner}
    axes.legend(fontsize=7.5, labelcolor=INK, **options)


def _columns(axes: Axes, words: Sequence[str]) -> list[Spot]:
    return [_spot(axes, i + 0.5, i + 1.5, text) for i, text in enumerate(words)]


def _spot(axes: Axes, left: float, right: float, words: str) -> Spot:
    figure = axes.get_figure()
    width = figure.bbox.width if figure is not None else 1.0
    middle = sum(axes.get_ylim()) / 2
    a, b = (float(axes.transData.transform((x, middle))[0]) / width for x in (left, right))
    place = axes.get_position()
    return Spot((a, place.y0, b, place.y1), words)
