"""Small pictures along the straight line on which a slider moves a code, and what they tell of the places between."""

from __future__ import annotations

from bisect import bisect_left

from torch import Tensor
from torch.nn.functional import interpolate

from latent_widgets.core.rounding import rounding
from latent_widgets.widgets.kit.encode import small as shrunk

__all__ = ["Line"]

ALIGNED = 1e-3  # of the way from the start, beside which a code is none of the line's: no page shows such a turn
DENSE = 1 / 16  # of what is known of a line: a place that is nearer to a known one tells nothing new
BEYOND = 4.0  # times what is known of a line: how far past its ends it is drawn on
SHARPEST = 384  # px: a moving picture is made no larger, since a page shows it no larger


class Line:
    """What is known of a line: small pictures at some of its places. It is read on one thread and added to on another.

    A place between two known ones has the mean of their pictures, one beyond the ends the first-order picture from the
    last two; to it comes the detail of an exact picture that is at rest.

    Args:
        start: The code ``(1, ...)`` where the line begins.
        picture: Its small picture ``(1, 3, h, w)``.

    Example:
        >>> import torch
        >>> line = Line(torch.zeros(1, 2), torch.zeros(1, 3, 1, 1))
        >>> line.add(torch.tensor([[3.0, 4.0]]), torch.ones(1, 3, 1, 1))
        >>> half = torch.tensor([[1.5, 2.0]])
        >>> line.picture(half, torch.zeros(1, 2), torch.zeros(1, 3, 2, 2))[0, 0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(self, start: Tensor, picture: Tensor) -> None:
        self.start = start
        self.side = max(picture.shape[-2:])
        self._unit: Tensor | None = None
        self._known: tuple[tuple[float, Tensor], ...] = ((0.0, picture),)  # ordered; replaced as a whole
        self._detail: tuple[Tensor, Tensor] | None = None  # an exact picture, and as large as it is shown

    def place(self, code: Tensor) -> float | None:
        """Return how far along the line a code lies; None if it does not lie on it, or no direction is known."""
        step = code - self.start
        length, noise = float(step.norm()), rounding(code.dtype) * float(self.start.norm())
        if self._unit is None:
            return 0.0 if length <= noise else None
        along = float((step * self._unit).sum())
        return along if float((step - along * self._unit).norm()) <= ALIGNED * length + noise else None

    def takes(self, code: Tensor) -> bool:
        """Whether the line goes through a code, or may still do so."""
        alike = (code.shape, code.dtype, code.device) == (self.start.shape, self.start.dtype, self.start.device)
        return alike and (self._unit is None or self.place(code) is not None)

    def add(self, code: Tensor, picture: Tensor) -> None:
        """Learn a small picture; the first beside the start gives the line its direction.

        Args:
            code: Where: one that the line takes.
            picture: As large as the first. It is dropped if it tells nothing new.
        """
        if self._unit is None and self.place(code) is None:
            step = code - self.start
            self._unit = step / step.norm()
        at = self.place(code)
        if at is not None and self.lacks(code):
            self._known = tuple(sorted([*self._known, (at, picture)], key=_where))

    def lacks(self, code: Tensor) -> bool:
        """Whether the small picture of a code would tell something new."""
        at, known = self.place(code), [one[0] for one in self._known]
        return at is None or min(abs(at - one) for one in known) > DENSE * (known[-1] - known[0])

    def small(self, code: Tensor) -> Tensor | None:
        """Return the small picture of a code; None if the line is not known to go through it."""
        at = self.place(code) if self.takes(code) else None
        return None if at is None else self._at(at)

    def picture(self, code: Tensor, resting: Tensor, exact: Tensor) -> Tensor | None:
        """Draw a code of the line.

        Args:
            code: Which.
            resting: Another code of it.
            exact: Its exact picture ``(1, 3, H, W)``.

        Returns:
            A picture with the proportions of the exact one; None where nothing is known.
        """
        there, here = self.small(code), self.small(resting)
        if there is None or here is None or len(self._known) == 1:
            return None
        if self._detail is None or self._detail[0] is not exact:
            self._detail = (exact, shrunk(exact, SHARPEST))
        detail = self._detail[1]
        return detail + interpolate(there - here, detail.shape[-2:], mode="bilinear")

    def _at(self, place: float) -> Tensor:
        known = self._known
        if len(known) == 1:  # and so the place is the start
            return known[0][1]
        first, last = known[0][0], known[-1][0]
        reach = BEYOND * (last - first)
        place = min(max(place, first - reach), last + reach)
        i = min(max(bisect_left(known, place, key=_where), 1), len(known) - 1)
        (a, before), (b, after) = known[i - 1], known[i]
        return before + (after - before) * ((place - a) / (b - a))


def _where(one: tuple[float, Tensor]) -> float:
    return one[0]
