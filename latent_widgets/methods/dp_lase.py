"""DP-LaSE: directions that vary most, and differently, along walks that keep the density (Li et al. 2021)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from latent_widgets import _checks
from latent_widgets._steps import OnStep, report
from latent_widgets.directions import Directions
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.cdf import CDFKind
from latent_widgets.geometry.coordinates import Independent
from latent_widgets.geometry.correction import Correction, CorrectionKind
from latent_widgets.geometry.density import Gaussian, fit_density
from latent_widgets.geometry.density_walks import kept_component
from latent_widgets.geometry.walks import Walk
from latent_widgets.methods._dp_lase_run import Options, Run, WalkKind, features, moved
from latent_widgets.methods._dp_lase_terms import PairForm

__all__ = ["DPLase", "dp_lase"]

WEIGHTS = {"mon": 1.0, "lik": 1.0, "den": 1.0, "var": 1.0, "pair": 0.1, "reg": 1.0}
_MEMORY = 0.95  # of the running mean of the total, by which runs are compared and stopped
_GAIN = 1e-3  # how much better that mean must get to count


@dataclass(frozen=True, eq=False)
class DPLase:
    """What DP-LaSE found.

    Attributes:
        directions: The directions, the one that changes the features most first.
        density: F as a density, in whitened coordinates; of the walks other than the learned one, untrained.
        correction: C, in whitened coordinates.
        prior: Maps codes to whitened coordinates, in which strides are measured: the identity in ``z``.
        curve: For each term of the objective its value at every step, and ``"total"``.
        walk_kind: Which walk the directions were found with.
        steps: How many steps were made.
        best_step: After which of them the running mean of the total was lowest: what is returned is from there.
        stopped: ``"finished"``, ``"plateau"``, ``"cancelled"``, or ``"diverged"`` where the objective was not finite.
    """

    directions: Directions
    density: Independent
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
        ends = moved(self.density.cdf, self.correction, starts, strides.double(), along, self.walk_kind)
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
            The walk, with the log density along it and the kept component.
        """
        found = self.directions[index].for_generator(G)
        start, _ = G.check_code(code, found.space)
        strides = torch.tensor([_checks.number("at", value) for value in at], dtype=torch.float64, device=G.device)
        along = found.vectors.expand(len(strides), -1)
        codes = self.move(start[:1].expand(len(strides), -1), along, strides)
        before, after = self.prior.whiten(start.double()), self.prior.whiten(codes.double())
        kept = kept_component(before, after, self.prior.whiten_direction(found.vectors.double()), strides)
        return Walk(
            codes,
            tuple(strides.tolist()),
            found.space,
            "sd",
            self.walk_kind,
            found.names[0],
            log_density=self.prior.log_prob(codes),
            kept=kept.to(codes),
        )


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
    taught by ``den``, which a flat F would satisfy. The terms are means, where the paper has sums, and features are
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
            in the released program for StyleGAN2).
        pair_form: ``"inner"`` as in the paper, or ``"cosine"`` as in the later released programs.
        orthogonal: ``"penalty"`` as in the paper, or ``"exact"`` by a QR decomposition.
        cdf: F as a ``"logistic"`` mixture (ours), or a ``"network"`` as in the paper.
        correction: C with a Newton step among its inputs (``"informed"``, ours), or ``"plain"`` as in the paper.
        walk: ``"learned"``, with F and C; ``"norm"``, equation 2, as in most released programs; or ``"linear"``.
        patience: Stop after so many steps without progress of the running mean; None never stops early.
        seed: Of everything random.
        start: A result of the same options to go on from: as if it had not been stopped.
        on_step: Called after each step with every term; ``False`` ends the run and returns the best so far.

    Returns:
        The directions, with F, C and the course of the run.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an option does not exist, ``k`` is above the dimension, the stride is not positive, ``start``
            was made with other options, or the objective is not finite from the beginning.

    Warns:
        UserWarning: If F is not monotone at the end, which can happen with ``cdf="network"``; or if the run diverged.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> found = dp_lase(ExactFaces(resolution=16), layer="image", k=2, steps=2, batch=2)
        >>> len(found.directions), found.stopped, sorted(found.curve)
        (2, 'finished', ['den', 'lik', 'mon', 'pair', 'reg', 'total', 'var'])
    """
    space = G.check_space("z" if space is None else space)  # type: ignore[assignment]
    _checks.choice("space", space, ("z", "w"))
    names = tuple(dict.fromkeys((*G.layer_names, "image")))
    middle = names[(len(names) - 1) // 2]
    layer = _checks.choice("layer", middle if layer is None else layer, names)
    d = G.dim(str(space))
    _checks.integer("k", k, low=1)
    if k > d:
        raise ValueError(f"k must be at most {d}, the dimension of {space}, got {k}.")
    _checks.integer("batch", batch, low=1)
    steps = _checks.integer("steps", steps, low=1)
    seed = _checks.integer("seed", seed, low=0)
    for name, value in (("stride", stride), ("rate", rate)):
        if not _checks.number(name, value) > 0:
            raise ValueError(f"{name} must be above 0, got {value:g}.")
    _checks.choice("pair_form", pair_form, get_args(PairForm))
    _checks.choice("orthogonal", orthogonal, ("penalty", "exact"))
    _checks.choice("cdf", cdf, get_args(CDFKind))
    _checks.choice("correction", correction, get_args(CorrectionKind))
    _checks.choice("walk", walk, get_args(WalkKind))
    given = dict(weights or {})
    for name, weight in given.items():
        _checks.number(f"weights[{_checks.choice('weights', name, tuple(WEIGHTS))!r}]", weight, low=0)
    chosen = Options(
        str(space), layer, k, batch, stride, rate, WEIGHTS | given, pair_form, orthogonal, cdf, correction, walk, seed
    )
    prior = fit_density(G, str(space), "standard" if space == "z" else "gaussian", seed=seed)
    if not isinstance(prior, Gaussian):
        raise TypeError(f"prior must be Gaussian, got {type(prior).__name__}.")
    if start is not None and start._state["options"] != chosen:
        differ = [n for n, v in asdict(chosen).items() if v != asdict(start._state["options"])[n]]
        raise ValueError(f"start must be a result of the same options, got other {', '.join(differ)}.")
    run = Run(G, chosen, prior, None if start is None else start._state["run"])
    course = _Course(run, patience, None if start is None else start._state["course"])
    stopped = "finished"
    while run.done < steps:
        values = run.step()
        if not math.isfinite(values["total"]):
            stopped = "diverged"
            break
        course.record(values)
        if not report(on_step, run.done, steps, course.last):
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
        warnings.warn(f"{message} {fix}", stacklevel=2)
    return _result(run, course, stopped)


class _Course:
    """How a run went: the curve, the best state so far, and whether it still gets better."""

    def __init__(self, run: Run, patience: int | None, state: Mapping[str, Any] | None = None) -> None:
        self.run = run
        self.patience = None if patience is None else _checks.integer("patience", patience, low=1)
        self.curve: dict[str, list[float]] = {}
        self.last: dict[str, float] = {}
        self.mean: float | None = None
        self.best, self.best_step = math.inf, 0
        self.best_parts: dict[str, Tensor] = {}
        for name, value in (state or {}).items():
            setattr(self, name, {n: list(v) for n, v in value.items()} if name == "curve" else value)

    def record(self, values: dict[str, float]) -> None:
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
        return self.patience is not None and self.run.done - self.best_step >= self.patience

    def state(self) -> dict[str, Any]:
        kept = ("curve", "mean", "best", "best_step", "best_parts")
        copied = {name: getattr(self, name) for name in kept} | {"curve": {n: list(v) for n, v in self.curve.items()}}
        return {"options": self.run.options, "run": self.run.state(), "course": copied}


@torch.no_grad()
def _result(run: Run, course: _Course, stopped: str) -> DPLase:
    G, options = run.G, run.options
    state = course.state()
    run.parts.load_state_dict(course.best_parts)
    rows = run.directions()
    z = torch.randn(16, G.z_dim, generator=torch.Generator().manual_seed(options.seed + 1)).to(G.device, G.dtype)
    codes = run.prior.whiten((G.map(z) if options.space == "w" else z).double())
    strides = codes.new_full((len(codes),), options.stride * rows.shape[1] ** 0.5 / 2)
    before = features(G, run.prior.unwhiten(codes).to(G.dtype), options)
    change = []
    for row in rows:
        ends = moved(run.cdf, run.correction, codes, strides, row.expand_as(codes), options.walk)
        after = features(G, run.prior.unwhiten(ends).to(G.dtype), options)
        change.append(((after - before) / run.scale).square().mean().sqrt())
    scores = torch.stack(change).to(G.dtype)
    order = scores.argsort(descending=True)
    vectors = run.prior.unwhiten_direction(rows[order])
    if options.walk == "learned" and stopped in ("finished", "plateau"):
        slope, place = run.cdf.steepest_fall(-3.0, 3.0)
        if slope < 0:
            fix = "Take more steps, or cdf='logistic'."
            warnings.warn(f"F must be monotone, got slope {slope:.2g} at {place:.2g}. {fix}", stacklevel=3)
    directions = Directions(
        vectors.to(G.dtype),
        options.space,
        unit="sd",
        scales=vectors.norm(dim=1).to(G.dtype),  # one unit of the whitened coordinates
        scores={"feature change": scores[order]},
        method="dp_lase",
        parameters={name: value for name, value in asdict(options).items() if name != "seed"} | {"steps": run.done},
        seed=options.seed,
        rows=tuple(range(len(order))) if stopped != "cancelled" and course.patience is not None else None,
        generator=G.name,
        weights_hash=G.weights_hash,
    )
    cdf, correction = run.cdf.requires_grad_(False), run.correction.requires_grad_(False)
    curve = {name: torch.tensor(values) for name, values in course.curve.items()}
    density = Independent(cdf, rows.shape[1])
    return DPLase(
        directions,
        density,
        correction,
        run.prior,
        curve,
        options.walk,
        run.done,
        course.best_step,
        stopped,
        state,
    )
