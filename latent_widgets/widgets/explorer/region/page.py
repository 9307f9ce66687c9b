"""The page on which a painted region becomes directions: its controls and plots; what they do is the region's."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.geometry.regions.spectra import Channels
from latent_widgets.widgets.explorer.desk import LINK
from latent_widgets.widgets.explorer.region.work import Settings
from latent_widgets.widgets.kit.controls import Guard, layer_range, row, tick
from latent_widgets.widgets.kit.log_slider import LogSlider
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.kit.silence import Silence

__all__ = ["OVERLAYS", "USUAL", "RegionPage"]

SOLVERS = ((tr("generalised (ReSeFa)"), "generalized"), (tr("null space (LowRankGAN)"), "projection"))
OVERLAYS = {  # what is on their buttons, and what they do
    "none": (tr("none"), tr("The plain picture")),
    "predicted": (tr("predicted"), tr("Where the active direction acts to first order, from the Jacobian")),
    "true": (tr("true"), tr("What the active direction really changes, from two pictures")),
}
CHANNELS = ((tr("all colours"), "rgb"), (tr("brightness"), "luminance"), (tr("colour alone"), "chroma"))
MOST = 24  # sliders
USUAL = Settings("generalized", 1e-3, 6)
OTHERWISE = tr(
    "A painter with more tools is linked in a cell:{link}or assign <code>explorer.mask = lw.Mask(array)</code>.",
    link=LINK,
)
PAINT = tr("Paint a region with the brush beside the picture: the sliders become directions that act there.")
HELP = f"{PAINT} {OTHERWISE}"
READY = tr(
    "Tick <b>directions come from the region</b>, and the sliders become directions that act in the painted region."
)


class RegionPage(ipywidgets.VBox):
    """Controls and plots of a region.

    Args:
        num_layers: Of the generator; rows of w+ can be chosen if there is more than one.
        switched: Called with the name of a switch, ``"steer"`` or ``"confine"``, and its new position.
        changed: Called without arguments when a setting changed.
        overlaid: Called without arguments when another overlay was chosen.
        pick: Called with a place of the plot of directions, in shares of it.
        guard: Wraps handlers.
    """

    def __init__(
        self,
        num_layers: int,
        switched: Callable[[str, bool], object],
        changed: Callable[[], object],
        overlaid: Callable[[], object],
        pick: Callable[[float, float], object],
        guard: Guard,
    ) -> None:
        self.silence = Silence()
        self.steer = tick(
            tr("directions come from the region"), tr("The sliders act in the painted region, and follow it")
        )
        self.confine = tick(
            tr("moves show only inside it"),
            tr("Outside the region stands the picture without the moves; saved with the edit"),
        )
        self.solver = ipywidgets.Dropdown(
            options=SOLVERS,
            description=tr("solver"),
            tooltip=tr(
                "Generalised eigenvectors weigh inside against outside; the projection removes what moves outside"
            ),
        )
        self.tolerance = LogSlider(
            USUAL.tolerance, -5, 0, tr("may move outside"), tr("How much may move outside: more of it, stronger moves")
        )
        self.count = ipywidgets.BoundedIntText(
            USUAL.k, min=1, max=MOST, description=tr("directions"), tooltip=tr("How many sliders the region gets")
        )
        self.channels = ipywidgets.Dropdown(
            options=CHANNELS,
            description=tr("what counts"),
            tooltip=tr("What of the picture counts: all of it, brightness alone, or colour without brightness"),
        )
        self.layers = layer_range(num_layers)
        if self.layers is not None:  # beside which those of the active direction are chosen
            self.layers.description = tr("layers that move")
        self.overlay = ipywidgets.ToggleButtons(
            options=[(label, name) for name, (label, _) in OVERLAYS.items()],
            tooltips=[words for _, words in OVERLAYS.values()],
        )
        self.overlay.add_class("lw-toggles")
        self.scale, self.words, self.message = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        for text in (self.scale, self.words, self.message):
            text.add_class("lw-note")
        self.message.add_class("lw-message")
        self.spectrum = Plot(340, 230, tr("How strongly the region answers along its principal directions"))
        self.locality = Plot(
            340, 230, tr("Which share of its change each direction keeps inside the region"), guard(pick)
        )
        self.effect = Plot(260, 230, tr("How much a step changes inside and outside the region"))
        self.plots = ipywidgets.HBox([self.spectrum, self.locality, self.effect])
        self.plots.add_class("lw-plots")
        self.tolerance.add_class("lw-wide")
        for control in (self.solver, self.count, self.channels):
            control.add_class("lw-short")
        for name, box in (("steer", self.steer), ("confine", self.confine)):
            box.observe(guard(lambda c, name=name: None if self.silence else switched(name, c["new"])), "value")
        for control in (
            self.solver,
            self.tolerance,
            self.count,
            self.channels,
            *([self.layers] if self.layers else []),
        ):
            control.observe(guard(lambda _: changed()), "value")
        self.overlay.observe(guard(lambda _: overlaid()), "value")
        self.settings_rows = ipywidgets.VBox(
            [
                row(self.solver, self.count, self.channels, *([self.layers] if self.layers else [])),
                row(self.tolerance, ipywidgets.Label(tr("heat")), self.overlay, self.scale),
            ]
        )
        self.settings_rows.layout.overflow = "visible"
        super().__init__([row(self.steer, self.confine), self.message, self.settings_rows, self.words, self.plots])
        self.show(False, True)
        self.tell("", "")
        self.ready(False)

    @property
    def settings(self) -> Settings:
        """What the controls say of the directions."""
        return Settings(self.solver.value, self.tolerance.value, self.count.value)

    @property
    def rows(self) -> tuple[int, ...] | None:
        """The rows of w+ that are chosen; None for all."""
        if self.layers is None or self.layers.value == (self.layers.min, self.layers.max):
            return None
        low, high = self.layers.value
        return tuple(range(low, high + 1))

    @property
    def counts(self) -> Channels:
        """What of the picture counts."""
        chosen: Channels = self.channels.value
        return chosen

    def show(self, steer: bool, confine: bool) -> None:
        """Bring the switches to a state without calling anything."""
        with self.silence:
            self.steer.value, self.confine.value = steer, confine
        self.settings_rows.layout.display = None if steer else "none"

    def ready(self, ready: bool) -> None:
        """Show the plots, or not while there is nothing in them."""
        self.plots.layout.display = None if ready else "none"

    def tell(self, message: str, words: str, *, code: bool = False) -> None:
        """Say what is missing, and what is shown.

        Args:
            message: What is to be done or noted; empty for nothing.
            words: What the plots show; HTML.
            code: Whether the message is HTML.
        """
        self.message.value = message if code else page_text(message)
        self.message.layout.display = None if message else "none"
        self.words.value = words

    def grey(self, stale: bool) -> None:
        """Show the plots pale, as those of another latent, or not."""
        for plot in (self.spectrum, self.locality, self.effect):
            plot.grey(stale)
