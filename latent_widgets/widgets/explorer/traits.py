"""What of an explorer can be linked and assigned, and how its handlers take turns."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from traitlets import Any as Anything
from traitlets import Instance, Tuple

from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.jobs.settle import REST
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.kit.values import Flag, Whole

MOMENT = 0.05  # seconds that a control waits for its picture: a quick generator needs less

__all__ = ["ExplorerTraits"]


class ExplorerTraits(Panel):
    """The traits of an explorer; what is refused does not stay."""

    seed = Whole(0)
    "The seed that the edit starts from."
    code = Instance(Code, allow_none=True)
    "The edited code, once its picture is drawn. Setting it starts a new edit there."
    directions = Instance(Directions, allow_none=True)
    "What the sliders move along."
    selected_index = Whole(0)
    "The active direction: the walk and the animations follow it."
    layers = Tuple(Whole(), Whole(), allow_none=True, default_value=None)
    "First and last layer that the active direction changes; None where there are no layers."
    mask = Instance(Mask, allow_none=True)
    "A region, such as a painter's; what it does is said by :attr:`confine` and :attr:`steer`."
    confine = Flag(True)
    "Whether only the region shows the moves: the mask is part of the edit then."
    steer = Flag(False)
    "Whether the sliders are directions of the region and follow it. Switching it on ends :attr:`confine`."
    segmenter = Anything(None, allow_none=True)
    "Finds parts of pictures, see :func:`latent_widgets.as_segmenter`; None for what comes with the generator."
    edit = Instance(Edit, allow_none=True)
    "What was done so far. Setting it shows that edit."
    picture = Instance(Still, allow_none=True, read_only=True)
    "The picture of the edit at rest, to paint on."

    _acted = 0.0  # when a control was last touched

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
