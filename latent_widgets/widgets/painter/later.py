"""What takes a painter long on a large picture: it runs on the worker, and the hand goes on painting meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from latent_widgets.widgets.painter import tools as tools
from latent_widgets.widgets.painter.tools import Pixels

if TYPE_CHECKING:
    from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["Later"]

Change = Callable[[Pixels, NDArray[Any]], NDArray[Any]]


class Later:
    """The tools of buttons and clicks. Each sees picture and region as they are when it is asked for.

    Where either was changed when the result is there, the tool works again on what there is now: strokes that were
    made meanwhile are kept. All that are asked for are done, in turn; Cancel drops them.

    Args:
        painter: Whose regions change.
    """

    def __init__(self, painter: MaskPainter) -> None:
        self._painter, self._count = painter, 0

    def fill(self, x: float, y: float) -> None:
        """See :meth:`MaskPainter.fill`."""
        tolerance, erase = self._painter.tolerance, self._painter.erase
        self._ask("fill", lambda image, mask: tools.filled(image, mask, x, y, tolerance, erase))

    def pick(self, x: float, y: float) -> None:
        """See :meth:`MaskPainter.pick`."""
        model, erase = self._painter.model, self._painter.erase
        self._ask("superpixel", lambda image, mask: tools.over(mask, tools.pick(model.areas(), x, y), erase))

    def take(self, part: str) -> None:
        """See :meth:`MaskPainter.take`."""
        painter, erase = self._painter, self._painter.erase

        def change(image: Pixels, mask: NDArray[Any]) -> NDArray[Any]:
            covered = painter.parts.find(part, image)
            if not covered.any():
                painter.say(f"no {part} in this picture")
            return tools.over(mask, covered, erase)

        self._ask(part, change)

    def threshold(self, low: float, high: float) -> None:
        """See :meth:`MaskPainter.threshold`."""
        self._ask("threshold", lambda image, mask: tools.threshold(image, low, high))

    def edge(self, how: str, amount: float) -> None:
        """Move the edge of the region, ``"grow"`` or ``"shrink"``, or soften it, ``"feather"``."""
        change: Callable[..., NDArray[Any]] = getattr(tools, how)
        self._ask(how, lambda image, mask: change(mask, amount))

    def _ask(self, words: str, change: Change, region: str | None = None) -> None:
        painter = self._painter
        with painter.lock:
            model = painter.model
            image, state, name = model.image, model.state, region or model.region
            mask = model.mask_of(name)
            self._count += 1
            kind = f"tool {self._count}"  # one does not supersede another

        def done(result: NDArray[Any]) -> None:
            with painter.lock:
                if name not in model.names:
                    return
                if model.image.shape != image.shape:
                    painter.say(f"{words} was dropped: the picture has another size now")
                elif model.image is not image or model.state is not state:
                    self._ask(words, change, name)
                else:
                    painter.settle(name, result)

        painter.run(lambda on_step: change(image, mask), done, label=words, kind=kind)
