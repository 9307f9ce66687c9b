"""A stack of edits: named steps, each of which can be switched off, moved and weighted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.words import shown
from latent_widgets.edits import text as _edit_text
from latent_widgets.edits.edit import Edit
from latent_widgets.edits.parts import Move
from latent_widgets.generators.base import Generator

__all__ = ["EditStack", "Entry"]


@dataclass(frozen=True, eq=False)
class Entry:
    """One step of a stack: moves under a name, switched and weighted together.

    Attributes:
        moves: The moves.
        name: What the step is called.
        enabled: Whether it counts.
        weight: What every ``alpha`` of it is multiplied by.
    """

    moves: tuple[Move, ...]
    name: str = ""
    enabled: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(self.moves))
        if any(not isinstance(move, Move) for move in self.moves):
            raise TypeError(
                f"moves must be Move values, got {shown(self.moves)}. Use Move.of(directions, index, alpha)."
            )
        name = checks.string("name", self.name)
        object.__setattr__(self, "name", name or ", ".join(move.name for move in self.moves))
        object.__setattr__(self, "weight", checks.number("weight", self.weight))
        object.__setattr__(self, "enabled", checks.flag("enabled", self.enabled))

    @property
    def effective(self) -> tuple[Move, ...]:
        """The moves as they count: weighted, or none."""
        return tuple(replace(m, alpha=m.alpha * self.weight) for m in self.moves) if self.enabled else ()


@dataclass(frozen=True, eq=False)
class EditStack:
    """Edits one after the other, each of which can be switched off, moved and weighted.

    Every method returns a new stack and leaves the old one as it was, so that a list of stacks is a history.

    Attributes:
        start: What comes before all entries: an edit, usually without moves.
        entries: The steps, in order.

    Example:
        >>> import torch
        >>> from latent_widgets.values.directions import Directions
        >>> D = Directions(torch.eye(3), "w", names=["hair", "mouth", "age"])
        >>> stack = EditStack(Edit()).push(Move.of(D, "hair", 2.0)).push(Move.of(D, "mouth", 1.0))
        >>> stack.weigh(0, 0.5).move(1, 0).edit
        <Edit of seed 0 on any generator: mouth 1 latent, hair 1 latent>
    """

    start: Edit
    entries: tuple[Entry, ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def edit(self) -> Edit:
        """The whole as one edit."""
        return replace(self.start, moves=(*self.start.moves, *(m for entry in self.entries for m in entry.effective)))

    def push(self, what: Edit | Move | Sequence[Move], name: str = "", weight: float = 1.0) -> EditStack:
        """Return the stack with one more entry at the end.

        Args:
            what: A move, several, or an edit of which the moves are taken.
            name: What to call it; the names of its directions if not given.
            weight: What its moves are multiplied by.

        Returns:
            The new stack.
        """
        moves = what.moves if isinstance(what, Edit) else (what,) if isinstance(what, Move) else tuple(what)
        return replace(self, entries=(*self.entries, Entry(moves, name, True, weight)))

    def replace(self, index: int, **changes: Any) -> EditStack:
        """Return the stack with fields of one entry changed: ``moves``, ``name``, ``enabled`` or ``weight``."""
        i = self._index(index)
        checks.known_keywords("replace", changes, [f.name for f in fields(Entry)])
        return replace(self, entries=(*self.entries[:i], replace(self.entries[i], **changes), *self.entries[i + 1 :]))

    def enable(self, index: int, enabled: bool = True) -> EditStack:
        """Return the stack with one entry switched on or off."""
        return self.replace(index, enabled=enabled)

    def weigh(self, index: int, weight: float) -> EditStack:
        """Return the stack with another weight for one entry."""
        return self.replace(index, weight=weight)

    def remove(self, index: int) -> EditStack:
        """Return the stack without one entry."""
        i = self._index(index)
        return replace(self, entries=(*self.entries[:i], *self.entries[i + 1 :]))

    def move(self, index: int, to: int) -> EditStack:
        """Return the stack with the entry ``index`` at the place ``to``."""
        i, to = self._index(index), self._index(to)
        rest = (*self.entries[:i], *self.entries[i + 1 :])
        return replace(self, entries=(*rest[:to], self.entries[i], *rest[to:]))

    def apply(self, G: Generator, *, adopt: bool = False) -> Tensor:
        """Draw the picture ``(1, 3, H, W)`` of the whole, see :meth:`Edit.apply`."""
        return self.edit.apply(G, adopt=adopt)

    def to_json(self) -> str:
        """Return the stack as JSON that keeps every bit of every number."""
        return json.dumps(_edit_text.stack_to_plain(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> EditStack:
        """Read what :meth:`to_json` wrote; raises ValueError if the text is no stack."""
        plain = _edit_text.parse(text, "edit_stack")
        start, entries = _edit_text.stack_from_plain(plain)
        try:
            return cls(Edit(**start), tuple(Entry(**entry) for entry in entries))
        except TypeError as error:
            raise ValueError(
                f"text must hold all fields of an edit stack, got a wrong one: {_edit_text.said(error)}."
            ) from None

    def _index(self, index: int) -> int:
        return checks.integer("index", index, low=0, high=len(self.entries) - 1)
