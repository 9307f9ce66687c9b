"""Sweeps of Local Bases (Choi et al. 2022)."""

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
from latent_widgets.geometry.jacobian.differential import differential
from latent_widgets.geometry.jacobian.rank import RANK_METHODS, RankMethod
from latent_widgets.geometry.jacobian.sweeping import batch_of, latent_seconds
from latent_widgets.geometry.jacobian.targets import checked_target
from latent_widgets.sweeps.codes import latents_of
from latent_widgets.values.units import latent_sd

__all__ = ["ABOUT", "PARAMETERS", "assigned"]

METHODS = ("exact", "lanczos", "randomized")
PARAMETERS = {"target": TEXT, "k": COUNT, "method": TEXT, "budget_bytes": or_none(COUNT), "space": TEXT}
ABOUT = {"rank_method": TEXT}
PRODUCTS = 4  # forward and back, for each singular value that an iteration finds


@dataclass(frozen=True, eq=False)
class LocalBasisTask(GeneratorTask):
    """Finds Local Bases, with what a ``LocalBasis`` knows of them.

    Attributes:
        target: ``"w"``, ``"image"`` or a layer.
        k: How many directions to keep.
        method: How to find them.
        budget_bytes: What products may take.
    """

    target: str
    k: int
    method: str
    budget_bytes: int | None

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> dict[str, Tensor]:
        """Return the columns."""
        told = telling(inside)
        G = self.sent.generator
        found = differential(
            G,
            rows["z"],
            self.target,
            self.k,
            self.method,
            on_step=told,
            inside=told,
            budget_bytes=self.budget_bytes,
        )
        vectors = found.directions.mT
        S = found.singular_values
        columns = {
            "codes": found.codes,
            "directions": found.directions,
            "singular_values": S,
            "scales": torch.stack([latent_sd(G, one, found.space) for one in vectors]),
            "floor": torch.full((len(S),), found.floor, dtype=torch.float64, device="cpu"),
            "shape": torch.tensor([found.shape] * len(S), dtype=torch.int64, device="cpu"),
        }
        if found.target == "w":
            columns["inputs"] = found.inputs
        return columns


def assigned(
    G: Generator,
    codes: Any,
    seed: int,
    *,
    target: str | None = None,
    k: int | None = None,
    rank_method: RankMethod = "energy",
    method: str = "exact",
    budget_bytes: int | None = None,
) -> Assignment:
    """Say what a sweep of Local Bases is to do.

    Args:
        G: The generator.
        codes: Latents ``(n, z_dim)``, or how many are drawn.
        seed: Of the draw.
        target: ``"w"``, ``"image"`` or a layer, see :func:`latent_widgets.local_basis`; ``"w"`` if not given,
            ``"image"`` without a mapping.
        k: How many directions to keep; all if not given.
        rank_method: How the rank is estimated.
        method: For a picture or a layer, how to find them.
        budget_bytes: For a picture or a layer, what products may take.

    Returns:
        It.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
    """
    target = checked_target(G, target)
    checks.choice("method", method, METHODS)
    checks.choice("rank_method", rank_method, RANK_METHODS)
    d, of_mapping = G.dim(G.main_space), target == "w"
    most = min(d, G.z_dim) if of_mapping else d
    k = most if k is None else checks.integer("k", k, 1, most)
    if budget_bytes is not None:
        checks.integer("budget_bytes", budget_bytes, 1)
    z = latents_of(G, codes, seed)
    values = most if of_mapping or method == "exact" else k
    numbers = d + k * (d + 1 + (G.z_dim if of_mapping else 0)) + values
    products = None if method == "exact" else PRODUCTS * k
    return Assignment(
        kind="local_basis",
        task=LocalBasisTask(Sent(G), target, k, method, budget_bytes),
        inputs={"z": z},
        parameters={"target": target, "k": k, "method": method, "budget_bytes": budget_bytes, "space": G.main_space},
        **identity(G),
        batch=batch_of(G, target),
        bytes_each=numbers * z.element_size() + 24,
        seconds_each=latent_seconds(G, z, target, products),
        about={"rank_method": rank_method},
    )
