"""Subspaces and the distances between them: the geometry of the Grassmann manifold.

A point is a matrix of orthonormal *columns* ``(..., n, k)``; all functions broadcast over the leading axes. A
``Directions`` is accepted wherever a basis is: its rows are orthonormalised and become columns. The metric is the one
that the Grassmannian has as the quotient of the orthogonal group (Edelman, Arias and Smith 1998, "The Geometry of
Algorithms with Orthogonality Constraints"), in which the distance of two subspaces is the root of the sum of the
squares of their principal angles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import MAP_UNITS
from latent_widgets.core.steps import OnStep, report
from latent_widgets.geometry.subspaces.mean_results import KarcherMean
from latent_widgets.values.directions import Directions, as_directions

__all__ = [
    "METRICS",
    "KarcherMean",
    "as_basis",
    "exp",
    "geodesic",
    "grassmann_distance",
    "karcher_mean",
    "karcher_steps",
    "log",
    "pairwise_angles",
    "principal_angles",
    "reduce_angles",
]

METRICS = ("geodesic", "projection")


def as_basis(value: Any, name: str = "basis") -> Tensor:
    """Return ``value`` if it is a Grassmann point, or the point that a ``Directions`` spans.

    Args:
        value: Orthonormal columns ``(..., n, k)`` with ``k <= n``, or a ``Directions`` (or a result that carries one)
            outside ``w+``.
        name: What the argument is called in errors.

    Returns:
        ``(..., n, k)``.

    Raises:
        TypeError: If it is neither.
        ValueError: If it is wide, not orthonormal, not finite, or the directions are linearly dependent.

    Example:
        >>> as_basis(torch.eye(4)[:, :2]).shape
        torch.Size([4, 2])
    """
    if not isinstance(value, Tensor) and (isinstance(value, Directions) or hasattr(value, "directions")):
        return _orthonormalised(as_directions(value, name), name)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} must be a floating tensor of orthonormal columns or Directions, got {kind}.")
    if value.ndim < 2:
        raise ValueError(
            f"{name} must have shape (..., n, k), got {tuple(value.shape)}. Use {name}[:, None] for one vector."
        )
    n, k = value.shape[-2:]
    if k > n:
        raise ValueError(
            f"{name} must have orthonormal columns, n >= k, got shape {tuple(value.shape)}. Use {name}.T for rows."
        )
    checks.finite(name, value)
    gram = value.mT @ value
    error = (gram - torch.eye(k, dtype=value.dtype, device=value.device)).abs().max().item() if value.numel() else 0.0
    if not error <= 100 * math.sqrt(n) * torch.finfo(value.dtype).eps:  # of numbers whose squares overflow it is NaN
        raise ValueError(
            f"{name} must have orthonormal columns, got |A'A - I| up to {error:.1e}. Use torch.linalg.qr({name}).Q."
        )
    return value


def _orthonormalised(directions: Directions, name: str) -> Tensor:
    if directions.space == "w+":
        raise ValueError(f"{name} must be directions in z, w or s, got w+, which has one vector per layer.")
    columns = directions.unit_vectors.mT  # (k, d) -> (d, k)
    d, k = columns.shape
    share = max(d, MAP_UNITS) * torch.finfo(columns.dtype).eps  # of the longest axis: less is rounding
    if k > d or torch.linalg.matrix_rank(columns, rtol=share) < k:
        raise ValueError(
            f"{name} must be linearly independent, got {columns.shape[1]} dependent directions. Take fewer: {name}[:k]."
        )
    return torch.linalg.qr(columns).Q


def _pair(A: Any, B: Any, same: bool = False) -> tuple[Tensor, Tensor]:
    A, B = as_basis(A, "A"), as_basis(B, "B")
    if A.shape[-2] != B.shape[-2]:
        raise ValueError(f"A and B must be subspaces of one space, got dimensions {A.shape[-2]} and {B.shape[-2]}.")
    if same and A.shape[-1] != B.shape[-1]:
        raise ValueError(f"A and B must have the same number of columns, got {A.shape[-1]} and {B.shape[-1]}.")
    if A.dtype != B.dtype or A.device != B.device:
        raise TypeError(
            f"A and B must have one dtype and device, got {A.dtype} on {A.device} and {B.dtype} on {B.device}."
        )
    return A, B


def principal_angles(A: Any, B: Any) -> Tensor:
    r"""Return the principal angles between two subspaces, in ascending order.

    With orthonormal ``A`` and ``B`` the cosines are the singular values of :math:`A^\top B` and the sines those of
    :math:`(I - A A^\top) B` (Björck and Golub 1973). The arc cosine loses half the digits near zero, the arc sine near
    a right angle; so each angle is taken from the better of the two, and tiny angles are accurate in float32 too.

    Args:
        A: ``(..., n, p)``, orthonormal columns, or ``Directions``.
        B: ``(..., n, q)``, likewise.

    Returns:
        ``(..., min(p, q))`` radians in [0, pi/2].

    Raises:
        TypeError: If an argument is no basis, or types or devices differ.
        ValueError: If a basis is not orthonormal or the dimensions differ.

    Example:
        >>> A, B = torch.eye(3)[:, :1], torch.tensor([[1.0], [1.0], [0.0]]) / 2**0.5
        >>> principal_angles(A, B)
        tensor([0.7854])
    """
    A, B = _pair(A, B)
    if A.shape[-1] < B.shape[-1]:
        A, B = B, A
    inner = A.mT @ B  # (..., p, q) with p >= q
    cosines = torch.linalg.svdvals(inner).clamp(max=1)
    sines = torch.linalg.svdvals(B - A @ inner).flip(-1).clamp(max=1)  # ascending, as the angles
    return torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos())


def reduce_angles(angles: Tensor, metric: str = "geodesic") -> Tensor:
    """Turn principal angles ``(..., k)`` into distances ``(...)``.

    Args:
        angles: In radians.
        metric: ``"geodesic"``, the root of the sum of squares; or ``"projection"``, the largest sine, which is the
            spectral norm of the difference of the two projectors.

    Returns:
        The distances.

    Raises:
        ValueError: If the metric is unknown.
    """
    checks.choice("metric", metric, METRICS)
    return angles.norm(dim=-1) if metric == "geodesic" else angles.amax(-1).sin()


def grassmann_distance(A: Any, B: Any, metric: str = "geodesic") -> Tensor:
    """Return the distance between two subspaces of the same dimension.

    Args:
        A: ``(..., n, k)``, orthonormal columns, or ``Directions``.
        B: ``(..., n, k)``, likewise.
        metric: ``"geodesic"``, in [0, sqrt(k) pi/2]; or ``"projection"``, in [0, 1].

    Returns:
        ``(...)`` distances.

    Raises:
        TypeError: If an argument is no basis, or types or devices differ.
        ValueError: If a basis is not orthonormal, the shapes do not fit, or the metric is unknown.

    Example:
        >>> I = torch.eye(5)
        >>> grassmann_distance(I[:, :2], I[:, 1:3]), grassmann_distance(I[:, :2], I[:, 1:3], metric="projection")
        (tensor(1.5708), tensor(1.))
    """
    checks.choice("metric", metric, METRICS)
    A, B = _pair(A, B, same=True)
    return reduce_angles(principal_angles(A, B), metric)


def pairwise_angles(bases: Tensor, others: Tensor | None = None) -> Tensor:
    r"""Return the principal angles of all pairs of many subspaces at once.

    One product of two tall matrices gives all cross-Grams :math:`C`; the squared sines are the eigenvalues of :math:`I
    - C^\top C`, taken in float64 after a QR of every basis, which leaves an error below 1e-7 rad at every angle.

    Args:
        bases: ``(m, n, k)`` orthonormal columns.
        others: ``(l, n, k)``; the same bases if not given, and then only the pairs ``i < j`` are computed.

    Returns:
        ``(m, l, k)`` radians in ascending order; without ``others`` symmetric, with a zero diagonal.

    Raises:
        ValueError: If a shape does not fit or a basis is not orthonormal.

    Example:
        >>> I = torch.eye(5)
        >>> pairwise_angles(torch.stack([I[:, :2], I[:, 1:3]]))[0, 1]
        tensor([0.0000, 1.5708])
    """
    A = torch.linalg.qr(as_basis(checks.shape("bases", bases, ("m", "n", "k")), "bases").double()).Q
    if others is None:
        B, (rows, columns) = A, torch.triu_indices(len(A), len(A), 1, device=A.device, dtype=torch.int64)
    else:
        _pair(bases, checks.shape("others", others, ("l", "n", "k")), same=True)
        B = torch.linalg.qr(others.double()).Q
        rows, columns = (
            torch.cartesian_prod(*(torch.arange(len(M), device=A.device, dtype=torch.int64) for M in (A, B)))
            .reshape(-1, 2)
            .T
        )
    k = A.shape[2]
    angles = A.new_zeros(len(A), len(B), k)
    for i, j in zip(rows.split(_PAIRS), columns.split(_PAIRS), strict=True):
        cross = _cross(A, B, i, j)  # (pairs, k, k)
        squares = torch.linalg.eigvalsh(torch.eye(k, dtype=A.dtype, device=A.device) - cross.mT @ cross).clamp(0, 1)
        angles[i, j] = torch.atan2(squares.sqrt(), (1 - squares).sqrt())
    if others is None:
        angles[columns, rows] = angles[rows, columns]
    return angles.to(bases.dtype)


_PAIRS = 8192  # pairs handled at once: at k = 50 and n = 512 a few hundred megabytes


def _cross(A: Tensor, B: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Return ``A[i]' B[j]`` for many pairs through one product of the bases that occur."""
    left, i = i.unique(return_inverse=True)
    right, j = j.unique(return_inverse=True)
    k = A.shape[2]
    flat = A[left].mT.reshape(-1, A.shape[1]) @ B[right].mT.reshape(-1, B.shape[1]).T  # (m k, l k)
    return flat.reshape(len(left), k, len(right), k).transpose(1, 2)[i, j]


def log(A: Any, B: Any) -> Tensor:
    """Return the tangent at ``A`` whose geodesic reaches the span of ``B`` at time one; its length is the distance.

    Args:
        A: ``(..., n, k)``, orthonormal columns.
        B: ``(..., n, k)``, likewise.

    Returns:
        ``(..., n, k)`` with ``A.mT @ log(A, B) = 0``. Where an angle is pi/2 the shortest geodesic is not unique; one
        is returned.

    Raises:
        TypeError: If an argument is no basis, or types or devices differ.
        ValueError: If a basis is not orthonormal or the shapes differ.

    Example:
        >>> I = torch.eye(3)
        >>> log(I[:, :1], I[:, 1:2]).T
        tensor([[0.0000, 1.5708, 0.0000]])
    """
    A, B = _pair(A, B, same=True)
    left, cosines, right = torch.linalg.svd(A.mT @ B)
    normal = B @ right.mT
    normal = normal - A @ (A.mT @ normal)  # orthogonal columns of length sin(theta)
    sines = normal.norm(dim=-2)
    angles = torch.atan2(sines, cosines)
    return normal * (angles / sines.clamp(min=torch.finfo(A.dtype).tiny))[..., None, :] @ left.mT


def exp(A: Any, tangent: Tensor) -> Tensor:
    """Return where the geodesic from ``A`` along ``tangent`` is at time one.

    Args:
        A: ``(..., n, k)``, orthonormal columns.
        tangent: ``(..., n, k)`` with ``A.mT @ tangent = 0``, as :func:`log` gives.

    Returns:
        ``(..., n, k)`` orthonormal columns.

    Raises:
        TypeError: If ``A`` is no basis.
        ValueError: If shapes differ or the tangent is not orthogonal to ``A``.

    Example:
        >>> I = torch.eye(3)
        >>> exp(I[:, :1], torch.pi / 2 * I[:, 1:2]).T.round()
        tensor([[0., 1., 0.]])
    """
    A = as_basis(A, "A")
    if tangent.shape[-2:] != A.shape[-2:]:
        raise ValueError(f"tangent must have the shape of A, {tuple(A.shape[-2:])}, got {tuple(tangent.shape[-2:])}.")
    vertical = (A.mT @ tangent).norm(dim=(-2, -1)).max().item()
    if vertical > 1e3 * torch.finfo(A.dtype).eps * (1 + tangent.norm(dim=(-2, -1)).max().item()):
        raise ValueError(
            f"tangent must be orthogonal to A, got |A'tangent| of {vertical:.1e}. Subtract A @ (A.T @ tangent)."
        )
    U, S, Vh = torch.linalg.svd(tangent, full_matrices=False)
    Q, R = torch.linalg.qr((A @ Vh.mT * S.cos()[..., None, :] + U * S.sin()[..., None, :]) @ Vh)
    return Q * R.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]  # no column turns round, so exp(A, 0) is A


def geodesic(A: Any, B: Any, t: float | Tensor) -> Tensor:
    """Return points on the shortest geodesic from ``A`` (``t = 0``) to ``B`` (``t = 1``).

    Args:
        A: ``(n, k)``, orthonormal columns, or ``Directions``.
        B: ``(n, k)``, likewise.
        t: A number, or times ``(m,)``.

    Returns:
        ``(n, k)``, or ``(m, n, k)``.

    Raises:
        TypeError: If an argument is no basis, or types or devices differ.
        ValueError: If a basis is not orthonormal or the shapes differ.

    Example:
        >>> I = torch.eye(3)
        >>> geodesic(I[:, :1], I[:, 1:2], 0.5).T.abs()
        tensor([[0.7071, 0.7071, 0.0000]])
    """
    A, B = _pair(A, B, same=True)
    times = torch.as_tensor(t, dtype=A.dtype, device=A.device)
    return exp(A, times[..., None, None] * log(A, B))


def karcher_mean(
    bases: Tensor, *, max_steps: int = 100, tolerance: float | None = None, on_step: OnStep | None = None
) -> KarcherMean:
    """Return the Karcher mean of subspaces: repeatedly step along the mean of the logarithms (Pennec 2006).

    It starts at the mean in the projection metric, the leading eigenvectors of the mean projector.

    Args:
        bases: ``(m, n, k)`` orthonormal columns.
        max_steps: Most iterations.
        tolerance: Length of the step at which to stop; ``1e3`` times the machine epsilon if not given.
        on_step: Called after each iteration with the length of its step; ``False`` ends the run.

    Returns:
        The mean so far and how it was reached.

    Raises:
        TypeError: If ``bases`` is no tensor.
        ValueError: If a shape or number does not fit or a basis is not orthonormal.

    Example:
        >>> I = torch.eye(3)
        >>> karcher_mean(torch.stack([I[:, :1], (I[:, :1] + I[:, 1:2]) / 2**0.5])).distances
        tensor([0.3927, 0.3927])
    """
    bases = as_basis(checks.shape("bases", bases, ("m", "n", "k")), "bases")
    if len(bases) == 0:
        raise ValueError("bases must hold at least one subspace, got none.")
    checks.integer("max_steps", max_steps, low=1)
    limit = 1e3 * torch.finfo(bases.dtype).eps if tolerance is None else checks.number("tolerance", tolerance, low=0)
    stacked = bases.permute(1, 0, 2).flatten(1)  # (n, m k): its left singular vectors are those of the mean projector
    mean = torch.linalg.svd(stacked, full_matrices=False).U[:, : bases.shape[2]]
    return karcher_steps(lambda: (bases,), mean, max_steps, limit, on_step)


def karcher_steps(
    read: Callable[[], Iterable[Tensor]], mean: Tensor, max_steps: int, limit: float, on_step: OnStep | None
) -> KarcherMean:
    """Step from a start to the Karcher mean of subspaces that come in blocks.

    Args:
        read: Gives the blocks ``(b, n, k)`` of orthonormal columns; called for each step and once for the distances.
        mean: ``(n, k)`` orthonormal columns, where to start.
        max_steps: Most iterations.
        limit: Length of the step at which to stop.
        on_step: Called after each iteration with the length of its step, and with that of the last between two blocks;
            ``False`` ends the run.

    Returns:
        The mean so far and how it was reached.
    """
    stopped, steps, length = "max_steps", 0, None
    while steps < max_steps and stopped == "max_steps":
        total, count = torch.zeros_like(mean, dtype=torch.float64), 0
        for block in read():
            if count and not report(on_step, steps, max_steps, length):
                stopped = "cancelled"
                break
            total, count = total + log(mean.expand_as(block), block).sum(0, dtype=torch.float64), count + len(block)
        else:
            tangent = (total / count).to(mean.dtype)
            mean, steps, length = exp(mean, tangent - mean @ (mean.mT @ tangent)), steps + 1, tangent.norm().item()
            if length <= limit:
                stopped = "converged"
            elif not report(on_step, steps, max_steps, length):
                stopped = "cancelled"
    distances = torch.cat([grassmann_distance(mean.expand_as(block), block) for block in read()])
    return KarcherMean(mean, distances, steps, stopped == "converged", stopped)
