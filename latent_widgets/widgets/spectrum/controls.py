"""The controls of the spectrum panel and where they stand; what they do is the panel's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.widgets.kit.controls import Guard, button, mute, row, tick
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.spectrum.chart import SpectrumChart
from latent_widgets.widgets.spectrum.plot import SpectrumView

__all__ = ["CHANCES", "SpectrumActs", "SpectrumControls"]

CHANCES = ((tr("nothing"), "nothing"), (tr("random matrix"), "matrix"), (tr("random latents"), "latents"))


class SpectrumActs(NamedTuple):
    """What the controls call."""

    target: Callable[[str], object]
    select: Callable[[int], object]
    pick: Callable[[float, float], object]
    compare: Callable[[], object]
    keep: Callable[[], object]
    forget: Callable[[], object]
    redraw: Callable[[], object]
    strip: Callable[[], object]


class SpectrumControls:
    """Every control of a spectrum.

    Args:
        targets: To choose from.
        acts: What the controls call.
        guard: Wraps handlers.
        width: Of plot and strip, in CSS pixels.
    """

    def __init__(self, targets: Sequence[str], acts: SpectrumActs, guard: Guard, width: int) -> None:
        self.silence = Silence()
        words = tr("Singular values of the differential by index")
        self.plot = SpectrumChart(width, round(0.58 * width), words, guard(acts.pick))
        self.target = ipywidgets.Dropdown(
            options=list(targets),
            description=tr("derivative of"),
            tooltip=tr("What the differential is taken of: w, the picture or a layer"),
        )
        self.scale = ipywidgets.ToggleButtons(
            options=[(tr("log axis"), "log"), (tr("linear axis"), "linear")],
            tooltips=[tr("Logarithmic axis"), tr("Linear axis from zero")],
        )
        self.scale.add_class("lw-toggles")
        self.normalised = tick(tr("relative to the first"), tr("Divide each spectrum by its first value"), False)
        self.ranks = tick(tr("ranks"), tr("Draw where three rules end the spectrum"), True)
        self.energy = tick(tr("energy"), tr("Draw the share of the sum of squares that the leading values hold"), True)
        self.chance = ipywidgets.Dropdown(
            options=list(CHANCES),
            description=tr("compare with"),
            tooltip=tr("Draw the singular values that chance gives, as a band"),
        )
        self.keep = button(
            tr("keep"), tr("Keep this spectrum in the plot for comparison"), guard(lambda _: acts.keep()), "thumb-tack"
        )
        self.forget = button(
            tr("clear kept"), tr("Take the kept spectra out of the plot"), guard(lambda _: acts.forget()), "times"
        )
        self.forget.disabled = True
        self.index = ipywidgets.IntSlider(
            1,
            min=1,
            max=1,
            description=tr("direction"),
            tooltip=tr("The direction that is selected; arrow keys step through them"),
        )
        self.number = ipywidgets.BoundedIntText(1, min=1, max=1, tooltip=tr("The direction that is selected"))
        mute(self.number, tr("direction, number"))
        self.reach = ipywidgets.BoundedFloatText(
            3.0,
            min=0.01,
            max=200,
            step=0.5,
            description=tr("reach, {unit}", unit="sd"),
            tooltip=tr("The strip goes from minus to plus this far"),
        )
        self.kind = ipywidgets.ToggleButtons(
            options=[(tr("linear"), "linear"), (tr("curve"), "curve")],
            tooltips=[
                tr("Straight along the direction"),
                tr("Along the curve that follows it, for the mapping alone"),
            ],
        )
        self.kind.add_class("lw-toggles")
        self.strip = Filmstrip(width)
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        for control in (self.target, self.chance, self.reach, self.number):
            control.add_class("lw-short")
        self.index.add_class("lw-wide")
        self.index.readout = False
        for control, act in (
            (self.target, lambda change: acts.target(change["new"])),
            (self.index, lambda change: acts.select(change["new"] - 1)),
            (self.number, lambda change: acts.select(change["new"] - 1)),
        ):
            control.observe(partial(self._changed, guard(act)), "value")
        self.chance.observe(guard(lambda _: acts.compare()), "value")
        for control in (self.scale, self.normalised, self.ranks, self.energy):
            control.observe(guard(lambda _: acts.redraw()), "value")
        for control in (self.reach, self.kind):
            control.observe(guard(lambda _: acts.strip()), "value")
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

    @heard
    def _changed(self, handler: Callable[[Any], object], change: Any) -> None:
        handler(change)

    def show(self, *, target: str, index: int, count: int, kept: int) -> None:
        """Bring the controls to a state without calling anything.

        Args:
            target: Which is asked for.
            index: Which direction is selected.
            count: How many there are.
            kept: How many spectra are kept.
        """
        with self.silence:
            self.target.value = target
            for control in (self.index, self.number):
                control.max = max(count, 1)
                control.value = index + 1
        self.forget.disabled = kept == 0
