"""LELSD (Pajouheshgar, Zhang and Süsstrunk 2022): directions that act only where you say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks as _checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan, Step
from latent_widgets.core.work import Pace, Work, check_budget, pace_of
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.feature_layers import layers_of
from latent_widgets.geometry.effects.localisation import MODES, Scene, alpha_range
from latent_widgets.geometry.effects.part_masks import MERGES, PartMasks, Parts
from latent_widgets.geometry.effects.part_samples import KEEP, PartSamples, drawn_codes, part_samples
from latent_widgets.geometry.effects.released import released_shares
from latent_widgets.geometry.jacobian.gradients import check_gradients
from latent_widgets.methods._presets import with_presets
from latent_widgets.methods.lelsd import course as courses
from latent_widgets.methods.lelsd.course import Course, course_of, longest
from latent_widgets.methods.lelsd.frame import PENALTIES, Frame, frame_of
from latent_widgets.methods.lelsd.presets import presets
from latent_widgets.methods.lelsd.training import LelsdState, LelsdStep, Recipe, judge, train
from latent_widgets.segmentation import Part
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import direction_lengths

__all__ = ["Lelsd", "lelsd"]


@dataclass(frozen=True, eq=False)
class Lelsd:
    """Directions that act inside a part, beside what chance gives.

    All scores are localisation scores (see :func:`latent_widgets.localisation`) on pictures that the training has not
    seen, with steps of the lengths that it uses.

    Attributes:
        directions: The best directions found; with ``preset="released"`` the last.
        score: ``(k,)``, their scores, means over layers.
        interval: ``(k, 2)``, within which the scores on ever more pictures would lie, in 95 of 100 trainings: 1.96
            standard errors to both sides, over the ``judged`` pictures.
        judged: Over how many pictures the scores are means.
        layer_scores: ``(k, layers)``.
        layers: Names of the layers; ``"image"`` is the picture.
        chance: ``(k,)``, the score of a change that is the same everywhere: the mask's share of the area.
        random: ``(16,)``, the scores of random directions, lowest first.
        losses: One for each step: the negative objective on the step's batch.
        checks: ``(checks,)``, the steps at which the training was checked.
        curve: ``(checks, k)``, the scores there, on held-out pictures of their own.
        norm: ``(k,)``, lengths of the vectors that the training ended with (over the latent axis; in ``w+`` root mean
            square over rows): 1 but for ``schedule="published"``, which lets them grow; an edit by the released
            program with its alpha is one by alpha times this length.
        part: What the part is called.
        visible: The share of random pictures that show it.
        steps: How many steps were done, those of ``start`` included.
        total: How many were asked for.
        stopped: ``"finished"``, ``"plateau"`` or ``"cancelled"``.
        pictures: How many pictures were asked for, or what the seconds came to; None where steps were given.
        state: What :func:`lelsd` needs to go on, as its ``start``.
    """

    directions: Directions
    score: Tensor
    interval: Tensor
    judged: int
    layer_scores: Tensor
    layers: tuple[str, ...]
    chance: Tensor
    random: Tensor
    losses: Tensor
    checks: tuple[int, ...]
    curve: Tensor
    norm: Tensor
    part: str
    visible: float
    steps: int
    total: int
    stopped: str
    pictures: int | None
    state: LelsdState = field(repr=False)

    def __repr__(self) -> str:
        scores = ", ".join(f"{float(s):.3f}" for s in self.score)
        end = "" if self.stopped == "finished" else f", {self.stopped}"
        return (
            f"<Lelsd {self.part}: score {scores}; area {float(self.chance.mean()):.3f}, "
            f"random {float(self.random.mean()):.3f}; {self.steps} steps{end}>"
        )


@exact()
@with_presets(presets)
@torch.inference_mode(mode=False)  # what is trained must be made outside of it
def lelsd(
    G: Generator,
    parts: Parts,
    part: Part | None = None,
    k: int = 1,
    *,
    preset: Literal["released", "equations"] | None = None,
    steps: int = 200,
    space: str | None = None,
    layers: Sequence[int] | None = None,
    features: Sequence[str] | None = None,
    code: Any = None,
    mode: Literal["inside", "outside"] = "inside",
    merge: Literal["average", "union", "intersection"] = "average",
    alpha: float = 1.0,
    min_alpha: float | None = None,
    unit: Literal["sd", "latent"] = "sd",
    batch: int = 8,
    samples: int | None = 64,
    truncation: float = 1.0,
    schedule: Literal["preset", "published"] = "preset",
    penalty: Literal["squared", "published", "absolute"] = "squared",
    penalty_weight: float = 5.0,
    patience: int | None = 60,
    seed: int = 0,
    start: Lelsd | None = None,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> Lelsd:
    r"""Train directions whose effect falls inside a part, in the picture and in every feature map.

    Pajouheshgar, Zhang and Süsstrunk (ICASSP 2022, "Optimizing Latent Space Directions for GAN-based Local Image
    Editing") maximise

    .. math:: \sum_k LS(u_k) - \frac{c}{2} \lVert \mathrm{Corr}(u_1, ..., u_K) - I \rVert_F ,

    where :math:`LS` is the share of the squared change of the features that falls inside the part's mask, added up over
    layers (our default is the mean), and the mask is merged from the pictures before and after the edit. The segmenter
    is not differentiated.

    ``preset="released"`` does what the authors' program does (IVRL/LELSD, with the settings of its notebook for
    StyleGAN2): a fresh batch in every step, four pictures of truncation 0.7, whether or not they show the part; one
    alpha for the batch, from -1 to 1 latent lengths times the vector's own, and one direction, drawn at random; the
    shares of every synthesis layer but the constant, without the picture, see
    :func:`~latent_widgets.geometry.effects.released.released_shares`; less the mean over the batch and the layers, plus
    5 times the mean of :math:`|\mathrm{Corr} - I|` over all :math:`K^2` entries; Adam at 1e-3, halved every quarter of
    200 :math:`K` steps, vectors of any length, no early end, and the last vectors are the result. Its random numbers
    are others; in ``s`` the program has one vector a layer where this has one in all.

    ``preset="equations"`` maximises the formula above as it stands, the scores of layers added up; alphas, steps and
    rates are ours, because the paper's, its :math:`c`, and whether the picture counts among the layers (here it does),
    are not known to us. An argument that is given overrides its preset.

    From one to the other: the sum over :math:`L` layers is :math:`L` times our mean, so a ``penalty_weight`` of
    :math:`c` there is :math:`c / L` here; the program draws one direction where we sum over :math:`K`, so its weight is
    ours over :math:`K`; ``"absolute"`` is :math:`(K - 1) / K` times the mean over pairs; an alpha of the program is
    ``alpha * found.norm`` latent lengths.

    Where our defaults differ, one step's alphas and directions differ from picture to picture; alphas keep away from 0,
    where the score is noise; the penalty is squared, which has a slope at 0 only where there is correlation; vectors
    are brought back to unit length; the learning rate is :math:`0.1 / \sqrt d` and falls with a cosine: a turn of 0.1
    radians a step at first whatever :math:`d` is, while 1e-3 moves every entry by at most 0.093 in 200 steps, much of
    512 entries of 0.044 and little of 16 of 0.25; masks are shrunk by area, which keeps their mass.

    Args:
        G: The generator.
        parts: Where parts are: a segmenter or any callable from pictures ``(n, 3, H, W)`` to integer labels
            ``(n, H, W)``; a label map; or a mask (what :class:`~latent_widgets.Mask` takes), the same
            for all pictures.
        part: Which part: a name of ``parts.names``, a label, or several that count as one. Beside a mask, its name.
        k: How many directions.
        preset: ``"released"``, ``"equations"``, or None for ours.
        steps: How many steps of Adam in all (released: 200 a direction).
        space: Where the directions live; the main space if not given.
        layers: Rows of ``w+`` that move; all if not given.
        features: Layers whose change counts, ``"image"`` for the picture; if not given the picture and all feature
            maps that the rows reach (released: without the picture).
        code: Hold this picture, or these, instead of drawing random ones: directions for one picture. For directions of
            ``w`` a ``w+`` serves too.
        mode: ``"outside"`` maximises the share that falls outside.
        merge: How the masks before and after the edit merge: ``"average"`` as published; ``"union"`` lets the part
            move, ``"intersection"`` holds its outline.
        alpha: The longest step, in ``unit`` (released: 1).
        min_alpha: The shortest; a fifth of the longest if not given (released: 0).
        unit: Of alpha: standard deviations of the latents along the direction, or latent length (released).
        batch: Pictures in a step (released: 4).
        samples: Pictures to train on; they are drawn once, all show the part, and their features are kept where they
            fit in 256 MB. A short training draws no more than half as many as it trains on, or 8. None for others in
            every step, which need not show it (released).
        truncation: Of the pictures (released: 0.7; ``z`` before a mapping has none).
        schedule: ``"published"`` for a learning rate of 1e-3, halved every quarter, and vectors of any length.
        penalty: ``"published"`` for the norm as in the formula, ``"absolute"`` as released, or ``"squared"``.
        penalty_weight: Its weight (released: 5).
        patience: End when the score on held-out pictures has gained less than 0.001 in so many steps; never if None.
        seed: Of everything that is drawn.
        start: A previous result to go on from; its steps count. With the same settings the end is the same as without
            the interruption.
        pictures: How many pictures to draw in all, instead of ``steps``; with ``start`` from there on. Where few show
            the part there are fewer steps.
        seconds: How long it may take, about: turned into pictures by the first that are drawn.
        on_step: Called after each step with a :class:`~latent_widgets.methods.lelsd.training.LelsdStep` as its value
            (as step 0, without one, while pictures are drawn), and inside of steps that take long with the last;
            ``False`` ends the training, and the result has the best directions so far.

    Returns:
        The directions, with scores beside chance. One unit is a standard deviation, or a latent length.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator, ``k`` is above the dimension, the part is visible in too
            few pictures, the segmenter fails, or pictures or seconds are too few or both given.
        Cancelled: If ``on_step`` ends the preparation, before there is any direction.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> mask = torch.zeros(16, 16, dtype=torch.bool)
        >>> mask[9:12, 5:11] = True
        >>> found = lelsd(G, mask, part="mouth", code=G.code(4), features=["image"], steps=30, batch=4)
        >>> bool(found.score[0] > found.random.max() > 0), found.directions.names
        (True, ('mouth',))
    """
    for name, value, options in (("mode", mode, MODES), ("merge", merge, MERGES), ("unit", unit, ("sd", "latent"))):
        _checks.choice(name, value, options)
    _checks.choice("schedule", schedule, ("preset", "published"))
    _checks.choice("penalty", penalty, PENALTIES)
    low, high = alpha_range(alpha, min_alpha)
    frame = frame_of(G, space, layers)
    batch = _checks.integer("batch", batch, low=1)
    if samples is not None:
        samples = _checks.integer("samples", samples, low=1)
    elif code is not None:
        samples = batch  # given codes come again in every step anyway
    recipe = Recipe(
        k=_dimension(frame, k),
        steps=_checks.integer("steps", steps, low=1),
        batch=batch,
        low=low,
        high=high,
        unit=unit,
        schedule=schedule,
        penalty=penalty,
        penalty_weight=_checks.number("penalty_weight", penalty_weight, low=0),
        merge=merge,
        mode=mode,
        patience=None if patience is None else _checks.integer("patience", patience, low=1),
        seed=_checks.integer("seed", seed, low=0, high=2**63 - 1),
        samples=samples,
        truncation=_checks.number("truncation", truncation),
        preset=preset,
    )
    masks = PartMasks.of(G, parts, part)
    scene = Scene(layers_of(G, features, frame.rows), masks, frame.layers, merge, mode)
    check_gradients(G, frame.run, scene.layers.names)
    state = _begin(frame, recipe, start, steps_given := pictures is None and seconds is None)
    work = Work(on_step, recipe.steps if steps_given else None)
    pace, again = _pace(scene, frame, recipe, code, work)
    scene = replace(scene, layers=replace(scene.layers, at_once=pace.at_once, told=work.inside))

    def course(steps: int) -> Course:
        return course_of(steps, recipe.batch, recipe.k, recipe.samples, again)

    check_budget(pictures, seconds, course(1).pictures, "one step")
    if seconds is not None:
        pictures = course(longest(course, lambda c: c.passes * pace.seconds, float(seconds), "seconds")).pictures
    goes = course(recipe.steps - state.step)
    if pictures is not None:
        goes = course(longest(course, lambda c: c.pictures, pictures, "pictures"))
    work.expect(Plan(goes.pictures, goes.passes * pace.seconds / goes.pictures), goes.passes, state.step + goes.steps)
    # looking for the part may cost as much as all the rest, and half of what there is
    most = goes.pictures if steps_given else goes.pictures // 2
    drawn, looked = _draw(scene, frame, recipe, goes, code, most, work)
    if pictures is not None and looked > goes.drawn:  # few show the part
        left = pictures - (looked - goes.drawn)
        shorter = longest(lambda steps: replace(goes, steps=steps), lambda c: c.pictures, left, "pictures")
        goes = replace(goes, steps=min(goes.steps, shorter))
        work.expect(
            Plan(goes.pictures, goes.passes * pace.seconds / goes.pictures), goes.passes, state.step + goes.steps
        )
    recipe = replace(recipe, steps=state.step + goes.steps)
    first, second = goes.cuts(len(drawn))
    to_train, to_check, to_judge = drawn.part(0, first), drawn.part(first, second), drawn.part(second, len(drawn))
    band = _band(frame, scene, to_check.part(0, min(len(to_check), goes.judging.random)), recipe, goes, work)

    def finish(free: Tensor) -> Directions:
        return _directions(frame, recipe, scene, free, pictures)

    def tell(state: LelsdState, loss: float, checked: bool) -> LelsdStep:
        best = max(float(scores.mean()) for _, scores in state.checks)
        scores, limits = state.checks[-1][1], (float(band.min()), float(band.mean()), float(band.max()))
        norm = direction_lengths(state.free)
        return LelsdStep(float(scores.mean()), best, scores, chance, limits, loss, norm, checked, state, finish)

    chance = float(to_check.masks.double().mean())
    chance = chance if mode == "inside" else 1 - chance
    seen = replace(scene, score=released_shares) if preset == "released" else scene
    state, kept, stopped = train(recipe, frame, scene, seen, to_train, to_check, state, tell, goes, work)
    return _result(state, kept, stopped, recipe, frame, scene, to_judge, band, drawn.visible, pictures)


def _pace(scene: Scene, frame: Frame, recipe: Recipe, code: Any, work: Work) -> tuple[Pace, int]:
    """How fast a picture is looked at, and whether the one before an edit is drawn again each time: 2, else 1."""
    layers, size, kept = scene.layers, scene.layers.G.picture_size, 0
    one = drawn_codes(layers.G, frame.run, 1, recipe.seed, recipe.truncation)

    def draw() -> Tensor:
        nonlocal kept
        found, images = layers.look(one, frame.run)
        scene.masks(one, frame.run, images, layers.named(found))
        kept = sum(f.nbytes for f in found)
        return images

    pace = pace_of(draw, size, work.inside)
    many = course_of(recipe.steps, recipe.batch, recipe.k, recipe.samples, 1).drawn if code is None else 1
    return pace, 2 if kept * many > KEEP else 1


def _draw(
    scene: Scene, frame: Frame, recipe: Recipe, course: Course, code: Any, most: int, work: Work
) -> tuple[PartSamples, int]:
    """Draw the pictures of the part; return them and how many were looked at."""
    looked = 0

    def told(step: Step) -> bool:
        nonlocal looked
        looked += step.value
        work.draw(step.value)
        work.inside()
        return True

    drawn = part_samples(
        scene.layers, scene.masks, frame.run, n=course.drawn, seed=recipe.seed, code=code,
        truncation=recipe.truncation, most=most, on_step=told,
    )  # fmt: skip
    return drawn, looked


def _dimension(frame: Frame, k: int) -> int:
    k, d = _checks.integer("k", k, low=1), frame.shape[1]
    if k > d:
        raise ValueError(f"k must be at most {d}, the dimension of {frame.space} here, got {k}.")
    return k


def _begin(frame: Frame, recipe: Recipe, start: Lelsd | None, to_steps: bool) -> LelsdState:
    if start is None:
        free = frame.start(recipe.k, recipe.seed)
        return LelsdState(free, free)
    if not isinstance(start, Lelsd):
        raise TypeError(f"start must be a result of lelsd, got {type(start).__name__}.")
    start.directions.check(frame.G)
    shape = (recipe.k, *frame.shape)
    if start.directions.space != frame.space or tuple(start.state.free.shape) != shape:
        before = f"{len(start.directions)} in {start.directions.space}, {tuple(start.state.free.shape)}"
        raise ValueError(f"start must have {recipe.k} directions in {frame.space}, {shape}, got {before}.")
    if to_steps and start.steps >= recipe.steps:
        raise ValueError(f"steps must be above {start.steps}, which start has done already, got {recipe.steps}.")
    return start.state


def _band(frame: Frame, scene: Scene, samples: PartSamples, recipe: Recipe, course: Course, work: Work) -> Tensor:
    free = frame.start(courses.RANDOM, (recipe.seed + 1) % 2**63)
    scores = []
    for one in free.split(1):
        scores += [shares.scores.mean() for shares in judge(one, frame, scene, samples, recipe)]
        work.draw(course.again * len(samples))
        work.inside()
    return torch.stack(scores).sort().values


def _directions(
    frame: Frame, recipe: Recipe, scene: Scene, free: Tensor, pictures: int | None, **scores: Tensor
) -> Directions:
    label = scene.masks.label
    asked = {name: value for name, value in asdict(recipe).items() if name not in ("low", "high", "seed")}
    asked |= {"alpha": recipe.high, "min_alpha": recipe.low, "part": label, "features": scene.layers.names}
    asked |= {} if pictures is None else {"pictures": pictures}
    return Directions(
        frame.spread(free),
        frame.space,
        unit=recipe.unit,
        scales=frame.sd(free) if recipe.unit == "sd" else None,  # type: ignore[arg-type]  # filled in
        layers=frame.layers,
        names=[label] if len(free) == 1 else [f"{label} {i + 1}" for i in range(len(free))],
        scores=scores,
        method="lelsd",
        parameters=asked,
        seed=recipe.seed,
        generator=frame.G.name,
        weights_hash=frame.G.weights_hash,
    )


def _result(
    state: LelsdState,
    kept: LelsdState,
    stopped: str,
    recipe: Recipe,
    frame: Frame,
    scene: Scene,
    samples: PartSamples,
    band: Tensor,
    visible: float,
    pictures: int | None,
) -> Lelsd:
    found = judge(state.best, frame, scene, samples, recipe)
    score, chance = (torch.stack([getattr(f, name).mean() for f in found]) for name in ("scores", "areas"))
    return Lelsd(
        directions=_directions(frame, recipe, scene, state.best, pictures, score=score, chance=chance),
        score=score,
        interval=torch.stack([_interval(f.scores) for f in found]),
        judged=len(samples),
        layer_scores=torch.stack([f.per_layer for f in found]),
        layers=scene.layers.names,
        chance=chance,
        random=band,
        losses=torch.tensor(state.losses, dtype=torch.float32, device="cpu"),
        checks=tuple(step for step, _ in state.checks),
        curve=torch.stack([scores for _, scores in state.checks]),
        norm=direction_lengths(state.best),
        part=scene.masks.label,
        visible=visible,
        steps=state.step,
        total=recipe.steps,
        stopped=stopped,
        pictures=pictures,
        state=kept,
    )


def _interval(scores: Tensor) -> Tensor:
    """The mean of scores less and plus 1.96 standard errors; of a single one nothing is known."""
    n, mean = len(scores), scores.mean()
    half = 1.96 * scores.std() / n**0.5 if n > 1 else torch.full_like(mean, torch.inf)
    return torch.stack([mean - half, mean + half])
