"""The controls of the warpage panel and where they stand; what they do is the panel's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.widgets.kit.chart import Chart
from latent_widgets.widgets.kit.controls import Guard, button, mute, row, tick
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.warpage.heatmap import Heatmap

__all__ = ["PAGES", "WarpageActs", "WarpageControls"]

PAGES = {"pair": tr("pair"), "map": tr("map")}  # and their titles
METRIC_OPTIONS = ((tr("geodesic"), "geodesic"), (tr("projection"), "projection"))
ORDER_OPTIONS = ((tr("seriation"), "seriation"), (tr("sample"), "sample"))


class WarpageActs(NamedTuple):
    """What the controls call."""

    measure: Callable[[int, int], object]
    dimension: Callable[[int], object]
    metric: Callable[[str], object]
    sort: Callable[[], object]
    refresh: Callable[[], object]
    select: Callable[[int, int], object]
    pick_cell: Callable[[float, float], object]
    pick_point: Callable[[float, float], object]
    strips: Callable[[], object]
    page: Callable[[], object]


class WarpageControls:
    """Every control of a warpage panel.

    Args:
        acts: What the controls call.
        guard: Wraps handlers.
        measures: Whether there are latents to draw, rather than a result that was given.
        pictures: Whether there is a generator to draw pictures with.
        width: Of the heatmap, in CSS pixels.
    """

    def __init__(self, acts: WarpageActs, guard: Guard, *, measures: bool, pictures: bool, width: int) -> None:
        self.silence, self._guard = Silence(), guard
        self.heatmap = Heatmap(width, guard(acts.pick_cell))
        self.k = ipywidgets.IntSlider(
            1,
            min=1,
            max=1,
            description=tr("directions"),
            tooltip=tr("How many local directions of each latent are compared"),
            readout=False,
        )
        self.k_box = ipywidgets.BoundedIntText(1, min=1, max=1, tooltip=tr("How many directions, as a number"))
        mute(self.k_box, tr("directions, number"))
        self.metric = ipywidgets.ToggleButtons(
            options=list(METRIC_OPTIONS),
            tooltips=[
                tr("Root of the sum of squared principal angles"),
                tr("Sine of the largest principal angle"),
            ],
        )
        self.order = ipywidgets.ToggleButtons(
            options=list(ORDER_OPTIONS), tooltips=[tr("Like next to like"), tr("As they were drawn")]
        )
        self.sort = button(
            tr("sort again"), tr("Order the rows anew by the distances as they are now"),
            guard(lambda _: acts.sort()), "sort",
        )  # fmt: skip
        self.stretch = tick(
            tr("stretch colours"), tr("Spread the colours over the distances of the pairs, rather than from zero")
        )
        self.n = ipywidgets.BoundedIntText(
            32, min=2, max=4096, description=tr("latents"), tooltip=tr("How many latents to draw")
        )
        self.seed = ipywidgets.BoundedIntText(
            0, min=0, max=2**31 - 1, description=tr("seed"), tooltip=tr("Seed of the latents")
        )
        self.measure = button(
            tr("measure"), tr("Find the local bases of these latents"),
            guard(lambda _: acts.measure(self.n.value, self.seed.value)), "play",
        )  # fmt: skip
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        self.first = ipywidgets.BoundedIntText(
            0, min=0, max=0, description=tr("latent {name}", name="A"), tooltip=tr("The first latent of the pair")
        )
        self.second = ipywidgets.BoundedIntText(
            0, min=0, max=0, description=tr("latent {name}", name="B"), tooltip=tr("The second latent of the pair")
        )
        self.swap = button(
            tr("swap"),
            tr("Exchange A and B"),
            guard(lambda _: acts.select(self.second.value, self.first.value)),
            "exchange",
        )
        self.pictures = (
            Picture(width=150, caption="A", alt=tr("Latent {name}", name="A")),
            Picture(width=150, caption="B", alt=tr("Latent {name}", name="B")),
        )
        self.angles = Plot(430, 190, tr("Principal angles between the two local bases"))
        self.direction = ipywidgets.IntSlider(
            1,
            min=1,
            max=1,
            description=tr("direction"),
            tooltip=tr("Which local direction of A the strips follow"),
            readout=False,
        )
        self.direction_box = ipywidgets.BoundedIntText(1, min=1, max=1, tooltip=tr("Which direction, as a number"))
        mute(self.direction_box, tr("direction, number"))
        self.strips = tuple(Filmstrip(430) for _ in range(3))
        if not pictures:
            self.pictures[0].caption = tr("give generator=G to see pictures and walks")
            self.pictures[1].caption = ""
        words = tr("Map of the latents: close points have similar local bases")
        self.map = Chart(470, 430, words, guard(acts.pick_point))
        for control in (self.k_box, self.direction_box, self.n, self.seed, self.first, self.second):
            control.add_class("lw-short")
        for control in (self.metric, self.order):
            control.add_class("lw-toggles")
        for control in (self.k, self.direction):
            control.add_class("lw-wide")
        self.k.layout.flex = self.direction.layout.flex = "1 1 140px"
        self._listen(acts)
        pair = ipywidgets.VBox(
            [
                row(self.first, self.second, self.swap),
                row(*self.pictures),
                self.angles,
                row(self.direction, self.direction_box),
                *self.strips,
            ]
        )
        self.pages = ipywidgets.Tab([pair, ipywidgets.VBox([self.map])], titles=list(PAGES.values()))
        self.pages.add_class("lw-pages")
        self.pages.observe(guard(lambda _: acts.page()), "selected_index")
        left = ipywidgets.VBox(
            [
                *([row(self.n, self.seed, self.measure)] if measures else []),
                row(self.k, self.k_box, self.stretch),
                row(self.metric, self.order, self.sort),
                self.heatmap,
                self.words,
            ]
        )
        left.add_class("lw-left")
        left.layout.width = f"{width}px"
        right = ipywidgets.VBox([self.pages])
        right.add_class("lw-right")
        right.layout.flex = "1 1 330px"
        columns = ipywidgets.HBox([left, right])
        columns.add_class("lw-columns")
        self.body = [columns]
        self._spare = [] if measures else [self.n, self.seed, self.measure]

    def _listen(self, acts: WarpageActs) -> None:
        self._on(self.k, lambda change: acts.dimension(change["new"]))
        self._on(self.k_box, lambda change: acts.dimension(change["new"]))
        self._on(self.metric, lambda change: acts.metric(change["new"]))
        self._on(self.order, lambda _: acts.sort())
        self._on(self.stretch, lambda _: acts.refresh())
        self._on(self.first, lambda change: acts.select(change["new"], self.second.value))
        self._on(self.second, lambda change: acts.select(self.first.value, change["new"]))
        self._on(self.direction, lambda change: self._choose(change["new"], acts))
        self._on(self.direction_box, lambda change: self.direction.set_trait("value", change["new"]))

    def _choose(self, direction: int, acts: WarpageActs) -> None:
        self.direction_box.value = direction
        acts.strips()

    def _on(self, control: ipywidgets.Widget, handler: Callable[[Any], object]) -> None:
        control.observe(partial(self._changed, self._guard(handler)), "value")

    @heard
    def _changed(self, handler: Callable[[Any], object], change: Any) -> None:
        handler(change)

    @property
    def spare(self) -> list[ipywidgets.Widget]:
        """Controls that this panel does not show."""
        return self._spare

    @property
    def page(self) -> str:
        """The page that is open."""
        return list(PAGES)[self.pages.selected_index or 0]

    def show(self, *, k: int, most: int, metric: str, latents: int, selected: tuple[int, int] | None) -> None:
        """Bring the controls to a state without calling anything.

        Args:
            k: Dimension of the subspaces.
            most: The largest possible.
            metric: Of the distances.
            latents: How many there are.
            selected: The pair.
        """
        with self.silence:
            for control in (self.k, self.k_box):
                control.max = max(most, 1)
                control.value = k
            for control in (self.direction, self.direction_box):
                control.max = max(k, 1)
            self.metric.value = metric
            for box in (self.first, self.second):
                box.max = max(latents - 1, 0)
            if selected is not None:
                self.first.value, self.second.value = selected
