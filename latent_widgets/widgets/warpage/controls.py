"""The controls of the warpage panel and where they stand; what they do is the panel's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from latent_widgets.geometry.subspaces.grassmann import METRICS
from latent_widgets.widgets.kit.controls import row
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.plot import Plot

if TYPE_CHECKING:
    from latent_widgets.widgets.warpage.warpage import WarpageHeatmap

__all__ = ["PAGES", "WarpageControls"]

PAGES = ("pair", "map")


class WarpageControls:
    """Every control of a warpage panel.

    Args:
        panel: What the controls call.
        can_measure: Whether there is a generator to measure on.
        width: Of the heatmap, in CSS pixels.
    """

    def __init__(self, panel: WarpageHeatmap, can_measure: bool, width: int) -> None:
        guard = panel.guard
        self._quiet = False
        height = round(width / 1.36)
        self.heatmap = Plot(width, height, "Distances between the local bases of all pairs", guard(panel.pick_cell), 3)
        self.heatmap.add_class("lw-framed")
        self.k = ipywidgets.IntSlider(
            1, min=1, max=1, description="k", tooltip="Dimension of the subspaces that are compared", readout=False
        )
        self.k_box = ipywidgets.BoundedIntText(1, min=1, max=1, tooltip="Dimension of the subspaces, as a number")
        self.metric = ipywidgets.ToggleButtons(
            options=list(METRICS),
            tooltips=["Root of the sum of squared principal angles", "Sine of the largest principal angle"],
        )
        self.order = ipywidgets.ToggleButtons(
            options=["seriation", "sample"], tooltips=["Like next to like", "As they were drawn"]
        )
        self.sort = ipywidgets.Button(
            description="sort again", tooltip="Order the rows anew by the distances as they are now", icon="sort"
        )
        self.stretch = ipywidgets.Checkbox(
            False, description="stretch colours", indent=False,
            tooltip="Spread the colours over the distances of the pairs, rather than from zero",
        )  # fmt: skip
        self.n = ipywidgets.BoundedIntText(
            32, min=2, max=4096, description="latents", tooltip="How many latents to draw"
        )
        self.seed = ipywidgets.BoundedIntText(0, min=0, max=2**31 - 1, description="seed", tooltip="Of the latents")
        self.measure = ipywidgets.Button(
            description="measure", tooltip="Find the local bases of these latents", icon="play"
        )
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        self.first = ipywidgets.BoundedIntText(0, min=0, max=0, description="A", tooltip="The first latent of the pair")
        self.second = ipywidgets.BoundedIntText(
            0, min=0, max=0, description="B", tooltip="The second latent of the pair"
        )
        self.swap = ipywidgets.Button(description="swap", tooltip="Exchange A and B", icon="exchange")
        self.pictures = (Picture(width=150, caption="A"), Picture(width=150, caption="B"))
        self.angles = Plot(430, 190, "Principal angles between the two local bases")
        self.direction = ipywidgets.IntSlider(
            1, min=1, max=1, description="direction", tooltip="Which local direction of A the strips follow"
        )
        self.strips = tuple(Filmstrip(430) for _ in range(3))
        if panel.generator is None:
            self.pictures[0].caption, self.pictures[1].caption = "give generator=G to see pictures and walks", ""
        self.map = Plot(470, 430, "Map of the latents: close points have similar local bases", guard(panel.pick_point))
        self.stretch.add_class("lw-tick")
        for control in (self.k_box, self.n, self.seed, self.first, self.second):
            control.add_class("lw-short")
        for control in (self.metric, self.order):
            control.add_class("lw-toggles")
        for control in (self.k, self.direction):
            control.add_class("lw-wide")
        self.k.layout.flex = "1 1 140px"
        self._listen(panel)
        pair = ipywidgets.VBox(
            [
                row(self.first, self.second, self.swap),
                row(*self.pictures),
                self.angles,
                row(self.direction),
                *self.strips,
            ]
        )
        self.pages = ipywidgets.Tab([pair, ipywidgets.VBox([self.map])], titles=list(PAGES))
        self.pages.add_class("lw-pages")
        self.pages.observe(guard(lambda _: panel.show_page()), "selected_index")
        left = ipywidgets.VBox(
            [
                *([row(self.n, self.seed, self.measure)] if can_measure else []),
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
        self._spare = [] if can_measure else [self.n, self.seed, self.measure]

    def _listen(self, panel: WarpageHeatmap) -> None:
        guard = panel.guard

        def on(widget: ipywidgets.Widget, handler: Any) -> None:
            guarded = guard(handler)
            widget.observe(lambda change: None if self._quiet else guarded(change), "value")

        on(self.k, lambda change: setattr(panel, "k", change["new"]))
        on(self.k_box, lambda change: setattr(panel, "k", change["new"]))
        on(self.metric, lambda change: setattr(panel, "metric", change["new"]))
        on(self.order, lambda _: panel.sort())
        on(self.stretch, lambda _: panel.refresh())
        on(self.first, lambda change: panel.select(change["new"], self.second.value))
        on(self.second, lambda change: panel.select(self.first.value, change["new"]))
        on(self.direction, lambda _: panel.show_strips())
        self.sort.on_click(guard(lambda _: panel.sort()))
        self.swap.on_click(guard(lambda _: panel.select(self.second.value, self.first.value)))
        self.measure.on_click(guard(lambda _: panel.measure(self.n.value, self.seed.value)))

    @property
    def spare(self) -> list[ipywidgets.Widget]:
        """Controls that this panel does not show."""
        return self._spare

    @property
    def page(self) -> str:
        """The page that is open."""
        return PAGES[self.pages.selected_index or 0]

    def show(self, *, k: int, most: int, metric: str, latents: int, selected: tuple[int, int] | None) -> None:
        """Bring the controls to a state without calling anything.

        Args:
            k: Dimension of the subspaces.
            most: The largest possible.
            metric: Of the distances.
            latents: How many there are.
            selected: The pair.
        """
        self._quiet = True
        try:
            for control in (self.k, self.k_box):
                control.max = max(most, 1)
                control.value = k
            self.direction.max = max(k, 1)
            self.metric.value = metric
            for box in (self.first, self.second):
                box.max = max(latents - 1, 0)
            if selected is not None:
                self.first.value, self.second.value = selected
        finally:
            self._quiet = False
