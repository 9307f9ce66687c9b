"""The course of a run of DP-LaSE: its curve, its best state, and whether it still gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.methods.dp_lase.run import Run

__all__ = ["Course"]

_MEMORY = 0.95  # of the running mean of the total, by which runs are compared and stopped
_GAIN = 1e-3  # how much better that mean must get to count


class Course:
    """How a run went: the curve, the best state so far, and whether it still gets better."""

    def __init__(self, run: Run, patience: int | None, state: Mapping[str, Any] | None = None) -> None:
        self.run = run
        self.patience = None if patience is None else checks.integer("patience", patience, low=1)
        self.curve: dict[str, list[float]] = {}
        self.last: dict[str, float] = {}
        self.mean: float | None = None
        self.best, self.best_step = math.inf, 0
        self.best_parts: dict[str, Tensor] = {}
        for name, value in (state or {}).items():
            setattr(self, name, {n: list(v) for n, v in value.items()} if name == "curve" else value)

    def record(self, values: dict[str, float]) -> None:
        """Take note of the terms after a step."""
        self.last = values
        for name, value in values.items():
            self.curve.setdefault(name, []).append(value)
        total = values["total"]
        # all steps count alike until the memory is full: a mean that starts at the first would be stuck there
        share = max(1 - _MEMORY, 1 / len(self.curve["total"]))
        self.mean = total if self.mean is None else self.mean + share * (total - self.mean)
        if self.mean < self.best - _GAIN * abs(self.best) or not self.best_parts:
            self.best, self.best_step = self.mean, self.run.done
            self.best_parts = {name: value.clone() for name, value in self.run.parts.state_dict().items()}

    @property
    def stalled(self) -> bool:
        """Whether nothing has been gained for too long."""
        return self.patience is not None and self.run.done - self.best_step >= self.patience

    def state(self) -> dict[str, Any]:
        """Return what a run needs to go on, with that of the run."""
        kept = ("curve", "mean", "best", "best_step", "best_parts")
        copied = {name: getattr(self, name) for name in kept} | {"curve": {n: list(v) for n, v in self.curve.items()}}
        return {"options": self.run.options, "run": self.run.state(), "course": copied}
