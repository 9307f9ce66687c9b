"""The rows of sliders: a row for each direction of each set on the shelf that is unfolded, shown as the edit has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets

from latent_widgets.core import checks
from latent_widgets.core.words import label_text
from latent_widgets.edits.changes import move_along, others
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.widgets.explorer.shelf import DirectionSet, Layers
from latent_widgets.widgets.explorer.sliders.layers import LayerChoice
from latent_widgets.widgets.explorer.sliders.reach_note import reach_note
from latent_widgets.widgets.explorer.sliders.rows import DirectionRow, Handlers
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.controls import row as line
from latent_widgets.widgets.kit.panel import close_tree

__all__ = ["Sliders"]


class Group:
    """The rows of one set.

    Attributes:
        shown: The set that they show.
        title: Stands above them where there are several groups.
        rows: One for each direction.
    """

    def __init__(self, shown: DirectionSet, title: ipywidgets.Label, rows: tuple[DirectionRow, ...]) -> None:
        self.shown, self.title, self.rows = shown, title, rows


class Sliders(ipywidgets.VBox):
    """One row per direction, a group of them per set, and below them the layers of the active direction.

    Args:
        state: Has the directions.
        num_layers: Of the generator; 1 where directions cannot be restricted to layers.
        handlers: What the rows call; a row of another set than the active one makes its set the active one first.
        activate: Called with the key of a set and the number of a row, which is to be the active one.
        layered: Called without arguments when other layers are chosen for the active direction.
        guard: Wraps their handlers.
    """

    def __init__(
        self,
        state: ExplorerState,
        num_layers: int,
        handlers: Handlers,
        activate: Callable[[object, int], object],
        layered: Callable[[], object],
        guard: Guard,
    ) -> None:
        self._state, self._num_layers, self._guard = state, num_layers, guard
        self._handlers, self._activate, self._layered = handlers, activate, layered
        self._groups: dict[object, Group] = {}
        self.box = ipywidgets.VBox()
        self.box.add_class("lw-rows")
        self.layers = LayerChoice(num_layers, guard(self._ranged)) if num_layers > 1 else None
        self.note = ipywidgets.HTML()
        self.note.add_class("lw-note")
        self._condition: int | None = None  # the class whose ranges are shown
        super().__init__([self.box, line(*([] if self.layers is None else [self.layers]), self.note)])
        self.add_class("lw-sliders")

    @property
    def rows(self) -> tuple[DirectionRow, ...]:
        """The rows of the active set, in order; none while it is folded."""
        group = self._groups.get(self._state.shelf.active)
        return () if group is None else group.rows

    @property
    def all_rows(self) -> tuple[DirectionRow, ...]:
        """The rows of all sets."""
        return tuple(row for group in self._groups.values() for row in group.rows)

    def check(self, name: str, index: int) -> int:
        """Return the number of a direction if there is such a one, else raise an error that calls it ``name``."""
        return checks.integer(name, index, low=0, high=len(self._state.directions) - 1)

    # ---- the shelf

    def show_shelf(self) -> None:
        """Bring the rows to the shelf; those that stay are left alone, since a hand may hold them."""
        shelf, old = self._state.shelf, self._groups
        shown = [one for one in shelf.open if not one.folded]
        self._groups = {one.key: self._group(one, old.get(one.key)) for one in shown}
        groups = self._groups.values()
        for n, group in enumerate(groups):
            group.title.layout.display = None if len(groups) > 1 else "none"
            for widget in (group.title, *group.rows):
                widget.layout.order = str(-n) if n else None  # the newest above, and no row is drawn anew under a hand
            for row, single in zip(group.rows, group.shown.singles, strict=True):
                row.show_kept(self._state.keeps(single))
        rows = [widget for group in groups for widget in (group.title, *group.rows)]
        if rows != list(self.box.children):
            self.box.children = rows
        gone = [group for key, group in old.items() if self._groups.get(key) is not group]
        close_tree(*(widget for group in gone for widget in (group.title, *group.rows)))
        self.mark()

    def _group(self, one: DirectionSet, old: Group | None) -> Group:
        """Rows for a set: those that there are, where other directions can stand in them."""
        if old is not None and (old.shown.directions is one.directions or old.shown.exchanges(one.directions)):
            if old.shown.directions is not one.directions:
                for row, single in zip(old.rows, one.singles, strict=True):
                    row.show_direction(single)
            old.shown = one
            old.title.value = label_text(one.title)
            return old
        handlers = Handlers(*(self._first(one.key, act) for act in vars(self._handlers).values()))
        range_ = self._state.range(one)
        rows = tuple(DirectionRow(i, d, range_, handlers, self._guard) for i, d in enumerate(one.singles))
        title = ipywidgets.Label(label_text(one.title))
        title.add_class("lw-set")
        return Group(one, title, rows)

    def _first(self, key: object, act: Callable[..., object]) -> Callable[..., object]:
        def acted(i: int, *rest: object) -> object:
            if self._state.shelf.active is not key:
                self._activate(key, i)
            return act(i, *rest)

        return acted

    def mark(self) -> None:
        """Mark the row of the active direction, and show its layers."""
        state = self._state
        for key, group in self._groups.items():
            for row in group.rows:
                active = key is state.shelf.active and row.index == state.active
                if row.active != active:
                    row.activate(active)
        if not state.shelf.sets:
            return
        if self.layers is not None:
            self.layers.show(state.direction, state.layers[state.active])
        one = state.shelf.current
        said = reach_note(state.defaults(one), one.directions.unit, state.edit.base.truncation)
        if said != self.note.value:
            self.note.value = said

    def fit(self) -> None:
        """Go as far as what is known of each set's walks."""
        for group in self._groups.values():
            range_ = self._state.range(group.shown)
            for each in group.rows:
                each.fit(range_)
        self.mark()

    # ---- layers

    def chosen_range(self) -> tuple[int, int] | None:
        """Return the first and last layer chosen for the active direction; None where there are none to choose."""
        return None if self.layers is None else self.layers.range

    def choose_layers(self, layers: tuple[int, int] | None) -> None:
        """Choose the first and the last layer for the active direction, as its own control does.

        Args:
            layers: The two; None for all.

        Raises:
            ValueError: If there are no such layers.
        """
        if self.layers is None or self.layers.range is None:
            if layers is not None:
                raise ValueError(f"layers must be None for a direction outside w and w+, got {layers}.")
            return
        low, high = (0, self._num_layers - 1) if layers is None else layers
        if not 0 <= low <= high < self._num_layers:
            raise ValueError(
                f"layers must be the first and last of 0 to {self._num_layers - 1}, in order, got {layers}."
            )
        self.layers.choose(low, high)

    def _ranged(self, chosen: Layers) -> None:
        state = self._state
        shelf, layers = state.shelf, list(state.layers)
        layers[state.active] = chosen
        with state.act():
            state.change(
                shelf=shelf.change(shelf.active, layers=tuple(layers)), gesture=("layers", shelf.active, shelf.row)
            )
            self._layered()

    # ---- the edit

    def show(self, edit: Edit) -> list[Move]:
        """Bring the sliders to an edit without calling any handler.

        Args:
            edit: The edit.

        Returns:
            Its moves for which no slider stands: those along no direction of an open set.
        """
        state, there = self._state, []
        if edit.base.condition is not self._condition:
            self._condition = edit.base.condition
            self.fit()
        for one in state.shelf.open:
            moves = [move_along(edit, direction) for direction in one.singles]
            there += moves
            group = self._groups.get(one.key)
            for i, move in enumerate(moves):
                if group is not None:
                    group.rows[i].show(0.0 if move is None else move.alpha)
            self._take_layers(one, moves)
        self.mark()
        return others(edit, there)

    def _take_layers(self, one: DirectionSet, moves: list[Move | None]) -> None:
        """Note the layers of moves as those that are chosen."""
        if self.layers is None or one.directions.space not in ("w", "w+"):
            return
        layers = tuple(
            chosen if move is None else self.layers.as_chosen(move.rows, single)
            for chosen, move, single in zip(one.layers, moves, one.singles, strict=True)
        )
        if layers != one.layers:
            self._state.amend(shelf=self._state.shelf.change(one.key, layers=layers))
            if one.key in self._groups:
                self._groups[one.key].shown = replace(self._groups[one.key].shown, layers=layers)
