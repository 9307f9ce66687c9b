"""The line above the sliders: a chip for each set of directions, and what adds another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.texts import tr, trn
from latent_widgets.edits.changes import move_along
from latent_widgets.edits.edit import Base, Edit
from latent_widgets.widgets.explorer.shelf import DirectionSet
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.turns import built_once
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.panel import close_tree

__all__ = ["ShelfActs", "ShelfBar"]


class ShelfActs(NamedTuple):
    """What the chips call; each gets the key of a set."""

    fold: Callable[[object, bool], object]
    close: Callable[[object], object]
    reopen: Callable[[object], object]
    again: Callable[[object], object]


class ShelfBar(ipywidgets.VBox):
    """A chip for each open set, a button that opens what finds more, and the sets that were put away.

    Args:
        acts: What the chips call.
        finder: Makes what finds more, when it is first opened.
        guard: Wraps handlers.
    """

    def __init__(self, acts: ShelfActs, finder: Callable[[], ipywidgets.Widget], guard: Guard) -> None:
        self._acts, self._finder, self._guard = acts, finder, guard
        self._shown: tuple[Any, ...] = ()
        self._closed: tuple[DirectionSet, ...] = ()
        self.add = ipywidgets.ToggleButton(
            False,
            description=tr("add directions"),
            icon="plus",
            tooltip=tr("Find more directions, or open closed ones again"),
        )
        self.add.add_class("lw-add")
        self.chips = row(self.add)
        self.adder = ipywidgets.VBox()
        self.adder.add_class("lw-adder")
        self.adder.layout.display = "none"
        self.add.observe(guard(lambda _: self._unfold()), "value")
        super().__init__([self.chips, self.adder])
        self.add_class("lw-shelf")

    def show(self, state: ExplorerState) -> None:
        """Bring the chips to the shelf."""
        shelf, base = state.shelf, state.edit.base
        moves = {one.key: _moves_inside(one, state.edit) for one in shelf.open}
        said = tuple(_said(one, base, one.key is shelf.active, moves.get(one.key, 0)) for one in shelf.sets)
        if said == self._shown:
            return
        self._shown = said
        newest_first = reversed(shelf.open)
        chips = [self._chip(one, base, len(shelf.open), moves[one.key]) for one in newest_first]
        self._exchange(self.chips, [*chips, self.add])
        self._closed = shelf.closed
        if self.adder.children:
            self._exchange(self.away, [self._reopener(one) for one in shelf.closed])

    @built_once
    def away(self) -> ipywidgets.HBox:
        """A button for each set that was put away, which opens it again."""
        return row()

    @property
    def names(self) -> Mapping[str, ipywidgets.Widget]:
        """The chips by the titles of their sets."""
        return {chip.children[0].description: chip for chip in self.chips.children[:-1]}

    def _exchange(self, box: ipywidgets.HBox, children: list[ipywidgets.Widget]) -> None:
        old = [widget for widget in box.children if widget is not self.add]
        box.children = children
        close_tree(*old)

    def _chip(self, one: DirectionSet, base: Base, opened: int, moves: int) -> ipywidgets.HBox:
        guard, acts, key, title = self._guard, self._acts, one.key, one.title
        show, hide = tr("{title}: show its sliders", title=title), tr("{title}: hide its sliders", title=title)
        inside = trn("{title} · {count} move", "{title} · {count} moves", moves, title=_counted(one))
        fold = button(
            inside if moves else _counted(one),
            show if one.folded else hide,
            guard(lambda _: acts.fold(key, not one.folded)),
            "caret-right" if one.folded else "caret-down",
            "lw-chip-name",
        )
        presses = [fold]
        if one.found is not None and one.found.elsewhere(base) and not one.follows:
            presses.append(
                button(
                    tr("find again here"),
                    tr("{title}: found elsewhere. Find such directions for this picture, as another set", title=title),
                    guard(lambda _: acts.again(key)),
                    "refresh",
                    "lw-chip-again",
                )
            )
        close = button(
            tr("close {title}", title=title),
            tr("Put {title} away: its moves stay, and it can be opened again", title=title),
            guard(lambda _: acts.close(key)),
            "times",
            "lw-icon",
        )
        close.disabled = opened == 1
        chip = ipywidgets.HBox([*presses, close])
        chip.add_class("lw-chip")
        if moves:
            chip.add_class("lw-moved")
        return chip

    def _reopener(self, one: DirectionSet) -> ipywidgets.Button:
        words = tr("Open {title} again", title=one.title)
        return button(_counted(one), words, self._guard(lambda _: self._reopen(one)), "undo")

    def _reopen(self, one: DirectionSet) -> None:
        self._acts.reopen(one.key)

    def _unfold(self) -> None:
        if not self.adder.children:
            self.away.children = [self._reopener(one) for one in self._closed]
            self.adder.children = [self._finder(), self.away]
        self.adder.layout.display = None if self.add.value else "none"


def _counted(one: DirectionSet) -> str:
    """The title of a set, and how many directions it has."""
    return tr("{title} ({count})", title=one.title, count=len(one.directions))


def _moves_inside(one: DirectionSet, edit: Edit) -> int:
    """How many moves a folded set hides; none of one whose sliders show them."""
    hides = one.folded and edit.moves
    return sum(move_along(edit, direction) is not None for direction in one.singles) if hides else 0


def _said(one: DirectionSet, base: Base, active: bool, moves: int) -> tuple[Any, ...]:
    """What a chip says of a set."""
    elsewhere = one.found is not None and one.found.elsewhere(base)
    return one.key, one.title, len(one.directions), one.folded, one.closed, one.follows, elsewhere, active, moves
