"""What DP-LaSE found: directions, and the walk that keeps the density."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import ranked
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.density.coordinates import Whitened
from latent_widgets.geometry.density.fitted import Density, Gaussian
from latent_widgets.geometry.density.iso_density import kept_component
from latent_widgets.geometry.walks.walk import Walk
from latent_widgets.methods.dp_lase.correction import Correction
from latent_widgets.methods.dp_lase.course import Course
from latent_widgets.methods.dp_lase.looked import change
from latent_widgets.methods.dp_lase.run import SCORED, Run, WalkKind, moved
from latent_widgets.values.directions import Directions

__all__ = ["DPLase", "result_of"]


@dataclass(frozen=True, eq=False)
class DPLase:
    """What DP-LaSE found.

    Attributes:
        directions: The directions, the one that changes the features most first.
        density: What the learned walk keeps, in whitened coordinates: F as a density, untrained for the other walks; or
            the one that was given.
        correction: C, in whitened coordinates.
        prior: Maps codes to whitened coordinates, in which strides are measured: the identity in ``z``.
        curve: For each term of the objective its value at every step, and ``"total"``.
        walk_kind: Which walk the directions were found with.
        steps: How many steps were made.
        best_step: After which of them the running mean of the total was lowest: what is returned is from there.
        stopped: ``"finished"``, ``"plateau"``, ``"cancelled"``, or ``"diverged"`` where the objective was not finite.
        pictures: How many pictures were asked for, or what the seconds came to; None where steps were given.
    """

    directions: Directions
    density: Density
    correction: Correction
    prior: Gaussian
    curve: Mapping[str, Tensor] = field(repr=False)
    walk_kind: WalkKind
    steps: int
    best_step: int
    stopped: str
    pictures: int | None
    _state: Mapping[str, Any] = field(repr=False)

    @torch.no_grad()
    def move(self, codes: Tensor, directions: Tensor, strides: Tensor) -> Tensor:
        """Walk from many codes at once, as in training.

        Args:
            codes: ``(n, d)``.
            directions: ``(n, d)``; their length does not matter.
            strides: ``(n,)``, lengths in whitened coordinates: standard deviations.

        Returns:
            ``(n, d)``.
        """
        starts = self.prior.whiten(codes.double())
        along = self.prior.whiten_direction(directions.double())
        along = along / along.norm(dim=1, keepdim=True)
        ends = moved(self.density.log_prob, self.correction, starts, strides.double(), along, self.walk_kind)
        return self.prior.unwhiten(ends).to(codes)

    def walk(
        self,
        G: Generator,
        code: Tensor,
        index: int | str = 0,
        at: Sequence[float] = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    ) -> Walk:
        """Walk from a code along one of the directions, as in training.

        Args:
            G: The generator.
            code: ``(d,)`` or ``(1, d)``, in the space of the directions.
            index: Which direction, by number or name.
            at: Positions, in standard deviations.

        Returns:
            The walk, with the kept component and the log density along it: that which was given, or the prior's.
        """
        found = self.directions[index].for_generator(G)
        start, _ = G.check_code(code, found.space)
        strides = torch.tensor([checks.number("at", value) for value in at], dtype=torch.float64, device=G.device)
        along = found.vectors.expand(len(strides), -1)
        codes = self.move(start[:1].expand(len(strides), -1), along, strides)
        before, after = self.prior.whiten(start.double()), self.prior.whiten(codes.double())
        kept = kept_component(before, after, self.prior.whiten_direction(found.vectors.double()), strides)
        shown = self.density.density if isinstance(self.density, Whitened) else self.prior
        return Walk(
            codes,
            tuple(strides.tolist()),
            found.space,
            "sd",
            self.walk_kind,
            found.names[0],
            log_density=shown.log_prob(codes),
            kept=kept.to(codes),
        )


@torch.no_grad()
def result_of(run: Run, course: Course, stopped: str, pictures: int | None) -> DPLase:
    """Return what a run found, from its best step."""
    G, options = run.G, run.options
    state = course.state()
    run.parts.load_state_dict(course.best_parts)
    rows = run.directions()
    z = torch.randn(
        SCORED,
        G.z_dim,
        generator=torch.Generator("cpu").manual_seed(options.seed + 1),
        dtype=torch.float32,
        device="cpu",
    ).to(G.device, G.dtype)
    codes = run.prior.whiten((G.map(z) if options.space == "w" else z).double())
    strides = codes.new_full((len(codes),), options.stride * rows.shape[1] ** 0.5 / 2)
    before = run.looks(run.prior.unwhiten(codes).to(G.dtype))
    found = []
    for row in rows:
        ends = moved(run.log_density(), run.correction, codes, strides, row.expand_as(codes), options.walk)
        after = run.looks(run.prior.unwhiten(ends).to(G.dtype))
        found.append(change(after, before, run.scales).square().mean().sqrt())
    scores = torch.stack(found).to(G.dtype)
    order = ranked(scores)
    vectors = run.prior.unwhiten_direction(rows[order])
    if options.walk == "learned" and run.given is None and stopped in ("finished", "plateau"):
        slope, place = run.cdf.steepest_fall(-3.0, 3.0)
        if slope < -run.cdf.flat:
            fix = "Take more steps, or cdf='logistic'."
            warnings.warn(f"F must be monotone, got slope {slope:.2g} at {place:.2g}. {fix}", stacklevel=7)
    directions = Directions(
        vectors.to(G.dtype),
        options.space,
        unit="sd",
        scales=vectors.norm(dim=1).to(G.dtype),  # one unit of the whitened coordinates
        scores={"feature change": scores[order]},
        method="dp_lase",
        parameters={name: value for name, value in asdict(options).items() if name != "seed"}
        | {"steps": run.done}
        | ({} if pictures is None else {"pictures": pictures}),
        seed=options.seed,
        generator=G.name,
        weights_hash=G.weights_hash,
    )
    run.parts.requires_grad_(False)
    curve = {name: torch.tensor(values, dtype=torch.float32, device="cpu") for name, values in course.curve.items()}
    return DPLase(
        directions,
        run.density,
        run.correction,
        run.prior,
        curve,
        options.walk,
        run.done,
        course.best_step,
        stopped,
        pictures,
        state,
    )
