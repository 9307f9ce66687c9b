"""Walks that keep the density, for any density, and what a walk keeps of the step that was asked for.

The walk of DP-LaSE (Li et al. 2021, equation 2) scales ``z0 + e g`` back to the norm of ``z0``. It keeps a Gaussian's
density, turns by at most 90 degrees, and keeps ``1 / sqrt(1 + s²)`` of a perpendicular step of ``s`` times the norm:
0.97, 0.89 and 0.71 for a quarter, a half and the whole. The great circle
(:func:`latent_widgets.geometry.walks.great_circle`) is the same path with the angle as its position. For other
densities :func:`iso_density` projects the straight step onto the set of codes that are as likely as the start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import map_rounding
from latent_widgets.geometry.density.fitted import Density

__all__ = ["attainable", "iso_density", "kept_component", "norm_preserving"]


def norm_preserving(z: Tensor, direction: Tensor, strides: Tensor | float) -> Tensor:
    """Step and scale back to the norm of the start: equation 2.

    Args:
        z: ``(..., d)``.
        direction: ``(..., d)``; scaled to length one.
        strides: ``(...)`` lengths of the step.

    Returns:
        ``(..., d)``, broadcast.

    Raises:
        ValueError: If the direction or a code is zero, or a step leads through the origin.

    Example:
        >>> norm_preserving(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0]), 2.0)
        tensor([1.4142, 1.4142])
    """
    straight = z + _column(strides, z) * _unit(direction)
    length = straight.norm(dim=-1, keepdim=True)
    if not bool((length > map_rounding(z.dtype) * z.norm(dim=-1, keepdim=True)).all()):
        raise ValueError("direction must not lead through the origin, got a step that ends there. Use another stride.")
    return straight * (z.norm(dim=-1, keepdim=True) / length)


def iso_density(
    density: Density,
    start: Tensor,
    direction: Tensor,
    strides: Tensor | float,
    *,
    iterations: int = 200,
    tolerance: float | None = None,
) -> Tensor:
    """Step, then project on the codes that are exactly as likely as the start.

    The projection is Newton's method along the gradient of the log density, with no step longer than half of the
    stride. Where the support is bounded, coordinates stop at its border.

    Args:
        density: The density.
        start: ``(..., d)``.
        direction: ``(..., d)``; scaled to length one.
        strides: ``(...)`` lengths of the step.
        iterations: At most so many Newton steps.
        tolerance: Largest difference of log densities; near the rounding of the type if not given: 1e-8 in float64 in
            100 dimensions.

    Returns:
        ``(..., d)``, broadcast.

    Raises:
        ValueError: If a start is outside the support, the direction is zero, or no code as likely was found.

    Example:
        >>> from latent_widgets.geometry.density import Gaussian
        >>> x = iso_density(Gaussian.standard(2), torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0]), 1.0)
        >>> round(float(x.norm()), 3)
        2.0
    """
    checks.integer("iterations", iterations, low=1)
    lengths = _column(strides, start)
    straight = start + lengths * _unit(direction)
    shape = straight.shape
    begin, x = start.expand(shape).reshape(-1, shape[-1]), straight.reshape(-1, shape[-1])
    if not bool(density.contains(begin).all()):
        low, high = density.support or (0.0, 0.0)
        far = float(begin.abs().max())
        raise ValueError(
            f"code must lie in the support [{low:g}, {high:g}], got a coordinate of magnitude {far:g}. Clamp it first."
        )
    level = density.log_prob(begin)
    enough = density.rounding(level) if tolerance is None else torch.full_like(level, tolerance)
    longest = lengths.expand(*shape[:-1], 1).reshape(-1, 1).abs() / 2
    x = density.clamp(x)
    for _ in range(iterations):
        gap = density.log_prob(x) - level
        off = gap.abs() > enough
        if not bool(off.any()):
            break
        x = torch.where(off[:, None], _towards(density, x, gap[:, None], longest), x)
    else:
        gap = density.log_prob(x) - level
        worst = int(gap.abs().argmax())
        if not float(gap[worst].abs()) <= 1e-3:
            raise ValueError(
                f"strides must be small enough to reach codes as likely as the start, got none within {iterations} "
                f"steps: {float(gap[worst]):.3g} off in log density. Use a smaller stride."
            )
    return torch.where(longest > 0, x, begin).reshape(shape)


def _towards(density: Density, x: Tensor, gap: Tensor, longest: Tensor) -> Tensor:
    """One step of Newton's method along the gradient, inside the support."""
    slope = density.gradient(x)
    if density.support is not None:  # a coordinate at the border stays there if the step would take it out
        low, high = density.support
        outwards = -gap * slope
        stuck = ((x <= low) & (outwards < 0)) | ((x >= high) & (outwards > 0))
        slope = torch.where(stuck, 0, slope)
    squared = slope.square().sum(1, keepdim=True)
    step = -gap * slope / squared.clamp(min=torch.finfo(x.dtype).tiny)
    length = step.norm(dim=1, keepdim=True)
    return density.clamp(x + step * (longest / length.clamp(min=torch.finfo(x.dtype).tiny)).clamp(max=1))


def kept_component(start: Tensor, codes: Tensor, direction: Tensor, strides: Tensor | float) -> Tensor:
    """Return how far codes went along the direction, as a share of the step asked for.

    Args:
        start: ``(..., d)``.
        codes: ``(..., d)``, where the walk led.
        direction: ``(..., d)``; scaled to length one.
        strides: ``(...)``; a stride of zero has kept all.

    Returns:
        ``(...)``.

    Example:
        >>> z, g = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> kept_component(z, norm_preserving(z, g, 2.0), g, 2.0)
        tensor(0.7071)
    """
    strides = torch.as_tensor(strides, dtype=codes.dtype, device=codes.device)
    went = ((codes - start) * _unit(direction)).sum(-1)
    still = strides == 0
    return torch.where(still, torch.ones_like(went), went / torch.where(still, 1.0, strides))


def attainable(z: Tensor, direction: Tensor, strides: Tensor | float) -> Tensor:
    """Return the most that a walk on the sphere through ``z`` can keep, if it ends within one stride of its start.

    On that sphere the Gaussian density is the same. Perpendicular to ``z`` the bound is ``sqrt(1 - s²/4)`` for a stride
    of ``s`` times the norm.

    Args:
        z: ``(..., d)``.
        direction: ``(..., d)``; scaled to length one.
        strides: ``(...)`` positive lengths.

    Returns:
        ``(...)``.

    Example:
        >>> attainable(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0]), 2.0)
        tensor(0.8660)
    """
    strides = torch.as_tensor(strides, dtype=z.dtype, device=z.device)
    radius = z.norm(dim=-1)
    cosine = ((z * _unit(direction)).sum(-1) / radius).clamp(-1, 1)
    between = cosine.acos()
    turn = torch.minimum(2 * (strides / (2 * radius)).clamp(max=1).asin(), between)
    return radius * ((between - turn).cos() - cosine) / strides


def _unit(direction: Tensor) -> Tensor:
    length = direction.norm(dim=-1, keepdim=True)
    if not bool((length > 0).all()):
        raise ValueError("direction must not be zero, got one that is.")
    return direction / length


def _column(strides: Tensor | float, like: Tensor) -> Tensor:
    return checks.finite("strides", torch.as_tensor(strides, dtype=like.dtype, device=like.device))[..., None]
