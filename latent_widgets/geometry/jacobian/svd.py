"""Leading singular values and vectors of a Jacobian, by one of four ways."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import rounding
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.geometry.jacobian.decomposition import SVD, fix_signs
from latent_widgets.geometry.jacobian.matrix_free import Operator
from latent_widgets.geometry.jacobian.progressive import Stage, stages

__all__ = ["METHODS", "SVD", "Operator", "fix_signs", "singular_value_decomposition"]

METHODS = ("auto", "exact", "lanczos", "randomized", "progressive")


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
    tolerance: float = 0.01,
    products: int | None = None,
    start: SVD | Tensor | None = None,
    block: int = 1,
    on_step: OnStep | None = None,
) -> SVD:
    """Find the leading singular values and vectors of a Jacobian.

    ``"exact"`` takes ``min(m, d)`` products and LAPACK; a J above 256 MiB is never held, but its Gram is decomposed.
    ``"lanczos"`` is ARPACK's implicitly restarted Lanczos method (Lehoucq, Sorensen and Yang 1998), through SciPy: few
    products, one at a time; where it fails, as on a zero matrix, ``"exact"`` takes its place. ``"randomized"`` is the
    range finder with power iterations of Halko, Martinsson and Tropp (2011, algorithms 4.4 and 5.1):
    ``2 (power_iterations + 1) (k + oversampling)`` products, many at a time, and only an approximation. These two take
    ``2 k`` products more for their residuals.

    ``"progressive"`` makes few products for values as good as is asked for, and shows what it has meanwhile: block
    Golub-Kahan-Lanczos over all that was seen, see :mod:`latent_widgets.geometry.jacobian.progressive`. Each value has
    an upper end at every stage, which holds if what was not seen is no larger than the last products say. It ends when
    the widest interval is at most ``tolerance``; the values themselves are then better than that by far, as they
    converge twice as fast. A start, such as the result at a latent nearby, is multiplied first, all at once.

    Args:
        J: The operator.
        k: How many; all if not given.
        method: ``"auto"`` takes ``"exact"`` where J has at most 128 columns or rows, or a quarter of all is wanted,
            else ``"lanczos"``; with a start or a number of products ``"progressive"``.
        left: Whether to compute ``U`` too.
        oversampling: For ``"randomized"``; 10 as Halko, Martinsson and Tropp advise.
        power_iterations: For ``"randomized"``.
        seed: Of the random start.
        tolerance: For ``"progressive"``, how wide an interval may be, over the first value; 0.01, our default, is the
            thickness of a line in a plot. Less than rounding counts as that.
        products: For ``"progressive"``, how many may be made, both ways together; as many as needed if not given.
        start: For ``"progressive"``, right vectors ``(d, l)`` to begin with, or a decomposition that has them.
        block: For ``"progressive"``, vectors multiplied at once. One needs the fewest products and costs least on a CPU
            (``benchmarks.bench_spectra``); where many are multiplied as fast as one, as on a GPU, take more.
        on_step: Called as products are made, by ``"progressive"`` with the decomposition so far; ``False`` raises
            ``Cancelled``, but ends ``"progressive"`` with what is there, marked ``stopped="cancelled"``.

    Returns:
        The decomposition.

    Raises:
        Cancelled: If ``on_step`` asked for it and there is no partial result.
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
    checks.number("tolerance", tolerance, 0)
    checks.integer("block", block, 1)
    given = {"start": start, "products": products}
    names = [name for name, value in given.items() if value is not None]
    if names and method not in ("auto", "progressive"):
        raise ValueError(f"{names[0]} must be left out unless method is 'progressive', got method {method!r}.")
    if names or method == "progressive":
        return _progressive(J, k, left, tolerance, products, start, min(block, size), seed, on_step)
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
        residuals = gaps.square().mean(0).sqrt() / S[0].clamp(min=torch.finfo(S.dtype).tiny) + rounding(S.dtype)
    V, U = fix_signs(V, U)
    return SVD(U if left else None, S, V, method, False, _floor(J), residuals, output_shape=J.output_shape)


def _floor(J: Operator) -> float:
    return 8 * torch.finfo(J.dtype).eps


def _exact(J: Operator, k: int, left: bool, on_step: OnStep | None) -> SVD:
    complete = k == min(J.shape)
    U: Tensor | None = None
    if J.fits():
        U, S, Vh = torch.linalg.svd(J.dense(on_step), full_matrices=False)
        V, U = fix_signs(Vh[:k].mT, U[:, :k])
        # LAPACK's own error, a few units, is less than that of the products; it moves no value by more (Weyl)
        residuals = torch.full_like(S[:k], rounding(S.dtype))
        return SVD(U if left else None, S[:k], V, "exact", complete, _floor(J), residuals, output_shape=J.output_shape)
    values, vectors = torch.linalg.eigh(J.gram(on_step))
    S = values.flip(0)[:k].clamp(min=0).sqrt()
    (V,) = fix_signs(vectors.flip(1)[:, :k])
    if left:
        U = (J @ V) / S.clamp(min=torch.finfo(S.dtype).tiny)
    residuals = _gram_residuals(S)
    return SVD(U, S, V, "exact", complete, _floor(J) ** 0.5, residuals, output_shape=J.output_shape)


def _gram_residuals(S: Tensor) -> Tensor:
    """How far the roots of a Gram's eigenvalues may be off, over the first."""
    # A column of the Gram is a product with J and one with its transpose, so that an eigenvalue may be off by twice the
    # rounding, of the first: its root by that over the root, or by the root of that, whichever is less.
    error = 2 * rounding(S.dtype)
    shares = S / S[0].clamp(min=torch.finfo(S.dtype).tiny)
    return torch.minimum(error / shares.clamp(min=torch.finfo(S.dtype).tiny), torch.full_like(S, error**0.5))


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


def _progressive(
    J: Operator,
    k: int,
    left: bool,
    tolerance: float,
    products: int | None,
    start: SVD | Tensor | None,
    block: int,
    seed: int,
    on_step: OnStep | None,
) -> SVD:
    first, unseen = _start(J, k, start)
    opening = 2 * (block if first is None else first.shape[1])
    if products is not None:
        checks.integer("products", products, opening)
    tolerance = max(tolerance, 2 * rounding(J.dtype))
    generator = torch.Generator("cpu").manual_seed(seed)
    with J.keeping_graph():
        for stage in stages(J, k, block, generator, first, unseen):
            made = stage.forward + stage.backward
            whole, enough = len(stage.S) == k, stage.width <= tolerance
            spent = products is not None and made + 2 * block > products
            stopped = "finished" if (whole and enough) or stage.full else "budget" if spent else "cancelled"
            found = _decomposition(J, stage, left, stopped)
            if not report(on_step, made, None, found) or stopped != "cancelled":
                return found
    raise AssertionError("the last stage knows all")


def _start(J: Operator, k: int, start: SVD | Tensor | None) -> tuple[Tensor | None, float]:
    """The vectors to begin with, and what is known of the rest."""
    if start is None:
        return None, 0.0
    vectors, unseen = (start.V[:, :k], start.unseen or 0.0) if isinstance(start, SVD) else (start, 0.0)
    checks.finite("start", checks.shape("start", vectors, (J.shape[1], "l")))
    checks.integer("the columns of start", vectors.shape[1], 1, min(J.shape))
    return vectors.detach().to("cpu", torch.float64), unseen


def _decomposition(J: Operator, stage: Stage, left: bool, stopped: str) -> SVD:
    S, scale = stage.S, float(stage.S[0].clamp(min=torch.finfo(J.dtype).tiny))
    noise = rounding(J.dtype)

    def tensor(values: Tensor) -> Tensor:
        return values.to(J.device, J.dtype)

    V, U = fix_signs(tensor(stage.V), tensor(stage.U))
    return SVD(
        U if left else None,
        tensor(S),
        V,
        "progressive",
        len(S) == min(J.shape) and stage.full,
        _floor(J),
        tensor(stage.gaps / (2**0.5 * scale) + noise),
        tensor(stage.upper + noise * S[0]),
        stage.unseen,
        (stage.forward, stage.backward),
        stopped,
        J.output_shape,
    )
