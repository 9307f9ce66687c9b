"""One labelled slider with a number box, a name and a layer range per direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import ipywidgets

from latent_widgets.values.directions import Directions
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.step_slider import StepSlider
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

__all__ = ["DirectionRow", "Handlers"]


@dataclass(frozen=True)
class Handlers:
    """What a row calls; each gets the index of its direction first.

    Attributes:
        slide: The slider is moved, which may be one move of many.
        alpha: A number is chosen otherwise.
        layers: A range of layers is chosen.
        name: A name is typed.
        select: The direction is to be the active one.
    """

    slide: Callable[[int, float], object]
    alpha: Callable[[int, float], object]
    layers: Callable[[int], object]
    name: Callable[[int, str], object]
    select: Callable[[int], object]


class DirectionRow(ipywidgets.HBox):
    """The controls of one direction.

    Args:
        index: Of the direction in its set.
        direction: The direction, a set of one.
        num_layers: Of the generator; a range can be chosen if there is more than one.
        handlers: What to call.
        guard: Wraps every handler, so that its errors are shown.
    """

    def __init__(
        self,
        index: int,
        direction: Directions,
        num_layers: int,
        handlers: Handlers,
        guard: Guard,
    ) -> None:
        self.index, self._handlers, self.silence = index, handlers, Silence()
        self.active = False
        unit = self._range = UNIT_RANGES[direction.unit]
        self.select = ipywidgets.Button(
            description=str(index + 1),
            tooltip=f"Make direction {index + 1} the active one: walks and animations follow it",
        )
        self.name = ipywidgets.Text(continuous_update=False)
        self.slider = StepSlider(-unit.reach, unit.reach, unit.step)
        self.box = ipywidgets.BoundedFloatText(0.0, min=-4 * unit.reach, max=4 * unit.reach, step=unit.step)
        self.unit = ipywidgets.Label(unit.label)
        self.zero = ipywidgets.Button(icon="undo", disabled=True)
        self.keep = ipywidgets.ToggleButton(False, icon="bookmark-o")
        children = [self.select, self.name, self.slider, self.box, self.unit, self.zero, self.keep]
        own = range(num_layers) if direction.layers is None else direction.layers
        self._own, self._own_range = tuple(own), (min(own), max(own))
        self._rows: tuple[int, ...] | None = None  # of the move that is shown, where no range says them
        self.layers: ipywidgets.IntRangeSlider | None = None
        if num_layers > 1:
            self.layers = ipywidgets.IntRangeSlider(
                value=self._own_range,
                min=0,
                max=num_layers - 1,
                continuous_update=False,
                description="layers",
                tooltip="First and last layer of w+ that the direction changes",
            )
            self.layers.observe(guard(self._ranged), "value")
            self.layers.add_class("lw-layers")
            children.append(self.layers)
        super().__init__(children)
        self.show_name(direction.names[0])
        for widget, css in (
            (self, "lw-direction"), (self.select, "lw-index"), (self.name, "lw-name"), (self.slider, "lw-alpha"),
            (self.box, "lw-number"), (self.unit, "lw-unit"), (self.zero, "lw-icon"), (self.keep, "lw-icon"),
        ):  # fmt: skip
            widget.add_class(css)
        self._guarded = guard(self._moved)
        self.slider.observe(self._slid, "value")
        self.box.observe(guard(self._typed), "value")
        self.name.observe(guard(self._renamed), "value")
        self.keep.observe(guard(self._kept), "value")
        self.zero.on_click(guard(lambda _: handlers.alpha(index, 0.0)))
        self.select.on_click(guard(lambda _: handlers.select(index)))

    @property
    def chosen_range(self) -> tuple[int, int] | None:
        """The first and last layer chosen; None where there are none to choose."""
        return None if self.layers is None else tuple(self.layers.value)

    @property
    def chosen_layers(self) -> tuple[int, ...] | None:
        """The layers chosen; None where they are the direction's own."""
        if self._rows is not None:
            return self._rows
        if self.layers is None or self.layers.value == self._own_range:
            return None
        low, high = self.layers.value
        return tuple(range(low, high + 1))

    def activate(self, active: bool) -> None:
        """Mark the row as that of the active direction, or not."""
        self.active = active
        (self.add_class if active else self.remove_class)("lw-active")

    def show(self, alpha: float, rows: Sequence[int] | None = None) -> None:
        """Bring the controls to a state without calling any handler.

        Args:
            alpha: What the slider stands for; ranges widen where they do not reach.
            rows: The layers that move; None leaves the range.
        """
        if not alpha and not rows and self.zero.disabled and not self.slider.value and not self.box.value:
            return  # most rows, at each step of one of them
        with self.silence:
            self.slider.put(alpha)
            shown = round(alpha, 6)
            self.box.min, self.box.max = min(self.box.min, shown), max(self.box.max, shown)
            if self.box.value != shown:
                self.box.value = shown
            self.zero.disabled = alpha == 0
            if rows and self.layers is not None:
                low, high = self.layers.value = min(rows), max(rows)
                said = tuple(rows) in (self._own, tuple(range(low, high + 1)))
                self._rows = None if said else tuple(rows)

    def show_name(self, name: str) -> None:
        """Show another name without calling any handler."""
        unit = self._range
        with self.silence:
            self.name.value = name
        self.name.tooltip = f"{name}: the name of the direction; type a new one"
        self.slider.tooltip = f"{name}, in {unit.label}"
        self.box.tooltip = f"{name}: type any number from {self.box.min:g} to {self.box.max:g} {unit.label}"
        self.zero.tooltip = f"Set {name} to 0"
        self.keep.tooltip = f"Keep {name} for later methods and files"

    def _slid(self, change: Any) -> None:
        """Do what the slider says; the picture goes first, and what the number box shows with or after it."""
        with ExitStack() as held:
            held.enter_context(self.box.hold_sync())
            self._guarded(change)
            one_at_a_time(held.close)()  # or a message of another thread that changes the row could be lost

    @heard
    def _moved(self, change: Any) -> None:
        self._handlers.slide(self.index, round(change["new"] * self.slider.size, 9))

    @heard
    def _typed(self, change: Any) -> None:
        self._handlers.alpha(self.index, float(change["new"]))

    @heard
    def _ranged(self, change: Any) -> None:
        self._rows = None
        self._handlers.layers(self.index)

    @heard
    def _renamed(self, change: Any) -> None:
        try:
            self._handlers.name(self.index, change["new"])
        except Exception:
            self.show_name(change["old"])  # what was refused does not stay
            raise

    def _kept(self, change: Any) -> None:
        self.keep.icon = "bookmark" if change["new"] else "bookmark-o"
