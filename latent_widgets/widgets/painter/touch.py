"""Fingers on a painter's canvas: one paints, two zoom and move the picture.

A touch sends no mouse events, and its end not where it was. A browser under load may cancel a touch that it has begun
to tell of; what was painted until then stays, since the hand cannot know.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from latent_widgets.widgets.painter.view import Point

if TYPE_CHECKING:
    from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["Fingers"]


class Fingers:
    """What the fingers on a canvas do. Places are pixels of the screen.

    Args:
        painter: Whose canvas it is.
    """

    def __init__(self, painter: MaskPainter) -> None:
        self._painter = painter
        self._at: Point | None = None  # of the one finger that paints
        self._held: Point | None = None  # the point of the picture between two fingers
        self._apart = 0.0  # how far these were from each other

    def down(self, fingers: list[Point]) -> None:
        """A finger comes; a second one drops the stroke of the first."""
        self._at = self._held = None
        if len(fingers) == 1:
            self._at = fingers[0]
            self._painter.gesture.press(*fingers[0])
            return
        self._painter.gesture.drop()
        if len(fingers) == 2:
            middle, self._apart = _between(fingers)
            self._held = self._painter.view.to_image(*middle)

    def move(self, fingers: list[Point]) -> None:
        """Fingers move."""
        if self._at is not None and len(fingers) == 1:
            self._at = fingers[0]
            self._painter.gesture.move(*fingers[0])
        elif self._held is not None and len(fingers) == 2:
            painter, (middle, apart) = self._painter, _between(fingers)
            if apart > 0 and self._apart > 0:
                painter.view.zoom_by(apart / self._apart)
            self._apart = apart
            x, y = painter.view.to_image(*middle)
            painter.view.pan(self._held[0] - x, self._held[1] - y)
            painter.show_soon()

    def up(self, fingers: list[Point]) -> None:
        """A finger goes, or the browser takes it away: a stroke ends where it was last."""
        at, self._at, self._held = self._at, None, None
        if at is not None:
            self._painter.gesture.lift(*at)


def _between(fingers: list[Point]) -> tuple[Point, float]:
    (ax, ay), (bx, by) = fingers
    return ((ax + bx) / 2, (ay + by) / 2), math.hypot(ax - bx, ay - by)
