"""Leading singular values and vectors of a Jacobian, by one of three ways."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import first_largest
from latent_widgets.core.steps import Cancelled, OnStep, report

__all__ = ["METHODS", "SVD", "Operator", "fix_signs", "singular_value_decomposition"]

METHODS = ("auto", "exact", "lanczos", "randomized")


class Multiplies(Protocol):
    """What gives products with vectors and matrices."""

    def __matmul__(self, V: Tensor, /) -> Tensor: ...


class Operator(Multiplies, Protocol):
    """A matrix ``(m, d)`` that need not be held, as far as its decomposition asks for it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of its products."""

    @property
    def device(self) -> torch.device:
        """The device of its products."""

    @property
    def T(self) -> Multiplies:
        """The transpose."""

    def keeping_graph(self) -> AbstractContextManager[None]:
        """Keep, within the block, what products with the transpose share."""

    def fits(self) -> bool:
        """Whether the whole matrix may be held."""

    def dense(self, on_step: OnStep | None = None) -> Tensor:
        """Return the whole matrix."""

    def gram(self, on_step: OnStep | None = None) -> Tensor:
        """Return the transpose times the matrix."""

    def to_scipy(self) -> Any:
        """Return the same operator for SciPy."""


@dataclass(frozen=True, eq=False)
class SVD:
    """Leading singular values and vectors, ``J v_i = s_i u_i``, in descending order.

    The sign of each pair is fixed: the entry of ``v_i`` of largest magnitude is positive, of several as large but for
    rounding the first.

    Attributes:
        U: ``(m, k)`` left vectors; None if not asked for. Where ``s_i`` is below the floor they are noise.
        S: ``(k,)`` singular values.
        V: ``(d, k)`` right vectors.
        method: How they were found: ``"exact"``, ``"lanczos"`` or ``"randomized"``.
        complete: Whether these are all ``min(m, d)`` singular values.
        floor: Singular values below ``floor * S[0]`` are rounding noise: 8 times the machine epsilon from the matrix
            itself, the square root of that from its Gram.
        residuals: ``(k,)``, for the iterative methods the root mean square of ``|J v_i - s_i u_i|`` and
            ``|J'u_i - s_i v_i|``, over ``s_1``: a singular value of J lies within ``residuals[i] * S[0]`` of ``S[i]``.
            None for ``"exact"``.
    """

    U: Tensor | None
    S: Tensor
    V: Tensor
    method: str
    complete: bool
    floor: float
    residuals: Tensor | None = None


def fix_signs(leading: Tensor, *others: Tensor | None) -> tuple[Tensor, ...]:
    """Turn columns so that their entry of largest magnitude is positive, the first of those equal but for rounding.

    Args:
        leading: ``(..., n, k)``, the columns that decide.
        *others: ``(..., l, k)``, turned along with them; or None.

    Returns:
        All that are not None, turned.

    Example:
        >>> fix_signs(torch.tensor([[1.0, 2.0], [-3.0, 0.0]]))[0]
        tensor([[-1.,  2.],
                [ 3.,  0.]])
    """
    largest = leading.gather(-2, first_largest(leading.abs(), -2)[..., None, :])
    signs = torch.where(largest < 0, -1.0, 1.0).to(leading)
    return tuple(columns * signs.to(columns) for columns in (leading, *others) if columns is not None)


@exact()
def singular_value_decomposition(
    J: Operator,
    k: int | None = None,
    method: str = "auto",
    *,
    left: bool = True,
    oversampling: int = 10,
    power_iterations: int = 2,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> SVD:
    """Find the leading singular values and vectors of a Jacobian.

    ``"exact"`` takes ``min(m, d)`` products and LAPACK; a J above 256 MiB is never held, but its Gram is decomposed.
    ``"lanczos"`` is ARPACK's implicitly restarted Lanczos method (Lehoucq, Sorensen and Yang 1998), through SciPy: few
    products, one at a time; where it fails, as on a zero matrix, ``"exact"`` takes its place. ``"randomized"`` is the
    range finder with power iterations of Halko, Martinsson and Tropp (2011, algorithms 4.4 and 5.1):
    ``2 (power_iterations + 1) (k + oversampling)`` products, many at a time, and only an approximation. These two take
    ``2 k`` products more for their residuals.

    Args:
        J: The operator.
        k: How many; all if not given.
        method: ``"auto"`` takes ``"exact"`` where J has at most 128 columns or rows, or a quarter of all is wanted,
            else ``"lanczos"``.
        left: Whether to compute ``U`` too.
        oversampling: For ``"randomized"``; 10 as Halko, Martinsson and Tropp advise.
        power_iterations: For ``"randomized"``.
        seed: Of the random start.
        on_step: Called as products are made; ``False`` raises ``Cancelled``.

    Returns:
        The decomposition.

    Raises:
        Cancelled: If ``on_step`` asked for it.
        TypeError: If a number has the wrong type.
        ValueError: If ``k`` or another number is out of bounds, or the method is unknown.

    Example:
        >>> from latent_widgets.geometry.jacobian import JacobianOperator
        >>> J = JacobianOperator(lambda x: torch.cat([x * x, x]), torch.tensor([2.0, 1.0, 3.0]))
        >>> J.svd(2).S.square()
        tensor([37.0000, 17.0000])
    """
    size = min(J.shape)
    checks.choice("method", method, METHODS)
    k = size if k is None else checks.integer("k", k, 1, size)
    checks.integer("oversampling", oversampling, 0)
    checks.integer("power_iterations", power_iterations, 0)
    checks.integer("seed", seed, 0)
    if method == "auto":
        method = "exact" if size <= 128 or 4 * k >= size else "lanczos"
    if method == "exact" or k == size:  # ARPACK finds all but one at most
        return _exact(J, k, left, on_step)
    generator = torch.Generator("cpu").manual_seed(seed)
    with J.keeping_graph():
        if method == "lanczos":
            found = _lanczos(J, k, generator, on_step)
            if found is None:
                return _exact(J, k, left, on_step)
            U, S, V = found
        else:
            U, S, V = _randomized(J, min(k + oversampling, size), power_iterations, generator, on_step)
        U, S, V = U[:, :k], S[:k], V[:, :k]
        # of both equations, as each method solves one of the two exactly
        gaps = torch.stack([(J @ V - U * S).norm(dim=0), (J.T @ U - V * S).norm(dim=0)])
        residuals = gaps.square().mean(0).sqrt() / S[0].clamp(min=torch.finfo(S.dtype).tiny)
    V, U = fix_signs(V, U)
    return SVD(U if left else None, S, V, method, False, _floor(J), residuals)


def _floor(J: Operator) -> float:
    return 8 * torch.finfo(J.dtype).eps


def _exact(J: Operator, k: int, left: bool, on_step: OnStep | None) -> SVD:
    complete = k == min(J.shape)
    U: Tensor | None = None
    if J.fits():
        U, S, Vh = torch.linalg.svd(J.dense(on_step), full_matrices=False)
        V, U = fix_signs(Vh[:k].mT, U[:, :k])
        return SVD(U if left else None, S[:k], V, "exact", complete, _floor(J))
    values, vectors = torch.linalg.eigh(J.gram(on_step))
    S = values.flip(0)[:k].clamp(min=0).sqrt()
    (V,) = fix_signs(vectors.flip(1)[:, :k])
    if left:
        U = (J @ V) / S.clamp(min=torch.finfo(S.dtype).tiny)
    return SVD(U, S, V, "exact", complete, _floor(J) ** 0.5)


def _lanczos(J: Operator, k: int, generator: torch.Generator, on_step: OnStep | None) -> tuple[Tensor, ...] | None:
    import_whole("scipy.sparse.linalg")
    from scipy.sparse.linalg import ArpackError, LinearOperator, svds

    operator, count = J.to_scipy(), 0

    def counted(array: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        if not report(on_step, count, None):
            raise Cancelled(f"Cancelled after {count} products.")
        result: np.ndarray = operator.matmat(array) if array.ndim == 2 else operator.matvec(array)
        return result

    # ARPACK works in float64, on products that are as good as their dtype; it stops where those become noise.
    double = LinearOperator(
        J.shape,
        matvec=counted,
        matmat=counted,
        rmatvec=operator.rmatvec,
        rmatmat=operator.rmatmat,
        dtype=np.float64,
    )
    start = torch.randn(min(J.shape), dtype=torch.float64, generator=generator, device="cpu").numpy()
    tolerance = 4 * torch.finfo(J.dtype).eps
    try:
        U, S, Vh = svds(double, k=k, v0=start, tol=tolerance, solver="arpack")
    except ArpackError:
        return None
    order = np.argsort(S)[::-1]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=J.dtype, device=J.device)

    return tensor(U[:, order]), tensor(S[order]), tensor(Vh[order].T)


def _randomized(
    J: Operator, width: int, power_iterations: int, generator: torch.Generator, on_step: OnStep | None
) -> tuple[Tensor, ...]:
    total, done = 2 * (power_iterations + 1), 0

    def step(Y: Tensor) -> Tensor:
        nonlocal done
        done += 1
        if not report(on_step, done, total):
            raise Cancelled(f"Cancelled after {done} of {total} blocks of products.")
        return Y

    omega = torch.randn(J.shape[1], width, dtype=torch.float64, generator=generator, device="cpu").to(J.device, J.dtype)
    Q = torch.linalg.qr(step(J @ omega)).Q
    for _ in range(power_iterations):
        Q = torch.linalg.qr(step(J.T @ Q)).Q
        Q = torch.linalg.qr(step(J @ Q)).Q
    V, S, Uh = torch.linalg.svd(step(J.T @ Q), full_matrices=False)  # of (Q'J)', (d, width)
    return Q @ Uh.mT, S, V
