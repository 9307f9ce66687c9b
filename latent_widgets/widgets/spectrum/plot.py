"""How a spectrum is drawn; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latent_widgets.core.texts import tr, trn
from latent_widgets.core.words import plot_text
from latent_widgets.widgets.kit.plot import DIM, EDGE, INK, LOOKS, PAPER, Spot, dress
from latent_widgets.widgets.spectrum.data import Band, Spectrum, decades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SpectrumView", "draw_spectrum", "shade"]

RULES = {"energy": tr("99 % of the energy"), "kritchman-nadler": "Kritchman-Nadler", "gap": tr("largest gap")}
THIN = 1e-4  # of the axis; what is shorter cannot be seen
MOST_LETTERS = 80  # of a label in the legend
MOST_SPOTS = 256  # more columns than this are too narrow to point at


@dataclass(frozen=True)
class SpectrumView:
    """How to draw.

    Attributes:
        log: Whether the axis of values is logarithmic.
        normalised: Whether each spectrum is divided by its first value.
        ranks: Whether to draw rank estimates.
        energy: Whether to draw the energy curve.
    """

    log: bool = True
    normalised: bool = False
    ranks: bool = True
    energy: bool = True


def draw_spectrum(
    figure: Figure, spectra: Sequence[Spectrum], view: SpectrumView, band: Band | None = None
) -> tuple[Axes, list[Spot]]:
    """Draw spectra; rank estimates, band and words are those of the first.

    Args:
        figure: An empty figure.
        spectra: One at least.
        view: How.
        band: What chance gives.

    Returns:
        The axes of the values, and a spot for every index.
    """
    first = spectra[0]
    count = max(len(spectrum.values) for spectrum in spectra)
    lines = view.ranks and bool(first.ranks)
    top = 0.86 if lines else 0.96
    grid = figure.add_gridspec(
        2 if view.energy else 1,
        1,
        height_ratios=[3, 1] if view.energy else [1],
        left=0.1,
        right=0.985,
        top=top,
        bottom=0.12,
        hspace=0.1,
    )
    axes = figure.add_subplot(grid[0])
    last = figure.add_subplot(grid[1], sharex=axes) if view.energy else axes
    dress(axes, "y")
    bottom, ceiling = decades(spectra, view.normalised)
    _band(axes, band, float(first.values[0]) if view.normalised else 1.0)
    for spectrum, (colour, marker) in zip(spectra, LOOKS, strict=False):
        scale = float(spectrum.values[0]) or 1.0
        values = spectrum.values.numpy() / (scale if view.normalised else 1.0)
        index = np.arange(1, len(values) + 1)
        shown = values > (bottom if view.log else -1)
        style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 3.4, "linewidth": 1.1}
        axes.plot(index[shown], values[shown], label=_legend(spectrum), **style)
        _whiskers(axes, spectrum, index, scale if view.normalised else 1.0, (bottom, ceiling), colour)
        if not shown.all():  # below the axis
            floor = np.full((~shown).sum(), bottom)
            axes.plot(index[~shown], floor, linestyle="none", marker=7, color=colour, markersize=5, clip_on=False)
        if view.energy:
            last.plot(index, spectrum.energy.numpy(), color=colour, linewidth=1.2)
    if view.log:
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_ylim(bottom, ceiling)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(0.2, count + 0.8)
    axes.set_ylabel(tr("singular value / first") if view.normalised else tr("singular value"))
    if view.energy:
        _dress_energy(axes, last)
    last.set_xlabel(tr("index"), color=INK)
    if lines:
        _rank_lines(axes, last, first.ranks, count)
    if len(spectra) > 1 or band is not None or first.vanishing:
        corner = "lower left" if view.log else "upper right"  # where a falling curve leaves room
        options: dict[str, Any] = {"facecolor": PAPER, "edgecolor": EDGE, "framealpha": 0.8, "loc": corner}
        axes.legend(fontsize=8, labelcolor=INK, **options)
    return axes, _spots(axes, last, first) if len(first.values) <= MOST_SPOTS else []


def _legend(spectrum: Spectrum) -> str:
    label, zeros = plot_text(spectrum.label, MOST_LETTERS), spectrum.vanishing
    if not zeros:
        return label
    return trn("{label} ({count} zero up to rounding)", "{label} ({count} zero up to rounding)", zeros, label=label)


def _whiskers(
    axes: Axes, spectrum: Spectrum, index: np.ndarray, scale: float, ends: tuple[float, float], colour: str
) -> None:
    """Lines between what the values lie; to the upper end of the axis where nothing is known."""
    known = spectrum.whiskers
    if known is None:
        return
    low, high = ((end.numpy() / scale).clip(*ends) for end in known)
    wide = high - low > THIN * (ends[1] - ends[0])
    axes.vlines(index[wide], low[wide], high[wide], colors=colour, linewidth=2.2, alpha=0.6, gid="whiskers")


def shade(axes: Axes, index: int) -> None:
    """Mark a direction, by its number from 0, for a picture that stands alone."""
    axes.axvspan(index + 0.5, index + 1.5, color="#e69f00", alpha=0.3, linewidth=0)


def _band(axes: Axes, band: Band | None, scale: float) -> None:
    if band is None:
        return
    index = np.arange(1, len(band.middle) + 1)
    low, middle, high = (part.numpy() / scale for part in (band.low, band.middle, band.high))
    axes.fill_between(index, low, high, color=DIM, alpha=0.25, linewidth=0)
    axes.plot(index, middle, color=DIM, linewidth=1.1, linestyle=(0, (4, 2)), label=plot_text(band.label, MOST_LETTERS))


def _dress_energy(axes: Axes, last: Axes) -> None:
    dress(last, "y")
    axes.tick_params(labelbottom=False)
    last.axhline(0.99, color=DIM, linewidth=0.8, linestyle=":")
    last.set_ylim(0, 1.06)
    last.set_yticks([0, 0.5, 1])
    last.set_ylabel(tr("energy"))


def _rank_lines(axes: Axes, last: Axes, ranks: dict[str, int], count: int) -> None:
    """Vertical lines after the last singular value that counts, named above the axes one below the other."""
    styles = {"energy": "-", "kritchman-nadler": "--", "gap": "-."}
    for row, (rule, rank) in enumerate(sorted(ranks.items(), key=lambda item: item[1])):
        x = rank + 0.5
        for each in {axes, last}:
            each.axvline(x, color=INK, linewidth=0.9, linestyle=styles[rule])
        right = x > 0.6 * count
        name = f"{RULES[rule]}: {rank}"
        axes.annotate(
            name, (x, 1.0), xycoords=("data", "axes fraction"), xytext=(-3 if right else 3, 3 + 11 * row),
            textcoords="offset points", ha="right" if right else "left", fontsize=8, color=INK,
        )  # fmt: skip
        axes.annotate(
            "", (x, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 12 + 11 * row), textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.9, "linestyle": styles[rule], "shrinkA": 0,
                        "shrinkB": 0},
        )  # fmt: skip


def _spots(axes: Axes, last: Axes, spectrum: Spectrum) -> list[Spot]:
    figure = axes.get_figure()
    width = figure.bbox.width if figure is not None else 1.0
    top, bottom = axes.get_position().y1, last.get_position().y0
    edges = np.arange(len(spectrum.values) + 1) + 0.5
    xs = axes.transData.transform(np.column_stack([edges, np.ones_like(edges)]))[:, 0] / width
    energy = spectrum.energy
    return [
        Spot(
            (float(xs[i]), bottom, float(xs[i + 1]), top),
            tr(
                "{index}: {value:.4g}, {share:.1f} % of the energy up to here",
                index=i + 1,
                value=value,
                share=100 * share,
            ),
        )
        for i, (value, share) in enumerate(zip(spectrum.values.tolist(), energy.tolist(), strict=True))
    ]
