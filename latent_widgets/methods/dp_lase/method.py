"""DP-LaSE: directions that vary most, and differently, along walks that keep the density (Li et al. 2021)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, get_args

import torch

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.work import Stopped, Work, affordable, check_budget, pace_of
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.density.cdf import CDFKind
from latent_widgets.geometry.density.coordinates import Whitened
from latent_widgets.geometry.density.fitted import Density, Gaussian
from latent_widgets.geometry.jacobian.gradients import check_gradients
from latent_widgets.methods._presets import with_presets
from latent_widgets.methods.dp_lase.closed_form import coordinates_of
from latent_widgets.methods.dp_lase.correction import CorrectionKind
from latent_widgets.methods.dp_lase.cost import Cost
from latent_widgets.methods.dp_lase.course import Course
from latent_widgets.methods.dp_lase.looked import Looked, check_layer, first_styles, middle_layer
from latent_widgets.methods.dp_lase.presets import WEIGHTS, Preset, settings_of, weights_of
from latent_widgets.methods.dp_lase.result import DPLase, result_of
from latent_widgets.methods.dp_lase.run import Begin, Options, Orthogonal, Pairs, Run, Taught, WalkKind, steps_before
from latent_widgets.methods.dp_lase.terms import PairForm, Reduction

__all__ = ["DPLase", "dp_lase"]


@with_presets(settings_of)
@exact()
@torch.inference_mode(mode=False)  # what is trained must be made outside of it
def dp_lase(
    G: Generator,
    space: Literal["z", "w"] | None = None,
    layer: str | Sequence[str] | None = None,
    k: int = 8,
    *,
    preset: Preset | None = None,
    steps: int = 400,
    batch: int = 16,
    stride: float = 1.0,
    rate: float = 3e-3,
    weights: Mapping[str, float] | None = None,
    pair_form: PairForm = "cosine",
    orthogonal: Orthogonal = "penalty",
    cdf: CDFKind = "logistic",
    correction: CorrectionKind = "informed",
    walk: WalkKind = "learned",
    density: Density | None = None,
    pairs: Pairs = "different",
    scaled: bool = True,
    reduction: Reduction = "mean",
    den_teaches: Taught = "correction",
    begin: Begin = "random",
    patience: int | None = 200,
    seed: int = 0,
    start: DPLase | None = None,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> DPLase:
    r"""Find directions of large and different change along walks that keep the density.

    Li et al. (ACM Multimedia 2021, doi 10.1145/3474085.3475293) learn three things at once: a distribution function F
    whose slope is the density of a coordinate, a correction C that keeps the density of :math:`z_0 + e g_j + C(z_0, e,
    g_j)` at that of :math:`z_0`, and directions :math:`g_j` along which the features of a layer change most. The terms,
    with the names of ``weights``: ``mon`` and ``lik`` teach F (equations 4, 5), ``den`` C (7), ``var`` and ``pair`` are
    the two parts of equation 8, ``reg`` is equation 10.

    F and C are not in the released program. Here F lies in [0, 1], begins with a maximum likelihood fit, and is not
    taught by ``den``, which a flat F would satisfy; nor are the directions, of which those that change nothing would
    satisfy it best. The terms are means, where the paper has sums, and features are
    scaled to variance one. In ``w``, whose coordinates are not alike, all happens in coordinates whitened by mean and
    covariance.

    Two presets set the keywords below as others have them; what is given besides counts before the preset.

    ``preset="released"`` is the script of the released program that explores StyleGAN2 from ``z``: ``k=20``,
    ``steps=500_000``, ``batch=16``, ``rate=1e-4``, ``stride=10 / sqrt(512)`` (10 for its ``d = 512``; ``10 / sqrt(d)``
    is 10 in any space), ``walk="norm"``, ``pairs="any"``, ``pair_form="cosine"``, ``orthogonal="gram-schmidt"``,
    ``scaled=False``, ``patience=None``, and the styles of the first three convolutions, without the maps to RGB, where
    the generator has styles. Its loss adds the mean square changes of two directions and takes the mean over the ``k *
    k`` entries of :math:`\Gamma^\top\Gamma - I`, so with ours its weights are ``{"var": 2, "pair": 0.1, "reg": 1 /
    k**2}``.

    ``preset="equations"`` is the objective (1) to (11) as written: ``reduction="sum"``, ``pairs="all"``,
    ``pair_form="matrix"``, ``scaled=False``, ``cdf="network"``, ``correction="unbounded"``, ``den_teaches="all"``,
    ``orthogonal="penalty"``, ``patience=None``, and all weights 1 but ``pair`` (lambda). What is not published is ours:
    the widths of F and C, the slope nu of equation 4 and the step of the difference quotient (both 1e-3 standard
    deviations), lambda (0.1) and zeta (1), ``k``, ``steps``, ``batch``, ``stride``, ``rate``, how the features of
    several codes stand in :math:`D_j` (here a row each), and where F begins. Two things are not as written: F is
    bounded, without which equation 5 has no minimum; and directions have length one, as in the released program.

    For ``n`` codes, ``k`` directions in ``d`` dimensions and ``p`` features that ``scaled`` divides by ``s``, a sum
    with ``scaled=False`` is the mean with ``scaled=True`` times: ``n d`` for ``mon`` and ``lik``; ``n k`` for ``den``;
    ``n k p s**2`` for ``var``; for ``pair`` ``n k (k-1) p**2 s**4`` of ``"inner"``, ``n**2 k (k-1) p**2 s**4`` of
    ``"matrix"``, ``n k (k-1)`` of ``"cosine"``; 1 for ``reg``. Beside a ``var`` of weight 1, a lambda of the sums is
    ``lambda (k-1) p s**2`` of the means for ``"inner"`` and ``n`` times that for ``"matrix"``, and a zeta is ``zeta /
    (n k p s**2)``.

    Args:
        G: The generator.
        space: ``"z"`` (the paper's and the default) or ``"w"``.
        layer: Whose features are to change: one of ``G.layer_names``; ``"image"``; ``"s"``, all style vectors, or
            ``"s:layer"``, that of a layer, where there are styles; or a sequence of these, side by side. The middle
            layer if not given. The paper cuts near the input or deeper, by what is sought.
        k: How many directions; 8 is ours, 20 the released program's.
        preset: ``"released"`` or ``"equations"``, see above; ours if not given.
        steps: Steps of Adam; ours. The released program takes 50 000 to 500 000.
        batch: Codes a step, each along two directions; 16 as in the released program.
        stride: Largest stride, as a share of the typical norm ``sqrt(d)``; ours. The released program has 10 for ``d =
            512``, which is 0.44.
        rate: Learning rate; ours, the released program's is 1e-4.
        weights: Other weights of the terms. All are 1 as in the paper's equation 11, but for ``pair``: 0.1 (lambda, as
            in the released program for StyleGAN2), and ``den``: 10 (ours). Far out the logarithm of F's slope falls
            linearly, so that ``den`` grows no faster there than ``var``, and with 1 can be outrun by it.
        pair_form: ``"inner"``, the squared inner product of two changes, as in the first of the released programs;
            ``"cosine"``, their squared cosine, as in the later ones; or ``"matrix"``, the squared norm of ``D_j' D_h``
            with a row for each code, equation 8 as written.
        orthogonal: ``"penalty"`` as in the paper; ``"gram-schmidt"``, which also makes the directions perpendicular
            after each step, as in the released program for StyleGAN2; or ``"exact"`` by a QR decomposition.
        cdf: F as a ``"logistic"`` mixture (ours), or a ``"network"`` as in the paper.
        correction: C with a Newton step among its inputs (``"informed"``, ours), ``"plain"`` as in the paper's figure,
            or ``"unbounded"``: plain, and as long as it likes.
        walk: ``"learned"``, with F and C; ``"norm"``, equation 2, as in most released programs; or ``"linear"``.
        density: Which density learned walks keep; F if not given, as in the paper. Any density of codes of ``space``
            will do that has no bounds, such as :func:`~latent_widgets.geometry.density.fit_density` gives (ours). There
            is no F then: C is trained for that density, and ``mon`` and ``lik`` are not among the terms.
        pairs: Which directions a code is moved along: two ``"different"`` ones, each with a stride of its own (ours);
            ``"any"`` two with one stride, which make no pair where they are the same, as in the released program; or
            ``"all"`` with one stride, as in the equations.
        scaled: Whether features have variance one, and those of several layers equal shares in it (ours), or stay as
            they are, as in paper and program: the loudest and largest layer then counts most.
        reduction: Terms as a ``"mean"`` (ours, and with ``"cosine"`` the released program's for StyleGAN2), or as a
            ``"sum"`` over the codes of a batch, coordinates, directions and features, as in the equations.
        den_teaches: What ``den`` teaches: the ``"correction"`` alone (ours), or ``"all"``, as in equation 11.
        begin: Directions begin ``"random"``, as in the released program; or where the ``"variation"`` is largest to
            first order, in closed form from eight codes, see :func:`~latent_widgets.feature_directions` (ours: ahead
            in runs of few steps, the same after 400).
        patience: Stop after so many steps without progress of the running mean; None never stops early.
        seed: Of everything random.
        start: A result of the same options to go on from: as if it had not been stopped.
        pictures: How many pictures to draw in all, instead of ``steps``, products of the closed form among them; with
            ``start`` from there on.
        seconds: How long it may take, about: turned into pictures by the first that are drawn.
        on_step: Called after each step with every term, and, before that, after each step of the fit of F with its
            loss, ``"fit"``, and of the closed form with the trace so far, ``"begin"``; all steps are counted together.
            As step 0 nothing has been done, and the dict is empty. Of large pictures also inside of steps, with the
            last. ``False`` ends the run and returns the best so far.

    Returns:
        The directions, with F, C and the course of the run.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an option does not exist, ``k`` is above the dimension, the stride is not positive, the density
            has bounds, another dimension or no use, ``start`` was made with other options, the objective is not
            finite from the beginning, or pictures or seconds are too few or both given.
        Stopped: A ``Cancelled``, if ``on_step`` ended the run before its first joint step: there is nothing to return
            yet. ``Cancelled`` itself while F is fitted.

    Warns:
        UserWarning: If F is not monotone at the end, which can happen with ``cdf="network"``; or if the run diverged.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> found = dp_lase(ExactFaces(resolution=16), layer="image", k=2, steps=2, batch=2)
        >>> len(found.directions), found.stopped, sorted(found.curve)
        (2, 'finished', ['den', 'lik', 'mon', 'pair', 'reg', 'total', 'var'])
    """
    where, prior = coordinates_of(G, space, seed)
    if layer is None:
        layer = (first_styles(G) if preset == "released" else None) or middle_layer(G)
    names = check_layer(G, layer)
    checks.integer("k", k, low=1)
    if k > prior.dim:
        raise ValueError(f"k must be at most {prior.dim}, the dimension of {where}, got {k}.")
    checks.integer("batch", batch, low=1)
    steps = checks.integer("steps", steps, low=1)
    for name, value in (("stride", stride), ("rate", rate)):
        if not checks.number(name, value) > 0:
            raise ValueError(f"{name} must be above 0, got {value:g}.")
    checks.choice("pair_form", pair_form, get_args(PairForm))
    checks.choice("orthogonal", orthogonal, get_args(Orthogonal))
    checks.choice("cdf", cdf, get_args(CDFKind))
    checks.choice("correction", correction, get_args(CorrectionKind))
    checks.choice("walk", walk, get_args(WalkKind))
    checks.choice("pairs", pairs, get_args(Pairs))
    checks.choice("reduction", reduction, get_args(Reduction))
    checks.choice("den_teaches", den_teaches, get_args(Taught))
    checks.choice("begin", begin, get_args(Begin))
    given = dict(weights or {})
    for name, weight in given.items():
        checks.number(f"weights[{checks.choice('weights', name, tuple(WEIGHTS))!r}]", weight, low=0)
    chosen = Options(
        where,
        names if len(names) > 1 else names[0],
        k,
        batch,
        stride,
        rate,
        weights_of(preset, k) | given,
        pair_form,
        orthogonal,
        cdf,
        correction,
        walk,
        int(seed),
        None if density is None else type(density).__name__,
        pairs,
        checks.flag("scaled", scaled),
        reduction,
        den_teaches,
        begin,
    )
    check_gradients(G, where, Looked(G, where, names).inner)
    kept = None if density is None else _kept(density, prior, walk, where)
    if start is not None:
        _check_start(start, chosen, kept)
    work = Work(on_step, None if pictures is not None or seconds is not None else steps, {})
    looked, code = Looked(G, where, names), G.sample_z(1, seed=seed)
    code = G.map(code) if where == "w" else code
    pace = pace_of(lambda: looked.blocks(code), G.picture_size, work.inside)
    done = 0 if start is None else start.steps
    before = steps_before(chosen, kept is not None, start is not None)
    cost = Cost.of(chosen, prior.dim, start is not None)
    check_budget(pictures, seconds, cost.pictures(1), "one step")
    if seconds is not None:
        steps = affordable(lambda n: cost.passes(n) * pace.seconds, float(seconds), "seconds", "one step")
        pictures = cost.pictures(steps)
    if pictures is not None:
        steps = done + affordable(cost.pictures, pictures, "pictures", "one step")
    count, passes = cost.pictures(max(steps - done, 1)), cost.passes(max(steps - done, 1))
    work.expect(Plan(count, passes * pace.seconds / count), passes, before + steps)
    run = Run(G, chosen, prior, kept, None if start is None else start._state["run"], work, pace.at_once)
    course = Course(run, patience, None if start is None else start._state["course"])
    stopped = "finished"
    try:
        while run.done < steps:
            values = run.step()
            if not math.isfinite(values["total"]):
                stopped = "diverged"
                break
            work.draw(cost.step_passes)
            course.record(values)
            if not work.tell(run.fitted + run.done, course.last):
                stopped = "cancelled"
                break
            if course.stalled:
                stopped = "plateau"
                break
    except Stopped:
        if not course.best_parts:
            raise
        stopped = "cancelled"
    work.hush()
    if stopped == "diverged":
        message = f"The objective must stay finite, got one that is not after {run.done} steps."
        if not course.best_parts:
            raise ValueError(f"{message} Use a smaller stride.")
        fix = f"What is returned is from step {course.best_step}. Use a lower rate or fewer steps."
        warnings.warn(f"{message} {fix}", stacklevel=5)  # each decorator is a level
    return result_of(run, course, stopped, pictures)


def _kept(density: Density, prior: Gaussian, walk: WalkKind, space: str) -> Whitened:
    """The given density in whitened coordinates, if walks can keep it."""
    if not isinstance(density, Density):
        raise TypeError(f"density must be a Density, got {type(density).__name__}. Use fit_density.")
    if walk != "learned":
        raise ValueError(f"density must be None for walk={walk!r}, which learns no C, got {type(density).__name__}.")
    if density.dim != prior.dim:
        raise ValueError(f"density must be of dimension {prior.dim}, as {space}, got {density.dim}.")
    return Whitened(density, prior)


def _check_start(start: DPLase, chosen: Options, kept: Whitened | None) -> None:
    before = start._state["options"]
    other = start.density
    differ = [name for name, value in asdict(chosen).items() if value != asdict(before)[name]]
    if kept is not None and isinstance(other, Whitened) and not differ:  # the same if codes are as likely
        probes = kept.prior.sample(16, seed=0)
        mine, theirs = kept.density.log_prob(probes), other.density.log_prob(probes)
        if not bool(((mine - theirs).abs() <= kept.density.rounding(mine.float())).all()):  # perhaps fitted anew
            differ = ["density"]
    if differ:
        raise ValueError(f"start must be a result of the same options, got other {', '.join(differ)}.")
