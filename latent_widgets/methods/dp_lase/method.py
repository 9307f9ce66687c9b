"""DP-LaSE: directions that vary most, and differently, along walks that keep the density (Li et al. 2021)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import ranked
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.density.cdf import CDFKind
from latent_widgets.geometry.density.coordinates import Whitened
from latent_widgets.geometry.density.fitted import Density, Gaussian, fit_density
from latent_widgets.geometry.density.iso_density import kept_component
from latent_widgets.geometry.jacobian.gradients import check_gradients
from latent_widgets.geometry.walks.walk import Walk
from latent_widgets.methods.dp_lase.correction import Correction, CorrectionKind
from latent_widgets.methods.dp_lase.course import Course
from latent_widgets.methods.dp_lase.run import Options, Run, WalkKind, features, moved
from latent_widgets.methods.dp_lase.terms import PairForm
from latent_widgets.values.directions import Directions

__all__ = ["DPLase", "dp_lase"]

WEIGHTS = {"mon": 1.0, "lik": 1.0, "den": 10.0, "var": 1.0, "pair": 0.1, "reg": 1.0}


@dataclass(frozen=True, eq=False)
class DPLase:
    """What DP-LaSE found.

    Attributes:
        directions: The directions, the one that changes the features most first.
        density: What the learned walk keeps, in whitened coordinates: F as a density, untrained for the other walks; or
            the one that was given.
        correction: C, in whitened coordinates.
        prior: Maps codes to whitened coordinates, in which strides are measured: the identity in ``z``.
        curve: For each term of the objective its value at every step, and ``"total"``.
        walk_kind: Which walk the directions were found with.
        steps: How many steps were made.
        best_step: After which of them the running mean of the total was lowest: what is returned is from there.
        stopped: ``"finished"``, ``"plateau"``, ``"cancelled"``, or ``"diverged"`` where the objective was not finite.
    """

    directions: Directions
    density: Density
    correction: Correction
    prior: Gaussian
    curve: Mapping[str, Tensor] = field(repr=False)
    walk_kind: WalkKind
    steps: int
    best_step: int
    stopped: str
    _state: Mapping[str, Any] = field(repr=False)

    @torch.no_grad()
    def move(self, codes: Tensor, directions: Tensor, strides: Tensor) -> Tensor:
        """Walk from many codes at once, as in training.

        Args:
            codes: ``(n, d)``.
            directions: ``(n, d)``; their length does not matter.
            strides: ``(n,)``, lengths in whitened coordinates: standard deviations.

        Returns:
            ``(n, d)``.
        """
        starts = self.prior.whiten(codes.double())
        along = self.prior.whiten_direction(directions.double())
        along = along / along.norm(dim=1, keepdim=True)
        ends = moved(self.density.log_prob, self.correction, starts, strides.double(), along, self.walk_kind)
        return self.prior.unwhiten(ends).to(codes)

    def walk(
        self,
        G: Generator,
        code: Tensor,
        index: int | str = 0,
        at: Sequence[float] = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    ) -> Walk:
        """Walk from a code along one of the directions, as in training.

        Args:
            G: The generator.
            code: ``(d,)`` or ``(1, d)``, in the space of the directions.
            index: Which direction, by number or name.
            at: Positions, in standard deviations.

        Returns:
            The walk, with the kept component and the log density along it: that which was given, or the prior's.
        """
        found = self.directions[index].for_generator(G)
        start, _ = G.check_code(code, found.space)
        strides = torch.tensor([checks.number("at", value) for value in at], dtype=torch.float64, device=G.device)
        along = found.vectors.expand(len(strides), -1)
        codes = self.move(start[:1].expand(len(strides), -1), along, strides)
        before, after = self.prior.whiten(start.double()), self.prior.whiten(codes.double())
        kept = kept_component(before, after, self.prior.whiten_direction(found.vectors.double()), strides)
        shown = self.density.density if isinstance(self.density, Whitened) else self.prior
        return Walk(
            codes,
            tuple(strides.tolist()),
            found.space,
            "sd",
            self.walk_kind,
            found.names[0],
            log_density=shown.log_prob(codes),
            kept=kept.to(codes),
        )


@exact()
@torch.inference_mode(mode=False)  # what is trained must be made outside of it
def dp_lase(
    G: Generator,
    space: Literal["z", "w"] | None = None,
    layer: str | None = None,
    k: int = 8,
    *,
    steps: int = 400,
    batch: int = 16,
    stride: float = 1.0,
    rate: float = 3e-3,
    weights: Mapping[str, float] | None = None,
    pair_form: PairForm = "cosine",
    orthogonal: Literal["penalty", "exact"] = "penalty",
    cdf: CDFKind = "logistic",
    correction: CorrectionKind = "informed",
    walk: WalkKind = "learned",
    density: Density | None = None,
    patience: int | None = 200,
    seed: int = 0,
    start: DPLase | None = None,
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

    Args:
        G: The generator.
        space: ``"z"`` (the paper's and the default) or ``"w"``.
        layer: Whose features are to change: one of ``G.layer_names``, or ``"image"``; the middle layer if not given.
            The paper cuts near the input or deeper, by what is sought.
        k: How many directions; 8 is ours, 20 the released program's.
        steps: Steps of Adam; ours. The released program takes 50 000 to 500 000.
        batch: Codes a step, each along two directions; 16 as in the released program.
        stride: Largest stride, as a share of the typical norm ``sqrt(d)``; ours. The released program has 10 for ``d =
            512``, which is 0.44.
        rate: Learning rate; ours, the released program's is 1e-4.
        weights: Other weights of the terms. All are 1 as in the paper's equation 11, but for ``pair``: 0.1 (lambda, as
            in the released program for StyleGAN2), and ``den``: 10 (ours). Far out the logarithm of F's slope falls
            linearly, so that ``den`` grows no faster there than ``var``, and with 1 can be outrun by it.
        pair_form: ``"inner"`` as in the paper, or ``"cosine"`` as in the later released programs.
        orthogonal: ``"penalty"`` as in the paper, or ``"exact"`` by a QR decomposition.
        cdf: F as a ``"logistic"`` mixture (ours), or a ``"network"`` as in the paper.
        correction: C with a Newton step among its inputs (``"informed"``, ours), or ``"plain"`` as in the paper.
        walk: ``"learned"``, with F and C; ``"norm"``, equation 2, as in most released programs; or ``"linear"``.
        density: Which density learned walks keep; F if not given, as in the paper. Any density of codes of ``space``
            will do that has no bounds, such as :func:`~latent_widgets.geometry.density.fit_density` gives (ours). There
            is no F then: C is trained for that density, and ``mon`` and ``lik`` are not among the terms.
        patience: Stop after so many steps without progress of the running mean; None never stops early.
        seed: Of everything random.
        start: A result of the same options to go on from: as if it had not been stopped.
        on_step: Called after each step with every term, and, before that, after each step of the fit of F with its
            loss, ``"fit"``; all steps are counted together. ``False`` ends the run and returns the best so far.

    Returns:
        The directions, with F, C and the course of the run.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an option does not exist, ``k`` is above the dimension, the stride is not positive, the density
            has bounds, another dimension or no use, ``start`` was made with other options, or the objective is not
            finite from the beginning.
        Cancelled: If ``on_step`` ended the run while F was fitted: there is nothing to return yet.

    Warns:
        UserWarning: If F is not monotone at the end, which can happen with ``cdf="network"``; or if the run diverged.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> found = dp_lase(ExactFaces(resolution=16), layer="image", k=2, steps=2, batch=2)
        >>> len(found.directions), found.stopped, sorted(found.curve)
        (2, 'finished', ['den', 'lik', 'mon', 'pair', 'reg', 'total', 'var'])
    """
    space = with_digits(G).check_space("z" if space is None else space)  # type: ignore[assignment]
    checks.choice("space", space, ("z", "w"))
    names = tuple(dict.fromkeys((*G.layer_names, "image")))
    middle = names[(len(names) - 1) // 2]
    layer = checks.choice("layer", middle if layer is None else layer, names)
    d = G.dim(str(space))
    checks.integer("k", k, low=1)
    if k > d:
        raise ValueError(f"k must be at most {d}, the dimension of {space}, got {k}.")
    checks.integer("batch", batch, low=1)
    steps = checks.integer("steps", steps, low=1)
    seed = checks.integer("seed", seed, low=0)
    for name, value in (("stride", stride), ("rate", rate)):
        if not checks.number(name, value) > 0:
            raise ValueError(f"{name} must be above 0, got {value:g}.")
    checks.choice("pair_form", pair_form, get_args(PairForm))
    checks.choice("orthogonal", orthogonal, ("penalty", "exact"))
    checks.choice("cdf", cdf, get_args(CDFKind))
    checks.choice("correction", correction, get_args(CorrectionKind))
    checks.choice("walk", walk, get_args(WalkKind))
    given = dict(weights or {})
    for name, weight in given.items():
        checks.number(f"weights[{checks.choice('weights', name, tuple(WEIGHTS))!r}]", weight, low=0)
    chosen = Options(
        str(space),
        layer,
        k,
        batch,
        stride,
        rate,
        WEIGHTS | given,
        pair_form,
        orthogonal,
        cdf,
        correction,
        walk,
        seed,
        None if density is None else type(density).__name__,
    )
    check_gradients(G, str(space), (layer,))
    prior = fit_density(G, str(space), "standard" if space == "z" else "gaussian", seed=seed)
    if not isinstance(prior, Gaussian):
        raise TypeError(f"prior must be Gaussian, got {type(prior).__name__}.")
    kept = None if density is None else _kept(density, prior, walk, str(space))
    if start is not None:
        _check_start(start, chosen, kept)
    run = Run(G, chosen, prior, kept, None if start is None else start._state["run"], on_step, steps)
    course = Course(run, patience, None if start is None else start._state["course"])
    stopped = "finished"
    while run.done < steps:
        values = run.step()
        if not math.isfinite(values["total"]):
            stopped = "diverged"
            break
        course.record(values)
        if not report(on_step, run.fitted + run.done, run.fitted + steps, course.last):
            stopped = "cancelled"
            break
        if course.stalled:
            stopped = "plateau"
            break
    if stopped == "diverged":
        message = f"The objective must stay finite, got one that is not after {run.done} steps."
        if not course.best_parts:
            raise ValueError(f"{message} Use a smaller stride.")
        fix = f"What is returned is from step {course.best_step}. Use a lower rate or fewer steps."
        warnings.warn(f"{message} {fix}", stacklevel=4)  # each decorator is a level
    return _result(run, course, stopped)


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


@torch.no_grad()
def _result(run: Run, course: Course, stopped: str) -> DPLase:
    G, options = run.G, run.options
    state = course.state()
    run.parts.load_state_dict(course.best_parts)
    rows = run.directions()
    z = torch.randn(
        16, G.z_dim, generator=torch.Generator("cpu").manual_seed(options.seed + 1), dtype=torch.float32, device="cpu"
    ).to(G.device, G.dtype)
    codes = run.prior.whiten((G.map(z) if options.space == "w" else z).double())
    strides = codes.new_full((len(codes),), options.stride * rows.shape[1] ** 0.5 / 2)
    before = features(G, run.prior.unwhiten(codes).to(G.dtype), options)
    change = []
    for row in rows:
        ends = moved(run.log_density(), run.correction, codes, strides, row.expand_as(codes), options.walk)
        after = features(G, run.prior.unwhiten(ends).to(G.dtype), options)
        change.append(((after - before) / run.scale).square().mean().sqrt())
    scores = torch.stack(change).to(G.dtype)
    order = ranked(scores)
    vectors = run.prior.unwhiten_direction(rows[order])
    if options.walk == "learned" and run.given is None and stopped in ("finished", "plateau"):
        slope, place = run.cdf.steepest_fall(-3.0, 3.0)
        if slope < -run.cdf.flat:
            fix = "Take more steps, or cdf='logistic'."
            warnings.warn(f"F must be monotone, got slope {slope:.2g} at {place:.2g}. {fix}", stacklevel=6)
    directions = Directions(
        vectors.to(G.dtype),
        options.space,
        unit="sd",
        scales=vectors.norm(dim=1).to(G.dtype),  # one unit of the whitened coordinates
        scores={"feature change": scores[order]},
        method="dp_lase",
        parameters={name: value for name, value in asdict(options).items() if name != "seed"} | {"steps": run.done},
        seed=options.seed,
        generator=G.name,
        weights_hash=G.weights_hash,
    )
    run.parts.requires_grad_(False)
    curve = {name: torch.tensor(values, dtype=torch.float32, device="cpu") for name, values in course.curve.items()}
    return DPLase(
        directions,
        run.density,
        run.correction,
        run.prior,
        curve,
        options.walk,
        run.done,
        course.best_step,
        stopped,
        state,
    )
