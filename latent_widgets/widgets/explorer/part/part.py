"""A part in an explorer: directions are trained for it beside the pictures, and end up under the sliders."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.core.texts import tr, trn
from latent_widgets.core.words import page_text
from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.generators.place import place_of
from latent_widgets.methods import Lelsd
from latent_widgets.methods.lelsd.training import LelsdStep
from latent_widgets.segmentation import Segmenter, as_segmenter
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.part.examples import PaintedParts
from latent_widgets.widgets.explorer.part.page import HELP, PartChoice, PartPage
from latent_widgets.widgets.explorer.part.plot import draw_course
from latent_widgets.widgets.explorer.part.work import (
    REACH,
    Seen,
    TrainingCourse,
    TrainingPlan,
    built_in,
    look,
    small_walks,
    train_part,
)
from latent_widgets.widgets.jobs.turns import built_once, one_at_a_time
from latent_widgets.widgets.jobs.wish import Wish
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.kit.training import Training

__all__ = ["Parts"]

EVERY = 0.7  # seconds between two drawings of a training, which themselves take time
ENDS = {  # of a training
    "cancelled": tr("stopped: the best so far"), "plateau": tr("no more progress"), "finished": tr("finished"),
}  # fmt: skip


class Parts:
    """What the page for parts does.

    Args:
        desk: What it works with.
        source: What finds parts at first, see :meth:`use`.

    Attributes:
        segmenter: Finds parts; None where nothing does.
        painted: Parts that are painted by example.
        course: How the training has gone so far; None before the first.
        found: What the last training found.
        seen: Where the part is in the picture that is shown.
    """

    def __init__(self, desk: Desk, source: Any = None) -> None:
        self._desk = desk
        self.segmenter: Segmenter | None = None
        self.seen: Seen | None = None
        self.work: Training = desk.hire(Training, lock=desk.lock, stopped=desk.guard(self._stopped))
        self.painted = PaintedParts(desk, self.offer, lambda: self.seen)
        self.course: TrainingCourse | None = None
        self.found: Lelsd | None = None
        self._asked: tuple[Any, ...] = ()  # what the last training was for
        self._busy = False
        self._looked = Wish()
        self._drawn_at = 0.0
        self._preferred: PartChoice | None = None
        self.use(source)

    @built_once
    def page(self) -> PartPage:
        """What is seen of it; it is built when it is first opened."""
        G = self._desk.state.generator
        layers = G.num_layers if "w+" in G.spaces else 1
        made = PartPage(layers, self.train, self._redraw, self.painted.box, self._desk.guard)
        self._desk.own(made)
        made.offer(self.segmenter.names if self.segmenter else (), tuple(self.painted.segmenters), self._preferred)
        return made

    @property
    def built(self) -> bool:
        """Whether the page is."""
        return "page" in vars(self)

    def _redraw(self) -> None:
        if self.built:
            self.draw()

    def use(self, source: Any) -> None:
        """Find parts with a segmenter; with the one that comes with the generator, if there is none.

        Args:
            source: What :func:`latent_widgets.as_segmenter` takes, a function that has ``names``, or None.
        """
        if source is None:
            self.segmenter = built_in(self._desk.state.generator)
        else:
            names = None if isinstance(source, Segmenter) else getattr(source, "names", None)
            self.segmenter = as_segmenter(source, names)
        names = self.segmenter.names if self.segmenter else ()
        self.offer(("segmenter", names[min(1, len(names) - 1)]) if names else None)  # names[0] is the background

    def offer(self, prefer: PartChoice | None = None) -> None:
        """Bring the choice of parts up to date."""
        names, self._preferred = self.segmenter.names if self.segmenter else (), prefer
        if self.built:
            self.page.offer(names, tuple(self.painted.segmenters), prefer)

    def source(self) -> Segmenter | Mask | None:
        """Return what finds the chosen part; None where it has none, or nothing is painted."""
        who, name = self.page.where
        if who == "painted":
            return self.painted.segmenters.get(name)
        mask = self._desk.state.mask
        return self.segmenter if who == "segmenter" else mask if mask is not None and mask.area > 0 else None

    # ---- the picture with the part

    def draw(self) -> None:
        """Show where the part is in the picture that is shown, if the page is."""
        state = self._desk.state
        if state.page != "part":
            return
        page = self.page
        source, label, edit, G = self.source(), page.where[1], state.edit, state.drawn()
        page.busy(self._busy or source is None, self._more(source))
        if source is None:
            hint = HELP if self.segmenter is None else tr("Paint a region, or choose another part.")
            page.tell(hint, page.words.value, code=True)
            page.seen.layout.display = "none"
            self.seen = None
            self._looked.forget()
            return
        if not self._busy:
            page.tell("", page.words.value)
        what = (source, label, edit, place_of(G))
        if not self._looked.new(*what):
            return

        def work(on_step: Any) -> Seen | str:
            try:
                return look(G, source, label, edit)
            except (ValueError, TypeError, RuntimeError) as error:  # the segmenter's fault: something to say
                return str(error)

        def done(seen: Seen | str) -> None:
            if isinstance(seen, Seen):  # or else it is tried again
                self._looked.granted(*what)
            self._look_at(seen)

        self._looked.coming = self._desk.run(work, done, kind="page", label=tr("where the part is"))

    def _look_at(self, seen: Seen | str) -> None:
        page = self.page
        self.seen = None if isinstance(seen, str) else seen
        if isinstance(seen, str):
            page.tell(seen, page.words.value)
            page.seen.layout.display = "none"
            return
        words = [tr("{part}: {share:.1%} of the picture", part=page.where[1], share=seen.mask.area)]
        words += [] if seen.sure is None else [tr("{share:.0%} sure, hatched where not", share=seen.sure)]
        page.seen.show(seen.picture, caption=" · ".join(words))
        page.seen.layout.display = None

    # ---- the training

    def _more(self, source: Any) -> bool:
        found, plan = self.found, self.page.plan
        if found is None or found.stopped != "cancelled" or found.steps >= found.total:
            return False
        if place_of(found.directions.vectors) != place_of(self._desk.state.generator):
            return False  # a training goes on with numbers of its own
        asked, planned, edit = self._asked
        return asked is source and planned == plan and (edit is self._desk.state.edit or not plan.here)

    @one_at_a_time
    def train(self, more: bool = False) -> None:
        """Train directions for the chosen part, beside the pictures.

        Args:
            more: Whether to go on with a training that was stopped.

        Raises:
            ValueError: If nothing says where the part is.
        """
        state, plan, source = self._desk.state, self.page.plan, self.source()
        if source is None:
            raise ValueError("part must be found by a segmenter or painted, got neither. Paint it, or set segmenter.")
        G, edit = state.drawn(), state.edit
        go_on = more and self._more(source)
        start, code = self.found if go_on else None, self._code(plan)
        self.course = self.course if go_on else None
        self._asked = (source, plan, edit)

        def work(on_step: Any) -> tuple[Lelsd, Pixels | None] | None:
            def told(step: Step) -> bool:
                going = bool(on_step(step))
                if isinstance(step.value, LelsdStep):
                    self.advance(step, step.value, edit)
                return going

            found = train_part(G, source, plan, code, start, told) if on_step() else None
            return None if found is None else (found, self._walks(edit, found.directions))

        self._drawn_at, self._busy = 0.0, True
        self.page.busy(True, False)
        self.page.tell("", tr("Drawing pictures that show the part, and measuring random directions."))
        label = tr("training {part}", part=plan.label)
        said: dict[str, Any] = {"kind": "train", "label": label, "prepare": load_rules}
        self.work.run(work, self._landed, failed=self._failed, **said)

    def _code(self, plan: TrainingPlan) -> Code | None:
        state = self._desk.state
        return replace(state.edit, mask=None).code(state.drawn()) if plan.here else None

    def advance(self, step: Step, value: LelsdStep, edit: Edit) -> None:
        """Show how it goes, on the worker; a drawing takes time, so not after each step."""
        before, new = self.course, self.course is None
        self.course = course = TrainingCourse.after(self.course, step.index, step.total or step.index, value)
        again = before is not None and before.done == step.index
        if again or not (new or value.checked) or time.monotonic() - self._drawn_at < EVERY:
            return
        self._show(course)
        strips = self._walks(edit, value.directions)
        if strips is not None:
            self._show_walks(strips, tr("the best so far"))
        self._drawn_at = time.monotonic()

    def _walks(self, edit: Edit, directions: Directions) -> Pixels | None:
        try:
            return small_walks(self._desk.state.generator.of_class(edit.base.condition), edit, directions)
        except ValueError:  # the edit has no place for them: a code in z, say
            return None

    def _show(self, course: TrainingCourse) -> None:
        low, _, high = course.band
        page = self.page
        page.curve.layout.display = None
        page.curve.show(lambda figure: draw_course(figure, course))
        words = [
            tr("step {done} of {total}", done=course.done, total=course.total),
            tr("score {score:.3f}, best {best:.3f}", score=course.scores[-1], best=course.best),
            tr("chance {share:.3f}", share=course.chance),
            tr("random directions {low:.3f} to {high:.3f}", low=low, high=high),
        ]
        page.words.value = " · ".join(words)

    def _show_walks(self, strips: Pixels, what: str) -> None:
        strip = self.page.strips
        strip.layout.display = None
        words = tr("{what}: {low:g} to {high:g} sd, one row for each direction", what=what, low=-REACH, high=REACH)
        strip.show(strips, caption=words)

    @one_at_a_time
    def _landed(self, result: tuple[Lelsd, Pixels | None] | None) -> None:
        self._busy, page, source = False, self.page, self.source()
        if result is None:
            page.busy(source is None, self._more(source))
            page.tell(tr("Stopped before there was any direction."), "")
            return
        found, strips = result
        self.found = found
        if self.course is not None:
            self._show(self.course)
        if strips is not None:
            self._show_walks(strips, tr("what was found"))
        page.tell("", _found_words(found))
        page.busy(source is None, self._more(source))
        self._take_over(found)

    def _failed(self, error: Exception) -> None:
        self._busy, source = False, self.source()
        self.page.busy(source is None, self._more(source))
        self.page.tell("", "")

    @one_at_a_time
    def _stopped(self) -> None:
        if self._busy and not self.work.job.busy:  # told to end twice: nothing is to come
            self._failed(Cancelled())

    def _take_over(self, found: Lelsd) -> None:
        """Put what was found on the shelf."""
        self._desk.put(found.directions.for_generator(self._desk.state.generator))


def _found_words(found: Lelsd) -> str:
    """Say how good the directions of a training are; HTML."""
    halves = (found.interval[:, 1] - found.interval[:, 0]) / 2
    scores = ", ".join(f"{float(s):.3f} ± {float(half):.3f}" for s, half in zip(found.score, halves, strict=True))
    part, low, high = page_text(found.part), float(found.random[0]), float(found.random[-1])
    words = [
        trn(
            "<b>{part}</b> after {count} step, {end}", "<b>{part}</b> after {count} steps, {end}", found.steps,
            part=part, end=ENDS[found.stopped],
        ),
        tr("score {scores} on {pictures} fresh pictures", scores=scores, pictures=found.judged),
        tr("chance {share:.3f}", share=float(found.chance.mean())),
        tr("random directions {low:.3f} to {high:.3f}", low=low, high=high),
    ]  # fmt: skip
    return " · ".join(words)
