"""Sweeps of one region over many codes: its spectrum and its directions at each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.fields import COUNT, FLAG, INTEGER, NUMBER, TEXT, list_of, or_none
from latent_widgets.core.steps import Cancelled, OnStep
from latent_widgets.core.sweep.assignment import Assignment
from latent_widgets.core.sweep.tasks import telling
from latent_widgets.generators.base import Generator
from latent_widgets.generators.sending import GeneratorTask, Sent, identity
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.sweeping import product_seconds
from latent_widgets.geometry.regions.solvers import SOLVERS
from latent_widgets.geometry.regions.spectra import Channels, RegionSpectra
from latent_widgets.geometry.regions.weights import as_weights
from latent_widgets.sweeps.codes import codes_of
from latent_widgets.values.masks import Mask

__all__ = ["PARAMETERS", "SCORES", "assigned"]

SCORES = ("outside per inside", "locality", "chance")
PARAMETERS = {
    "k": COUNT, "tolerance": NUMBER, "solver": TEXT, "space": TEXT, "rows": or_none(list_of(INTEGER)),
    "tiles": or_none(COUNT), "size": or_none(COUNT), "rank": or_none(COUNT), "channels": TEXT, "shared": FLAG,
    "budget_bytes": or_none(COUNT),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class RegionTask(GeneratorTask):
    """Finds what a region answers to.

    Attributes:
        space: Where the codes live.
        mask: The region.
        k: How many directions.
        options: Of ``RegionSpectra``.
        solving: Of its ``directions``.
    """

    space: str
    mask: Tensor
    k: int
    options: Mapping[str, Any]
    solving: Mapping[str, Any]

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> dict[str, Tensor]:
        """Return the columns."""
        told = telling(inside)
        parts = [self._at(code, told) for code in rows["codes"]]
        return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}

    def _at(self, code: Tensor, told: OnStep) -> dict[str, Tensor]:
        one = code[None] if self.space == "w+" else code
        R = RegionSpectra(self.sent.generator, one, on_step=told, **self.options)
        mask = Mask(self.mask)
        D, spectrum = R.directions(mask, self.k, **self.solving), R.spectrum(mask)
        return {
            "directions": D.vectors,
            "scales": D.scales,
            **{name.replace(" ", "_"): D.scores[name] for name in SCORES},
            "singular_values": spectrum.singular_values[: self.k],
            "outside": spectrum.outside[: self.k],
            "rank": torch.tensor(spectrum.rank, dtype=torch.int64, device="cpu"),
            "chance_change": torch.tensor(spectrum.chance, dtype=torch.float64, device="cpu"),
        }


def assigned(
    G: Generator,
    codes: Any,
    seed: int,
    *,
    mask: Any,
    k: int = 8,
    tolerance: float = 1e-3,
    solver: Literal["generalized", "projection"] = "generalized",
    space: str | None = None,
    truncation: float = 1.0,
    rows: Sequence[int] | None = None,
    tiles: int | None = None,
    size: int | None = None,
    rank: int | None = None,
    channels: Channels = "rgb",
    shared: bool = False,
    budget_bytes: int | None = None,
) -> Assignment:
    """Say what a sweep of a region is to do.

    Args:
        G: The generator.
        codes: Latents, or codes in ``space``, or how many latents are drawn.
        seed: Of the draw.
        mask: The region.
        k: How many directions.
        tolerance: See :meth:`latent_widgets.RegionSpectra.directions`.
        solver: See there.
        space: Where the codes live; latents, which are mapped, if not given.
        truncation: Of the mapping.
        rows: See :class:`latent_widgets.RegionSpectra`, as for all that follow.
        tiles: See there.
        size: See there.
        rank: See there.
        channels: See there.
        shared: See there.
        budget_bytes: See there.

    Returns:
        It.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
    """
    given, space = codes_of(G, codes, seed, space, truncation)
    region = (mask if isinstance(mask, Mask) else Mask(mask)).tensor.cpu()
    as_weights(region, *G.picture_size)  # refuses another aspect
    checks.integer("k", k, 1)
    checks.choice("solver", solver, SOLVERS)
    tolerance = checks.number("tolerance", tolerance, low=0)
    options: dict[str, Any] = {
        "rows": None if rows is None else [checks.integer("rows", row) for row in rows],
        "tiles": tiles, "size": size, "rank": rank, "channels": channels, "shared": checks.flag("shared", shared),
        "budget_bytes": budget_bytes,
    }  # fmt: skip
    first = given[0].to(G.device)
    one = first[None] if space == "w+" else first
    with suppress(Cancelled):  # after the first products: all that does not fit is refused before
        RegionSpectra(G, one, on_step=lambda step: False, **options)
    f = image_function(G, one, options["rows"], space=space, shared=shared)
    J = JacobianOperator(f, f.x0, memory=budget_bytes)
    width = first.numel() if space == "w+" or rows is None else G.num_layers * G.dim("w")
    return Assignment(
        kind="region_spectrum",
        task=RegionTask(Sent(G), space, region, k, options, {"tolerance": tolerance, "solver": solver}),
        inputs={"codes": given, "given.mask": region},
        parameters={"k": k, "tolerance": tolerance, "solver": solver, "space": space, **options},
        **identity(G),
        batch=1,
        bytes_each=k * (width + 4) * given.element_size() + 16 + 16 * k,
        seconds_each=len(f.x0) * product_seconds(J),
    )
