"""What takes a painter long on a large picture: it runs on the worker, and the hand goes on painting meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from latent_widgets.core.texts import tr
from latent_widgets.widgets.jobs.turns import HANDS
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.painter import tools as tools
from latent_widgets.widgets.painter.easel import Easel
from latent_widgets.widgets.painter.tools import Bits

__all__ = ["EDGES", "Later"]

EDGES = {"grow": tr("grow"), "shrink": tr("shrink"), "feather": tr("feather")}  # what is done to an edge, in words
MaskChange = Callable[[Pixels, NDArray[Any]], NDArray[Any]]


class Later:
    """The tools of buttons and clicks. Each sees picture and region as they are when it is asked for.

    Where either was changed when the result is there, the tool works again on what there is now: strokes that were
    made meanwhile are kept. All that are asked for are done, in turn; Cancel drops them.

    Args:
        easel: Whose regions change.
        find: Returns where a ready part of a picture is.
    """

    def __init__(self, easel: Easel, find: Callable[[str, Pixels], Bits]) -> None:
        self._easel, self._find = easel, find

    def fill(self, x: float, y: float) -> None:
        """Add the area of similar colour around a point, or erase what is painted around it."""
        brush = self._easel.brush()
        self._ask(tr("fill"), lambda image, mask: tools.filled(image, mask, x, y, brush.tolerance, brush.erase))

    def pick(self, x: float, y: float) -> None:
        """Add the superpixel under a point, or erase it."""
        model, erase = self._easel.model, self._easel.brush().erase
        self._ask(tr("superpixel"), lambda image, mask: tools.over(mask, tools.pick(model.areas(), x, y), erase))

    def take(self, part: str) -> None:
        """Add a ready part, or erase it."""
        erase = self._easel.brush().erase

        def change(image: Pixels, mask: NDArray[Any]) -> NDArray[Any]:
            covered = self._find(part, image)
            if not covered.any():
                self._easel.say(tr("no {part} in this picture", part=part))
            return tools.over(mask, covered, erase)

        self._ask(part, change)

    def threshold(self, low: float, high: float) -> None:
        """Make the region all pixels whose luminance, 0 to 255, is between two numbers."""
        self._ask(tr("threshold"), lambda image, mask: tools.threshold(image, low, high))

    def edge(self, how: str, amount: float) -> None:
        """Move the edge of the region, ``"grow"`` or ``"shrink"``, or soften it, ``"feather"``."""
        change: Callable[..., NDArray[Any]] = getattr(tools, how)
        self._ask(EDGES[how], lambda image, mask: change(mask, amount))

    def _ask(self, words: str, change: MaskChange, region: str | None = None) -> None:
        easel, model = self._easel, self._easel.model
        with HANDS:
            image, state, name = model.image, model.state, region or model.region
            mask = model.mask_of(name)

        def done(result: NDArray[Any]) -> None:
            with HANDS:
                if name not in model.names:
                    return
                if model.image.shape != image.shape:
                    easel.say(tr("{work} was dropped: the picture has another size now", work=words))
                elif model.image is not image or model.state is not state:
                    self._ask(words, change, name)
                else:
                    easel.settle(name, result)

        easel.run(lambda on_step: change(image, mask), done, label=words, kind="tool", queue=True)
