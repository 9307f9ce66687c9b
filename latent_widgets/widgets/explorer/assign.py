"""What it means to assign to one of an explorer's traits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from latent_widgets.core import checks
from latent_widgets.edits.changes import same_code
from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.generators.place import with_weights
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.part.part import Parts
from latent_widgets.widgets.explorer.region.region import Region
from latent_widgets.widgets.explorer.sliders.sliders import Sliders

__all__ = ["NOTED", "TAKEN", "Assignments"]

NOTED = ("mask", "confine", "steer")  # traits that the state has too, for those who know no widget
SILENT = ("code", "directions", "edit")  # which say nothing if None, as from a linked panel that knows nothing yet
TAKEN = ("seed", "selected_index", "layers", "segmenter", *NOTED, *SILENT)


class Assignments:
    """Does what a new value of a trait says.

    Args:
        desk: What it works with.
        select: Called with the number of a slider, whose row is marked.
        sliders: Have the layers.
        region: Follows mask and switches.
        parts: Have the segmenter.
    """

    def __init__(
        self, desk: Desk, select: Callable[[int], None], sliders: Sliders, region: Region, parts: Parts
    ) -> None:
        self._desk, self._state = desk, desk.state
        self._select, self._sliders, self._region = select, sliders, region
        self._takers: dict[str, Callable[[Any], object]] = {
            "seed": lambda seed: desk.rebase(seed=checks.integer("seed", seed, low=0)),
            "selected_index": desk.choose,
            "layers": self._layers,
            "mask": self._mask,
            "confine": self._confine,
            "steer": self._steer,
            "segmenter": parts.use,
            "directions": self._directions,
            "edit": self._edit,
            "code": self._code,
        }

    def take(self, name: str, value: Any) -> bool:
        """Do what a new value says.

        Args:
            name: Of the trait.
            value: The value.

        Returns:
            False where it says nothing.

        Raises:
            TypeError: If the value has the wrong type.
            ValueError: If it does not fit the generator; nothing has changed then.
        """
        if value is None and name in SILENT:
            return False
        self._takers[name](value)
        return True

    def follow(self, edit: Edit) -> None:
        """Bring mask and switches to an edit: one that has a mask shows its moves only there."""
        state, put = self._state, self._desk.set
        if edit.mask is not None:
            put(mask=edit.mask, confine=True)
        elif state.steer:
            put(confine=state.confine and state.mask is None)
        elif state.confine:
            put(mask=None)

    def _layers(self, layers: tuple[int, int] | None) -> None:
        self._sliders.choose_layers(layers)
        self._select(self._state.active)

    def _mask(self, mask: Mask | None) -> None:
        if self._state.confine:
            self._desk.adopt(replace(self._state.edit, mask=mask), now=True)
        self._region.refresh()

    def _confine(self, confine: bool) -> None:
        mask = self._state.mask if confine else None
        if mask is not self._state.edit.mask:
            self._desk.adopt(replace(self._state.edit, mask=mask), now=True)
        self._region.mark()

    def _steer(self, steer: bool) -> None:
        if steer and self._state.confine:
            self._desk.set(confine=False)
        self._region.refresh()

    def _directions(self, directions: Directions) -> None:
        self._desk.bring(directions.for_generator(self._state.generator))

    def _edit(self, edit: Edit) -> None:
        edit.code(self._state.generator)  # refuses what does not fit
        self._desk.adopt(edit, now=True)

    def _code(self, code: Code) -> None:
        state = self._state
        with_weights(state.generator).check_code(code)
        try:
            there = same_code(code, state.edit.code(state.generator))  # that of a linked panel which answers, say
        except ValueError:  # the edit leads nowhere
            there = False
        if not there:
            self._desk.adopt(Edit.of(state.drawn(), code=code, mask=state.edit.mask), now=True)
