"""Sweeps of singular spectra: those of the picture, or of a layer, at many codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.fields import COUNT, TEXT, or_none
from latent_widgets.core.sweep.assignment import Assignment
from latent_widgets.core.sweep.tasks import telling
from latent_widgets.generators.base import Generator
from latent_widgets.generators.sending import GeneratorTask, Sent, identity
from latent_widgets.geometry.jacobian.functions import VectorFunction, feature_function, image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.sweeping import product_seconds
from latent_widgets.sweeps.bases import METHODS, PRODUCTS
from latent_widgets.sweeps.codes import codes_of

__all__ = ["PARAMETERS", "assigned"]

PARAMETERS = {"target": TEXT, "k": or_none(COUNT), "method": TEXT, "budget_bytes": or_none(COUNT), "space": TEXT}


@dataclass(frozen=True, eq=False)
class SpectrumTask(GeneratorTask):
    """Finds leading singular values of a picture or a layer.

    Attributes:
        space: Where the codes live.
        target: ``"image"`` or a layer.
        k: How many values; all if None.
        method: How to find them.
        budget_bytes: What products may take.
    """

    space: str
    target: str
    k: int | None
    method: str
    budget_bytes: int | None

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> dict[str, Tensor]:
        """Return the columns."""
        told = telling(inside)
        found: list[Any] = []
        for code in rows["codes"]:
            f = function_of(self.sent.generator, code, self.target, self.space)
            J = JacobianOperator(f, f.x0, memory=self.budget_bytes)
            found.append(J.svd(self.k, self.method, left=False, on_step=told))
        return {
            "singular_values": torch.stack([one.S for one in found]),
            "residuals": torch.stack([one.residuals for one in found]),
            "floor": torch.tensor([one.floor for one in found], dtype=torch.float64, device="cpu"),
        }


def function_of(G: Generator, code: Tensor, target: str, space: str) -> VectorFunction:
    """Return the picture or a layer as a function of a code.

    Args:
        G: The generator.
        code: One code, without a first axis.
        target: ``"image"`` or a layer.
        space: Where the code lives.

    Returns:
        The function.
    """
    if target == "image":
        return image_function(G, code[None], space=space)
    return feature_function(G, code[None], target, space=space)


def assigned(
    G: Generator,
    codes: Any,
    seed: int,
    *,
    target: str = "image",
    k: int | None = None,
    method: str = "exact",
    space: str | None = None,
    truncation: float = 1.0,
    budget_bytes: int | None = None,
) -> Assignment:
    """Say what a sweep of spectra is to do.

    Args:
        G: The generator.
        codes: Latents, or codes in ``space``, or how many latents are drawn.
        seed: Of the draw.
        target: ``"image"`` or one of ``G.layer_names``.
        k: How many singular values; all if not given.
        method: ``"exact"``, ``"lanczos"`` or ``"randomized"``, see ``JacobianOperator.svd``.
        space: Where the codes live; latents, which are mapped, if not given.
        truncation: Of the mapping.
        budget_bytes: What products may take.

    Returns:
        It.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
    """
    checks.choice("target", target, ("image", *G.layer_names))
    checks.choice("method", method, METHODS)
    if budget_bytes is not None:
        checks.integer("budget_bytes", budget_bytes, 1)
    given, space = codes_of(G, codes, seed, space, truncation)
    f = function_of(G, given[0].to(G.device), target, space)
    J = JacobianOperator(f, f.x0, memory=budget_bytes)
    most = min(J.shape)
    k = None if k is None else checks.integer("k", k, 1, most)
    if k is None and method != "exact":
        raise ValueError(f"k must be given for method {method!r}, got None. It finds the leading values only.")
    products = most if method == "exact" else PRODUCTS * (k or most)
    return Assignment(
        kind="image_spectrum",
        task=SpectrumTask(Sent(G), space, target, k, method, budget_bytes),
        inputs={"codes": given},
        parameters={"target": target, "k": k, "method": method, "budget_bytes": budget_bytes, "space": space},
        **identity(G),
        batch=1,
        bytes_each=2 * (k or most) * given.element_size() + 8,
        seconds_each=products * product_seconds(J, single=method != "exact"),
    )
