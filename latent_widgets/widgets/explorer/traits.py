"""What it means to assign to one of the explorer's traits, and what its state tells a method."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from traitlets import Any as Anything
from traitlets import Bool, Instance, Int, Tuple, default, observe

from latent_widgets.core import checks
from latent_widgets.edits.changes import same_code
from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.jobs.settle import REST
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.still import Still

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer.explorer import LatentExplorer

MOMENT = 0.05  # seconds that a control waits for its picture: a quick generator needs less

__all__ = ["Linked", "drawn_class", "known_to", "publish", "take", "take_mask"]


class Linked(Panel):
    """What of an explorer can be linked and assigned; what is refused does not stay."""

    seed = Int(0)
    "The seed that the edit starts from."
    code = Instance(Code, allow_none=True)
    "The edited code, once its picture is drawn. Setting it starts a new edit there."
    directions = Instance(Directions, allow_none=True)
    "What the sliders move along."
    selected_index = Int(0)
    "The active direction: the walk and the animations follow it."
    layers = Tuple(Int(), Int(), allow_none=True, default_value=None)
    "First and last layer that the active direction changes; None where there are no layers."
    mask = Instance(Mask, allow_none=True)
    "A region, as a painter's; what it does is said by :attr:`confine` and :attr:`steer`."
    confine = Bool(True)
    "Whether only the region shows the moves: the mask is part of the edit then."
    steer = Bool(False)
    "Whether the sliders are directions of the region and follow it. Switching it on ends :attr:`confine`."
    segmenter = Anything(None, allow_none=True)
    "Finds parts of pictures, see :func:`latent_widgets.as_segmenter`; None for what comes with the generator."
    edit = Instance(Edit, allow_none=True)
    "What was done so far. Setting it shows that edit."
    picture = Instance(Still, allow_none=True, read_only=True)
    "The picture of the edit at rest, to paint on."

    _ready = False
    _acted = 0.0  # when a control was last touched
    _quiet = 0  # above 0, the explorer sets its own traits and answers to none

    def guard(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a handler, see :meth:`Panel.guard`; handlers take turns with all else that changes an explorer.

        The first one after a rest waits a moment for its picture. The page then hears of both at once, and draws
        itself once instead of several times before it comes to the picture. A hand that goes on waits for nothing.

        Args:
            handler: The function.

        Returns:
            A function to hand to ``observe`` or ``on_click``.
        """
        alone = super().guard(one_at_a_time(handler))

        @functools.wraps(handler)
        def acted(*arguments: Any, **keywords: Any) -> Any:
            before, self._acted = self._acted, time.monotonic()
            answer = alone(*arguments, **keywords)
            if self._acted - before > REST:
                self.job.catch_up(MOMENT)
            return answer

        return acted

    @observe("seed", "code", "directions", "selected_index", "layers", "mask", "confine", "steer", "segmenter", "edit")
    def _assigned(self, change: Any) -> None:
        if self._ready:
            self._answer(change["name"], change["old"], change["new"])

    @one_at_a_time
    def _answer(self, name: str, old: Any, new: Any) -> None:
        if self._quiet:
            return
        refused = True
        try:
            refused = not take(self, name, new)
        finally:
            if refused:  # it does not stay
                with self._silence():
                    setattr(self, name, old)

    @default("picture")
    def _first_picture(self) -> Still:
        me: Any = self
        with me.generator.lock, torch.no_grad():
            return Still(me.frames.exact(me.current))

    @contextmanager
    def _silence(self) -> Iterator[None]:
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1


def take(explorer: LatentExplorer, name: str, value: Any) -> bool:
    """Do what a new value of a trait says.

    Args:
        explorer: Whose trait it is.
        name: Of the trait.
        value: The value.

    Returns:
        False where it says nothing: None, as from a linked panel that knows nothing yet.

    Raises:
        TypeError: If the value has the wrong type.
        ValueError: If it does not fit the generator; nothing has changed then.
    """
    G = explorer.generator
    if name == "seed":
        explorer.change_base(seed=checks.integer("seed", value, low=0))
    elif name == "selected_index":
        explorer.choose(value)
    elif name == "layers":
        explorer.sliders.choose_layers(explorer.sliders.active, value)
        explorer.select(explorer.sliders.active)
    elif name == "mask":
        if explorer.confine:
            explorer.adopt(replace(explorer.current, mask=value), now=True)
        explorer.region.refresh()
    elif name == "confine":
        mask = explorer.mask if value else None
        if mask is not explorer.current.mask:
            explorer.adopt(replace(explorer.current, mask=mask), now=True)
        explorer.region.mark()
    elif name == "steer":
        if value and explorer.confine:
            explorer.confine = False
        explorer.region.refresh()
    elif name == "segmenter":
        explorer.part.use(value)
    elif value is None:
        return False
    elif name == "directions":
        explorer.take_over(value.for_generator(G))
    elif name == "edit":
        value.code(G)  # refuses what does not fit
        explorer.adopt(value, now=True)
    else:
        with_weights(G).check_code(value)
        if not _is_there(explorer, value):
            explorer.adopt(Edit.of(drawn_class(explorer), code=value, mask=explorer.current.mask), now=True)
    return True


def take_mask(explorer: LatentExplorer, edit: Edit) -> None:
    """Bring mask and switches to an edit: one that has a mask shows its moves only there."""
    if edit.mask is not None:
        explorer.mask, explorer.confine = edit.mask, True
    elif explorer.steer:
        explorer.confine = explorer.confine and explorer.mask is None
    elif explorer.confine:
        explorer.mask = None


def publish(explorer: LatentExplorer, picture: Tensor) -> None:
    """Hand a picture to who is linked, if it is another than the last."""
    known, new = explorer._trait_values.get("picture"), Still(picture)
    if known is None or not np.array_equal(known.pixels, new.pixels):
        explorer.set_trait("picture", new)


def _is_there(explorer: LatentExplorer, code: Code) -> bool:
    """Whether the edit leads to a code already: that of a linked panel which answers, say."""
    try:
        return same_code(code, explorer.current.code(explorer.generator))
    except ValueError:  # it leads nowhere
        return False


def drawn_class(explorer: LatentExplorer) -> Generator:
    """Return the generator as the edit has it: of the class that it draws.

    Raises:
        ValueError: If it is on the meta device.
    """
    return with_weights(explorer.generator).of_class(explorer.current.base.condition)


def known_to(explorer: LatentExplorer) -> dict[str, Any]:
    """Return what an explorer knows of what methods need: the latent before the mapping, the code and the mask."""
    base = explorer.current.base
    plain = base.code is None and base.second_seed is None
    z = explorer.generator.sample_z(1, int(base.seed or 0))[0] if plain else None
    return {"z": z, "w": explorer.code, "code": explorer.code, "mask": explorer.mask, "parts": explorer.mask}
