"""Sweeps of curves: how far the traversals of many latents leave the straight line, and how well they keep on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.fields import COUNT, FLAG, NUMBER, TEXT, or_none
from latent_widgets.core.sweep.assignment import Assignment
from latent_widgets.core.sweep.tasks import telling
from latent_widgets.generators.base import Generator
from latent_widgets.generators.sending import GeneratorTask, Sent, identity
from latent_widgets.geometry.jacobian.sweeping import latent_seconds
from latent_widgets.geometry.jacobian.targets import checked_target
from latent_widgets.geometry.walks.curves import SIDES, VARIANTS, traversed
from latent_widgets.sweeps.codes import latents_of

__all__ = ["PARAMETERS", "assigned"]

PARAMETERS = {
    "index": COUNT, "length": NUMBER, "steps": COUNT, "target": TEXT, "variant": TEXT, "sides": TEXT,
    "candidates": or_none(COUNT), "scaled": FLAG, "space": TEXT,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class CurveTask(GeneratorTask):
    """Follows a local direction of each latent.

    Attributes:
        options: Of :func:`latent_widgets.curve_traversal`.
    """

    options: Mapping[str, Any]

    def __call__(self, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> dict[str, Tensor]:
        """Return the columns."""
        told = telling(inside)
        walks = [traversed(self.sent.generator, z, on_step=told, **self.options) for z in rows["z"]]
        names = ("codes", "z", "indices", "cosines", "arc_length", "deviation")
        found = {name: torch.stack([getattr(walk, name) for walk in walks]) for name in names}
        found["latents"] = found.pop("z")
        found["at"] = torch.tensor([walk.at for walk in walks], dtype=torch.float64, device="cpu")
        return found


def assigned(
    G: Generator,
    codes: Any,
    seed: int,
    *,
    index: int = 0,
    length: float = 12.0,
    steps: int = 12,
    target: str | None = None,
    variant: str = "matched",
    sides: str = "both",
    candidates: int | None = None,
    scaled: bool = True,
) -> Assignment:
    """Say what a sweep of curves is to do; the options are those of :func:`latent_widgets.curve_traversal`.

    Args:
        G: The generator.
        codes: Latents ``(n, z_dim)``, or how many are drawn.
        seed: Of the draw.
        index: Which direction is followed.
        length: How far to each side.
        steps: In how many steps.
        target: ``"w"``, ``"image"`` or a layer; ``"w"`` if not given, ``"image"`` without a mapping.
        variant: ``"matched"``, ``"fixed"`` or ``"smooth"``.
        sides: ``"both"``, ``"positive"`` or ``"negative"``.
        candidates: How many leading directions are matched.
        scaled: Whether a step is divided by the singular value.

    Returns:
        It.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator.
    """
    options: dict[str, Any] = {
        "index": checks.integer("index", index, 0),
        "length": checks.number("length", length, 0),
        "steps": checks.integer("steps", steps, 1),
        "target": checked_target(G, target),
        "variant": checks.choice("variant", variant, VARIANTS),
        "sides": checks.choice("sides", sides, tuple(SIDES)),
        "candidates": None if candidates is None else checks.integer("candidates", candidates, 1),
        "scaled": checks.flag("scaled", scaled),
    }
    z = latents_of(G, codes, seed)
    sided = len(SIDES[sides])
    points, d = sided * steps + 1, G.dim(G.main_space)
    traversed(G, z[0].to(G.device), **{**options, "steps": 1, "sides": "positive"})  # refuses what does not fit
    return Assignment(
        kind="curve",
        task=CurveTask(Sent(G), options),
        inputs={"z": z},
        parameters={**options, "space": G.main_space},
        **identity(G),
        batch=1,
        bytes_each=points * ((d + G.z_dim + 3) * z.element_size() + 16),
        seconds_each=sided * steps * latent_seconds(G, z[:1], options["target"]),
    )
