"""Fingers on a painter's canvas: one paints, two zoom and move the picture.

A touch sends no mouse events, and its end not where it was. A browser under load may cancel a touch that it has begun
to tell of; what was painted until then stays, since the hand cannot know.
"""

from __future__ import annotations

import math

from latent_widgets.widgets.painter.easel import Easel
from latent_widgets.widgets.painter.gesture import Gesture
from latent_widgets.widgets.painter.view import Point

__all__ = ["Fingers"]


class Fingers:
    """What the fingers on a canvas do. Places are pixels of the screen.

    Args:
        easel: Whose canvas it is.
        gesture: What one finger paints.
    """

    def __init__(self, easel: Easel, gesture: Gesture) -> None:
        self._easel, self._gesture = easel, gesture
        self._at: Point | None = None  # of the one finger that paints
        self._held: Point | None = None  # the point of the picture between two fingers
        self._apart = 0.0  # how far these were from each other

    def down(self, fingers: list[Point]) -> None:
        """A finger comes; a second one drops the stroke of the first."""
        self._at = self._held = None
        if len(fingers) == 1:
            self._at = fingers[0]
            self._gesture.press(*fingers[0])
            return
        self._gesture.drop()
        if len(fingers) == 2:
            middle, self._apart = _between(fingers)
            self._held = self._easel.view.to_image(*middle)

    def move(self, fingers: list[Point]) -> None:
        """Fingers move."""
        if self._at is not None and len(fingers) == 1:
            self._at = fingers[0]
            self._gesture.move(*fingers[0])
        elif self._held is not None and len(fingers) == 2:
            view, (middle, apart) = self._easel.view, _between(fingers)
            if apart > 0 and self._apart > 0:
                view.zoom_by(apart / self._apart)
            self._apart = apart
            x, y = view.to_image(*middle)
            view.pan(self._held[0] - x, self._held[1] - y)
            self._easel.show_soon()

    def up(self, fingers: list[Point]) -> None:
        """A finger goes, or the browser takes it away: a stroke ends where it was last."""
        at, self._at, self._held = self._at, None, None
        if at is not None:
            self._gesture.lift(*at)


def _between(fingers: list[Point]) -> tuple[Point, float]:
    (ax, ay), (bx, by) = fingers
    return ((ax + bx) / 2, (ay + by) / 2), math.hypot(ax - bx, ay - by)
