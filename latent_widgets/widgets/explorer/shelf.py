"""The sets of directions that an explorer has, as frozen values: each knows where it came from, and none is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from latent_widgets.core.texts import tr, trn
from latent_widgets.edits.changes import same_code
from latent_widgets.edits.edit import Base, Mask
from latent_widgets.methods import methods
from latent_widgets.values.directions import Directions, same_direction

__all__ = ["HERE", "REGION", "DirectionSet", "Found", "Layers", "Shelf", "same_set", "title_of"]

Layers = tuple[int, ...] | None

HERE = ("z", "w", "code")  # parameters by which a method belongs to a latent
REGION = ("mask", "parts")  # and to a region
OTHERS = {
    "region": tr("Region"), "feature_directions": tr("Feature directions"), "true_factors": tr("True factors"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Found:
    """How a set was found, so that it can be found again elsewhere.

    Attributes:
        method: Name of the method.
        parameters: What was chosen for it.
        base: Where the edit started then.
        mask: The region for which it was found; None where the method needs none.
        local: Whether the directions belong to that start.
        stopped: After how many steps a hand ended it; None where it went on to its end.
    """

    method: str
    parameters: Mapping[str, Any]
    base: Base
    mask: Mask | None = None
    local: bool = False
    stopped: int | None = None

    def elsewhere(self, base: Base) -> bool:
        """Whether the directions belong to another start than this one."""
        return self.local and not _same_start(self.base, base)


@dataclass(frozen=True, eq=False)
class DirectionSet:
    """One set on the shelf.

    Attributes:
        title: Where it came from, in a few words.
        directions: The directions.
        layers: Those chosen for each direction; None where they are its own.
        found: How it was found; None where it was brought.
        folded: Whether its rows are hidden.
        closed: Whether it is put away, to be opened again.
        follows: Whether its directions are those of the region, and change with it.
        key: What says that it is the same set when its names, its layers or its directions have changed.
    """

    title: str
    directions: Directions
    layers: tuple[Layers, ...] = ()
    found: Found | None = None
    folded: bool = False
    closed: bool = False
    follows: bool = False
    key: object = field(default_factory=object)

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.directions):
            object.__setattr__(self, "layers", (None,) * len(self.directions))

    @cached_property
    def singles(self) -> tuple[Directions, ...]:
        """The directions one by one."""
        return tuple(self.directions)

    def exchanges(self, directions: Directions) -> bool:
        """Whether other directions can take the places of these: as many, of the same space, unit and layers."""
        new, old = directions, self.directions
        kinds = [(d.space, d.unit, d.layers, len(d)) for d in (new, old)]
        return kinds[0] == kinds[1]


@dataclass(frozen=True, eq=False)
class Shelf:
    """All sets, in the order in which they came.

    Attributes:
        sets: The sets.
        active: The key of the set whose row is active; it is open.
        row: The number of the active row in it.

    Example:
        >>> import torch
        >>> three, two = Directions(torch.eye(3), "z"), Directions(torch.eye(3)[:2], "z")
        >>> shelf = Shelf().put(DirectionSet("axes", three)).put(DirectionSet("two", two))
        >>> [(one.title, len(one.directions)) for one in shelf.open], shelf.current.title
        ([('axes', 3), ('two', 2)], 'two')
        >>> shelf.close(shelf.active).current.title
        'axes'
    """

    sets: tuple[DirectionSet, ...] = ()
    active: object = None
    row: int = 0

    # ---- what there is

    @property
    def open(self) -> tuple[DirectionSet, ...]:
        """Those that are not put away."""
        return tuple(one for one in self.sets if not one.closed)

    @property
    def closed(self) -> tuple[DirectionSet, ...]:
        """Those that are."""
        return tuple(one for one in self.sets if one.closed)

    @property
    def current(self) -> DirectionSet:
        """The set whose row is active."""
        return self.of(self.active)

    @property
    def following(self) -> DirectionSet | None:
        """The set that follows the region; None where none does."""
        return next((one for one in self.sets if one.follows), None)

    def of(self, key: object) -> DirectionSet:
        """Return the set with a key."""
        return next(one for one in self.sets if one.key is key)

    # ---- other shelves

    def put(self, made: DirectionSet) -> Shelf:
        """Return the shelf with a new set at its end, which is the active one."""
        return replace(self, sets=(*self.sets, made), active=made.key, row=0)

    def change(self, key: object, **changes: Any) -> Shelf:
        """Return the shelf with fields of one set changed."""
        return replace(self, sets=tuple(replace(one, **changes) if one.key is key else one for one in self.sets))

    def exchange(self, key: object, directions: Directions) -> Shelf:
        """Return the shelf with other directions in a set; chosen layers stay where they fit."""
        old = self.of(key)
        layers = old.layers if old.exchanges(directions) else ()
        row = min(self.row, len(directions) - 1) if key is self.active else self.row
        return replace(self.change(key, directions=directions, layers=layers), row=row)

    def choose(self, key: object, row: int) -> Shelf:
        """Return the shelf with another active row."""
        return self if key is self.active and row == self.row else replace(self, active=key, row=row)

    def close(self, key: object) -> Shelf:
        """Return the shelf with one set put away.

        Raises:
            ValueError: If it is the only open one: sliders need directions.
        """
        rest = [one for one in self.open if one.key is not key]
        if not rest:
            raise ValueError(f"shelf must keep one set open, got only {self.of(key).title!r}. Add another one first.")
        closed = self.change(key, closed=True)
        return closed if key is not self.active else closed.choose(self._next_to(key).key, 0)

    def reopen(self, key: object) -> Shelf:
        """Return the shelf with one set open and active again."""
        return self.change(key, closed=False, folded=False).choose(key, 0)

    def _next_to(self, key: object) -> DirectionSet:
        """The open set before another one, or else the one after it."""
        keys = [one.key for one in self.open]
        i = keys.index(key)
        return self.of(keys[i - 1] if i else keys[1])


def same_set(a: Directions, b: Directions) -> bool:
    """Whether two sets hold the same directions in the same order; names do not matter."""
    return len(a) == len(b) and all(same_direction(x, y) for x, y in zip(a, b, strict=True))


def title_of(directions: Directions, found: Found | None = None) -> str:
    """Say where directions came from, in a few words.

    Args:
        directions: The directions.
        found: How they were found; None where that is not known.

    Returns:
        Such as ``"Local Basis at seed 7"`` or ``"hair, LELSD, 200 steps"``.
    """
    names: dict[str, Callable[[], str]] = {"lelsd": lambda: _trained(directions, found)}
    titles = {info.name: info.title for info in methods()} | OTHERS
    method = directions.method
    title = names[method]() if method in names else titles.get(method, method.replace("_", " ") or tr("directions"))
    if found is not None and found.stopped is not None and method not in names:
        title = tr("{method}, stopped at step {step}", method=title, step=found.stopped)
    if found is None or not found.local:
        return title
    code = found.base.code
    if code is not None:
        return tr("{method} at a code in {space}", method=title, space=code.space)
    return tr("{method} at seed {seed}", method=title, seed=found.base.seed)


def _trained(directions: Directions, found: Found | None) -> str:
    asked = directions.parameters
    steps = asked.get("steps")
    said = trn("{count} step", "{count} steps", steps) if isinstance(steps, int) else ""  # a file may say anything
    if said and found is not None and found.stopped is not None:
        said = tr("{done} of {steps}", done=found.stopped, steps=said)
    words = [str(asked.get("part", "")), "LELSD", said]
    return ", ".join(filter(None, words))


def _same_start(a: Base, b: Base) -> bool:
    """Whether two edits start at the same latent."""
    names = [f.name for f in fields(Base) if f.name != "code"]
    return a is b or (all(getattr(a, n) == getattr(b, n) for n in names) and same_code(a.code, b.code))
