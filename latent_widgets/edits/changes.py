"""What sliders and rows of moves do to an edit: functions of frozen values.

A slider stands for the first move along its direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from latent_widgets.core import checks
from latent_widgets.core.rounding import same
from latent_widgets.edits.edit import Base, Code, Edit, Move
from latent_widgets.values.directions import Directions, same_direction

__all__ = [
    "carried",
    "change_move",
    "drop_move",
    "move_along",
    "others",
    "rebase",
    "rename",
    "same_code",
    "set_move",
    "shift_move",
    "with_move",
]


def _place_of(edit: Edit, direction: Directions) -> int | None:
    for n, move in enumerate(edit.moves):
        if move.enabled and same_direction(move.direction, direction):
            return n
    return None


def move_along(edit: Edit, direction: Directions) -> Move | None:
    """Return the move that the slider of a direction stands for; None where there is none."""
    n = _place_of(edit, direction)
    return None if n is None else edit.moves[n]


def with_move(edit: Edit, move: Move) -> Edit:
    """Return the edit with a move in the place of the one along the same direction, or else at the end."""
    n = _place_of(edit, move.direction)
    n = len(edit.moves) if n is None else n
    return replace(edit, moves=(*edit.moves[:n], move, *edit.moves[n + 1 :]))


def set_move(edit: Edit, move: Move) -> Edit:
    """Return the edit after a slider was moved.

    Args:
        edit: The edit before.
        move: Where the slider is; at 0 it leaves no move.

    Returns:
        The new edit; the same object where nothing changed.
    """
    old = move_along(edit, move.direction)
    if old is None:
        return with_move(edit, move) if move.alpha else edit
    if not move.alpha:
        return replace(edit, moves=tuple(m for m in edit.moves if m is not old))
    unmoved = (old.alpha, old.rows, old.kind) == (move.alpha, move.rows, move.kind)
    return edit if unmoved else with_move(edit, move)


def rename(edit: Edit, direction: Directions, renamed: Directions) -> Edit:
    """Return the edit with another name for one direction; the same object where nothing moves along it."""
    if not any(same_direction(m.direction, direction) for m in edit.moves):
        return edit
    moves = (replace(m, direction=renamed) if same_direction(m.direction, direction) else m for m in edit.moves)
    return replace(edit, moves=tuple(moves))


def rebase(edit: Edit, **changes: Any) -> Edit:
    """Return the edit from another start.

    Args:
        edit: The edit.
        **changes: Fields of :class:`~latent_widgets.edits.Base`; a seed takes the place of a code.

    Returns:
        The new edit; the same object where nothing changed.

    Raises:
        TypeError: If a field is unknown.
    """
    checks.known_keywords("change_base", changes, [f.name for f in fields(Base)])
    changes = ({"code": None} if changes.get("seed") is not None else {}) | changes
    old, base = edit.base, replace(edit.base, **changes)
    return (
        edit if all(getattr(old, f.name) == getattr(base, f.name) for f in fields(Base)) else replace(edit, base=base)
    )


def others(edit: Edit, moves: Sequence[Move | None]) -> list[Move]:
    """Return the moves of an edit that are not among these, in order."""
    return [move for move in edit.moves if not any(move is one for one in moves)]


def change_move(edit: Edit, index: int, **changes: Any) -> Edit:
    """Return the edit with fields of one move changed; the same object where nothing changed."""
    old = edit.moves[index]
    if all(getattr(old, name) == value for name, value in changes.items()):
        return edit
    return replace(edit, moves=(*edit.moves[:index], replace(old, **changes), *edit.moves[index + 1 :]))


def shift_move(edit: Edit, index: int, by: int) -> Edit:
    """Return the edit with one move earlier or later; the same object where it is at the end already."""
    to = min(max(index + by, 0), len(edit.moves) - 1)
    rest = [*edit.moves[:index], *edit.moves[index + 1 :]]
    return edit if to == index else replace(edit, moves=(*rest[:to], edit.moves[index], *rest[to:]))


def drop_move(edit: Edit, index: int) -> Edit:
    """Return the edit without one move."""
    return replace(edit, moves=(*edit.moves[:index], *edit.moves[index + 1 :]))


def carried(edit: Edit, old: Sequence[Directions], new: Sequence[Directions]) -> Edit:
    """Return the edit with moves along some directions made along those that took their place.

    Args:
        edit: The edit.
        old: Directions.
        new: As many, in their places.

    Returns:
        The new edit; the same object where nothing moves along them.
    """
    moves = tuple(
        next(
            (replace(m, direction=b) for a, b in zip(old, new, strict=True) if same_direction(m.direction, a)),
            m,
        )
        for m in edit.moves
    )
    return edit if all(a is b for a, b in zip(moves, edit.moves, strict=True)) else replace(edit, moves=moves)


def same_code(a: Code | None, b: Code | None) -> bool:
    """Whether two codes are the same point but for rounding, as to another type."""
    if a is None or b is None:
        return a is b
    return (a.space, a.tensor.shape) == (b.space, b.tensor.shape) and same(a.tensor, b.tensor)
