"""What a spectrum plot shows: singular values at a code, and those that chance gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.steps import Cancelled, OnStep, Step, report
from latent_widgets.core.texts import tr, trn
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_weights
from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.geometry.jacobian.functions import VectorFunction, known_of, target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.rank import RANK_METHODS, estimate_rank
from latent_widgets.methods.local_basis import LocalBasis, local_bases
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd

__all__ = [
    "FEW",
    "Band",
    "Spectrum",
    "code_words",
    "curve_of",
    "decades",
    "far",
    "gaussian_band",
    "latents_band",
    "spectrum_at",
    "taken_over",
]

QUANTILES = (0.05, 0.5, 0.95)
WHOLE, FEW = 128, 20  # up to so many columns all values are found, else so many


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular values of a generator's differential at one code.

    Attributes:
        code: Where.
        z: ``(z_dim,)``, the latent behind it; None where it is not known.
        target: ``"w"``, ``"image"`` or a layer.
        values: ``(r,)`` float64, descending.
        shape: Of the Jacobian.
        floor: Values below ``floor`` times the first are rounding noise.
        ranks: By rule; empty if not all values are known.
        directions: The leading directions, in the space of the code.
        svd: The decomposition behind it, where it is that of one matrix; its bounds are the whiskers.
    """

    code: Code
    z: Tensor | None
    target: str
    values: Tensor
    shape: tuple[int, int]
    floor: float
    ranks: dict[str, int]
    directions: Directions
    svd: SVD | None = None

    @property
    def whiskers(self) -> tuple[Tensor, Tensor] | None:
        """Between what the values lie, each ``(r,)`` float64, infinite where nothing is known; None if not computed."""
        if self.svd is None or self.svd.residuals is None:
            return None
        low, high = self.svd.bounds
        return low.double().cpu(), high.double().cpu()

    @property
    def label(self) -> str:
        """Latent and target in a few words."""
        return f"{code_words(self.code)}, {self.target}"

    @property
    def vanishing(self) -> int:
        """How many values are zero up to rounding: directions in which nothing moves."""
        return int((self.values <= self.floor * self.values[0]).sum())

    @property
    def energy(self) -> Tensor:
        """``(r,)``, the share of the sum of squares that the leading values hold."""
        squares = self.values.square().cumsum(0)
        return squares / squares[-1].clamp(min=torch.finfo(squares.dtype).tiny)


def code_words(code: Code) -> str:
    """Name a code in a few words."""
    if code.seed is None:
        return tr("a code in {space}", space=code.space)
    if code.truncation in (None, 1.0):
        return tr("seed {seed}", seed=code.seed)
    return tr("seed {seed} at truncation {truncation:g}", seed=code.seed, truncation=code.truncation)


def taken_over(basis: LocalBasis, code: Code) -> Spectrum:
    """Take over a result of ``local_basis``.

    Args:
        basis: The result.
        code: Its code.

    Returns:
        The spectrum.
    """
    return Spectrum(
        code,
        basis.z,
        basis.target,
        basis.singular_values.detach().double().cpu(),
        basis.shape,
        8 * torch.finfo(basis.singular_values.dtype).eps,
        basis.ranks,
        basis.directions,
        basis.svd,
    )


def spectrum_at(
    G: Generator,
    code: Code,
    z: Tensor | None,
    target: str,
    k: int | None = None,
    method: str = "exact",
    on_step: OnStep | None = None,
    start: SVD | None = None,
) -> Spectrum:
    """Compute the singular values and the leading directions at a code.

    For ``"w"`` they are those of the mapping at ``z``; else those of the synthesis at the code itself, which may have
    been truncated or moved. In ``w+`` a direction is a step that all rows make together.

    Args:
        G: The generator.
        code: Where.
        z: The latent behind the code; needed for ``"w"`` only.
        target: ``"w"``, ``"image"`` or a layer.
        k: How many directions to keep; all if not given.
        method: For an image or a layer, see ``JacobianOperator.svd``; all but ``"exact"`` find ``k`` values only, 20 if
            not given. ``"auto"`` is ``"exact"`` up to 128 columns, and ``"progressive"`` beyond.
        on_step: Called as products are made, with the spectrum so far where there is one.
        start: For ``"progressive"``, the decomposition at a code nearby.

    Returns:
        The spectrum.

    Raises:
        Cancelled: If ``on_step`` asked for it.
        ValueError: If ``k`` or the target does not fit, or the generator is on the meta device.
    """
    with_weights(G)
    if target == "w" and z is not None:
        (basis,) = local_bases(G, z[None], "w", k)
        if not report(on_step, 1, 1):
            raise Cancelled("Cancelled after the mapping.")
        return taken_over(basis, code)
    J = _operator(G, code, target)
    checks.integer("k", min(J.shape) if k is None else k, 1, min(J.shape))
    if method == "auto":
        method = "exact" if min(J.shape) <= WHOLE else "progressive"
    if method != "exact":
        k = min(FEW if k is None else k, min(J.shape))
    if method != "progressive":
        return _of(
            G, code, z, target, k, J, J.svd(None if method == "exact" else k, method, left=False, on_step=on_step)
        )

    def staged(step: Step) -> bool:
        return report(on_step, step.index, step.total, _of(G, code, z, target, k, J, step.value))

    return _of(G, code, z, target, k, J, J.svd(k, method, left=False, start=start, on_step=staged))


def _of(
    G: Generator, code: Code, z: Tensor | None, target: str, k: int | None, J: JacobianOperator, svd: SVD
) -> Spectrum:
    vectors, space = svd.V[:, :k].mT, code.space if code.space != "w+" else "w"
    lengths = latent_sd(G, vectors, space)
    directions = Directions(
        vectors,
        space,
        unit="sd",
        scales=lengths.clamp(min=float(lengths.max()) * torch.finfo(lengths.dtype).eps),
        names=tuple(f"local basis {i + 1}" for i in range(len(vectors))),
        scores={"singular value": svd.S[: len(vectors)]},
        method="local_basis",
        parameters={"target": target, "k": len(vectors)},
        generator=G.name,
        weights_hash=G.weights_hash,
    )
    ranks: dict[str, int] = {}
    if svd.complete:
        ranks = {rule: estimate_rank(svd.S, J.shape, rule, svd.floor) for rule in RANK_METHODS}
    return Spectrum(code, z, target, svd.S.double().cpu(), J.shape, svd.floor, ranks, directions, svd)


def _operator(G: Generator, code: Code, target: str) -> JacobianOperator:
    """The differential of the synthesis at a code."""
    if code.space != "w+":
        f = target_function(G, code, target)
        return JacobianOperator(f, f.x0)
    rows = code.tensor.to(G.device, G.dtype)

    def shifted(step: Tensor) -> Tensor:
        moved = (rows + step)[None]
        if target == "image":
            return G.synthesize(moved, "w+")[0]
        return G.features(moved, [target], "w+")[target][0]

    f = VectorFunction(shifted, rows.new_zeros(rows.shape[1]), "w", known=known_of(steady(G), target, "w+"))
    return JacobianOperator(f, f.x0)


def far(G: Generator, a: Code, b: Code) -> float:
    """Return how far two codes are apart, in standard deviations of the latent along the way.

    Args:
        G: The generator.
        a: The one.
        b: The other.

    Returns:
        The largest of all rows; infinite between different spaces.
    """
    if a.space != b.space:
        return math.inf
    ways = (a.tensor - b.tensor).to(G.device, G.dtype).reshape(-1, a.tensor.shape[-1])
    lengths = ways.norm(dim=1)
    moved = lengths > 0
    if not bool(moved.any()):
        return 0.0
    space = "w" if a.space == "w+" else a.space
    return float((lengths[moved] / latent_sd(G, ways[moved] / lengths[moved, None], space)).max())


def curve_of(spectrum: Spectrum, index: int) -> tuple[tuple[Tensor, float, int] | None, str]:
    """Return what a curve along a direction starts from.

    Args:
        spectrum: Of the mapping, or else there is no curve.
        index: Of the direction.

    Returns:
        ``z``, the truncation and how many directions to project on; or None, and why.
    """
    if spectrum.z is None or spectrum.target != "w":
        return None, tr("no curve: only the mapping has one, from a known z")
    if spectrum.values[index] < 1e-3 * spectrum.values[0]:
        return None, tr("no curve: a step along this direction is rounding noise")
    truncation = 1.0 if spectrum.code.truncation is None else spectrum.code.truncation
    if not truncation:
        return None, tr("no curve: everything is the average picture at truncation 0")
    return (spectrum.z, truncation, max(spectrum.ranks.get("energy", 0), index + 1)), ""


@dataclass(frozen=True, eq=False)
class Band:
    """Singular values that chance gives.

    Attributes:
        label: What is random.
        low: ``(r,)``, the 5 % quantile.
        middle: ``(r,)``, the median.
        high: ``(r,)``, the 95 % quantile.
    """

    label: str
    low: Tensor
    middle: Tensor
    high: Tensor


def _band(label: str, samples: Tensor) -> Band:
    low, middle, high = samples.quantile(torch.tensor(QUANTILES, dtype=samples.dtype, device="cpu"), dim=0)
    return Band(label, low, middle, high)


def gaussian_band(spectrum: Spectrum, draws: int = 40, seed: int = 0) -> Band:
    """Return the singular values of Gaussian matrices of the Jacobian's shape and Frobenius norm.

    Only the triangular factor of a QR decomposition is drawn, whose law is known (Bartlett 1933): chi on the diagonal,
    normal above it. So a Jacobian with millions of rows costs no more than a square one.

    Args:
        spectrum: Whose shape and norm.
        draws: How many matrices.
        seed: Of the draw.

    Returns:
        Quantiles over the matrices.
    """
    rows, columns = max(spectrum.shape), min(spectrum.shape)
    rng = np.random.default_rng(seed)
    diagonal = np.sqrt(rng.chisquare(rows - np.arange(columns), size=(draws, columns)))
    normal = torch.from_numpy(rng.standard_normal((draws, columns, columns)))
    factor = normal.triu(1) + torch.diag_embed(torch.from_numpy(diagonal))
    values = torch.linalg.svdvals(factor)
    norm = spectrum.values.norm()
    values = values * norm / values.norm(dim=1, keepdim=True)
    label = tr(
        "chance: {draws} Gaussian matrices {rows} x {columns} of this norm", draws=draws, rows=rows, columns=columns
    )
    return _band(label, values[:, : len(spectrum.values)])


def latents_band(spectra: Sequence[Tensor]) -> Band:
    """Return the singular values at random latents.

    Args:
        spectra: Those of each latent.

    Returns:
        Quantiles over the latents.
    """
    length = min(len(values) for values in spectra)
    stacked = torch.stack([values[:length].double().cpu() for values in spectra])
    return _band(trn("{count} random latent", "{count} random latents", len(spectra)), stacked)


def decades(spectra: Sequence[Spectrum], normalised: bool) -> tuple[float, float]:
    """Return limits for a logarithmic axis that rounding noise does not stretch.

    Args:
        spectra: What is to be shown.
        normalised: Whether each is divided by its first value.

    Returns:
        Bottom and top.
    """
    kept, tops = [], []
    for spectrum in spectra:
        scale = float(spectrum.values[0]) if normalised else 1.0
        usable = spectrum.values[spectrum.values > max(1e-6, spectrum.floor) * spectrum.values[0]]
        if len(usable) and scale:
            kept.append(float(usable[-1]) / scale)
            tops.append(float(usable[0]) / scale)
    if not kept:
        return 0.1, 1.0
    low, high = math.log10(min(kept)), math.log10(max(tops))
    margin = max(0.06 * (high - low), 0.05)
    return 10 ** (low - 2 * margin), 10 ** (high + margin)
