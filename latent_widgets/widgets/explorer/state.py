"""What an explorer shows, with no widget in sight: all that a hand can change, as one value with a history."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from latent_widgets.edits.edit import Edit, Mask, Move
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.walks.own_defaults import Defaults, known_defaults
from latent_widgets.geometry.walks.walk import KINDS
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.widgets.explorer.shelf import DirectionSet, Layers, Shelf
from latent_widgets.widgets.kit.history import History
from latent_widgets.widgets.kit.unit_ranges import UnitRange, unit_ranges

__all__ = ["ExplorerState", "Scene"]

# Seconds without a move after which a hand has let go of a control. The page does not tell of it: a slider that is
# released sends nothing. One that is held sends some ten moves a second, unless the page is busy.
HOLD = 1.0


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a hand can change; undo and redo go from one scene to another.

    Attributes:
        edit: What is shown.
        shelf: The sets of directions, and the active row.
        mask: The region.
        confine: Whether the edit shows its moves only there.
        steer: Whether the sliders follow it.
        bookmarked: The directions that are kept, one by one: they may be of different spaces and units.
    """

    edit: Edit
    shelf: Shelf = field(default_factory=Shelf)
    mask: Mask | None = None
    confine: bool = True
    steer: bool = False
    bookmarked: tuple[Directions, ...] = ()

    def same(self, other: Scene) -> bool:
        """Whether another scene holds the same values."""
        return all(getattr(self, f.name) is getattr(other, f.name) for f in fields(self))


class ExplorerState:
    """An explorer's state; the explorer changes it, its parts read it.

    Args:
        generator: What is explored.
        start: The first edit.

    Attributes:
        history: Of the scene.
        kind: Of walk that sliders make, where their space has it.
        page: The page that is open; empty while there is none.

    Example:
        >>> from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
        >>> G = PlainGenerator(DCGAN(z_dim=4, resolution=8, channels={4: 4, 8: 2}), "tiny")
        >>> state = ExplorerState(G, Edit.of(G, seed=1))
        >>> state.adopt(Edit.of(G, seed=2), gesture="seed")
        >>> state.adopt(Edit.of(G, seed=3), gesture="seed")
        >>> state.edit.base.seed, state.history.undo().edit.base.seed
        (3, 1)
    """

    def __init__(self, generator: Generator, start: Edit) -> None:
        self.generator = generator
        self.history = History(Scene(start))
        self.kind = "linear"
        self.page = ""
        self._measured: dict[tuple[object, int | None], Defaults] = {}  # by set and class
        self._acts = 0  # how many acts are being done, one within the other
        self._entered = False  # whether the outermost of them has its entry in the history
        self._gesture: object = None  # what the hand, or code, is doing
        self._held = self._in_hand = False  # whether a hand does it; whether it does just now
        self._touched = -math.inf  # when what a hand moved last was done: what the kernel takes for it is no pause
        self._sent: float | None = None  # when the page sent it

    # ---- the scene

    @property
    def scene(self) -> Scene:
        """All that a hand can change, as it is."""
        return self.history.value

    @property
    def shelf(self) -> Shelf:
        """The sets of directions."""
        return self.scene.shelf

    @property
    def mask(self) -> Mask | None:
        """The region."""
        return self.scene.mask

    @property
    def confine(self) -> bool:
        """Whether the edit shows its moves only there."""
        return self.scene.confine

    @property
    def steer(self) -> bool:
        """Whether the sliders follow it."""
        return self.scene.steer

    @property
    def bookmarked(self) -> tuple[Directions, ...]:
        """The directions that are kept, one by one."""
        return self.scene.bookmarked

    def change(self, *, gesture: object = None, **values: Any) -> None:
        """Change something, which is an act that can be undone.

        Args:
            gesture: What the hand is doing: changes of one gesture are one entry of the history.
            **values: Fields of :class:`Scene`.
        """
        if all(getattr(self.scene, name) is value for name, value in values.items()):
            return
        goes_on = (gesture is not None and gesture == self._gesture) or (self._acts > 0 and self._entered)
        self.history.push(replace(self.scene, **values), merge=goes_on)
        self._entered, self._gesture = True, gesture

    def amend(self, **values: Any) -> None:
        """Change something that is no act of its own, such as which row is active."""
        if any(getattr(self.scene, name) is not value for name, value in values.items()):
            self.history.amend(replace(self.scene, **values))

    @contextmanager
    def act(self) -> Iterator[None]:
        """Enter while one thing is done: all that changes meanwhile is one entry of the history, or none.

        There is none where everything was taken back within.
        """
        if not self._acts:
            self._entered = False
        self._acts += 1
        try:
            yield
        finally:
            self._acts -= 1
            if not self._acts and self._entered:
                self.history.forget_step(Scene.same)

    # ---- the edit

    @property
    def edit(self) -> Edit:
        """The edit that is shown, or about to be."""
        return self.scene.edit

    @property
    def painted(self) -> bool:
        """Whether there is a region that covers anything."""
        return self.mask is not None and bool(self.mask.tensor.any())

    def adopt(self, edit: Edit, *, gesture: object = None, record: bool = True) -> None:
        """Make an edit the current one.

        Args:
            edit: Which.
            gesture: What the hand is doing: edits of one gesture are one entry of the history.
            record: Whether it is an act that could be undone.
        """
        if record:
            held = self._gesture
            self.change(gesture=gesture, edit=edit)
            self._gesture = held
        if self._in_hand or gesture != self._gesture:
            self._held = self._in_hand
        self._gesture = gesture

    def exchange(self, edit: Edit) -> object:
        """Put an edit in the place of the current one, which is no act that could be undone.

        Args:
            edit: Which.

        Returns:
            The gesture that goes on.
        """
        self.amend(edit=edit)
        return self._gesture

    def rest(self) -> None:
        """End what code does, since its picture is at rest; hands come to rest later, see :meth:`hand`."""
        if not self._held:
            self._gesture = None

    @contextmanager
    def hand(self, sent: float | None = None) -> Iterator[None]:
        """Enter while a move of a control that is dragged is done: the gesture goes on where the hand did not pause.

        Args:
            sent: When the page sent it, in seconds of a clock of its own: what waits for a busy kernel is no pause.
        """
        pause, before = time.monotonic() - self._touched, self._sent
        if pause > HOLD and (sent is None or before is None or not 0 <= sent - before <= HOLD):
            self._gesture = None
        self._in_hand, self._sent = True, sent
        try:
            yield
        finally:
            self._in_hand, self._touched = False, time.monotonic()

    def drawn(self) -> Generator:
        """Return the generator as the edit has it: of the class that it draws.

        Raises:
            ValueError: If it is on the meta device.
        """
        return with_weights(self.generator).of_class(self.edit.base.condition)

    # ---- the directions

    @property
    def directions(self) -> tuple[Directions, ...]:
        """What the sliders of the active set stand for, one by one."""
        return self.shelf.current.singles

    @property
    def active(self) -> int:
        """Which of them walks and animations follow."""
        return self.shelf.row

    @property
    def layers(self) -> tuple[Layers, ...]:
        """The layers chosen for each; None where they are the direction's own."""
        return self.shelf.current.layers

    @property
    def direction(self) -> Directions:
        """The active direction."""
        return self.directions[self.active]

    @property
    def rows(self) -> list[Directions]:
        """What all sliders stand for, those of the active set first: of sets that are put away there are none."""
        shelf = self.shelf
        return [*self.directions, *(d for one in shelf.open if one.key is not shelf.active for d in one.singles)]

    def defaults(self, one: DirectionSet) -> Defaults:
        """Return what was measured of walks along the directions of a set, for the class that is drawn."""
        G = self.generator.of_class(self.edit.base.condition)
        measured = self._measured.get((one.key, G.class_number))
        return known_defaults(G, one.directions.method) if measured is None else measured

    def measured(self, one: DirectionSet, condition: int | None, found: Defaults) -> None:
        """Keep what was measured of a set's walks for a class, as long as the explorer is there."""
        self._measured[one.key, condition] = found

    def range(self, one: DirectionSet | None = None) -> UnitRange:
        """Return how far the sliders of a set go; those of the active set if not given."""
        one = self.shelf.current if one is None else one
        return unit_ranges(self.generator, one.directions, self.defaults(one))[one.directions.unit]

    def range_of(self, direction: Directions) -> UnitRange:
        """Return how far sliders go along a direction, also one that is on no shelf."""
        sets = sorted(self.shelf.open, key=lambda one: one.key is not self.shelf.active)  # the active one counts first
        own = (one for one in sets if any(same_direction(each, direction) for each in one.singles))
        return self.range(next(own, None) or DirectionSet("", direction))

    def move(self, i: int, alpha: float) -> Move:
        """Return the move that a slider makes.

        Args:
            i: Of the slider.
            alpha: How far.

        Returns:
            The move; a straight one where the direction's space has no walk of the chosen kind.
        """
        return self.move_in(self.shelf.current, i, alpha)

    def move_in(self, one: DirectionSet, i: int, alpha: float) -> Move:
        """Return the move that a slider of some set makes, as :meth:`move` does."""
        single = one.singles[i]
        return Move(single, alpha, one.layers[i], self.kind if self.kind in KINDS[single.space] else "linear")

    def slider_of(self, direction: Directions) -> int | None:
        """Return the number of the slider that stands for a direction; None for none."""
        return next((i for i, d in enumerate(self.directions) if same_direction(d, direction)), None)

    def keep(self, direction: Directions, keep: bool) -> None:
        """Keep a direction for files and comparisons, or no longer."""
        others = tuple(kept for kept in self.bookmarked if not same_direction(kept, direction))
        self.change(bookmarked=(*others, *[direction] * keep))

    def keeps(self, direction: Directions) -> bool:
        """Whether a direction is kept."""
        return any(same_direction(direction, kept) for kept in self.bookmarked)

    @property
    def kept(self) -> Directions | None:
        """The directions that are kept; None without any."""
        return Directions.concatenate(list(self.bookmarked)) if self.bookmarked else None

    def known(self, code: Any) -> dict[str, Any]:
        """Return what is known of what methods need: the latent before the mapping, the code and the mask.

        Args:
            code: The edited code.

        Returns:
            Each under the name that methods give it; None where it is not known.
        """
        base = self.edit.base
        plain = base.code is None and base.second_seed is None
        z = self.generator.sample_z(1, int(base.seed or 0))[0] if plain else None
        return {"z": z, "w": code, "code": code, "mask": self.mask, "parts": self.mask}
