"""Measure a generator of faces against the renderer, through the factor regressor.

Two figures: the Fréchet distance in the regressor's layer of 64 features, beside the distance of renders from other
renders and that of an early snapshot of the same run; and, factor by factor, whether samples vary as much as renders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latent_widgets.faces import FACTOR_NAMES, sample_factors
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.regressor import FactorRegressor, load_regressor
from latent_widgets.training._files import load_checkpoint, write_json
from latent_widgets.training.gan import CONFIG, faces_dataset
from latent_widgets.training.regressor import held_out_r2

__all__ = ["Measurement", "fit_gaussian", "frechet", "measure", "spread_ratios", "table"]

READABLE = 0.5  # a factor counts if the regressor's held-out R² is above this
WITHIN = 0.3  # and its spread is right if it is within this share of that on renders
Gaussian = tuple[NDArray[np.float64], NDArray[np.float64]]


def fit_gaussian(features: Tensor) -> Gaussian:
    """Return mean (d,) and covariance (d, d) of ``features`` (n, d)."""
    x = features.detach().cpu().double().numpy()
    return x.mean(0), np.cov(x, rowvar=False)


def frechet(first: Gaussian, second: Gaussian) -> float:
    """Squared Fréchet (2-Wasserstein) distance of two Gaussians.

    Dowson and Landau 1982: ``|m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½)``; both roots are taken of symmetric
    matrices, by eigenvalues.

    Args:
        first: Mean ``(d,)`` and covariance ``(d, d)``.
        second: The same of the other.

    Returns:
        The distance, zero for equal Gaussians.

    Example:
        >>> frechet((np.zeros(2), np.eye(2)), (np.array([3.0, 0.0]), 4 * np.eye(2)))
        11.0
    """
    (m1, c1), (m2, c2) = first, second
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()
    return float(((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * cross)


def spread_ratios(samples: Tensor, renders: Tensor) -> Tensor:
    """Return, for each column, the standard deviation of ``samples`` (n, k) divided by that of ``renders`` (m, k)."""
    return samples.double().std(0) / renders.double().std(0)


@dataclass(frozen=True, eq=False)
class Measurement:
    """How near a generator of faces comes to the renderer.

    Attributes:
        frechet: Distance between samples and renders.
        frechet_floor: Distance between renders and other renders.
        frechet_early: Distance of the early snapshot; None without one.
        pictures: How many samples, and as many renders.
        images_seen: How long the generator was trained.
        r2: Of each factor, the regressor's held-out R².
        spread: Of each readable factor, the spread of its reading on samples divided by that on renders.
    """

    frechet: float
    frechet_floor: float
    frechet_early: float | None
    pictures: int
    images_seen: int
    r2: dict[str, float]
    spread: dict[str, float]

    @property
    def ratio(self) -> float | None:
        """The distance divided by that of the early snapshot."""
        return None if self.frechet_early is None else self.frechet / self.frechet_early

    @property
    def right_spread(self) -> list[str]:
        """The readable factors whose spread is within 30 % of that on renders."""
        return [name for name, ratio in self.spread.items() if abs(ratio - 1) <= WITHIN]


def measure(folder: Path, pictures: int = 5000, early: str = "ema-40000.pt", seed: int = 11) -> Measurement:
    """Measure the averaged generator of a run, and write ``measure.json`` beside it.

    Args:
        folder: The run's folder; renders are kept in it for the next time.
        pictures: How many samples, and as many renders.
        early: The file in ``folder`` of the snapshot to compare with.
        seed: Of the renders; ``seed + 1`` of the other renders, ``seed + 2`` of the latents.

    Returns:
        The figures.
    """
    regressor = load_regressor()
    renders = [faces_dataset(folder / f"renders-{s}.pt", pictures, s) for s in (seed, seed + 1)]
    state = load_checkpoint(folder / "checkpoint.pt")
    latents = torch.randn(pictures, CONFIG["z_dim"], generator=torch.Generator().manual_seed(seed + 2))
    samples = _draw(state["average"], latents)
    target = fit_gaussian(_run(regressor.features, renders[0]))
    other = fit_gaussian(_run(regressor.features, renders[1]))
    snapshot = folder / early
    r2 = _named(held_out_r2(regressor, renders[0], sample_factors(pictures, seed)))
    ratios = _named(spread_ratios(_run(regressor, samples), _run(regressor, renders[0])))
    result = Measurement(
        frechet=frechet(fit_gaussian(_run(regressor.features, samples)), target),
        frechet_floor=frechet(other, target),
        frechet_early=_distance(regressor, load_checkpoint(snapshot), latents, target) if snapshot.exists() else None,
        pictures=pictures,
        images_seen=int(state["seen"]),
        r2=r2,
        spread={name: ratio for name, ratio in ratios.items() if r2[name] > READABLE},
    )
    content = asdict(result) | {"ratio": result.ratio, "right_spread": len(result.right_spread)}
    write_json(folder / "measure.json", content)
    return result


def table(result: Measurement) -> str:
    """Return the figures as text."""
    lines = [
        f"{result.pictures} samples after {result.images_seen} images; Fréchet distance in the regressor's 64 features",
        f"  samples to renders         {result.frechet:10.4f}",
        f"  renders to other renders   {result.frechet_floor:10.4f}",
    ]
    if result.frechet_early is not None:
        lines.append(f"  early snapshot to renders  {result.frechet_early:10.4f}   ratio {result.ratio:.3f}")
    lines.append("factor            held-out R²   spread on samples / on renders")
    for name, r2 in sorted(result.r2.items(), key=lambda item: -item[1]):
        spread = result.spread.get(name)
        mark = "" if spread is None or name in result.right_spread else "   off by more than 30 %"
        lines.append(f"{name:<16}  {r2:11.3f}   " + ("not readable" if spread is None else f"{spread:.2f}{mark}"))
    lines.append(f"spread within 30 %: {len(result.right_spread)} of {len(result.spread)} readable factors")
    return "\n".join(lines)


@torch.no_grad()
def _draw(state: Mapping[str, Any], latents: Tensor) -> Tensor:
    """Draw pictures as they would be saved: uint8."""
    network = StyleGAN2(**CONFIG).eval()
    network.load_state_dict(state)
    images = [network(part) for part in latents.split(100)]
    return torch.cat([((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for x in images])


@torch.no_grad()
def _run(function: nn.Module | Any, images: Tensor) -> Tensor:
    return torch.cat([function(part.float() / 127.5 - 1) for part in images.split(100)])


def _distance(regressor: FactorRegressor, state: Mapping[str, Any], latents: Tensor, target: Gaussian) -> float:
    return frechet(fit_gaussian(_run(regressor.features, _draw(state, latents))), target)


def _named(values: Tensor) -> dict[str, float]:
    return {name: round(value, 4) for name, value in zip(FACTOR_NAMES, values.tolist(), strict=True)}
