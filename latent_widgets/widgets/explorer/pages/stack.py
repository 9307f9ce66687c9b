"""The page of the edit stack: every move of the edit as a row that can be switched off, weighed, reordered, dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.edits.changes import change_move, drop_move, shift_move
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import Guard, button, mute, row
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.unit_ranges import UnitRange

__all__ = ["MoveRow", "StackPage"]

EMPTY = tr("No move yet. What the sliders do appears here, in order; so does what earlier methods left behind.")


class MoveRow(ipywidgets.HBox):
    """The controls of one move.

    Args:
        index: Of the move.
        move: The move.
        last: Whether none comes after it.
        unit: How far sliders go along it.
        act: Called with a function that takes the edit and returns another.
        guard: Wraps handlers.
    """

    def __init__(
        self,
        index: int,
        move: Move,
        last: bool,
        unit: UnitRange,
        act: Callable[[Callable[[Edit], Edit]], object],
        guard: Guard,
    ) -> None:
        where = tr("layers {low} to {high}", low=min(move.rows), high=max(move.rows)) if move.rows else move.space
        kind = "" if move.kind == "linear" else f", {move.kind}"
        self.enabled = ipywidgets.Checkbox(
            move.enabled,
            description=tr("move {number}", number=index + 1),
            indent=False,
            tooltip=tr("Whether {name} counts", name=move.name),
        )
        self.enabled.add_class("lw-tick")
        about = page_text(f"{move.direction.method}, {where}{kind}")
        self.name = ipywidgets.HTML(f'{page_text(move.name)} <span class="lw-note">{about}</span>')
        self.name.add_class("lw-grow")
        reach = max(4 * unit.reach, abs(move.alpha))
        self.weight = ipywidgets.BoundedFloatText(
            round(move.alpha, 6),
            min=-reach,
            max=reach,
            step=unit.step,
            tooltip=tr("How far along {name}", name=move.name),
        )
        self.weight.add_class("lw-number")
        mute(self.weight, tr("how far along {name}", name=move.name))
        ends = ipywidgets.Label(unit.label)
        ends.add_class("lw-unit")

        def acting(icon: str, words: str, change: Callable[[Edit], Edit]) -> ipywidgets.Button:
            return button("", words, guard(lambda _: act(change)), icon, "lw-icon")

        self.up = acting(
            "chevron-up", tr("Make {name} earlier", name=move.name), lambda edit: shift_move(edit, index, -1)
        )
        self.down = acting(
            "chevron-down", tr("Make {name} later", name=move.name), lambda edit: shift_move(edit, index, 1)
        )
        self.drop = acting("trash", tr("Drop {name}", name=move.name), lambda edit: drop_move(edit, index))
        self.up.disabled, self.down.disabled = index == 0, last
        self.enabled.observe(guard(lambda c: act(lambda e: change_move(e, index, enabled=bool(c["new"])))), "value")
        self.weight.observe(guard(lambda c: act(lambda e: change_move(e, index, alpha=float(c["new"])))), "value")
        super().__init__([self.enabled, self.name, self.weight, ends, self.up, self.down, self.drop])
        for css in ("lw-row", "lw-move"):
            self.add_class(css)


class StackPage(ipywidgets.VBox):
    """The moves of an explorer's edit, in the order in which they are made.

    Args:
        desk: What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: tuple[Move, ...] = ()
        guard = desk.guard
        self.words = ipywidgets.HTML()
        self.words.add_class("lw-note")
        self.on = button(
            tr("all on"), tr("Let every move count"), guard(lambda _: self._switch(True)), "check-square-o"
        )
        self.off = button(
            tr("all off"), tr("Show the picture without moves"), guard(lambda _: self._switch(False)), "square-o"
        )
        self.box = ipywidgets.VBox()
        self.box.add_class("lw-rows")
        super().__init__([row(self.on, self.off, self.words), self.box])
        self._list(())

    @property
    def rows(self) -> Sequence[MoveRow]:
        """The rows, in order."""
        return tuple(self.box.children)

    def draw(self) -> None:
        """Bring the rows to the explorer's edit."""
        moves = self._desk.state.edit.moves
        if len(moves) != len(self._shown) or any(a is not b for a, b in zip(moves, self._shown, strict=True)):
            self._list(moves)

    def _list(self, moves: tuple[Move, ...]) -> None:
        old, self._shown = self.box.children, moves
        guard, range_of = self._desk.guard, self._desk.state.range_of
        self.box.children = [
            MoveRow(i, m, i == len(moves) - 1, range_of(m.direction), self._act, guard) for i, m in enumerate(moves)
        ]
        counting = sum(m.enabled for m in moves)
        self.words.value = (
            tr("{counting} of {count} moves count, made from top to bottom", counting=counting, count=len(moves))
            if moves
            else EMPTY
        )
        self.on.disabled, self.off.disabled = counting == len(moves), counting == 0
        close_tree(*old)

    @one_at_a_time
    def _act(self, change: Callable[[Edit], Edit]) -> None:
        edit = change(self._desk.state.edit)
        if edit is not self._desk.state.edit:
            self._desk.adopt(edit, now=True)
            self.draw()

    def _switch(self, enabled: bool) -> None:
        self._act(lambda edit: replace(edit, moves=tuple(replace(m, enabled=enabled) for m in edit.moves)))
