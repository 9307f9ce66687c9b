"""Measure ``fashion32`` against photographs that it never saw, through the classifier, which never saw its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.generators.zoo import load
from latent_widgets.readers.classifier import load_classifier
from latent_widgets.training.classifier import accuracy
from latent_widgets.training.fashion import FOLDER, fashion_dataset
from latent_widgets.training.likeness import precision_recall
from latent_widgets.training.measure import fit_gaussian, frechet

__all__ = ["ArticleMeasurement", "measure"]


@dataclass(frozen=True, eq=False)
class ArticleMeasurement:
    """How near ``fashion32`` comes to photographs.

    Attributes:
        pictures: How many samples, and as many held-out photographs.
        frechet: Fréchet distance between them, in the classifier's 64 features.
        frechet_floor: The same between those photographs and others.
        precision: Share of samples that look like some photograph.
        recall: Share of photographs that look like some sample.
        found: By class, and as ``mean``, the share of samples that the classifier takes for what they were drawn as.
        photographs: The same of the held-out photographs.
        variance: By class, how much samples vary, over how much photographs do (means of 4 x 4 pixels).
    """

    pictures: int
    frechet: float
    frechet_floor: float
    precision: float
    recall: float
    found: dict[str, float]
    photographs: dict[str, float]
    variance: dict[str, float]

    def table(self) -> str:
        """Return the figures as text."""
        lines = [
            f"{self.pictures} samples and held-out photographs; Fréchet distance in the classifier's 64 features",
            f"  samples to photographs             {self.frechet:9.4f}",
            f"  photographs to other photographs   {self.frechet_floor:9.4f}",
            f"precision {self.precision:.3f}, recall {self.recall:.3f}",
            "class          taken for it: samples, photographs; variance of samples over that of photographs",
        ]
        lines += [
            f"{name:<12}   {share:.3f}   {self.photographs[name]:.3f}   {self.variance[name]:.2f}"
            for name, share in self.found.items()
        ]
        return "\n".join(lines)


@torch.no_grad()
def measure(data: Path = FOLDER, pictures: int = 5000, seed: int = 11) -> ArticleMeasurement:
    """Measure the shipped generator with the shipped classifier.

    Args:
        data: The folder of Fashion-MNIST.
        pictures: How many samples, of all classes alike, and as many photographs.
        seed: Of the latents.
    """
    G, C = load("fashion32"), load_classifier("fashion32")
    each = -(-pictures // G.classes)
    samples = torch.cat(
        [
            G.of_class(c).synthesize(G.of_class(c).map(G.sample_z(each, seed=seed + c))).clamp(-1, 1)[:, :1]
            for c in range(G.classes)
        ]
    )
    drawn = torch.arange(G.classes, dtype=torch.int64, device="cpu").repeat_interleave(each)
    real, labels = fashion_dataset(data, "t10k")
    others, _ = fashion_dataset(data, "train")

    def features(images: Tensor) -> Tensor:
        return torch.cat([C.features(part) for part in images[: len(samples)].split(500)])

    fake, true = features(samples), features(real)
    target = fit_gaussian(true)
    precision, recall = precision_recall(true, fake)

    def spread(images: Tensor) -> float:
        return float(F.avg_pool2d(images, 4).flatten(1).var(0).sum())

    variance = {name: spread(samples[drawn == i]) / spread(real[labels == i]) for i, name in enumerate(G.class_names)}
    variance["mean"] = sum(variance.values()) / len(variance)
    return ArticleMeasurement(
        pictures=len(samples),
        frechet=frechet(fit_gaussian(fake), target),
        frechet_floor=frechet(fit_gaussian(features(others)), target),
        precision=precision,
        recall=recall,
        found=accuracy(C, samples, drawn),
        photographs=accuracy(C, real, labels),
        variance=variance,
    )
