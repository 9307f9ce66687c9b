"""Measure a generator of faces against the renderer.

With the factor regressor: the Fréchet distance in its layer of 64 features, beside the distance of renders from other
renders and that of an early snapshot of the same run; factor by factor, whether samples vary as much as renders; and
how far samples are from the render of what is read in them. With a judge that no training used: the Fréchet distance
again, precision and recall. All of it at 64 pixels, to which larger pictures, and the renders that they are compared
with, are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latent_widgets.faces.renderer import FACTOR_NAMES, render, sample_factors
from latent_widgets.generators._shipped import read_shipped
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import faces128, gan
from latent_widgets.training._files import load_checkpoint, save_checkpoint, write_json
from latent_widgets.training.export import average_w
from latent_widgets.training.gan import faces_dataset
from latent_widgets.training.judge import Judge
from latent_widgets.training.likeness import beyond, precision_recall, residuals, to_side
from latent_widgets.training.regressor import held_out_r2

__all__ = [
    "CONFIGS",
    "Measurement",
    "draw_bytes",
    "fit_gaussian",
    "frechet",
    "measure",
    "network_of",
    "renders_of",
    "spread_ratios",
    "table",
]

CONFIGS: dict[str, Mapping[str, Any]] = {"faces64": gan.CONFIG, "faces128": faces128.CONFIG}
TRUNCATIONS = (1.0, 0.7)

RESIDUALS = 2000  # pictures whose factors are rendered again
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
        frechet: Distance between samples and renders, in the regressor's features.
        frechet_floor: Distance between renders and other renders.
        frechet_early: Distance of the early snapshot; None without one.
        pictures: How many samples, and as many renders.
        images_seen: How long the generator was trained.
        r2: Of each factor, the regressor's held-out R².
        spread: Of each readable factor, the spread of its reading on samples divided by that on renders.
        beyond: By truncation, the share of samples whose residual is beyond the 99.5th percentile of renders'.
        residual: By truncation, the median residual of samples divided by that of renders.
        judged: Distance between samples and renders in the judge's features; None without a judge.
        judged_floor: Distance between renders and other renders there.
        precision: Share of samples that look like some render, to the judge.
        recall: Share of renders that look like some sample.
    """

    frechet: float
    frechet_floor: float
    frechet_early: float | None
    pictures: int
    images_seen: int
    r2: dict[str, float]
    spread: dict[str, float]
    beyond: dict[str, float] = field(default_factory=dict)
    residual: dict[str, float] = field(default_factory=dict)
    judged: float | None = None
    judged_floor: float | None = None
    precision: float | None = None
    recall: float | None = None

    @property
    def ratio(self) -> float | None:
        """The distance divided by that of the early snapshot."""
        return None if self.frechet_early is None else self.frechet / self.frechet_early

    @property
    def right_spread(self) -> list[str]:
        """The readable factors whose spread is within 30 % of that on renders."""
        return [name for name, ratio in self.spread.items() if abs(ratio - 1) <= WITHIN]


def measure(
    folder: Path,
    pictures: int = 5000,
    early: str = "ema-40000.pt",
    seed: int = 11,
    name: str = "faces64",
    judge: Judge | None = None,
    shipped: bool = False,
    size: int | None = None,
) -> Measurement:
    """Measure the averaged generator of a run, and write ``measure.json`` beside it.

    Args:
        folder: The run's folder; renders are kept in it for the next time.
        pictures: How many samples, and as many renders.
        early: The file in ``folder`` of the snapshot to compare with.
        seed: Of the renders; ``seed + 1`` of the other renders, ``seed + 2`` of the latents.
        name: What the run makes: one of :data:`CONFIGS`.
        judge: The second pair of eyes.
        shipped: Measure the weights that the package has of ``name``, not those of the run; nothing but renders is
            written.
        size: Side at which faces are rendered, 64 or 128; that of the generator if not given.
    """
    config, regressor = CONFIGS[name], load_regressor()
    if size not in (None, 64, 128):
        raise ValueError(f"size must be 64 or 128, got {size}.")
    size = size or config["resolution"]
    renders = [renders_of(folder, pictures, s, size) for s in (seed, seed + 1)]
    network = network_of(name, None if shipped else folder)
    seen = read_shipped(name).about["images_seen"] if shipped else load_checkpoint(folder / "checkpoint.pt")["seen"]
    latents = torch.randn(
        pictures,
        config["z_dim"],
        generator=torch.Generator("cpu").manual_seed(seed + 2),
        dtype=torch.float32,
        device="cpu",
    )
    samples = {str(psi): draw_bytes(network, latents, psi) for psi in TRUNCATIONS}
    full = samples[str(TRUNCATIONS[0])]
    target = fit_gaussian(_run(regressor.features, renders[0]))
    other = fit_gaussian(_run(regressor.features, renders[1]))
    snapshot = None if shipped or not (folder / early).exists() else _network(config, load_checkpoint(folder / early))
    r2 = _named(held_out_r2(regressor, renders[0], sample_factors(pictures, seed)))
    ratios = _named(spread_ratios(_run(regressor, full), _run(regressor, renders[0])))
    truth = residuals(regressor, renders[0][:RESIDUALS], size)
    found = {psi: residuals(regressor, x[:RESIDUALS], size) for psi, x in samples.items()}
    result = Measurement(
        frechet=frechet(fit_gaussian(_run(regressor.features, full)), target),
        frechet_floor=frechet(other, target),
        frechet_early=None
        if snapshot is None
        else frechet(fit_gaussian(_run(regressor.features, draw_bytes(snapshot, latents))), target),
        pictures=pictures,
        images_seen=int(seen),
        r2=r2,
        spread={key: ratio for key, ratio in ratios.items() if r2[key] > READABLE},
        beyond={psi: beyond(x, truth) for psi, x in found.items()},
        residual={psi: float(x.median() / truth.median()) for psi, x in found.items()},
        **({} if judge is None else _judged(judge, full, *renders)),
    )
    if not shipped:
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
    for psi, share in result.beyond.items():
        lines.append(
            f"truncation {psi}: {100 * share:.1f} % beyond 99.5 % of renders, "
            f"median residual {result.residual[psi]:.2f} times theirs"
        )
    if result.judged is not None:
        lines += [
            f"the judge: Fréchet distance {result.judged:.4f}, of renders to other renders {result.judged_floor:.4f}; "
            f"precision {result.precision:.3f}, recall {result.recall:.3f}"
        ]
    return "\n".join(lines)


def renders_of(folder: Path | None, n: int, seed: int, size: int = 64) -> Tensor:
    """Render faces once, at ``size``, and average them down to 64 pixels.

    Args:
        folder: Where they are kept for the next time; None for nowhere.
        n: How many.
        seed: Of their factors.
        size: Side at which they are rendered.

    Returns:
        ``(n, 3, 64, 64)`` bytes.
    """
    if folder is not None and size == 64:
        return faces_dataset(folder / f"renders-{seed}.pt", n, seed)
    path = None if folder is None else folder / f"renders-{size}-{seed}.pt"
    if path is not None and path.exists():
        kept: Tensor = load_checkpoint(path)
        if len(kept) == n:
            return kept
    with torch.no_grad():
        parts = [to_side(_as_bytes(render(part, size).image)) for part in sample_factors(n, seed).split(50)]
    if path is not None:
        save_checkpoint(path, torch.cat(parts))
    return torch.cat(parts)


def network_of(name: str, folder: Path | None = None) -> StyleGAN2:
    """Return a generator of faces, with its mean of ``w``.

    Args:
        name: One of :data:`CONFIGS`.
        folder: Of the run whose averaged generator it is; None for the shipped weights.
    """
    state = read_shipped(name).tensors if folder is None else load_checkpoint(folder / "checkpoint.pt")["average"]
    return _network(CONFIGS[name], state)


@torch.no_grad()
def draw_bytes(network: StyleGAN2, latents: Tensor, truncation: float = 1.0) -> Tensor:
    """Draw pictures as they would be saved, averaged down to 64 pixels.

    Args:
        network: The generator.
        latents: ``(n, z_dim)``.
        truncation: 1 for pictures as they come.

    Returns:
        ``(n, 3, 64, 64)`` bytes.
    """
    images = []
    for part in latents.split(100):
        w = network.mapping.w_avg.lerp(network.mapping(part), truncation)
        x = network.synthesis(w[:, None].expand(-1, network.synthesis.num_ws, -1))
        images.append(to_side(_as_bytes(x)))
    return torch.cat(images)


def _as_bytes(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _network(config: Mapping[str, Any], state: Mapping[str, Any]) -> StyleGAN2:
    network = StyleGAN2(**config).eval()
    network.load_state_dict(state)
    network.mapping.w_avg.copy_(average_w(network))
    return network


def _judged(judge: Judge, samples: Tensor, renders: Tensor, others: Tensor) -> dict[str, float]:
    fake, real, other = (_run(judge.features, x) for x in (samples, renders, others))
    target = fit_gaussian(real)
    precision, recall = precision_recall(real, fake)
    distances = {"judged": frechet(fit_gaussian(fake), target), "judged_floor": frechet(fit_gaussian(other), target)}
    return distances | {"precision": precision, "recall": recall}


@torch.no_grad()
def _run(function: nn.Module | Any, images: Tensor) -> Tensor:
    return torch.cat([function(part.float() / 127.5 - 1) for part in images.split(100)])


def _named(values: Tensor) -> dict[str, float]:
    return {name: round(value, 4) for name, value in zip(FACTOR_NAMES, values.tolist(), strict=True)}
