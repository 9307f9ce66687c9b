"""The rows of sliders: which direction each stands for, and which directions are kept for later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from latent_widgets.core import checks
from latent_widgets.edits.changes import move_along, same_direction
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.geometry.walks.walk import KINDS
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.sliders.rows import DirectionRow, Handlers
from latent_widgets.widgets.kit.panel import close_tree

__all__ = ["Sliders"]


class Sliders(ipywidgets.VBox):
    """One row per direction.

    Args:
        num_layers: Of the generator; 1 where directions cannot be restricted to layers.
        handlers: What the rows call.
        guard: Wraps their handlers.
    """

    def __init__(self, num_layers: int, handlers: Handlers, guard: Callable[[Callable[..., Any]], Any]) -> None:
        self._num_layers, self._handlers, self._guard = num_layers, handlers, guard
        self.directions: list[Directions] = []
        self.active = 0
        self._kept: list[Directions] = []
        super().__init__()
        self.add_class("lw-rows")

    @property
    def rows(self) -> tuple[DirectionRow, ...]:
        """The rows, in order."""
        return tuple(self.children)

    def use(self, directions: Directions) -> None:
        """Show a row for each of these directions instead of the present ones."""
        old, self.directions, self.active = self.rows, list(directions), 0
        self.children = [
            DirectionRow(i, d, self._num_layers if d.space in ("w", "w+") else 1, self._handlers, self._guard)
            for i, d in enumerate(self.directions)
        ]
        for row, single in zip(self.rows, self.directions, strict=True):
            row.keep.value = any(same_direction(single, kept) for kept in self._kept)
            row.keep.observe(self._guard(lambda change, i=row.index: self.keep(i, change["new"])), "value")
        close_tree(*old)

    def exchange(self, directions: Directions) -> bool:
        """Put other directions under the present rows, without touching handles that may be held.

        Args:
            directions: As many, of the same space, unit and layers.

        Returns:
            Whether that could be done.
        """
        new, old = list(directions), self.directions
        if [(d.space, d.unit, d.layers) for d in new] != [(d.space, d.unit, d.layers) for d in old]:
            return False
        self.directions = new
        for row, single in zip(self.rows, new, strict=True):
            row.show_name(single.names[0])
            row.keep.value = any(same_direction(single, kept) for kept in self._kept)
        return True

    def check(self, name: str, index: int) -> int:
        """Return the number of a direction if there is such a one, else raise an error that calls it ``name``."""
        return checks.integer(name, index, low=0, high=len(self.directions) - 1)

    def activate(self, i: int) -> None:
        """Make one direction the active one, and mark its row."""
        self.active = i
        for row in self.rows:
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

    def move(self, i: int, alpha: float, kind: str) -> Move:
        """Return the move that a row makes.

        Args:
            i: The row.
            alpha: How far.
            kind: Of walk; a straight one where the direction's space has no such kind.

        Returns:
            The move.
        """
        single = self.directions[i]
        return Move(single, alpha, self.rows[i].chosen_layers, kind if kind in KINDS[single.space] else "linear")

    def show(self, edit: Edit) -> None:
        """Bring the sliders to an edit without calling any handler."""
        for row, single in zip(self.rows, self.directions, strict=True):
            move = move_along(edit, single)
            if move is None:
                row.show(0.0)
            else:
                rows = range(self._num_layers) if move.rows is None else move.rows
                row.show(move.alpha, rows)

    def rename(self, i: int, renamed: Directions) -> None:
        """Give a row's direction another name, also where it is kept."""
        old, self.directions[i] = self.directions[i], renamed
        self._kept = [renamed if same_direction(kept, old) else kept for kept in self._kept]
        self.rows[i].show_name(renamed.names[0])

    def keep(self, i: int, keep: bool) -> None:
        """Keep a direction for later methods and files, or no longer."""
        single = self.directions[i]
        self._kept = [kept for kept in self._kept if not same_direction(kept, single)] + [single] * keep

    @property
    def bookmarked(self) -> tuple[Directions, ...]:
        """The directions that are kept, one by one: they may be of different spaces and units."""
        return tuple(self._kept)

    @property
    def kept(self) -> Directions | None:
        """The directions that are kept; None without any."""
        return Directions.concatenate(self._kept) if self._kept else None

    def with_kept(self, found: Directions) -> Directions:
        """Put the kept directions before new ones, where they have the same space, unit and layers.

        Args:
            found: The new ones.

        Returns:
            Both; the new ones alone where nothing is kept that fits.
        """
        there = list(found)
        kept = [one for one in self._kept if not any(same_direction(one, single) for single in there)]
        alike = [k for k in kept if (k.space, k.unit, k.layers) == (found.space, found.unit, found.layers)]
        return Directions.concatenate([*alike, found]) if alike else found
