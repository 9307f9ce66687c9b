"""Learned distribution functions F of one coordinate: their slope is a density.

DP-LaSE (Li et al. 2021, equations 3 to 5) learns F by a small network, takes a difference quotient for its slope, asks
for a positive slope and for likely samples. As written there F has no bounds, and scaling it up makes every sample
likelier without end. Here F lies between 0 and 1, so its slope is a density: by a sigmoid at the end of the network, or
as a mixture of logistic distribution functions, which is monotone by construction and has an exact slope.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.core.forward import load_rules
from latent_widgets.core.rounding import map_rounding
from latent_widgets.core.steps import Cancelled, OnStep, report

__all__ = ["CDF", "CDFKind", "LogisticMixture", "MonotoneNetwork", "fit_cdf", "make_cdf"]

CDFKind = Literal["logistic", "network"]
STEP = 1e-3  # of the difference quotient, in standard deviations: ours, the paper gives none
SLOPE = 1e-3  # smallest slope that the monotonicity term asks for, nu in the paper's equation 4: ours
_FLOOR = 1e-12  # below which a slope counts as this much: its logarithm stays finite


class CDF(nn.Module):
    """A distribution function of one coordinate, in float64, with values between 0 and 1.

    Attributes:
        shift: Mean of the samples it was made for; the functions work in standard deviations from it.
        spread: Their standard deviation.
    """

    shift: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros((), dtype=torch.float64, device="cpu"))
        self.register_buffer("spread", torch.ones((), dtype=torch.float64, device="cpu"))

    @abstractmethod
    def _value(self, u: Tensor) -> Tensor:
        """F of a standardised coordinate."""

    @abstractmethod
    def _slope(self, u: Tensor) -> Tensor:
        """Its slope, which may be negative where F is not monotone."""

    def _log_slope(self, u: Tensor) -> Tensor:
        return self._slope(u).clamp(min=_FLOOR).log()

    def _standard(self, t: Tensor) -> Tensor:
        return (t.to(self.shift) - self.shift) / self.spread

    def forward(self, t: Tensor) -> Tensor:
        """Return F(t), in [0, 1]."""
        return self._value(self._standard(t)).to(t)

    def density(self, t: Tensor) -> Tensor:
        """Return the slope of F at ``t``."""
        return (self._slope(self._standard(t)) / self.spread).to(t)

    def log_density(self, t: Tensor) -> Tensor:
        """Return the logarithm of the slope, finite everywhere."""
        return (self._log_slope(self._standard(t)) - self.spread.log()).to(t)

    def monotony_loss(self, t: Tensor) -> Tensor:
        """Return ``max(0, nu - F'(t))``, equation 4, with the slope in standard deviations."""
        return (SLOPE - self._slope(self._standard(t))).clamp(min=0)

    @property
    def flat(self) -> float:
        """How far below zero rounding alone may take the slope of a difference quotient where F is flat."""
        return map_rounding(self.shift.dtype) / (STEP * float(self.spread))

    @torch.no_grad()
    def prepare(self, samples: Tensor) -> None:
        """Take over mean and standard deviation of samples ``(n,)``."""
        self.shift.copy_(samples.mean())
        self.spread.copy_(samples.std())

    @torch.no_grad()
    def steepest_fall(self, low: float, high: float) -> tuple[float, float]:
        """Return the smallest slope between two places, and where it is."""
        t = torch.linspace(low, high, 2001, dtype=torch.float32, device="cpu").to(self.shift)
        slopes = self.density(t)
        worst = int(slopes.argmin())
        return float(slopes[worst]), float(t[worst])


class LogisticMixture(CDF):
    """A mixture of logistic distribution functions: monotone and bounded by construction, with an exact slope.

    Args:
        parts: How many; 8 is our default.

    Example:
        >>> F = LogisticMixture(parts=1)
        >>> F(torch.zeros(2)).tolist()
        [0.5, 0.5]
    """

    def __init__(self, parts: int = 8) -> None:
        super().__init__()
        places = (torch.arange(parts, dtype=torch.float64, device="cpu") + 0.5) / parts
        self.weights = nn.Parameter(torch.zeros(parts, dtype=torch.float64, device="cpu"))
        self.centres = nn.Parameter(math.sqrt(2) * torch.erfinv(2 * places - 1))
        self.widths = nn.Parameter(torch.zeros(parts, dtype=torch.float64, device="cpu"))

    @torch.no_grad()
    def prepare(self, samples: Tensor) -> None:
        """Take over mean and standard deviation of samples ``(n,)``, and centre the parts on their quantiles."""
        super().prepare(samples)
        parts = len(self.centres)
        places = (torch.arange(parts, dtype=torch.float64, device=self.centres.device) + 0.5) / parts
        self.centres.copy_(torch.quantile(self._standard(samples), places))

    def _scaled(self, u: Tensor) -> tuple[Tensor, Tensor]:
        widths = 0.02 + 0.5 * F.softplus(self.widths)  # none so narrow that it would stand on a single sample
        return (u[..., None] - self.centres) / widths, widths

    def _value(self, u: Tensor) -> Tensor:
        return self._scaled(u)[0].sigmoid() @ self.weights.softmax(0)

    def _slope(self, u: Tensor) -> Tensor:
        return self._log_slope(u).exp()

    def _log_slope(self, u: Tensor) -> Tensor:
        v, widths = self._scaled(u)
        each = F.logsigmoid(v) + F.logsigmoid(-v) - widths.log() + self.weights.log_softmax(0)
        return torch.logsumexp(each, -1)


class MonotoneNetwork(CDF):
    """The paper's F: a network whose slope is a difference quotient, kept positive by a penalty.

    Args:
        width: Units of each of the two hidden layers; 32 is our default, the paper gives none.
        seed: Of the first weights.
    """

    def __init__(self, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator("cpu").manual_seed(seed)
        self.hidden = nn.ModuleList([_rising(1, width, rng), _rising(width, width, rng)])
        self.last = _rising(width, 1, rng)
        nn.init.zeros_(self.last.bias)

    def _value(self, u: Tensor) -> Tensor:
        x = u[..., None]
        for layer in self.hidden:
            x = layer(x).tanh()
        return self.last(x)[..., 0].sigmoid()

    def _slope(self, u: Tensor) -> Tensor:
        return (self._value(u + STEP) - self._value(u)) / STEP


def _rising(inputs: int, outputs: int, rng: torch.Generator) -> nn.Linear:
    """A layer with positive weights, so that F rises to begin with."""
    load_rules()  # what has no numbers yet takes its rules
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        layer.weight.copy_(
            1.5 / math.sqrt(inputs) * torch.rand(outputs, inputs, generator=rng, dtype=torch.float64, device="cpu")
        )
        layer.bias.copy_(torch.randn(outputs, generator=rng, dtype=torch.float64, device="cpu"))
    return layer


def make_cdf(kind: CDFKind = "logistic", seed: int = 0) -> CDF:
    """Return an untrained F: ``"logistic"``, or ``"network"`` as in the paper."""
    checks.choice("kind", kind, get_args(CDFKind))
    return LogisticMixture() if kind == "logistic" else MonotoneNetwork(seed=seed)


def fit_cdf(
    samples: Tensor, kind: CDFKind = "logistic", *, steps: int = 40, seed: int = 0, on_step: OnStep | None = None
) -> CDF:
    """Fit F to samples by likelihood (equation 5), and by monotonicity (equation 4) where it is not built in.

    Args:
        samples: ``(n,)``.
        kind: ``"logistic"`` or ``"network"``.
        steps: Steps of L-BFGS, each of up to ten iterations.
        seed: Of the network's first weights.
        on_step: Called after each step with the mean negative log likelihood; ``False`` raises ``Cancelled``.

    Returns:
        F.

    Raises:
        TypeError: If ``steps`` is not an integer.
        ValueError: If there are too few samples, all are equal, or F came out not monotone.
        Cancelled: If ``on_step`` asked for it.

    Example:
        >>> t = torch.randn(2000, generator=torch.Generator().manual_seed(0))
        >>> F = fit_cdf(t, steps=10)
        >>> abs(float(F(t.median())) - 0.5) < 0.03
        True
    """
    checks.integer("steps", steps, low=1)
    t = checks.finite("samples", checks.shape("samples", samples, ("n",))).detach()
    alike = map_rounding(t.dtype) if t.is_floating_point() else 0.0
    with torch.inference_mode(False), torch.enable_grad():
        return _fitted(t.double().clone(), alike, make_cdf(kind, seed), steps, on_step)


def _fitted(t: Tensor, alike: float, cdf: CDF, steps: int, on_step: OnStep | None) -> CDF:
    if len(t) < 10 or not bool(t.std() > alike * t.abs().max()):  # equals are a rounding error apart from their mean
        raise ValueError(f"samples must be at least 10 different numbers, got {len(t)} with deviation {t.std():g}.")
    cdf = cdf.to(t.device)
    cdf.prepare(t)
    places, shares = _binned(t)
    # also where no sample is: ours
    between = torch.linspace(float(t.min()), float(t.max()), 257, dtype=t.dtype, device=t.device)
    load_rules()  # an optimiser has them imported
    search = torch.optim.LBFGS(cdf.parameters(), max_iter=10, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = -(shares @ cdf.log_density(places)) + cdf.monotony_loss(torch.cat([places, between])).mean() / SLOPE
        value.backward()
        return value

    last = math.inf
    for i in range(steps):
        now = float(search.step(loss).detach())
        if not report(on_step, i + 1, steps, now):
            raise Cancelled("fit_cdf was cancelled.")
        if last - now < 1e-6:
            break
        last = now
    slope, place = cdf.steepest_fall(float(t.min()), float(t.max()))
    if slope < -cdf.flat:
        raise ValueError(
            f"F must be monotone, got slope {slope:.2g} at {place:.3g}. Fit for more steps, or with kind='logistic'."
        )
    return cdf.requires_grad_(False)


def _binned(t: Tensor, bins: int = 2048) -> tuple[Tensor, Tensor]:
    """Samples and their shares; many of them as the middles of bins, which cost as much however many there are."""
    if len(t) <= bins:
        return t, torch.full_like(t, 1 / len(t))
    low, high = float(t.min()), float(t.max())
    width = (high - low) / bins
    counts = torch.bincount(((t - low) / width).long().clamp(max=bins - 1), minlength=bins)
    middles = low + width * (torch.arange(bins, dtype=torch.int64, device="cpu").to(t) + 0.5)
    return middles[counts > 0], counts[counts > 0].to(t) / len(t)
