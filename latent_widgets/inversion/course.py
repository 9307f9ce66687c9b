"""What a search for a code draws: so many samples, then stages of steps; by the steps or by the pictures asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from latent_widgets.core.steps import Plan
from latent_widgets.core.work import Pace, affordable, check_budget
from latent_widgets.inversion.search import Stage

__all__ = ["LEAST", "Course", "Courses"]

LEAST = 8  # steps: one for each eighth
TRIED = 4  # pictures by which the pace is found


@dataclass(frozen=True, eq=False)
class Course:
    """One search.

    Attributes:
        samples: Pictures that are drawn at first.
        stages: The steps.
        resolution: Of the generator.
    """

    samples: int
    stages: tuple[Stage, ...]
    resolution: int

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.stages[-1].last

    @property
    def pictures(self) -> int:
        """How many pictures it draws; a small one counts as the ratio of the sides."""
        return math.ceil(TRIED + self.samples + sum(stage.pictures(self.resolution) for stage in self.stages))

    @property
    def passes(self) -> float:
        """What it costs in passes."""
        return self.samples + sum(stage.passes(self.resolution) for stage in self.stages)

    def plan(self, pace: Pace) -> Plan:
        """Return what it takes."""
        return Plan(self.pictures, self.passes * pace.seconds / self.pictures)


@dataclass(frozen=True, eq=False)
class Courses:
    """The searches among which a budget chooses.

    Attributes:
        stages: Those of so many steps.
        usual: Samples, where there is room for them: they are a quarter of the pictures at most.
        fewest: Samples that are needed.
        resolution: Of the generator.
    """

    stages: Callable[[int], tuple[Stage, ...]]
    usual: int
    fewest: int
    resolution: int

    def of_steps(self, steps: int) -> Course:
        """Return the search of so many steps."""
        return Course(self.usual, self.stages(steps), self.resolution)

    def within(self, pictures: int) -> Course:
        """Return the longest search that draws at most so many pictures."""
        room = self.fewest + pictures - self.least
        samples = max(self.fewest, min(self.usual, pictures // 4, room))

        def course(extra: int) -> Course:
            return Course(samples, self.stages(LEAST - 1 + extra), self.resolution)

        return course(affordable(lambda extra: course(extra).pictures, pictures, "pictures", f"{LEAST} steps"))

    @property
    def least(self) -> int:
        """The fewest pictures with which there is a search."""
        return Course(self.fewest, self.stages(LEAST), self.resolution).pictures

    def check(self, pictures: int | None, seconds: float | None) -> int | None:
        """Return how many pictures are asked for, if it is said in pictures, and possible."""
        return check_budget(pictures, seconds, self.least, f"{LEAST} steps")

    def affordable(self, seconds: float, pace: Pace) -> int:
        """Return how many pictures there is time for."""

        def cost(extra: int) -> float:
            return self.within(self.least - 1 + extra).passes * pace.seconds

        return self.least - 1 + affordable(cost, seconds, "seconds", f"{LEAST} steps")
