"""What a run of DP-LaSE draws."""

from __future__ import annotations

from dataclasses import dataclass

from latent_widgets.core.work import TRAINED
from latent_widgets.methods.dp_lase.run import BEGIN_CODES, SCALED, SCORED, Options

__all__ = ["Cost"]

PROBED = 3  # pictures by which the pace is found


@dataclass(frozen=True, eq=False)
class Cost:
    """What a run draws beside its steps, and in each.

    Attributes:
        around: Pictures before the first step and after the last, and products of the closed form.
        before: Pictures of a step before they are moved.
        after: Pictures of a step afterwards: gradients flow through them.
    """

    around: int
    before: int
    after: int

    @classmethod
    def of(cls, options: Options, dim: int, resumed: bool) -> Cost:
        """Return what a run draws.

        Args:
            options: What it does.
            dim: Length of a code.
            resumed: Whether it goes on from another.
        """
        begin = BEGIN_CODES * dim if options.begin == "variation" else 0
        first = 0 if resumed else begin + (SCALED if options.scaled else 0)
        moves = options.k if options.pairs == "all" else 2 if options.pairs == "any" else min(2, options.k)
        return cls(first + SCORED * (1 + options.k), options.batch, options.batch * moves)

    @property
    def step_passes(self) -> int:
        """What a step costs in passes."""
        return self.before + TRAINED * self.after

    def pictures(self, steps: int) -> int:
        """Return how many pictures so many steps draw in all."""
        return PROBED + self.around + steps * (self.before + self.after)

    def passes(self, steps: int) -> int:
        """Return what they cost in passes."""
        return self.around + steps * self.step_passes
