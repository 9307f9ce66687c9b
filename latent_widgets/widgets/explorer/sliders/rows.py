"""One line per direction: its name, a slider with a number box, and how much of its change falls into the region."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import label_text, page_text
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.step_slider import StepSlider
from latent_widgets.widgets.kit.unit_ranges import UnitRange

__all__ = ["DirectionRow", "Handlers", "share_bar"]

SHARES = ("locality", "chance")  # the scores of directions that belong to a region


@dataclass(frozen=True)
class Handlers:
    """What a row calls; each gets the index of its direction first.

    Attributes:
        slide: The slider is moved, which may be one move of many.
        alpha: A number is chosen otherwise.
        name: A name is typed.
        select: The direction is to be the active one.
        keep: It is to be kept for files and comparisons, or no longer.
    """

    slide: Callable[[int, float], object]
    alpha: Callable[[int, float], object]
    name: Callable[[int, str], object]
    select: Callable[[int], object]
    keep: Callable[[int, bool], object]


class DirectionRow(ipywidgets.HBox):
    """The controls of one direction.

    Args:
        index: Of the direction in its set.
        direction: The direction, a set of one.
        range_: How far its slider goes.
        handlers: What to call.
        guard: Wraps every handler, so that its errors are shown.
    """

    def __init__(
        self,
        index: int,
        direction: Directions,
        range_: UnitRange,
        handlers: Handlers,
        guard: Guard,
    ) -> None:
        self.index, self._handlers, self.silence = index, handlers, Silence()
        self.active = False
        unit = self.range = range_
        # all that a row begins with is told at once: servers drop what comes too fast, and rows may be hundreds
        said = self._said(direction.names[0], -4 * unit.reach, 4 * unit.reach)
        self.select = ipywidgets.Button(description=str(index + 1), _dom_classes=("lw-index",), **said["select"])
        self.name = ipywidgets.Text(continuous_update=False, _dom_classes=("lw-mute", "lw-name"), **said["name"])
        self.slider = StepSlider(-unit.reach, unit.reach, unit.step, _dom_classes=("lw-alpha",), **said["slider"])
        self.box = ipywidgets.BoundedFloatText(
            0.0, min=-4 * unit.reach, max=4 * unit.reach, step=unit.step, _dom_classes=("lw-mute", "lw-number"),
            **said["box"],
        )  # fmt: skip
        self.unit = ipywidgets.Label(unit.label, _dom_classes=("lw-unit",))
        self.zero = ipywidgets.Button(icon="undo", disabled=True, _dom_classes=("lw-icon",), **said["zero"])
        self.keep = ipywidgets.ToggleButton(False, icon="bookmark-o", _dom_classes=("lw-icon",), **said["keep"])
        self.bar: ipywidgets.HTML | None = None
        self._line = (self.select, self.name, self.slider, self.box, self.unit, self.zero, self.keep)
        super().__init__(self._line, _dom_classes=("lw-direction",))
        self.show_direction(direction)
        self._guarded = guard(self._moved)
        self.slider.observe(self._slid, "value")
        self.box.observe(guard(self._typed), "value")
        self.name.observe(guard(self._renamed), "value")
        self.keep.observe(guard(self._kept), "value")
        self.zero.on_click(guard(lambda _: handlers.alpha(index, 0.0)))
        self.select.on_click(guard(lambda _: handlers.select(index)))

    def activate(self, active: bool) -> None:
        """Mark the row as that of the active direction, or not."""
        self.active = active
        (self.add_class if active else self.remove_class)("lw-active")

    def show(self, alpha: float) -> None:
        """Bring the controls to a state without calling any handler.

        Args:
            alpha: What the slider stands for; ranges widen where they do not reach.
        """
        if not alpha and self.zero.disabled and not self.slider.value and not self.box.value:
            return  # most rows, at each step of one of them
        with self.silence:
            self.slider.put(alpha)
            shown = round(alpha, 6)
            self.box.min, self.box.max = min(self.box.min, shown), max(self.box.max, shown)
            if self.box.value != shown:
                self.box.value = shown
            self.zero.disabled = alpha == 0

    def fit(self, range_: UnitRange) -> None:
        """Go as far as another range of the same unit, without calling any handler; a slider stays where it is."""
        if range_ == self.range:
            return
        self.range, size = range_, range_.step
        with self.silence:
            self.slider.fit(-range_.reach, range_.reach, size)
            shown, far = self.box.value, 4 * range_.reach
            self.box.min, self.box.max, self.box.step = min(-far, shown), max(far, shown), size
        self.show_name(self.name.value)

    def show_direction(self, direction: Directions) -> None:
        """Stand for another direction of the same unit, without calling any handler."""
        self.show_name(direction.names[0])
        scores = direction.scores
        said = share_bar(*(float(scores[name][0]) for name in SHARES)) if all(n in scores for n in SHARES) else ""
        if self.bar is None and said:
            self.bar = ipywidgets.HTML()
            self.bar.add_class("lw-share")
            self.children = (*self._line, self.bar)  # at the end: what stands before it is not drawn anew
        if self.bar is not None:
            self.bar.value = said

    def show_kept(self, keep: bool) -> None:
        """Show whether the direction is kept, without calling any handler."""
        with self.silence:
            self.keep.value = keep
        self.keep.icon = "bookmark" if keep else "bookmark-o"

    def show_name(self, name: str) -> None:
        """Show another name without calling any handler."""
        with self.silence:
            for control, values in self._said(name, self.box.min, self.box.max).items():
                for trait, value in values.items():
                    setattr(getattr(self, control), trait, value)

    def _said(self, name: str, low: float, high: float) -> dict[str, dict[str, str]]:
        """What the controls say of a direction of some name, whose box takes numbers between two."""
        unit = self.range.label
        zero = tr("Set {name} to 0", name=name)
        keep = tr("Keep {name} for files and comparisons", name=name)
        # the one place of a row where a name of any length can be read: pages show no tooltip of a field with a label
        active = tr("{name}: make it the active direction, which the walk and animations follow", name=name)
        typed = tr("{name}: type any number from {low:g} to {high:g} {unit}", name=name, low=low, high=high, unit=unit)
        return {
            "select": {"tooltip": active},
            "name": {
                "value": name,
                "tooltip": tr("{name}: the name of the direction; type a new one", name=name),
                "description": tr("name of direction {number}", number=self.index + 1),
            },
            "slider": {"tooltip": tr("{name}, in {unit}", name=name, unit=unit)},
            "box": {"tooltip": typed, "description": label_text(tr("{name}, number", name=name))},
            "zero": {"description": zero, "tooltip": zero},
            "keep": {"description": keep, "tooltip": keep},
        }

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
    def _renamed(self, change: Any) -> None:
        try:
            self._handlers.name(self.index, change["new"])
        except Exception:
            self.show_name(change["old"])  # what was refused does not stay
            raise

    @heard
    def _kept(self, change: Any) -> None:
        self._handlers.keep(self.index, bool(change["new"]))


def share_bar(share: float, chance: float) -> str:
    """Return which share of a change falls into the region as HTML: a bar, with a tick where chance would have it.

    Args:
        share: Of the squared change of the picture, 0 to 1.
        chance: The share that a change without any place would have there: that of the region in the picture.

    Example:
        >>> "93 %" in share_bar(0.93, 0.05)
        True
    """
    inside, tick = (100 * min(max(value, 0.0), 1.0) for value in (share, chance))
    said = tr(
        "{share:.0f} % of its change falls inside the region, chance {chance:.0f} %",
        share=100 * share,
        chance=100 * chance,
    )
    words = page_text(said)  # a catalogue may have quotes
    return (
        f'<span class="lw-bar" role="img" aria-label="{words}" title="{words}"><i style="width:{inside:.1f}%"></i>'
        f'<b style="left:{tick:.1f}%"></b></span> {100 * share:.0f} %'
    )
