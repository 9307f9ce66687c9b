"""The page of seeds: a contact sheet of neighbouring ones, of which a click takes one."""

from __future__ import annotations

from typing import Any

import ipywidgets

from latent_widgets.core.steps import report
from latent_widgets.core.texts import tr
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.kit.controls import button, row
from latent_widgets.widgets.kit.encode import small
from latent_widgets.widgets.kit.picture import Picture

__all__ = ["SeedsPage"]

SIDE = 160  # pixels that a picture has at most


class SeedsPage(ipywidgets.VBox):
    """A contact sheet of neighbouring seeds; a click on a button takes one.

    Args:
        desk: What it works with.
        count: Seeds on a page.
    """

    def __init__(self, desk: Desk, count: int = 16) -> None:
        self.first, self.count = 0, count
        self.shown: dict[int, object] = {}  # which seed, drawn how, each picture shows
        self._desk, guard = desk, desk.guard
        self.pictures = [Picture(width=80, alt=tr("The picture of a seed")) for _ in range(count)]
        self.buttons = [
            button("", tr("Explore this seed"), guard(lambda _, i=i: desk.rebase(seed=self.first + i)), css="lw-seed")
            for i in range(count)
        ]
        cells = [ipywidgets.VBox([picture, press]) for picture, press in zip(self.pictures, self.buttons, strict=True)]
        for cell in cells:
            cell.add_class("lw-cell")
        self.back = button(
            tr("earlier"), tr("The seeds before these"), guard(lambda _: self.show_from(self.first - count)),
            "chevron-left",
        )  # fmt: skip
        more = button(
            tr("later"), tr("The seeds after these"), guard(lambda _: self.show_from(self.first + count)),
            "chevron-right",
        )  # fmt: skip
        super().__init__([row(self.back, more), row(*cells)])
        self._label()

    def show_from(self, first: int) -> None:
        """Turn to the seeds that begin with ``first``."""
        self.first = max(0, first)
        self._label()
        self._desk.refresh()

    def draw(self) -> None:
        """Draw those pictures that show something else than they should."""
        desk, G = self._desk, self._desk.state.drawn()
        truncation, first = desk.state.edit.base.truncation, self.first
        wanted = [(i, (first + i, truncation, G.class_number)) for i in range(self.count)]
        if all(self.shown.get(i) == key for i, key in wanted):
            return

        def work(on_step: Any) -> None:
            on_step = desk.while_current(on_step)
            for i, key in wanted:
                if self.shown.get(i) != key:
                    drawn = small(G.synthesize(G.code(*key[:2])[None]), SIDE)
                    self.pictures[i].show(drawn, alt=tr("Seed {seed}", seed=key[0]))
                    self.shown[i] = key
                if not report(on_step, i + 1, self.count):
                    return

        desk.run(work, kind="page", label=tr("seeds"))

    def _label(self) -> None:
        for i, press in enumerate(self.buttons):
            press.description = f"{self.first + i}"
        self.back.disabled = self.first == 0
