"""The controls of the spectrum panel and where they stand; what they do is the panel's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from latent_widgets.widgets.kit.controls import row, tick
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.spectrum.plot import SpectrumView

if TYPE_CHECKING:
    from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum

__all__ = ["CHANCES", "SpectrumControls"]

CHANCES = {"nothing": "nothing", "random matrix": "matrix", "random latents": "latents"}


class SpectrumControls:
    """Every control of a spectrum.

    Args:
        panel: What the controls call.
        targets: To choose from.
        width: Of plot and strip, in CSS pixels.
    """

    def __init__(self, panel: JacobianSpectrum, targets: Sequence[str], width: int) -> None:
        guard = panel.guard
        self._quiet = False
        words = "Singular values of the differential by index"
        self.plot = Plot(width, round(0.58 * width), words, guard(panel.pick))
        self.target = ipywidgets.Dropdown(
            options=list(targets),
            description="of",
            tooltip="What the differential is taken of: w, the picture or a layer",
        )
        self.scale = ipywidgets.ToggleButtons(
            options=["log", "linear"], tooltips=["Logarithmic axis", "Linear axis from zero"]
        )
        self.scale.add_class("lw-toggles")
        self.normalised = tick("over the first", "Divide each spectrum by its first value", False)
        self.ranks = tick("ranks", "Draw where three rules end the spectrum", True)
        self.energy = tick("energy", "Draw the share of the sum of squares that the leading values hold", True)
        self.chance = ipywidgets.Dropdown(
            options=CHANCES, description="compare with", tooltip="Draw the singular values that chance gives, as a band"
        )
        self.keep = ipywidgets.Button(
            description="keep", tooltip="Keep this spectrum in the plot for comparison", icon="thumb-tack"
        )
        self.forget = ipywidgets.Button(
            description="clear", tooltip="Take the kept spectra out of the plot", icon="times"
        )
        self.forget.disabled = True
        self.index = ipywidgets.IntSlider(
            1,
            min=1,
            max=1,
            description="direction",
            tooltip="The direction that is selected; arrow keys step through them",
        )
        self.number = ipywidgets.BoundedIntText(1, min=1, max=1, tooltip="The direction that is selected")
        self.reach = ipywidgets.BoundedFloatText(
            3.0,
            min=0.01,
            max=200,
            step=0.5,
            description="reach, sd",
            tooltip="The strip goes from minus to plus this far",
        )
        self.kind = ipywidgets.ToggleButtons(
            options=["linear", "curve"],
            tooltips=["Straight along the direction", "Along the curve that follows it, for the mapping alone"],
        )
        self.kind.add_class("lw-toggles")
        self.strip = Filmstrip(width)
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        for control in (self.target, self.chance, self.reach, self.number):
            control.add_class("lw-short")
        self.index.add_class("lw-wide")
        self.index.readout = False
        self.target.observe(self._heard(guard(lambda change: panel.choose_target(change["new"]))), "value")
        self.chance.observe(guard(lambda _: panel.compare()), "value")
        for control in (self.scale, self.normalised, self.ranks, self.energy):
            control.observe(guard(lambda _: panel.redraw()), "value")
        self.index.observe(self._heard(guard(lambda change: panel.select(change["new"] - 1))), "value")
        self.number.observe(self._heard(guard(lambda change: panel.select(change["new"] - 1))), "value")
        for control in (self.reach, self.kind):
            control.observe(guard(lambda _: panel.show_strip()), "value")
        self.keep.on_click(guard(lambda _: panel.keep()))
        self.forget.on_click(guard(lambda _: panel.forget()))
        self.body = [
            row(self.target, self.scale, self.normalised, self.ranks, self.energy),
            row(self.chance, self.keep, self.forget),
            self.plot,
            self.words,
            row(self.index, self.number, self.reach, self.kind),
            self.strip,
        ]

    @property
    def view(self) -> SpectrumView:
        """How to draw."""
        return SpectrumView(
            self.scale.value == "log", bool(self.normalised.value), bool(self.ranks.value), bool(self.energy.value)
        )

    def _heard(self, handler: Any) -> Any:
        return lambda change: None if self._quiet else handler(change)

    def show(self, *, target: str, index: int, count: int, kept: int) -> None:
        """Bring the controls to a state without calling anything.

        Args:
            target: Which is asked for.
            index: Which direction is selected.
            count: How many there are.
            kept: How many spectra are kept.
        """
        self._quiet = True
        try:
            self.target.value = target
            for control in (self.index, self.number):
                control.max = max(count, 1)
                control.value = index + 1
        finally:
            self._quiet = False
        self.forget.disabled = kept == 0
