"""What an explorer shows, with no widget in sight: the edit, its history, and the directions under the sliders."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from latent_widgets.edits.edit import Edit, Mask, Move
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.walks.walk import KINDS
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.widgets.kit.history import History

__all__ = ["ExplorerState"]

# Seconds without a move after which a hand has let go of a control. The page does not tell of it: a slider that is
# released sends nothing. One that is held sends some ten moves a second, unless the page is busy.
HOLD = 1.0


class ExplorerState:
    """An explorer's state; the explorer changes it, its parts read it.

    Args:
        generator: What is explored.
        start: The first edit.

    Attributes:
        history: Of the edit.
        directions: What the sliders stand for, one by one.
        active: Which of them walks and animations follow.
        layers: The layers chosen for each; None where they are the direction's own.
        bookmarked: The directions that are kept, one by one: they may be of different spaces and units.
        kind: Of walk that sliders make, where their space has it.
        mask: The region.
        confine: Whether the edit shows its moves only there.
        steer: Whether the sliders follow it.
        page: The page that is open; empty while there is none yet.

    Example:
        >>> from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
        >>> G = PlainGenerator(DCGAN(z_dim=4, resolution=8, channels={4: 4, 8: 2}), "tiny")
        >>> state = ExplorerState(G, Edit.of(G, seed=1))
        >>> state.adopt(Edit.of(G, seed=2), gesture="seed")
        >>> state.adopt(Edit.of(G, seed=3), gesture="seed")
        >>> state.edit.base.seed, state.history.undo().base.seed
        (3, 1)
    """

    def __init__(self, generator: Generator, start: Edit) -> None:
        self.generator = generator
        self.history = History(start)
        self.directions: list[Directions] = []
        self.active = 0
        self.layers: list[tuple[int, ...] | None] = []
        self.bookmarked: tuple[Directions, ...] = ()
        self.kind = "linear"
        self.mask: Mask | None = None
        self.confine, self.steer = True, False
        self.page = ""
        self._gesture: object = None  # what the hand, or code, is doing
        self._held = self._in_hand = False  # whether a hand does it; whether it does just now
        self._touched = -math.inf  # when what a hand moved last was done: what the kernel takes for it is no pause
        self._sent: float | None = None  # when the page sent it

    # ---- the edit

    @property
    def edit(self) -> Edit:
        """The edit that is shown, or about to be."""
        return self.history.value

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
        if record and edit is not self.edit:
            self.history.push(edit, merge=gesture is not None and gesture == self._gesture)
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
        before = self.edit
        self.history.change(lambda one: edit if one is before else one)
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
    def direction(self) -> Directions:
        """The active direction."""
        return self.directions[self.active]

    def move(self, i: int, alpha: float) -> Move:
        """Return the move that a slider makes.

        Args:
            i: Of the slider.
            alpha: How far.

        Returns:
            The move; a straight one where the direction's space has no walk of the chosen kind.
        """
        one = self.directions[i]
        return Move(one, alpha, self.layers[i], self.kind if self.kind in KINDS[one.space] else "linear")

    def slider_of(self, direction: Directions) -> int | None:
        """Return the number of the slider that stands for a direction; None for none."""
        return next((i for i, d in enumerate(self.directions) if same_direction(d, direction)), None)

    def rename(self, i: int, renamed: Directions) -> None:
        """Give a direction another name, also where it is kept."""
        old, self.directions[i] = self.directions[i], renamed
        self.bookmarked = tuple(renamed if same_direction(kept, old) else kept for kept in self.bookmarked)

    def keep(self, i: int, keep: bool) -> None:
        """Keep a direction for later methods and files, or no longer."""
        one = self.directions[i]
        others = (kept for kept in self.bookmarked if not same_direction(kept, one))
        self.bookmarked = (*others, *[one] * keep)

    def keeps(self, direction: Directions) -> bool:
        """Whether a direction is kept."""
        return any(same_direction(direction, kept) for kept in self.bookmarked)

    @property
    def kept(self) -> Directions | None:
        """The directions that are kept; None without any."""
        return Directions.concatenate(list(self.bookmarked)) if self.bookmarked else None

    def with_kept(self, found: Directions) -> Directions:
        """Put the kept directions before new ones, where they have the same space, unit and layers.

        Args:
            found: The new ones.

        Returns:
            Both; the new ones alone where nothing is kept that fits.
        """
        if not self.bookmarked:
            return found
        there = list(found)
        kept = [one for one in self.bookmarked if not any(same_direction(one, single) for single in there)]
        alike = [k for k in kept if (k.space, k.unit, k.layers) == (found.space, found.unit, found.layers)]
        return Directions.concatenate([*alike, found]) if alike else found

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
