"""One run of DP-LaSE: what is trained, one step of it, and its state."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.core.work import Work, in_parts
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.density.cdf import CDF, CDFKind, fit_cdf, make_cdf
from latent_widgets.geometry.density.coordinates import Independent, Whitened
from latent_widgets.geometry.density.fitted import Density, Gaussian
from latent_widgets.geometry.density.iso_density import norm_preserving
from latent_widgets.methods.dp_lase import terms as terms
from latent_widgets.methods.dp_lase.closed_form import mean_gram, principal_rows
from latent_widgets.methods.dp_lase.correction import Correction, CorrectionKind, LogDensity
from latent_widgets.methods.dp_lase.looked import Looked, change

__all__ = ["Begin", "Options", "Orthogonal", "Pairs", "Run", "Taught", "WalkKind", "moved", "steps_before"]

WalkKind = Literal["learned", "norm", "linear"]
Pairs = Literal["different", "any", "all"]
Orthogonal = Literal["penalty", "exact", "gram-schmidt"]
Taught = Literal["correction", "all"]
Begin = Literal["random", "variation"]
_FIT = 256_000  # coordinates to which F is fitted before the joint run: errors of F are a drift that C cannot see
FIT_STEPS = 15  # of that fit; in the progress of the run each counts as a joint step, which takes as long or longer
BEGIN_CODES = 8  # whose Jacobians the beginning of begin="variation" is made of
SCALED = 32  # codes over which features are scaled
SCORED = 16  # codes by which what was found is scored
_DENSER = 8  # F and C see so many times the codes that the generator draws: they cost little, and their noise counts


@dataclass(frozen=True)
class Options:
    """What a run is made of; see :func:`latent_widgets.methods.dp_lase.dp_lase`."""

    space: str
    layer: str | tuple[str, ...]
    k: int
    batch: int
    stride: float
    rate: float
    weights: dict[str, float]
    pair_form: terms.PairForm
    orthogonal: Orthogonal
    cdf: CDFKind
    correction: CorrectionKind
    walk: WalkKind
    seed: int
    density: str | None = None
    pairs: Pairs = "different"
    scaled: bool = True
    reduction: terms.Reduction = "mean"
    den_teaches: Taught = "correction"
    begin: Begin = "random"


def steps_before(options: Options, given: bool, resumed: bool) -> int:
    """Return how many steps come before the joint ones: of the fit of F, and of the closed form.

    Args:
        options: What to do.
        given: Whether the density is given, so that there is no F.
        resumed: Whether the run goes on from another.
    """
    fit = options.walk == "learned" and not given and not resumed
    return (FIT_STEPS if fit else 0) + (BEGIN_CODES if options.begin == "variation" and not resumed else 0)


class Run:
    """Everything that is trained, in coordinates in which the prior has mean zero and variance one.

    Args:
        G: The generator.
        options: What to do.
        prior: Maps codes to those coordinates and back.
        given: The density that walks are to keep, in those coordinates; None learns F.
        state: Where to go on; None begins anew.
        work: Is told of each step before the joint ones, and inside of those that take long; None tells nobody.
        at_once: How many codes are drawn in one pass.

    Attributes:
        done: How many joint steps were made.
        fitted: How many steps are counted before them: of the fit, where F is learned and was not earlier, and of the
            closed form that directions begin with.
        looked: The features that are to change.
        scales: What those of each layer are divided by.
    """

    def __init__(
        self,
        G: Generator,
        options: Options,
        prior: Gaussian,
        given: Whitened | None = None,
        state: Mapping[str, Any] | None = None,
        work: Work | None = None,
        at_once: int = 2**30,
    ) -> None:
        self.G, self.options, self.prior, self.given = G, options, prior, given
        self.work, self.at_once = work or Work(None, None), at_once
        self.rng = torch.Generator("cpu").manual_seed(options.seed)
        self.done = 0
        self.looked = Looked(G, options.space, (options.layer,) if isinstance(options.layer, str) else options.layer)
        d = prior.dim
        matrix = torch.randn(options.k, d, generator=self.rng, dtype=torch.float64, device="cpu")
        if options.orthogonal == "gram-schmidt":  # as long as they were drawn, which sets how fast they turn
            matrix = perpendicular(matrix)
        else:
            matrix = matrix / matrix.norm(dim=1, keepdim=True)
        learns = options.walk == "learned" and given is None and state is None  # the other walks need no F
        closed = options.begin == "variation" and state is None
        self.fitted = steps_before(options, given is not None, state is not None)
        cdf = self._fit() if learns else make_cdf(options.cdf, options.seed)
        correction = Correction(d, options.correction, options.seed)
        self.parts = nn.ModuleDict({"cdf": cdf, "correction": correction}).requires_grad_()
        self.parts.register_parameter("matrix", nn.Parameter(matrix))
        self.parts.to(G.device)
        slow: dict[str, Any] = {
            "params": list(self.cdf.parameters()),
            "lr": options.rate / 10,
        }  # it is fitted, and batches are noisy
        rest: dict[str, Any] = {"params": [*self.correction.parameters(), self.matrix]}
        load_rules()  # an optimiser has them imported
        self.optimizer = torch.optim.Adam([slow, rest], options.rate)
        if state is not None:
            self._restore(state)
            return
        with torch.no_grad():
            self.scales = self.looked.scales(self._code(self.codes(SCALED)), options.scaled, self.looks)
        if closed:
            self._begin(self.fitted - BEGIN_CODES)

    @property
    def matrix(self) -> Tensor:
        """The parameters ``(k, d)`` of the directions."""
        return self.parts.matrix  # type: ignore[return-value]

    @property
    def cdf(self) -> CDF:
        """F."""
        return self.parts["cdf"]  # type: ignore[return-value]

    @property
    def correction(self) -> Correction:
        """C."""
        return self.parts["correction"]  # type: ignore[return-value]

    @property
    def density(self) -> Density:
        """What a learned walk keeps, in whitened coordinates."""
        return Independent(self.cdf, self.prior.dim) if self.given is None else self.given

    def log_density(self, frozen: bool = True) -> LogDensity:
        """Return its logarithm; F is not taught by it while it is frozen: a flat F would make every walk keep it."""
        if self.given is not None:
            return self.given.log_prob
        if not frozen:
            return lambda x: self.cdf.log_density(x).sum(1)
        fixed = {name: value.detach() for name, value in self.cdf.named_parameters()}
        return lambda x: _log_density(self.cdf, fixed, x)

    def codes(self, n: int) -> Tensor:
        """Draw ``(n, d)`` codes, in whitened coordinates and float64."""
        z = torch.randn(n, self.G.z_dim, generator=self.rng, dtype=torch.float32, device="cpu").to(
            self.G.device, self.G.dtype
        )
        with torch.no_grad():
            code = self.G.map(z) if self.options.space == "w" else z
        return self.prior.whiten(code.double())

    def directions(self) -> Tensor:
        """Return ``(k, d)`` rows of length one, orthogonal if that is built in."""
        if self.options.orthogonal == "exact":
            return torch.linalg.qr(self.matrix.T).Q.T
        return self.matrix / self.matrix.norm(dim=1, keepdim=True)

    def losses(self) -> dict[str, Tensor]:
        """Return every term of the objective on a new batch, and their weighted total."""
        options, weights = self.options, self.options.weights
        directions, reduction = self.directions(), options.reduction
        # more codes are no better a sum, but another weight beside what is no sum over codes
        dense = _DENSER if options.walk == "learned" and reduction == "mean" else 1
        z = self.codes(options.batch * dense)
        chosen, strides = self._drawn(z)
        count, seen, joint = len(chosen), z[: options.batch], options.den_teaches == "all"
        log_density = self.log_density(frozen=not joint)

        def walked(n: int, along: Tensor) -> tuple[Tensor, Tensor]:
            starts = z[:n].repeat(count, 1)
            steps, chosen_along = strides[:, :n].flatten(), along[chosen[:, :n].flatten()]
            return starts, moved(log_density, self.correction, starts, steps, chosen_along, options.walk)

        found = {"reg": terms.orthogonality(directions)}
        if options.walk == "learned":
            if self.given is None:
                found["mon"] = terms.monotony(self.cdf, z, reduction)
                found["lik"] = terms.likelihood(self.cdf, z, reduction)
            # alone, it would teach directions that hardly change the picture: those keep a density best
            starts, ends = walked(len(z), directions if joint else directions.detach())
            found["den"] = terms.reduced((log_density(ends) - log_density(starts)).square(), reduction)
        with torch.no_grad():
            before = self.looks(self._code(seen))
        after = self.looks(self._code(walked(len(seen), directions)[1]))
        changes = change([block.unflatten(0, (count, -1)) for block in after], before, self.scales)
        found["var"] = terms.variation(changes, reduction)
        if options.pairs == "any":  # a code of which both directions are the same has no pair
            changes = changes[:, chosen[0, : len(seen)] != chosen[1, : len(seen)]]
        found["pair"] = terms.pair_penalty(changes, options.pair_form, reduction)
        total = sum((weights[name] * value.double() for name, value in found.items()), z.new_zeros(()))
        return found | {"total": total}

    def _drawn(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """For each code, numbers of directions and strides along them: ``(directions, n)`` both."""
        k, n, pairs = self.options.k, len(z), self.options.pairs
        if pairs == "all":
            chosen = torch.arange(k, dtype=torch.int64, device="cpu")[:, None].expand(k, n)
        elif pairs == "any":
            chosen = torch.randint(k, (2, n), generator=self.rng, dtype=torch.int64, device="cpu")
        else:  # two different directions for each code
            order = torch.rand(n, k, generator=self.rng, dtype=torch.float32, device="cpu").argsort(1)
            chosen = order[:, : min(2, k)].T
        own = len(chosen) if pairs == "different" else 1  # else the directions of a code share its stride
        share = 2 * torch.rand(own, n, generator=self.rng, dtype=torch.float64, device="cpu").to(z) - 1
        strides = share.expand(len(chosen), n) * self.options.stride * z.shape[1] ** 0.5
        return chosen.to(z.device), strides

    def step(self) -> dict[str, float]:
        """Train one step and return every term; nothing changes and the total is NaN where a gradient is not finite."""
        with torch.inference_mode(False), torch.enable_grad():
            self.optimizer.zero_grad(set_to_none=True)
            found = self.losses()
            found["total"].backward()
            slopes = [p.grad for p in self.parts.parameters() if p.grad is not None]
            if not all(bool(slope.isfinite().all()) for slope in slopes):
                return {name: float(value.detach()) for name, value in found.items()} | {"total": math.nan}
            self.optimizer.step()
        if self.options.orthogonal == "gram-schmidt":
            with torch.no_grad():
                self.matrix.copy_(perpendicular(self.matrix))
        self.done += 1
        return {name: float(value.detach()) for name, value in found.items()}

    def looks(self, codes: Tensor) -> list[Tensor]:
        """Look at codes, of large pictures a few at a time."""
        parts = list(in_parts(self.looked.blocks, codes, self.at_once, self.work.inside))
        return parts[0] if len(parts) == 1 else [torch.cat(same) for same in zip(*parts, strict=True)]

    def _fit(self) -> CDF:
        """Fit F to the codes of the generator."""

        def tell(step: Step) -> bool:
            return self.work.tell(step.index, {"fit": step.value})

        samples = self.codes(_FIT // self.prior.dim + 1).flatten()
        return fit_cdf(samples, self.options.cdf, steps=FIT_STEPS, seed=self.options.seed, on_step=tell)

    def _begin(self, before: int) -> None:
        """Take the directions along which the features change most to first order."""

        def tell(step: Step) -> bool:
            self.work.draw(self.prior.dim)
            if not self.work.tell(before + step.index, {"begin": step.value}):
                raise Cancelled("dp_lase was cancelled before its first step.")
            return True

        gram, _ = mean_gram(self.looked, self.prior, self.codes(BEGIN_CODES), self.scales, tell)
        with torch.no_grad():
            rows = principal_rows(gram)[1][: self.options.k]
            self.matrix.copy_(rows * self.matrix.norm(dim=1, keepdim=True))

    def _code(self, whitened: Tensor) -> Tensor:
        return self.prior.unwhiten(whitened).to(self.G.dtype)

    def state(self) -> dict[str, Any]:
        """Return a copy of all that changes."""
        return copy.deepcopy(
            {
                "parts": self.parts.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "rng": self.rng.get_state(),
                "done": self.done,
                "scales": self.scales,
            }
        )

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.parts.load_state_dict(state["parts"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.rng.set_state(state["rng"])
        self.done, self.scales = state["done"], state["scales"]


def moved(
    log_density: LogDensity, correction: Correction, starts: Tensor, strides: Tensor, directions: Tensor, kind: WalkKind
) -> Tensor:
    """Walk from ``(n, d)`` starts along as many directions: equation 6, equation 2 or equation 1.

    Args:
        log_density: Of whitened coordinates, for the learned walk.
        correction: C, for the learned walk.
        starts: ``(n, d)`` in whitened coordinates.
        strides: ``(n,)``.
        directions: ``(n, d)`` of length one.
        kind: Which walk.

    Returns:
        ``(n, d)``.
    """
    if kind == "norm":
        return norm_preserving(starts, directions, strides)
    straight = starts + strides[:, None] * directions
    if kind == "linear":
        return straight
    return straight + correction(starts, strides, directions, log_density)


def perpendicular(rows: Tensor) -> Tensor:
    """Take from each row ``(k, d)`` what is along those before it (Gram-Schmidt); what is left keeps its length."""
    q, r = torch.linalg.qr(rows.T)
    return (q * r.diagonal()).T


class _LogDensity(nn.Module):
    """The log density of codes as the call of a module, for which parameters can be put in from outside."""

    def __init__(self, cdf: CDF) -> None:
        super().__init__()
        self.cdf = cdf

    def forward(self, x: Tensor) -> Tensor:
        return self.cdf.log_density(x).sum(1)


def _log_density(cdf: CDF, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    named = {f"cdf.{name}": value for name, value in parameters.items()}
    value: Tensor = torch.func.functional_call(_LogDensity(cdf), named, (x,))
    return value
