"""What a training of LELSD draws: to train on, to check it and to judge it; by the steps or by the pictures asked for.

Checks, random directions and the final scores take at most a fifth of what the training takes, as far as there are
enough pictures to say anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latent_widgets.core.work import TRAINED, affordable

__all__ = ["RANDOM", "Course", "Judging", "course_of", "longest"]

RANDOM = 16  # directions of the band
EVERY = 10  # steps from one check to the next
CHECKED = 16  # pictures of a check, for each direction; where there is less to spend, down to FEWEST
FEWEST = 4
SHARE = 5  # the training costs so many times what checks and judging do
VIEWS = 2  # how often each picture is trained on at least: fewer are drawn for a short training
LEAST = 8  # but so many
PROBED = 3  # pictures by which the pace is found


@dataclass(frozen=True, eq=False)
class Judging:
    """How many pictures a judgement takes.

    Attributes:
        checked: For each check and direction.
        judged: For the final score of a direction.
        random: For the score of each random direction.
        every: Steps from one check to the next.
    """

    checked: int
    judged: int
    random: int
    every: int

    def edits(self, k: int, steps: int) -> int:
        """Return how many edits are measured in all, for ``k`` directions trained in so many steps."""
        checks = 1 + -(-steps // self.every)
        return RANDOM * self.random + k * (checks * self.checked + self.judged)


@dataclass(frozen=True, eq=False)
class Course:
    """What a training draws.

    Attributes:
        steps: How many steps.
        batch: Pictures of a step.
        k: Directions.
        samples: Pictures to train on, drawn before.
        judging: What is checked and judged on, and how often.
        again: How many pictures an edit takes: two where the one before the edit is not kept.
        fresh: Whether every step draws the pictures that it edits.
    """

    steps: int
    batch: int
    k: int
    samples: int
    judging: Judging
    again: int
    fresh: bool

    @property
    def drawn(self) -> int:
        """Pictures that are drawn before: those of the part, if all show it."""
        return self.samples + self.judging.checked + self.judging.judged

    def cuts(self, count: int) -> tuple[int, int]:
        """Say where to cut samples into those to train on, check and judge: of fewer than asked for, a share each."""
        first = min(max(1, count * self.samples // self.drawn), count - 2)  # one each at least
        return first, min(max(first + 1, count * (self.samples + self.judging.checked) // self.drawn), count - 1)

    @property
    def edits(self) -> int:
        """Pictures of checks and judging."""
        return self.again * self.judging.edits(self.k, self.steps)

    @property
    def step_pictures(self) -> int:
        """Pictures of a step."""
        return self.batch * (2 if self.fresh else self.again)

    @property
    def step_passes(self) -> int:
        """What they cost in passes."""
        return self.step_pictures + self.batch * (TRAINED - 1)

    @property
    def pictures(self) -> int:
        """All pictures."""
        return PROBED + self.drawn + self.edits + self.steps * self.step_pictures

    @property
    def passes(self) -> int:
        """What all cost in passes."""
        return self.drawn + self.edits + self.steps * self.step_passes


def course_of(steps: int, batch: int, k: int, samples: int | None, again: int) -> Course:
    """Say what a training draws.

    Args:
        steps: How many steps.
        batch: Pictures of a step.
        k: Directions.
        samples: Pictures to train on at most; None where every step draws its own.
        again: How many pictures an edit takes.

    Returns:
        The course.

    Example:
        >>> course_of(200, 8, 1, 64, again=1).judging
        Judging(checked=16, judged=32, random=16, every=10)
        >>> short = course_of(20, 2, 1, 64, again=1)
        >>> short.judging, short.pictures
        (Judging(checked=4, judged=8, random=1, every=20), 107)
    """
    enough = 1 if samples is None else min(samples, max(LEAST, steps * batch // VIEWS))
    trained = steps * batch * (TRAINED + (samples is None)) + (0 if samples is None else enough)
    ladder = [Judging(c, 2 * c, c, EVERY) for c in range(CHECKED, FEWEST - 1, -1)]
    ladder += [Judging(FEWEST, 2 * FEWEST, few, EVERY) for few in (2, 1)]
    while ladder[-1].every < steps:
        ladder.append(Judging(FEWEST, 2 * FEWEST, 1, 2 * ladder[-1].every))
    judging = next((one for one in ladder if SHARE * one.edits(k, steps) <= trained), ladder[-1])
    return Course(steps, batch, k, enough, judging, again, samples is None)


def longest(course: Callable[[int], Course], cost: Callable[[Course], float], limit: float, name: str) -> int:
    """Return how many steps there is room for.

    Args:
        course: What so many steps draw.
        cost: Of a course: its pictures, or the seconds that it takes.
        limit: What there is.
        name: What the limit is called.

    Returns:
        The steps.

    Raises:
        ValueError: If there is no room for one step.
    """
    return affordable(lambda steps: cost(course(steps)), limit, name, "one step")
