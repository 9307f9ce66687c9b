"""The page that mixes: a second seed, to go towards or to take the styles of some layers from."""

from __future__ import annotations

from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.kit.controls import mute, row
from latent_widgets.widgets.kit.encode import small
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["MixPage"]

SIDE = 160  # pixels that the picture has at most


class MixPage(ipywidgets.VBox):
    """A second seed: to interpolate with, and to take the styles of some layers from.

    Args:
        desk: What it works with; style mixing is offered if the generator has layers.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self.silence = desk, Silence()
        guard, G = desk.guard, desk.state.generator
        num_layers = G.num_layers if "w+" in G.spaces else 1
        self.seed = ipywidgets.BoundedIntText(
            1, min=0, max=2**53 - 1, description=tr("second seed"), tooltip=tr("The seed to mix with")
        )
        self.weight = NumberSlider(0, 0, 1, 0.01, tr("towards it"), tr("0 is the first seed, 1 the second"))
        self.picture = Picture(width=96, alt=tr("The picture of the second seed"))
        self.seed.observe(guard(self._changed), "value")
        self.weight.observe(guard(self._changed), "value")
        for control in (self.seed, self.weight):
            control.add_class("lw-wide")
        controls = ipywidgets.VBox([row(self.seed), row(self.weight)])
        self.mixing: ipywidgets.Checkbox | None = None
        if num_layers > 1:
            self.mixing = ipywidgets.Checkbox(
                False,
                description=tr("take layers from it"),
                tooltip=tr("Style mixing: these layers see the second seed"),
            )
            self.layers = ipywidgets.IntRangeSlider(
                value=(num_layers // 2, num_layers - 1),
                min=0,
                max=num_layers - 1,
                continuous_update=False,
                tooltip=tr("First and last layer taken from the second seed"),
            )
            mute(self.layers, tr("layers of the second seed"))
            for control in (self.mixing, self.layers):
                control.observe(guard(self._changed), "value")
                control.add_class("lw-wide")
            controls.children = [*controls.children, row(self.mixing, self.layers)]
        controls.add_class("lw-grow")
        super().__init__([row(self.picture, controls)])

    @property
    def fields(self) -> dict[str, Any]:
        """What the controls say, as fields of an edit's base."""
        seed, weight = self.seed.value, self.weight.value
        found = {"second_seed": seed if weight else None, "weight": weight, "mix_seed": None, "mix_layers": ()}
        if self.mixing is not None and self.mixing.value:
            low, high = self.layers.value
            found |= {"mix_seed": seed, "mix_layers": tuple(range(low, high + 1))}
        return found

    def show(self) -> None:
        """Bring the controls to the edit without calling anything."""
        base = self._desk.state.edit.base
        seed = base.mix_seed if base.second_seed is None else base.second_seed
        layers = (min(base.mix_layers), max(base.mix_layers)) if base.mix_layers else None
        with self.silence:
            if seed is not None:
                self.seed.value = seed
            self.weight.value = base.weight
            if self.mixing is not None:
                self.mixing.value = layers is not None
                if layers is not None:
                    self.layers.value = layers

    def draw(self) -> None:
        """Draw the second seed."""
        G, seed, truncation = self._desk.state.drawn(), self.seed.value, self._desk.state.edit.base.truncation
        self._desk.run(
            lambda on_step: G.synthesize(G.code(seed, truncation)[None]),
            lambda picture: self.picture.show(small(picture, SIDE), caption=tr("seed {seed}", seed=seed)),
            kind="page",
            label=tr("second seed"),
        )

    @heard
    def _changed(self, change: Any) -> None:
        self.take()

    def take(self) -> None:
        """Make an edit of what the controls say."""
        self._desk.rebase(gesture=("mix", self.seed.value), **self.fields)
