"""The linear map from a generator's features to parts, and how it is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import rounding
from latent_widgets.segmentation._painting import Pixels

__all__ = ["Linear", "fit_linear", "read_pixels"]

ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class Linear:
    """One logit a part, linear in the features of each layer.

    Attributes:
        labels: ``(K,)``, the label of each logit.
        weights: For each layer ``(K, C)``.
        bias: ``(K,)``.
        converged: Whether the fit had come to rest.
    """

    labels: Tensor
    weights: Mapping[str, Tensor]
    bias: Tensor
    converged: bool

    def logits(self, features: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Return the logits ``(n, K, *size)``: found at each layer's own size, then enlarged and added up."""
        result: Any = 0
        for layer, weight in self.weights.items():
            f = features[layer]
            small = F.conv2d(f, weight.to(f.device, f.dtype)[:, :, None, None])
            result = result + F.interpolate(small, size, mode="bilinear", align_corners=False)
        return result + self.bias.to(result.device, result.dtype)[:, None, None]

    def best(self, features: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Return labels ``(n, *size)``."""
        found = self.logits(features, size).argmax(1)
        return self.labels.to(found.device)[found]

    def best_of_rows(self, rows: Tensor) -> Tensor:
        """Return labels ``(m,)`` of features ``(m, sum of C)`` that were read at single pixels."""
        weight = torch.cat(list(self.weights.values()), 1)
        return self.labels[(rows @ weight.T + self.bias).argmax(1)]


def read_pixels(features: Mapping[str, Tensor], pixels: Pixels, size: tuple[int, int]) -> Tensor:
    """Read one sample's features at single pixels: what bilinear upsampling to ``size`` would give there.

    Args:
        features: For each layer ``(1, C, h, w)``.
        pixels: Where; all of that one sample.
        size: Height and width of the picture.

    Returns:
        ``(m, sum of C)`` on the CPU.
    """
    columns = []
    for f in features.values():
        f = f.to(torch.promote_types(f.dtype, torch.float32))  # half precision does not tell all places apart
        places = torch.stack([pixels.column, pixels.row], 1).to(f.device, f.dtype)
        grid = ((places + 0.5) / places.new_tensor(size[::-1]) * 2 - 1)[None, None]  # (1, 1, m, 2)
        read = F.grid_sample(f, grid, mode="bilinear", padding_mode="border", align_corners=False)
        columns.append(read[0, :, 0].T.cpu())  # (m, C)
    return torch.cat(columns, 1)


def fit_linear(rows: Tensor, pixels: Pixels, widths: Mapping[str, int], penalty: float) -> Linear:
    """Fit a multinomial logistic regression on standardised features.

    What is minimised is the mean cross entropy over painted pixels plus half ``penalty`` times the squared weights.

    Args:
        rows: ``(m, sum of widths)``, the features at the pixels.
        pixels: Their labels and weights.
        widths: How many columns belong to each layer.
        penalty: As said.
    """
    import_whole("sklearn.exceptions", "sklearn.linear_model")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    centre, spread = rows.mean(0), rows.std(0, unbiased=False)
    # a column that is constant but for rounding, beside the others of its layer, says nothing
    layers = rows.split(list(widths.values()), 1)
    size = torch.cat([layer.square().mean().sqrt().expand(layer.shape[1]) for layer in layers])
    spread = torch.where(spread > rounding(rows.dtype) * torch.maximum(size, centre.abs()), spread, torch.inf)
    weight = pixels.weight / pixels.weight.sum()
    model = LogisticRegression(C=1 / penalty, max_iter=ITERATIONS, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by ``converged``
        model.fit(((rows - centre) / spread).numpy(), pixels.label.numpy(), sample_weight=weight.numpy())
    coefficients, bias = (torch.from_numpy(v).to(rows.dtype) for v in (model.coef_, model.intercept_))
    if len(model.classes_) == 2:  # one row for both: the logit of the second against the first
        coefficients = torch.cat([torch.zeros_like(coefficients), coefficients])
        bias = torch.cat([torch.zeros_like(bias), bias])
    coefficients = coefficients / spread
    split = coefficients.split(list(widths.values()), 1)
    return Linear(
        torch.from_numpy(model.classes_).long(),
        dict(zip(widths, split, strict=True)),
        bias - coefficients @ centre,
        bool((model.n_iter_ < ITERATIONS).all()),
    )
