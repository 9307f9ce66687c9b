"""A plot on the page: a drawing that follows the theme, words that appear under the pointer, and clicks.

The drawing is matplotlib's, as SVG inside the page: sharp on every screen, and its inks are the panel's, which follow
light and dark without being drawn again. Hovering is the browser's affair and costs the kernel nothing.

Clicks come from a transparent ipycanvas canvas on top. Such a canvas sends the kernel a message for every move of the
mouse above it, and keeps the keyboard focus once it has it; so it is hidden until the mouse button goes down, and gets
no more than the button's release. It is never drawn on: what makes ipycanvas' drawing fail cannot happen here. Where
ipycanvas is not available the plot is the same without clicks.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from latent_widgets.core.figures import new_figure
from latent_widgets.core.images import open_picture
from latent_widgets.core.imports import import_whole
from latent_widgets.core.words import page_text
from latent_widgets.widgets.kit.canvases import open_canvases

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DIM", "EDGE", "INK", "LOOKS", "PAPER", "Plot", "Spot", "dress", "rasterise"]

# Inks that stand for the theme's: readable as they are on white paper, exchanged in what the page shows.
INK, DIM, EDGE, PAPER = "#212122", "#5f5f60", "#bdbdbe", "#fefefe"
THEMED = {INK: "var(--lw-ink)", DIM: "var(--lw-dim)", EDGE: "var(--lw-edge)", PAPER: "var(--lw-paper)"}
# Okabe and Ito's colours, those first that stand out on white and on black; a marker tells them apart too.
LOOKS = [
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#e69f00", "v"),
    ("#56b4e9", "P"),
]
POINT = 96 / 72  # CSS pixels
STALE = "lw-stale"  # a style

Box = tuple[float, float, float, float]  # left, bottom, right, top, as shares of the figure


@dataclass(frozen=True)
class Spot:
    """A place of a plot that says something under the pointer.

    Attributes:
        box: Where.
        words: What.
        picture: A JPEG or PNG to show there, which grows under the pointer; none if not given.
    """

    box: Box
    words: str
    picture: str = ""


class Plot(ipywidgets.Box):
    """A drawing of matplotlib's that fills the width it is given.

    Args:
        width: CSS pixels at most.
        height: CSS pixels at that width.
        words: What the plot is, for those who do not see it.
        clicked: Called as ``clicked(x, y)`` with shares of the figure, from its lower left corner.
        layers: Drawings one upon the other: what changes often lies on what does not.

    Example:
        >>> plot = Plot(200, 100, "a line")
        >>> plot.show(lambda figure: figure.subplots().plot([0, 1]) and [])
        >>> "viewBox" in plot.svg
        True
        >>> plot.close()
    """

    def __init__(
        self,
        width: int,
        height: int,
        words: str,
        clicked: Callable[[float, float], object] | None = None,
        layers: int = 1,
    ) -> None:
        self.size = (width / 96, height / 96)
        self.words = words
        self._figures = [self.blank() for _ in range(layers)]
        self._drawing = threading.RLock()  # a figure is no place for two threads
        self._shown = [ipywidgets.HTML() for _ in range(layers)]
        self._marks = ipywidgets.HTML()
        for upper in self._shown[1:]:
            upper.add_class("lw-layer")
        self._marks.add_class("lw-marks")
        overlay = None if clicked is None else _overlay(width, height, clicked)
        super().__init__([*self._shown, self._marks] + ([] if overlay is None else [overlay]))
        self.layout.max_width = f"{width}px"
        self.add_class("lw-plot")

    def blank(self) -> Figure:
        """Return an empty figure of the plot's size, for a drawing that stands alone."""
        figure = new_figure(*self.size)
        figure.set_layout_engine("none")  # every drawing sets its margins, which takes half the time
        return figure

    @property
    def svg(self) -> str:
        """What the page shows."""
        return "".join(self.drawings)

    @property
    def drawings(self) -> tuple[str, ...]:
        """What each layer shows, the lowest first."""
        return tuple(str(layer.value) for layer in self._shown)

    @property
    def stale(self) -> bool:
        """Whether the drawing is pale."""
        return all(STALE in layer._dom_classes for layer in self._shown)

    def show(self, draw: Callable[[Figure], Sequence[Spot]], layer: int = 0) -> None:
        """Draw anew. What cannot be drawn raises and leaves the last drawing.

        Args:
            draw: Called with the empty figure; returns the places that say something. It reads what it draws, so that
                of two threads the last draws the newest.
            layer: Which drawing; those with larger numbers lie on top.
        """
        with self._drawing:
            figure = self._figures[layer]
            figure.clear()
            spots = draw(figure)
            self._shown[layer].value = _to_svg(figure, "" if layer else self.words, spots)

    def mark(self, *boxes: Box) -> None:
        """Frame places of the drawing, without drawing it again.

        Args:
            *boxes: The places; nothing is framed elsewhere.
        """
        self._marks.value = "".join(
            f'<span style="left:{100 * left:.3f}%;bottom:{100 * bottom:.3f}%;'
            f'width:{100 * (right - left):.3f}%;height:{100 * (top - bottom):.3f}%"></span>'
            for left, bottom, right, top in boxes
        )

    def box(self, axes: Axes, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Return where a rectangle in the units of the data lies in the figure."""
        with self._drawing:
            (left, bottom), (right, top) = _shares(axes, [(x0, y0), (x1, y1)])
        return min(left, right), min(bottom, top), max(left, right), max(bottom, top)

    def at(self, axes: Axes, x: float, y: float) -> tuple[float, float] | None:
        """Return the data coordinates of a place in the figure; None outside the axes."""
        with self._drawing:
            width, height = self._figures[0].bbox.size
            point = (x * width, y * height)
            if not axes.bbox.contains(*point):
                return None
            found = axes.transData.inverted().transform(point)
        return float(found[0]), float(found[1])

    def grey(self, stale: bool) -> None:
        """Show the drawing pale, as that of something older, or not."""
        for layer in self._shown:
            (layer.add_class if stale else layer.remove_class)(STALE)


def _shares(axes: Axes, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    figure = axes.get_figure()
    assert figure is not None
    width, height = figure.bbox.size
    return [(float(x / width), float(y / height)) for x, y in axes.transData.transform(points)]


def dress(axes: Axes, grid: str = "") -> None:
    """Give axes the theme's inks.

    Args:
        axes: The axes.
        grid: ``"x"``, ``"y"`` or ``"both"`` for thin lines at the ticks.
    """
    axes.set_facecolor("none")
    axes.tick_params(which="both", colors=DIM, labelcolor=INK, labelsize=9, width=0.7)
    for name, spine in axes.spines.items():
        spine.set(color=EDGE, linewidth=0.8, visible=name in ("left", "bottom"))
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set(color=INK, fontsize=9)
    if grid:
        axes.grid(axis=grid, color=EDGE, linewidth=0.5, alpha=0.6)  # type: ignore[arg-type]
        axes.set_axisbelow(True)


def rasterise(figure: Figure, dpi: int = 150) -> Image.Image:
    """Draw a figure as pixels on white paper, for where no widget can be shown.

    Args:
        figure: The figure.
        dpi: Pixels an inch.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, facecolor="white")
    return open_picture("figure", file.getvalue()).convert("RGB")


def _to_svg(figure: Figure, words: str, spots: Sequence[Spot]) -> str:
    file = io.StringIO()
    nothing: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(file, format="svg", dpi=144, transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for ink, theme in THEMED.items():
        text = text.replace(ink, theme)
    width, height = (72 * float(inches) for inches in figure.get_size_inches())
    about = f'role="img" aria-label="{page_text(words)}"' if words else 'aria-hidden="true"'
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f'<svg {names} class="lw-svg" {about} viewBox="0 0 {width:g} {height:g}">'
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index(">") + 1 : text.rindex("</svg>")], flags=re.DOTALL)
    return f"{head}{body}{''.join(_spot(spot, width, height) for spot in spots)}</svg>"


def _spot(spot: Spot, width: float, height: float) -> str:
    left, bottom, right, top = spot.box
    place = (
        f'x="{left * width:.2f}" y="{(1 - top) * height:.2f}" '
        f'width="{(right - left) * width:.2f}" height="{(top - bottom) * height:.2f}"'
    )
    words = f"<title>{page_text(spot.words)}</title>"
    if spot.picture:
        return f'<g class="lw-spot"><image {place} href="{spot.picture}"/>{words}</g>'
    return f'<rect class="lw-spot" {place} fill-opacity="0">{words}</rect>'  # short: a plot may have thousands


def _overlay(width: int, height: int, clicked: Callable[[float, float], object]) -> ipywidgets.Widget | None:
    try:
        import_whole("ipycanvas")
        import ipycanvas
    except ImportError:
        return None
    open_canvases()
    canvas = ipycanvas.Canvas(width=width, height=height)
    canvas.on_mouse_up(lambda x, y: clicked(x / width, 1 - y / height))
    canvas.add_class("lw-overlay")
    return canvas
