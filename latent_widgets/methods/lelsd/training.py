"""How LELSD trains: Adam on the score, checks on pictures that it does not train on, the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.forward import load_rules
from latent_widgets.core.work import Stopped, Work
from latent_widgets.geometry.effects.localisation import Scene, Shares, spread_alphas
from latent_widgets.geometry.effects.part_samples import PartSamples, fresh_samples
from latent_widgets.methods.lelsd.course import Course
from latent_widgets.methods.lelsd.frame import Frame, penalty_of, unit_rows
from latent_widgets.values.directions import Directions

__all__ = ["LelsdState", "LelsdStep", "Recipe", "judge", "train"]

GAIN = 1e-3  # what a check must gain to count as better: below the noise of a few pictures


@dataclass(frozen=True)
class Recipe:
    """The settings of a training, see :func:`latent_widgets.lelsd`.

    Attributes:
        samples: Pictures to train on, drawn before; None where every step draws a batch.
        truncation: Of all of them.
        preset: Of what no argument says. ``"released"``: a batch has one alpha and one direction, drawn at random,
            instead of one a picture, and the last vectors count as the best; ``"equations"``: the scores of layers add
            up instead of being averaged.
    """

    k: int
    steps: int
    batch: int
    low: float
    high: float
    unit: str
    schedule: str
    penalty: str
    penalty_weight: float
    merge: str
    mode: str
    patience: int | None
    seed: int
    samples: int | None = 64
    truncation: float = 1.0
    preset: str | None = None

    @property
    def published(self) -> bool:
        """Whether the schedule is the published one, which leaves the length of vectors alone."""
        return self.schedule == "published"

    @property
    def released(self) -> bool:
        """Whether batches and the result are those of the released program."""
        return self.preset == "released"

    @property
    def summed(self) -> bool:
        """Whether the scores of layers add up."""
        return self.preset == "equations"

    def rate(self, step: int, d: int) -> float:
        """Return the learning rate of a step, for vectors of length ``d``."""
        return published_rate(step, self.steps) if self.published else preset_rate(step, self.steps, d)


@dataclass(frozen=True, eq=False)
class LelsdState:
    """All that a training needs to go on as if it had not stopped.

    Attributes:
        free: ``(k, rows, d)``, the numbers that are optimised, as they are now.
        best: The same at the best check; with ``preset="released"`` at the last.
        best_value: The objective there.
        progress: The step and the objective from which on it grew too little to count.
        optimizer: What Adam remembers.
        losses: One for each step done.
        checks: For each check the step, and the scores ``(k,)`` on held-out pictures.
    """

    free: Tensor
    best: Tensor
    best_value: float = float("-inf")
    progress: tuple[int, float] = (0, float("-inf"))
    optimizer: Mapping[str, Any] | None = field(default=None, repr=False)
    losses: tuple[float, ...] = ()
    checks: tuple[tuple[int, Tensor], ...] = ()

    @property
    def step(self) -> int:
        """How many steps are done."""
        return len(self.losses)


@dataclass(frozen=True, eq=False)
class LelsdStep:
    """What a training has to show while it runs.

    Attributes:
        score: The mean score of the directions at the last check, on pictures that are not trained on.
        best: The same at the best check.
        scores: ``(k,)`` at the last check.
        chance: The score of a change that is the same everywhere.
        band: The scores of random directions: lowest, mean, highest.
        loss: Of this step's batch.
        norm: ``(k,)``, lengths of the vectors.
        checked: Whether ``scores`` are those of this very step.
    """

    score: float
    best: float
    scores: Tensor
    chance: float
    band: tuple[float, float, float]
    loss: float
    norm: Tensor
    checked: bool
    _state: LelsdState = field(repr=False)
    _finish: Callable[[Tensor], Directions] = field(repr=False)

    @cached_property
    def directions(self) -> Directions:
        """The best directions so far."""
        return self._finish(self._state.best)


def judge(free: Tensor, frame: Frame, scene: Scene, samples: PartSamples, recipe: Recipe) -> list[Shares]:
    """Measure directions at their unit length, with steps spread over the range: one entry a direction."""
    alphas = spread_alphas(len(samples), recipe.low, recipe.high)
    with torch.no_grad():
        units = unit_rows(free)
        return [scene.measure(samples, step, alphas) for step in frame.steps(units, units, recipe.unit)]


def published_rate(step: int, steps: int) -> float:
    """Return the learning rate of the released program: 1e-3, halved with the last step of every quarter.

    Adam moves an entry by at most about the rate, so in all by 1.875e-3 / 4 a step: 0.093 in 200 steps, whatever the
    dimension. The entries of a unit vector are 1 / sqrt(d): 0.25 in 16 dimensions, 0.044 in 512.
    """
    return 1e-3 * 0.5 ** ((step + 1) // max(1, steps // 4))


def preset_rate(step: int, steps: int, d: int) -> float:
    """Return our learning rate, 0.1 / sqrt(d) times a cosine.

    Adam moves each of ``d`` entries by about the rate, hence a unit vector by the rate times sqrt(d): 0.1 radians in
    the first step, and 0.05 a step on average, in any dimension.
    """
    return 0.1 / math.sqrt(d) * (1 + math.cos(math.pi * step / steps)) / 2


def train(
    recipe: Recipe,
    frame: Frame,
    scene: Scene,
    seen: Scene,
    samples: PartSamples,
    held_out: PartSamples,
    state: LelsdState,
    tell: Callable[[LelsdState, float, bool], Any],
    course: Course,
    work: Work,
) -> tuple[LelsdState, LelsdState, str]:
    """Go on with a training until its steps are done, it makes no progress, or who is told of them ends it.

    Args:
        recipe: The settings.
        frame: Where directions live.
        scene: What edits are measured by.
        seen: The same, with the score that is optimised.
        samples: To train on, unless batches are drawn anew.
        held_out: To check on.
        state: Where to begin.
        tell: Makes the value of a step.
        course: What it draws.
        work: Is told of each step, and inside of those that take long.

    Returns:
        The last state, checked; that from which to go on, without a check that an unbroken run does not make; and why
        it ended: ``"finished"``, ``"plateau"`` or ``"cancelled"``.

    Raises:
        ValueError: If the loss is not finite.
        Stopped: If who is told ends it before there was any check.
    """
    free = state.free.clone().requires_grad_()
    load_rules()  # an optimiser has them imported
    optimizer = torch.optim.Adam([free], lr=1e-3)
    if state.optimizer is not None:
        optimizer.load_state_dict(deepcopy(dict(state.optimizer)))
    stopped = "finished"
    check = Check(frame, scene, held_out, recipe, course, work)
    try:
        if not state.checks:
            state = check(state)
        while state.step < recipe.steps:
            step = state.step
            optimizer.param_groups[0]["lr"] = recipe.rate(step, frame.shape[1])
            with torch.enable_grad():
                optimizer.zero_grad()
                value = _descend(free, step, recipe, frame, seen, samples)
            if value != value or not bool(free.grad is not None and free.grad.isfinite().all()):
                raise ValueError(f"G must give finite features and gradients, got NaN or infinity in step {step + 1}.")
            optimizer.step()
            if not recipe.published:
                with torch.no_grad():
                    free.copy_(unit_rows(free))
            work.draw(course.step_passes)
            state = replace(state, free=free.detach().clone(), losses=(*state.losses, value))
            due = state.step % course.judging.every == 0 or state.step == recipe.steps
            if due:
                state = check(state)
            if not work.tell(state.step, tell(state, value, due) if work.watched else None):
                stopped = "cancelled"
                break
            if recipe.patience is not None and state.checks[-1][0] - state.progress[0] >= recipe.patience:
                stopped = "plateau"
                break
    except Stopped:
        if not state.checks:  # there is nothing to return yet
            raise
        stopped = "cancelled"
    work.hush()
    kept = state = replace(state, optimizer=deepcopy(optimizer.state_dict()))
    if state.checks[-1][0] != state.step:  # ended between two checks
        state = check(state)
    return state, kept, stopped


def _descend(free: Tensor, step: int, recipe: Recipe, frame: Frame, scene: Scene, samples: PartSamples) -> float:
    """Add up the gradient of the negative objective on a batch, and return its value.

    The draw of the batch depends on the seed and the step alone. A few edits at a time: of large pictures the features
    of a whole batch would take much memory.

    Returns:
        The value.
    """
    seed = (recipe.seed * 1_000_003 + step + 1) % 2**63
    rng = torch.Generator("cpu").manual_seed(seed)
    if recipe.samples is None:
        samples = fresh_samples(
            scene.layers, scene.masks, frame.run, n=recipe.batch, seed=seed, truncation=recipe.truncation
        )
    index = torch.randperm(len(samples), generator=rng, dtype=torch.int64, device="cpu")[: recipe.batch]
    which, alphas = _draw(recipe, step, len(index), rng)
    units = unit_rows(free)
    vectors = free if recipe.published else units
    steps = frame.steps(vectors, units, recipe.unit)
    alphas = alphas.to(steps).reshape(-1, *(1,) * (steps.ndim - 1))
    deltas = alphas * steps[which.to(steps.device)]
    penalty = recipe.penalty_weight * penalty_of(units, recipe.penalty)
    parts = torch.arange(len(index), dtype=torch.int64, device="cpu").split(scene.layers.at_once)
    value = 0.0
    for number, part in enumerate(parts):
        found = scene.edit(samples, index[part], deltas[part.to(deltas.device)])
        scores = found.values.sum(1) if recipe.summed else found.scores
        # the sum over directions of their mean scores; the released program takes that of the one that it drew
        loss = -(1 if recipe.released else recipe.k) * scores.mean() * (len(part) / len(index))
        loss = penalty + loss if number == 0 else loss
        loss.backward(retain_graph=number + 1 < len(parts))
        value += float(loss.detach())
        del found, scores, loss
        if len(parts) > 1:
            scene.layers.told()
    return value


def _draw(recipe: Recipe, step: int, size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which direction each picture of a batch goes along, and how far."""
    count = 1 if recipe.released else size
    lengths = recipe.low + (recipe.high - recipe.low) * torch.rand(
        count, generator=rng, dtype=torch.float64, device="cpu"
    )
    signs = 1 - 2 * torch.randint(2, (count,), generator=rng, dtype=torch.int64, device="cpu")
    if recipe.released:
        which = torch.randint(recipe.k, (1,), generator=rng, dtype=torch.int64, device="cpu").expand(size)
        return which, (lengths * signs).expand(size)
    # every direction gets as many pictures, within one
    return (torch.arange(size, dtype=torch.int64, device="cpu") + step * size) % recipe.k, lengths * signs


@dataclass(frozen=True, eq=False)
class Check:
    """Scores directions on held-out pictures, and keeps the best."""

    frame: Frame
    scene: Scene
    samples: PartSamples
    recipe: Recipe
    course: Course
    work: Work

    def __call__(self, state: LelsdState) -> LelsdState:
        """Return the state with one more check."""
        recipe, now = self.recipe, state.free
        found = judge(now, self.frame, self.scene, self.samples, recipe)
        self.work.draw(self.course.again * len(now) * len(self.samples))
        scores = torch.stack([one.scores.mean() for one in found])
        weight = recipe.penalty_weight / recipe.k / (len(self.scene.layers.names) if recipe.summed else 1)
        value = float(scores.mean() - weight * penalty_of(unit_rows(now), recipe.penalty))
        state = replace(state, checks=(*state.checks, (state.step, scores)))
        if value > state.progress[1] + GAIN:
            state = replace(state, progress=(state.step, value))
        if recipe.released:
            return replace(state, best=now, best_value=value)
        return replace(state, best=now, best_value=value) if value > state.best_value else state
