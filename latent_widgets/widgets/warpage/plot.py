"""How warpage is drawn: the heatmap with its baselines, principal angles, and the map of latents. Knows no widget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latent_widgets.core.imports import import_whole
from latent_widgets.core.texts import tr
from latent_widgets.methods.warpage import Interval, WarpageMap
from latent_widgets.widgets.kit.plot import DIM, EDGE, INK, Spot, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "colour_range",
    "draw_angles",
    "draw_frame",
    "draw_map",
    "draw_values",
    "frame_pair",
    "spread_apart",
    "value_spots",
]

COLOURS = "cividis"  # perceptually uniform, and the same to colour-blind readers (Nunez, Anderton and Renslow 2018)
FIRST, SECOND = "#0072b2", "#d55e00"
MOST_LABELS = 40  # latents whose numbers fit beside the rows
MOST_VALUES = 64  # latents up to which every cell says its value under the pointer: 4096 places are half a megabyte


def colour_range(M: WarpageMap, stretch: bool = False) -> tuple[float, float]:
    """Return which distances the darkest and the brightest colour stand for.

    Args:
        M: The map.
        stretch: Whether from the smallest to the largest distance of a pair, rather than from zero to beyond chance.

    Returns:
        Low and high.
    """
    n = len(M)
    largest = float(M.distances.max())
    if not stretch or n < 2:
        return 0.0, 1.15 if largest <= 1.15 else 1.02 * largest
    pairs = M.distances[~np.eye(n, dtype=bool)]
    low, high = float(pairs.min()), float(pairs.max())
    return (low, high) if high > low + 1e-6 else (0.0, 1.15)


def _places(figure: Figure) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
    """Where the heatmap and the bar of colours lie."""
    width, height = figure.get_size_inches()
    side = 0.85  # of the height
    across = side * height / width
    return (0.075, 0.075, across, side), (0.075 + across + 0.065, 0.075, 0.03, side)


def draw_frame(figure: Figure, order: NDArray[np.intp], limits: tuple[float, float]) -> Axes:
    """Draw what stays while distances change: numbers of the latents, and the bar of colours.

    Args:
        figure: An empty figure.
        order: Of rows and columns.
        limits: Distances of the darkest and the brightest colour.

    Returns:
        The axes of the heatmap.
    """
    import_whole("matplotlib.cm")
    from matplotlib.cm import ScalarMappable

    heatmap, beside = _places(figure)
    axes, bar = figure.add_axes(heatmap), figure.add_axes(beside)
    figure.colorbar(ScalarMappable(norm=_norm(limits), cmap=COLOURS), cax=bar)
    for each in (axes, bar):
        dress(each)
        for spine in each.spines.values():
            spine.set_visible(False)
    n = len(order)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xticks=[])
    places = np.arange(0, n, 1 if n <= MOST_LABELS else int(np.ceil(n / 16)))
    axes.set_yticks(places, [str(order[i]) for i in places], fontsize=8 if n <= 24 else 6)
    axes.tick_params(length=2, pad=1.5)
    axes.set_xlabel(tr("latents, in the same order as the rows"))
    axes.set_ylabel(tr("latent"))
    bar.yaxis.set_ticks_position("left")
    bar.tick_params(labelsize=8, length=2, pad=1.5)
    bar.set_title(tr("distance / chance"), fontsize=8, color=INK, loc="left", pad=5)
    return axes


def draw_values(figure: Figure, M: WarpageMap, order: NDArray[np.intp], limits: tuple[float, float]) -> None:
    """Draw the distances, and mark the baselines on the bar of colours; goes upon :func:`draw_frame`.

    Args:
        figure: A figure of the same size, or the same one.
        M: The map.
        order: Of rows and columns.
        limits: Distances of the darkest and the brightest colour.
    """
    values = M.distances.double().cpu().numpy()[np.ix_(order, order)]
    heatmap, beside = _places(figure)
    axes, bar = figure.add_axes(heatmap), figure.add_axes(beside)
    axes.imshow(values, cmap=COLOURS, norm=_norm(limits), interpolation="none", aspect="auto")
    for each in (axes, bar):
        each.set_axis_off()
    bar.set(xlim=(0, 1), ylim=limits)
    _baselines(bar, M.baselines, limits)


def value_spots(figure: Figure, M: WarpageMap, order: NDArray[np.intp]) -> list[Spot]:
    """Say of every cell which latents it stands for and how far apart their bases are; draws nothing.

    Args:
        figure: A figure of the size of the heatmap's.
        M: The map.
        order: Of rows and columns.

    Returns:
        A spot for each cell, row by row; none for very many latents.
    """
    n = len(order)
    if n > MOST_VALUES or n != len(M):
        return []
    values = M.distances.double().cpu().numpy()[np.ix_(order, order)]
    (left, bottom, width, height), _ = _places(figure)
    x, y = left + width * np.arange(n + 1) / n, bottom + height * (1 - np.arange(n + 1) / n)
    return [
        Spot(
            (float(x[j]), float(y[i + 1]), float(x[j + 1]), float(y[i])),
            tr(
                "latents {first} and {second}: {value:.3f} of chance",
                first=order[i],
                second=order[j],
                value=values[i, j],
            ),
        )
        for i in range(n)
        for j in range(n)
    ]


def frame_pair(axes: Axes, row: int, column: int) -> None:
    """Frame the two cells of a pair, for a picture that stands alone."""
    for i, j in {(row, column), (column, row)}:
        x, y = np.array([-0.5, 0.5, 0.5, -0.5, -0.5]) + j, np.array([-0.5, -0.5, 0.5, 0.5, -0.5]) + i
        axes.plot(x, y, color="black", linewidth=3, zorder=9, clip_on=False)
        axes.plot(x, y, color="white", linewidth=1.2, zorder=9, clip_on=False)


def _norm(limits: tuple[float, float]) -> Any:
    import_whole("matplotlib.colors")
    from matplotlib.colors import Normalize

    return Normalize(*limits)


def spread_apart(heights: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move ascending heights apart by ``gap`` at least, within bounds, no more than needed.

    Args:
        heights: Ascending.
        gap: Between any two.
        low: The lowest.
        high: The highest.

    Returns:
        As many heights.

    Example:
        >>> spread_apart([0.0, 0.5, 0.5], 0.25, 0.0, 1.0)
        [0.0, 0.5, 0.75]
    """
    spread = [min(max(height, low), high) for height in heights]
    for i in range(1, len(spread)):
        spread[i] = max(spread[i], spread[i - 1] + gap)
    for i in reversed(range(len(spread))):
        spread[i] = min(spread[i], high - gap * (len(spread) - 1 - i))
    return spread


def _baselines(bar: Axes, baselines: Mapping[str, Interval], limits: tuple[float, float]) -> None:
    """Name the baselines beside the bar, none upon another."""
    names = {"haar": tr("chance (Haar)"), "random": tr("random pairs"), "close": tr("close pairs")}
    low, high = limits
    marks = sorted(baselines.items(), key=lambda item: item[1].mean)
    heights = spread_apart([one.mean for _, one in marks], 0.095 * (high - low), low, high)
    for (name, one), height in zip(marks, heights, strict=True):
        inside = min(max(one.mean, low), high)
        for colour, width in (("white", 2.6), ("black", 1.2)):
            bar.plot([0, 1], [inside, inside], color=colour, linewidth=width, clip_on=False)
        bar.plot([1, 1.6], [inside, height], color=DIM, linewidth=0.8, clip_on=False)
        half = one.mean - one.low  # of one pair nobody knows it
        spread = f" ± {half:.2f}" if name != "haar" and math.isfinite(half) else ""
        words = f"{names.get(name, name)}\n{one.mean:.2f}{spread}"
        bar.text(1.8, height, words, fontsize=8, color=INK, va="center", linespacing=1.05)


def draw_angles(figure: Figure, angles: Any, chance: Any, distance: float) -> list[Spot]:
    """Draw the principal angles of one pair beside those of random subspaces.

    Args:
        figure: An empty figure.
        angles: ``(k,)`` radians, ascending.
        chance: ``(samples, k)`` radians: those of random subspaces.
        distance: Of the pair, over that of chance.

    Returns:
        No spots.
    """
    found, random = np.degrees(np.asarray(angles)), np.degrees(np.asarray(chance))
    axes = figure.add_axes((0.12, 0.24, 0.86, 0.61))
    dress(axes, "y")
    index = np.arange(1, len(found) + 1)
    low, middle, high = np.quantile(random, [0.05, 0.5, 0.95], axis=0)
    spread: dict[str, Any] = {"yerr": [middle - low, high - middle], "ecolor": DIM, "elinewidth": 1.2, "capsize": 2}
    axes.bar(index, found, color=FIRST, width=0.62, label=tr("this pair, {value:.3f} of chance", value=distance))
    axes.errorbar(
        index, middle, linestyle="none", marker="_", color=DIM, markersize=9, label=tr("chance (Haar)"), **spread
    )
    axes.set(ylim=(0, 93), yticks=[0, 30, 60, 90], xlim=(0.4, len(found) + 0.6))
    step = max(1, len(found) // 10)
    axes.set_xticks(index[::step])
    axes.set_xlabel(tr("principal angle"), color=INK)
    axes.set_ylabel(tr("degrees"), color=INK)
    box: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": "none",
        "loc": "lower left",
        "bbox_to_anchor": (-0.01, 0.97),
    }
    axes.legend(fontsize=8, labelcolor=INK, ncols=2, borderpad=0.2, **box)
    return []


def draw_map(
    figure: Figure,
    positions: NDArray[np.float64],
    stress: float,
    pictures: Sequence[str],
    selected: tuple[int, int] | None,
    words: Sequence[str],
) -> tuple[Axes, list[Spot]]:
    """Draw latents as points of a plane whose distances come close to those of their bases.

    Args:
        figure: An empty figure.
        positions: ``(n, 2)``.
        stress: How far the distances are off.
        pictures: One a latent, as data URLs, to show at the points; empty for dots.
        selected: The pair to name.
        words: What each point says.

    Returns:
        The axes and a spot for each latent.
    """
    axes = figure.add_axes((0.1, 0.11, 0.88, 0.86))
    dress(axes)
    reach = 1.18 * max(float(np.abs(positions).max()) if len(positions) else 0.0, 1e-3)
    across = reach * axes.bbox.width / axes.bbox.height  # one unit is as long in both directions
    axes.set(xlim=(-across, across), ylim=(-reach, reach))
    for spine in axes.spines.values():
        spine.set(visible=True, color=EDGE)
    axes.tick_params(labelsize=8)
    axes.scatter(positions[:, 0], positions[:, 1], s=14, color=DIM, linewidths=0)
    if selected is not None and len(positions):
        for latent, colour, name in zip(selected, (FIRST, SECOND), "AB", strict=True):
            axes.scatter(positions[latent, 0], positions[latent, 1], s=40, color=colour, linewidths=0)
            axes.annotate(
                name, positions[latent], xytext=(0, 15), textcoords="offset points", ha="center", fontsize=10,
                color=colour, weight="bold",
            )  # fmt: skip
    axes.set_xlabel(tr("distance / Haar mean; stress of the map {stress:.2f}", stress=stress), color=INK)
    return axes, _map_spots(figure, axes, positions, pictures, words)


def _map_spots(
    figure: Figure, axes: Axes, positions: NDArray[np.float64], pictures: Sequence[str], words: Sequence[str]
) -> list[Spot]:
    width, height = figure.bbox.size
    half = 0.5 * np.sqrt(0.35 * axes.bbox.width * axes.bbox.height / max(len(positions), 9))  # a third is covered
    half = min(half, 0.06 * width)
    centres = axes.transData.transform(positions)
    boxes = [((x - half) / width, (y - half) / height, (x + half) / width, (y + half) / height) for x, y in centres]
    shown = list(pictures) or [""] * len(boxes)
    return [Spot(box, said, picture) for box, said, picture in zip(boxes, words, shown, strict=True)]
