"""Curves that a given direction guides, step by step, through the local singular directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import first_largest, negligible
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.differential import differential
from latent_widgets.geometry.walks.curves import CurveWalk, injected, start_of
from latent_widgets.values.fitting import rows_of

__all__ = ["guided_traversal"]


@exact()
def guided_traversal(
    G: Generator,
    z: Tensor,
    direction: Any,
    steps: int = 80,
    rate: float = 0.05,
    *,
    candidates: int = 100,
    spread: float = 1.0,
    seed: int = 0,
    follow: Literal["direction", "previous"] = "direction",
    layers: Sequence[int] | None = None,
    on_step: OnStep | None = None,
) -> CurveWalk:
    r"""Let a given direction choose among the local directions, step by step.

    After the official notebook on stochastic traversal of Choi et al. (ICLR 2022): at each point, for each row
    :math:`g_l` of the given direction, the local direction :math:`u_j` with the largest :math:`|g_l^\top u_j|` is
    chosen, and ``z`` moves by ``rate`` times :math:`c_l\, v_j`, turned to the side of :math:`g_l`, summed over the
    rows. There is no division by the singular value. The notebook recommends ``rate * steps`` of about 4 and draws
    :math:`c_l` from :math:`U(a, 2 - a)` with :math:`a = 0.2`; here ``spread`` is :math:`a`, and its default of 1 draws
    nothing.

    Args:
        G: A generator with a mapping network.
        z: The start, ``(z_dim,)`` or ``(1, z_dim)``.
        direction: ``(w_dim,)`` or ``(num_layers, w_dim)``, or ``Directions`` in ``w`` or ``w+``, of which the first
            counts.
        steps: How many.
        rate: How far ``z`` moves in a step, for each row.
        candidates: How many leading directions to choose from; 100 in the notebook.
        spread: The smallest factor drawn, in [0, 1].
        seed: Of the factors.
        follow: ``"direction"``, or ``"previous"`` to follow what was chosen in the step before.
        layers: Rows of ``w+`` that follow the curve, while the others keep the start; all if not given.
        on_step: Called after each step; ``False`` ends the run.

    Returns:
        The walk, ``steps + 1`` points from the start on.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator or a number is out of bounds.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> z = G.sample_z(1)
        >>> W = guided_traversal(G, z, torch.eye(G.w_dim)[0], steps=5)
        >>> W.codes.shape[0], bool(W.codes[-1, 0] > W.codes[0, 0])
        (6, True)
    """
    checks.integer("steps", steps, 1)
    checks.integer("candidates", candidates, 1)
    checks.number("rate", rate, 0)
    low = checks.number("spread", spread, 0, 1)
    checks.choice("follow", follow, ("direction", "previous"))
    rows = rows_of(layers, G.main_space, G.num_layers)
    here = start_of(G, z, "w")
    wanted = _guide(G, direction)  # (rows, w_dim)
    reference = wanted
    random = torch.Generator("cpu").manual_seed(checks.integer("seed", seed, 0))
    latents, codes, indices, cosines = (
        [here.z[0]],
        [here.codes[0]],
        [],
        [torch.ones((), dtype=torch.float32, device="cpu")],
    )
    stopped = "finished"
    for i in range(steps):
        basis, inputs = here.directions[0][:, :candidates], here.inputs[0][:, :candidates]
        inner = reference @ basis  # (rows, candidates)
        chosen = first_largest(inner.abs(), 1)
        signs = inner.gather(1, chosen[:, None]).sign()
        factors = low + (2 - 2 * low) * torch.rand(
            len(wanted), 1, generator=random, dtype=torch.float64, device="cpu"
        ).to(basis)
        here = differential(G, here.z[0] + rate * (factors * signs * inputs.T[chosen]).sum(0), "w")
        taken = signs * basis.T[chosen]
        reference = taken if follow == "previous" else wanted
        latents, codes = [*latents, here.z[0]], [*codes, here.codes[0]]
        indices.append(chosen.cpu())
        cosines.append(((taken * wanted).sum(1) / wanted.norm(dim=1)).mean().cpu())
        if not report(on_step, i + 1, steps, here.codes[0]):
            stopped = "cancelled"
            break
    path = torch.stack(codes)
    away = path - path[0]
    line = wanted.mean(0)
    length, size = line.norm(), wanted.norm(dim=1).mean()
    line = torch.where(negligible(length, size, line.dtype), 0, line / length)  # rows may cancel: there is no line then
    return CurveWalk(
        codes=path if rows is None else injected(G, path, path[0], rows),
        at=tuple(rate * i for i in range(len(path))),
        space="w" if rows is None else "w+",
        unit="latent",
        kind="guided",
        name="guided traversal",
        z=torch.stack(latents),
        indices=torch.stack([*indices, torch.full_like(indices[0], -1)]),
        cosines=torch.stack(cosines),
        arc_length=torch.cat([path.new_zeros(1), away.diff(dim=0).norm(dim=1).cumsum(0)]),
        deviation=(away - (away @ line)[:, None] * line).norm(dim=1),
        stopped=stopped,
    )


def _guide(G: Generator, direction: Any) -> Tensor:
    carried = direction if hasattr(direction, "for_generator") else getattr(direction, "directions", None)
    if carried is not None:
        direction = carried.for_generator(G).vectors[0]
    guide: Tensor = checks.shape("direction", direction, (G.dim("w"),), (G.num_layers, G.dim("w")))
    guide = checks.finite("direction", guide).to(G.device, G.dtype).reshape(-1, G.dim("w"))
    lengths = guide.norm(dim=1)
    if not bool((lengths > 0).any()):
        raise ValueError("direction must not be zero, got one that is.")
    return guide[~negligible(lengths, lengths.max(), guide.dtype)]  # a row of rounding leads nowhere
