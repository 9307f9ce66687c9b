"""The rows of sliders: a row for each direction of the state, shown as the edit has it."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets

from latent_widgets.core import checks
from latent_widgets.edits.changes import move_along, others
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.sliders.rows import DirectionRow, Handlers
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.kit.controls import Guard
from latent_widgets.widgets.kit.panel import close_tree

__all__ = ["Sliders"]


class Sliders(ipywidgets.VBox):
    """One row per direction.

    Args:
        state: Has the directions; what is chosen in a row is noted there.
        num_layers: Of the generator; 1 where directions cannot be restricted to layers.
        handlers: What the rows call.
        guard: Wraps their handlers.
    """

    def __init__(self, state: ExplorerState, num_layers: int, handlers: Handlers, guard: Guard) -> None:
        self._state, self._num_layers, self._guard = state, num_layers, guard
        self._ranged = handlers.layers
        self._handlers = replace(handlers, layers=self._range)
        super().__init__()
        self.add_class("lw-rows")

    @property
    def rows(self) -> tuple[DirectionRow, ...]:
        """The rows, in order."""
        return tuple(self.children)

    @property
    def directions(self) -> list[Directions]:
        """What the rows stand for."""
        return self._state.directions

    def use(self, directions: Directions) -> None:
        """Show a row for each of these directions instead of the present ones."""
        old, state = self.rows, self._state
        state.directions, state.active = list(directions), 0
        rows = [
            DirectionRow(i, d, self._num_layers if d.space in ("w", "w+") else 1, self._handlers, self._guard)
            for i, d in enumerate(state.directions)
        ]
        state.layers = [row.chosen_layers for row in rows]
        self.children = rows
        for row, single in zip(rows, state.directions, strict=True):
            row.keep.value = state.keeps(single)
            row.keep.observe(self._guard(lambda change, i=row.index: state.keep(i, change["new"])), "value")
        close_tree(*old)

    def exchange(self, directions: Directions) -> bool:
        """Put other directions under the present rows, without touching handles that may be held.

        Args:
            directions: As many, of the same space, unit and layers.

        Returns:
            Whether that could be done.
        """
        state = self._state
        new, old = list(directions), state.directions
        if [(d.space, d.unit, d.layers) for d in new] != [(d.space, d.unit, d.layers) for d in old]:
            return False
        state.directions = new
        for row, single in zip(self.rows, new, strict=True):
            row.show_name(single.names[0])
            row.keep.value = state.keeps(single)
        return True

    def check(self, name: str, index: int) -> int:
        """Return the number of a direction if there is such a one, else raise an error that calls it ``name``."""
        return checks.integer(name, index, low=0, high=len(self.directions) - 1)

    def activate(self, i: int) -> None:
        """Make one direction the active one, and mark its row."""
        self._state.active = i
        for row in self.rows:
            if row.active != (row.index == i):
                row.activate(row.index == i)

    def layers(self, i: int) -> tuple[int, int] | None:
        """Return the first and last layer chosen in a row; None where there are none to choose."""
        return self.rows[i].chosen_range

    def choose_layers(self, i: int, layers: tuple[int, int] | None) -> None:
        """Choose the first and the last layer in a row, as its own control does.

        Args:
            i: The row.
            layers: The two; None for all.

        Raises:
            ValueError: If there are no such layers.
        """
        control = self.rows[i].layers
        if control is None:
            if layers is not None:
                raise ValueError(f"layers must be None for a direction outside w and w+, got {layers}.")
            return
        low, high = (0, control.max) if layers is None else layers
        if not 0 <= low <= high <= control.max:
            raise ValueError(f"layers must be the first and last of 0 to {control.max}, in order, got {layers}.")
        control.value = (low, high)

    def show(self, edit: Edit) -> list[Move]:
        """Bring the sliders to an edit without calling any handler.

        Args:
            edit: The edit.

        Returns:
            Its moves for which no slider stands.
        """
        moves = [move_along(edit, direction) for direction in self.directions]
        for i, (row, move) in enumerate(zip(self.rows, moves, strict=True)):
            if move is None:
                row.show(0.0)
            else:
                row.show(move.alpha, range(self._num_layers) if move.rows is None else move.rows)
                self._state.layers[i] = row.chosen_layers
        return others(edit, moves)

    def rename(self, i: int, renamed: Directions) -> None:
        """Give a row's direction another name, also where it is kept."""
        self._state.rename(i, renamed)
        self.rows[i].show_name(renamed.names[0])

    def _range(self, i: int) -> None:
        self._state.layers[i] = self.rows[i].chosen_layers
        self._ranged(i)
