"""How the density along a walk is drawn; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latent_widgets.core.texts import tr
from latent_widgets.widgets.explorer.walk.densities import Trace
from latent_widgets.widgets.kit.filmstrip import KIND_NAMES
from latent_widgets.widgets.kit.plot import EDGE, INK, LOOKS, Spot, dress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_traces"]

LEAST = 2.0  # units of log density that the axis spans: what is constant to rounding should look constant
STYLES = dict(zip(("linear", "density", "curve"), LOOKS, strict=False))


def draw_traces(
    figure: Figure, traces: Sequence[Trace], unit: str, places: Sequence[float] | None = None
) -> list[Spot]:
    """Draw the log density along walks.

    Args:
        figure: An empty figure.
        traces: One at least, all of one space.
        unit: What the positions are measured in.
        places: Where the pictures stand on the axis, if not at their positions.

    Returns:
        A spot for every code, which says its percentile.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, left=0.1, right=0.985, top=0.9, bottom=0.31)[0])
    dress(axes, "y")
    alone = len(traces) == 1
    for trace in traces:
        colour, marker = STYLES[trace.kind]
        where = _where(trace, alone, places)
        name = KIND_NAMES[trace.kind]
        axes.plot(where, trace.levels, color=colour, marker=marker, markersize=4, linewidth=1.2, label=name)
    low, high = min(float(t.levels.min()) for t in traces), max(float(t.levels.max()) for t in traces)
    room = max(LEAST - (high - low), 0.36 * (high - low)) / 2
    axes.set_ylim(low - room, high + room)
    axes.set_ylabel(tr("log density in {space}", space=traces[0].space))
    turns = alone and traces[0].degrees is not None and places is None
    axes.set_xlabel(tr("change of the picture") if places is not None else tr("degrees") if turns else unit)
    if not alone:
        legend = axes.legend(
            frameon=False, fontsize=8, ncols=len(traces), loc="lower center", bbox_to_anchor=(0.5, 0.93)
        )
        for text in legend.get_texts():
            text.set_color(INK)
    axes.axvline(0, color=EDGE, linewidth=0.8, zorder=0)
    return [spot for trace in traces for spot in _spots(figure, trace, _where(trace, alone, places), unit)]


def _where(trace: Trace, alone: bool, places: Sequence[float] | None) -> Sequence[float]:
    """Where on the axis the codes stand: in degrees only a walk that is alone, or else its axis would not be shared."""
    if places is not None:
        return places
    return trace.degrees if alone and trace.degrees is not None else trace.at


def _spots(figure: Figure, trace: Trace, where: Sequence[float], unit: str) -> list[Spot]:
    axes, (width, height) = figure.axes[0], figure.bbox.size
    found = []
    for i, (x, level) in enumerate(zip(where, trace.levels.tolist(), strict=True)):
        left, bottom = (float(v) for v in axes.transData.transform((x, level)) / (width, height))
        place = tr("{kind}, {alpha:.3g} {unit}", kind=KIND_NAMES[trace.kind], alpha=trace.at[i], unit=unit)
        if trace.degrees is not None:
            place = tr("{place} ({angle:.1f} degrees)", place=place, angle=trace.degrees[i])
        percent = float(trace.percentiles[i])
        likely = tr("log density {level:.2f}, {percent:.0f} % are less likely", level=level, percent=percent)
        words = f"{place}: {likely}"
        found.append(Spot((left - 0.01, bottom - 0.05, left + 0.01, bottom + 0.05), words))
    return found
