"""The explorer's page of the filmstrip: one walk, or all kinds one above the other, and how likely their codes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.widgets.explorer.walk.densities import Trace
from latent_widgets.widgets.explorer.walk.plot import draw_traces
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.kit.filmstrip import KIND_NAMES
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.kit.reach import Reach

__all__ = ["PICTURES", "SHOWN", "Strip", "WalkPage"]

KINDS = {
    "linear": tr("Straight along the direction"),
    "density": tr(
        "At constant density, round the great circle of a Gaussian: of the prior for directions in z; of one fitted "
        "to w for directions in w, where sliders stay straight"
    ),
    "curve": tr("Along the local directions of the mapping, so that w stays on what it reaches; sliders stay straight"),
}
SHOWN = {  # what is on their buttons, and what they show
    "this kind": (tr("this kind"), tr("The strip of the chosen kind")),
    "all, equal steps": (tr("all, equal steps"), tr("Every kind of walk at the same positions")),
    "all, equal change": (
        tr("all, equal change"), tr("Every kind of walk, at positions where the picture has changed equally")
    ),
}  # fmt: skip
WIDTH = 720  # CSS pixels
PICTURES = 9  # of a strip


@dataclass(frozen=True)
class Strip:
    """What stands in one row of the page.

    Attributes:
        kind: Of the walk.
        pixels: The strip; None where there is no such walk.
        words: What it shows, or why there is none.
    """

    kind: str
    pixels: Pixels | None
    words: str


class WalkPage(ipywidgets.VBox):
    """The filmstrip along the active direction.

    Args:
        kinds: Kinds of walks to offer.
        chosen: Called with the kind that is chosen.
        changed: Called without arguments when another control changed.
        measure: Called without arguments to find how far walks stay among the generator's own pictures.
        guard: Wraps handlers.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        chosen: Callable[[str], object],
        changed: Callable[[], object],
        measure: Callable[[], object],
        guard: Guard,
    ) -> None:
        self._kinds = tuple(kinds)
        self.kind = ipywidgets.ToggleButtons(
            options=[(KIND_NAMES[kind], kind) for kind in kinds], tooltips=[KINDS[kind] for kind in kinds]
        )
        self.shown = ipywidgets.ToggleButtons(
            options=[(label, name) for name, (label, _) in SHOWN.items()],
            tooltips=[words for _, words in SHOWN.values()],
        )
        self.reach = Reach(tr("The strip goes from minus to plus this far, in the unit of the direction"))
        self.count = ipywidgets.BoundedIntText(
            PICTURES, min=3, max=31, step=2, description=tr("pictures"), tooltip=tr("How many pictures a strip has")
        )
        self.measure = button(
            tr("measure the reach"),
            tr(
                "Find how far walks along these directions stay among the generator's own pictures, and end the "
                "sliders there. Draws up to 2000 pictures"
            ),
            guard(lambda _: measure()),
        )
        self.density = ipywidgets.Checkbox(
            True, indent=False, description=tr("density plot"), tooltip=tr("How likely the codes of the strip are")
        )
        for control in (self.kind, self.shown):
            control.add_class("lw-toggles")
        self.strip, *self.others = (Picture(width=WIDTH, alt=tr("The strip of a walk")) for _ in kinds)
        self.note = ipywidgets.HTML()
        self.plot = Plot(WIDTH, 150, tr("log density along the walk"))
        for picture in (self.strip, *self.others):
            picture.add_class("lw-strip")
        self.count.add_class("lw-short")
        self.density.add_class("lw-tick")
        self.note.add_class("lw-note")
        self.kind.observe(guard(lambda change: chosen(str(change["new"]))), "value")
        for control in (self.shown, self.reach, self.count, self.density):
            control.observe(guard(lambda _: None if self.reach.fitting else changed()), "value")
        first = row(ipywidgets.Label(tr("walk")), self.kind, self.reach, self.measure, self.count, self.density)
        super().__init__([first, row(self.shown), self.strip, *self.others, self.plot, self.note])
        self.show([])
        self.show_density([], "", "")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds to show one above the other; none for that which is chosen alone."""
        return () if self.shown.value == "this kind" else self._kinds

    @property
    def equal(self) -> bool:
        """Whether the pictures of all kinds are to have changed equally."""
        return bool(self.shown.value == "all, equal change")

    def show(self, strips: Sequence[Strip]) -> None:
        """Show strips with their words, and the words alone where there is no such walk."""
        for i, picture in enumerate((self.strip, *self.others)):
            one = strips[i] if i < len(strips) else None
            picture.layout.display = "none" if one is None else None
            if one is None or one.pixels is None:
                picture.clear()
                picture.add_class("lw-empty")
                picture.caption = "" if one is None else one.words
            else:
                picture.show(one.pixels, caption=one.words)
                picture.remove_class("lw-empty")

    def show_density(
        self, traces: Sequence[Trace], unit: str, words: str, places: Sequence[float] | None = None
    ) -> None:
        """Show how likely the codes of the strips are.

        Args:
            traces: Of each walk; none where nothing is known.
            unit: Of their positions.
            words: How likely the current code is, or why that is not known.
            places: Where the pictures stand on the axis, if not at their positions.
        """
        self.plot.layout.display = None if traces else "none"
        self.note.layout.display = None if words else "none"
        self.note.value = page_text(words)
        if traces:
            self.plot.show(lambda figure: draw_traces(figure, traces, unit, places))
