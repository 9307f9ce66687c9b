"""Pictures of edits: exact ones that re-run only what changed, and fast approximations while a slider moves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.forward import FORWARD, load_rules
from latent_widgets.core.steps import Cancelled
from latent_widgets.core.texts import tr
from latent_widgets.edits.edit import Base, Code, Edit
from latent_widgets.generators.base import Activations, Generator
from latent_widgets.generators.interrupt import interruptible
from latent_widgets.generators.place import place_of, with_weights
from latent_widgets.widgets.explorer.screen.line import Line

__all__ = ["Frames"]

SLOW_MS = 60.0  # an exact picture that takes longer is replaced by an approximation while a slider moves
SMALL_MS = 40.0  # what a small picture may take: the way to the page comes on top, within SLOW_MS
TIMES_DEARER = 4.0  # at most, a picture of twice the side: four times the pixels, with no more channels
LEAST = 16  # px, below which a picture shows nothing that is worth its speed
TOGETHER = 3  # pictures in a batch of a fast generator: two thirds of the time that they take one by one


def _checked(picture: Tensor) -> Tensor:
    """Refuse a picture that cannot be shown."""
    bad = int((~picture.isfinite()).sum())
    if bad:
        raise ValueError(
            f"the generator's picture must be finite, got {bad} NaN or infinite of {picture.numel()} numbers. "
            "Move the slider back or reset."
        )
    return picture


def _smoothed(known: float | None, ms: float) -> float:
    """A time that falls at once and rises slowly: the first picture, or a busy moment, says little."""
    return ms if known is None else min(ms, 0.7 * known + 0.3 * ms)


def _load_rules() -> None:
    """Load what first-order pictures need; where that fails they fail too, and the exact ones are drawn."""
    with suppress(Exception):
        load_rules()


def _first_changed_row(a: Tensor, b: Tensor) -> int | None:
    """The first row in which two ``w+`` codes (1, L, d) differ; None where none does."""
    rows = (a != b).any(-1)[0].nonzero()
    return int(rows[0]) if len(rows) else None


def _changed_at(side: int) -> str:
    return tr("preview, change at {side} px", side=side)


class Frames:
    """Draw the edits of one generator.

    The exact picture re-runs only the layers above the first that changed. The moving picture is the exact one for a
    fast generator; for a slow one it is the last exact one with the change that the generator's own small RGB shows, of
    the largest side that is quick enough as far as is known; the small RGB itself where the edit starts elsewhere; or
    else the first-order picture ``x + J (code - code0)`` about the last exact one.

    Of a generator that has failed to give such a picture where it gives the exact one (it cannot be differentiated
    forwards, say) the moving picture is the exact one from then on.

    Args:
        generator: What draws.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.exact_ms: float | None = None  # how long exact pictures take, smoothed
        self.code: Code | None = None  # of the last exact picture
        self.words = ""  # what the last moving picture is; empty for the exact one
        self.curious = False  # whether more should be known of the last place between others
        self._small_ms: dict[int, float] = {}  # how long small pictures take, by their side, smoothed
        self._only_exact = False  # since an approximation has failed
        self._place = place_of(generator)
        self._before: tuple[Base, Tensor] | None = None
        self._resting: tuple[Tensor, str, Tensor] | None = None  # the last exact code, its space and its picture
        self._cache: tuple[Tensor, Activations] | None = None
        self._tangent: tuple[Tensor, Tensor, Tensor] | None = None  # base code, unit direction, change along it
        self._based: Base | None = None  # where the edit of the last exact picture starts
        self._line: Line | None = None  # through the code of the last exact picture
        self._sprouting = False  # whether a small picture is drawn that tells something new of the line

    @property
    def slow(self) -> bool:
        """Whether pictures come too slowly for a moving slider."""
        return self.exact_ms is not None and self.exact_ms > SLOW_MS

    @property
    def approximates(self) -> bool:
        """Whether pictures are approximated while a slider moves."""
        return self.slow and not self._only_exact

    @property
    def leaves(self) -> bool:
        """Whether pictures can be left between two layers, so that it costs little to begin them early.

        Networks of others are never left: what their layers have done by then may be kept.
        """
        return self.slow and self.generator.own_network

    def interruptible(self, goes_on: Callable[[], bool]) -> AbstractContextManager[None]:
        """Return a block in which a slow picture is left, between two layers, once ``goes_on()`` is false.

        It is not left before a small picture that the moving hand can use.
        """
        asked = lambda: self._sprouting or goes_on()  # noqa: E731
        return interruptible(self.generator.module, asked) if self.leaves else nullcontext()

    @property
    def together(self) -> int:
        """How many pictures of a strip are drawn at once: a hand that moves again waits for all of them."""
        return TOGETHER if TOGETHER * (self.exact_ms or 0.0) < SLOW_MS else 1

    def exact(self, edit: Edit) -> Tensor:
        """Draw an edit: ``(1, 3, H, W)``.

        Args:
            edit: What to draw.

        Raises:
            ValueError: If the picture is not finite.
        """
        self._follow()
        edited = edit.code(self.generator)
        code, space = self.generator.check_code(edited)
        start = time.perf_counter()
        try:
            picture = _checked(self._draw(edit, code, space))
        except Exception:
            self._cache = None  # what a failure left behind is nothing to go on from
            raise
        elapsed = 1000 * (time.perf_counter() - start)
        self.exact_ms = _smoothed(self.exact_ms, elapsed)
        self._resting, self._based, self.code = (code, space, picture), edit.base, edited
        if not edit.moves:
            self._before = (edit.base, picture)
        return self.masked(edit, picture)

    def before(self, edit: Edit) -> Tensor:
        """Draw where an edit starts, without its moves; kept until the start changes."""
        self._follow()
        if self._before is None or self._before[0] is not edit.base:
            code, space = self.generator.check_code(replace(edit, moves=(), mask=None).code(self.generator))
            self._before = (edit.base, _checked(self.generator.synthesize(code, space)))
        return self._before[1]

    def moving(self, edit: Edit) -> Tensor:
        """Draw an edit as well as the time between two slider positions allows.

        Args:
            edit: What to draw.

        Returns:
            The picture, perhaps smaller than the exact one.

        Raises:
            ValueError: If the picture is not finite.
        """
        self._follow()
        self.words = ""
        code, space = self.generator.check_code(edit.code(self.generator))
        if not self.approximates or self._resting is None or self._resting[1] != space:
            return self.exact(edit)
        try:
            picture, self.words = self._approximate(edit, code, space)
            return picture
        except Exception:
            picture = self.exact(edit)  # where this fails too, it is not the approximation's fault
            self._only_exact = True
            return picture

    def between(self, edit: Edit) -> tuple[Tensor, str] | None:
        """Draw an edit from what is known of its line, in about a millisecond and without the generator's layers.

        Args:
            edit: What to draw.

        Returns:
            The moving picture and its words; None where too little is known.
        """
        line, resting, based, self.curious = self._line, self._resting, self._based, False
        if line is None or resting is None or edit.mask is not None or edit.base is not based or not self.approximates:
            return None
        picture = None
        with suppress(Exception):  # what is wrong is said where the edit is drawn
            code, space = self.generator.check_code(edit.code(self.generator))
            picture = line.picture(code, resting[0], resting[2]) if space == resting[1] else None
            self.curious = picture is not None and line.lacks(code)
        return None if picture is None else (picture, _changed_at(line.side))

    def preparation(self, edit: Edit) -> Callable[[], object] | None:
        """Return what :meth:`moving` is better preceded by, while nobody waits for the generator; None for nothing."""
        return _load_rules if self.approximates and not self._small(edit) else None

    def _approximate(self, edit: Edit, code: Tensor, space: str) -> tuple[Tensor, str]:
        sides = self._small(edit)
        if not sides:
            return self.masked(edit, _checked(self._first_order(code, space))), tr("preview, first order")
        if self._resting is None or edit.base is not self._based:
            side = self._side(sides)
            return self._preview(code, side, space), tr("preview, {side} px", side=side)
        resting, _, exact = self._resting
        line = self._line
        if line is None or line.small(resting) is None or not line.takes(code):  # the hand has taken another slider
            line = self._line = self._line_from(resting, self._side(sides), space)
        line.add(code, self._preview(code, line.side, space))
        drawn = line.picture(code, resting, exact)
        return (exact if drawn is None else drawn), _changed_at(line.side)

    def _line_from(self, resting: Tensor, side: int, space: str) -> Line:
        """Begin a line at a code whose small picture another one may know."""
        known = self._line.small(resting) if self._line is not None and self._line.side == side else None
        return Line(resting, self._preview(resting, side, space) if known is None else known)

    def _preview(self, code: Tensor, side: int, space: str) -> Tensor:
        start = time.perf_counter()
        picture = _checked(self.generator.preview(code, side, space))
        self._small_ms[side] = _smoothed(self._small_ms.get(side), 1000 * (time.perf_counter() - start))
        return picture

    def _side(self, sides: list[int]) -> int:
        """The largest of the sides whose picture is quick enough; what one costs is guessed from the one below it."""
        best, ms = sides[0], self._small_ms.get(sides[0], math.inf)  # which is tried first
        for side in sides[1:]:
            ms = self._small_ms.get(side, TIMES_DEARER * ms)
            if ms <= SMALL_MS:
                best = side
        return best

    def _small(self, edit: Edit) -> list[int]:
        """The sides of the generator's own small pictures that can stand in for that of an edit."""
        sides = self.generator.preview_resolutions if edit.mask is None else ()
        found = sorted(side for side in sides if side <= self.generator.resolution // 4)
        return [side for side in found if side >= LEAST] or found[-1:]

    def _follow(self) -> None:
        """Forget what was drawn on another device or in another type: the generator can be moved at any time."""
        place = place_of(with_weights(self.generator))
        if place != self._place:
            self._place, self.exact_ms, self._only_exact, self._small_ms = place, None, False, {}
            self._before = self._resting = self._cache = self._tangent = self._line = None

    def masked(self, edit: Edit, pictures: Tensor) -> Tensor:
        """Put the picture before the moves wherever the edit's mask, if it has one, does not show them.

        Args:
            edit: Has the mask.
            pictures: ``(n, 3, H, W)`` after moves.

        Returns:
            ``(n, 3, H, W)``.
        """
        if edit.mask is None:
            return pictures
        before = self.before(edit)
        return before + edit.mask.weights(*pictures.shape[-2:]).to(pictures) * (pictures - before)

    def _first_order(self, code: Tensor, space: str) -> Tensor:
        """``x + J (code - base)`` about the last exact picture; one Jacobian product serves a whole drag."""
        if self._resting is None:
            return self.generator.synthesize(code, space)
        base, picture = self._resting[0], self._resting[2]
        step = code - base
        length = step.norm()
        if length == 0:
            return picture
        known = self._tangent
        if known is None or known[0] is not base or (known[1] * step).sum().abs() < (1 - 1e-5) * length:
            direction = step / length
            load_rules()
            with exact(), FORWARD:  # fused attention has no derivative
                change = torch.func.jvp(lambda c: self.generator.synthesize(c, space), (base,), (direction,))[1]
            if not change.any():  # the network leaves its derivative out, so the picture would stand still
                raise ValueError("the generator's picture must have a derivative, got none.")
            known = self._tangent = (base, direction, change)
        return picture + (known[1] * step).sum() * known[2]

    def _draw(self, edit: Edit, code: Tensor, space: str) -> Tensor:
        if not (self.generator.can_resume and space == "w+"):
            sides = self._small(edit) if self.leaves and self.approximates else []
            return self._grown(edit, code, space, sides) if sides else self.generator.synthesize(code, space)
        row = 0 if self._cache is None else _first_changed_row(self._cache[0], code)
        if self._cache is None or row == 0:
            self._cache, row = (code, self.generator.activations(code)), None
        last = self.generator.num_layers - 1
        return self.generator.resynthesize(code, self._cache[1], last if row is None else row)

    def _grown(self, edit: Edit, code: Tensor, space: str, sides: list[int]) -> Tensor:
        """Draw a picture, and learn from the small one on its way what the line along which a hand moves looks like."""
        line = self._line if edit.base is self._based else None
        side = self._side(sides) if line is None else line.side
        self._sprouting = line is not None and line.takes(code) and line.lacks(code)
        try:
            pictures = self.generator.growing(code, side, space)
            picture = _checked(next(pictures))
        except Cancelled:
            raise
        except Exception:  # an exact picture does not fail because a small one does
            return self.generator.synthesize(code, space)
        finally:
            self._sprouting = False
        if line is None or not line.takes(code):
            self._line = Line(code, picture)
        else:
            line.add(code, picture)
        return next(pictures)
