"""How the course of a training is drawn; knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latent_widgets.core.texts import tr
from latent_widgets.widgets.kit.plot import DIM, EDGE, INK, LOOKS, PAPER, Spot, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latent_widgets.widgets.explorer.part.work import TrainingCourse

__all__ = ["draw_course"]

(SCORE, MARKER), (RANDOM, _) = LOOKS[:2]
ROOM: dict[str, float] = {"left": 0.15, "right": 0.97, "top": 0.95, "bottom": 0.19}


def draw_course(figure: Figure, course: TrainingCourse) -> list[Spot]:
    """Draw the score of a training against its steps, beside what chance and random directions score.

    Args:
        figure: An empty figure.
        course: How it has gone so far.
    """
    axes = figure.add_subplot(figure.add_gridspec(1, 1, **ROOM)[0])
    dress(axes, "y")
    low, mean, high = course.band
    axes.axhspan(low, high, color=RANDOM, alpha=0.22, linewidth=0)
    random = tr("random directions, {low:.2f} to {high:.2f}", low=low, high=high)
    chance = tr("chance: its area, {share:.1%}", share=course.chance)
    axes.axhline(mean, color=RANDOM, linewidth=1.2, linestyle=":", label=random)
    axes.axhline(course.chance, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label=chance)
    style: dict[str, Any] = {"color": SCORE, "marker": MARKER, "markersize": 3, "linewidth": 1.4}
    axes.plot(course.steps, course.scores, label=tr("score, best {best:.2f}", best=course.best), **style)
    axes.axvline(course.done, color=DIM, linewidth=0.7)
    top = max(high, *course.scores)
    axes.set_ylim(0, min(1.05, 1.45 * top + 0.02))  # room for the legend
    axes.set_xlim(-0.02 * course.total, 1.02 * course.total)
    axes.set_xlabel(tr("step"))
    axes.set_ylabel(tr("share inside the part"))
    options: dict[str, Any] = {"facecolor": PAPER, "edgecolor": EDGE, "framealpha": 0.8, "loc": "upper left"}
    axes.legend(fontsize=7.5, labelcolor=INK, **options)
    words = [(x, tr("step {step}: score {score:.3f}", step=x, score=y)) for x, y in _points(course)]
    return [_spot(axes, x, said, course.total) for x, said in words]


def _points(course: TrainingCourse) -> list[tuple[int, float]]:
    return list(zip(course.steps, course.scores, strict=True))


def _spot(axes: Axes, x: int, words: str, total: int) -> Spot:
    figure = axes.get_figure()
    width = figure.bbox.width if figure is not None else 1.0
    half = max(total / 100, 0.5)
    a, b = (float(axes.transData.transform((place, 0.0))[0]) / width for place in (x - half, x + half))
    place = axes.get_position()
    return Spot((a, place.y0, b, place.y1), words)
