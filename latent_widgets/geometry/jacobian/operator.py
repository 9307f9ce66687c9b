"""The Jacobian of a generator as a linear operator that never stores its matrix unless asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.forward import load_rules
from latent_widgets.core.imports import import_whole
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.geometry.jacobian.functions import OwnCall, VectorFunction
from latent_widgets.geometry.jacobian.products import FEW, KEEP, Products
from latent_widgets.geometry.jacobian.svd import SVD, singular_value_decomposition
from latent_widgets.geometry.jacobian.watch import Look, watch
from latent_widgets.values.mask_reading import read_mask

__all__ = ["JacobianOperator"]

# Times what the function makes, for its graph and that of its derivative: 1.2 was measured at most, 0.5 of a StyleGAN2.
TAPED = 1.4
# On a CPU larger chunks are hardly faster; an accelerator wants to be filled.
WORKING_MEMORY = {"cpu": 2**29, "cuda": 2**32}
TAPE = {"cpu": 2**32, "cuda": 2**34}
ALIVE = 8  # tensors as large as the largest, for each vector of a chunk: tangents of a layer's input and output, padded


class JacobianOperator:
    r"""The Jacobian :math:`J_{ij} = \partial f_i / \partial x_j` of a function at a point, an ``(m, d)`` operator.

    ``J @ v`` and ``J.T @ u`` take vectors and matrices and never form :math:`J`: products run in forward and reverse
    mode, many at once under ``vmap``, in chunks that fit a memory budget and shrink when memory runs out all the same.
    Where forward mode is missing, double reverse mode takes its place, with one warning. In float32 products agree
    with a float64 computation to about 1e-6 of the largest entry.

    Args:
        fn: Any differentiable, deterministic function of a vector ``(d,)``, such as
            :func:`~latent_widgets.geometry.jacobian.functions.image_function` gives. Its value is flattened. It must
            not write into tensors that outlive the call.
        x0: The point, ``(d,)``; device and dtype follow it.
        mask: What :class:`~latent_widgets.Mask` takes, over the pixels of the value ``(C, H, W)`` (or over the pooled
            pixels): rows are multiplied by ``sqrt(mask)``, so that :meth:`gram` weights pixels by ``mask``.
        pool: Average the value over areas, down to ``pool`` (or ``(h, w)``) pixels a side, before all else.
        memory: Bytes that products may take, beside what they give: chunks are made so small that they fit, down to
            one vector, which takes what it takes, and no matrix beyond that is held. If not given, a chunk takes
            512 MiB on a CPU and 4 GiB on a GPU, a graph that is kept for large pictures 4 and 16 GiB, and a matrix
            up to 256 MiB is held.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``x0`` is no vector, the value is not finite or of the wrong shape, the mask is empty or out of
            range, or ``fn`` is random or works in place on tensors that outlive the call.

    Example:
        >>> J = JacobianOperator(lambda x: x[:2] * x[1:], torch.tensor([1.0, 2.0, 3.0]))
        >>> J.dense()
        tensor([[2., 1., 0.],
                [0., 3., 2.]])
        >>> J @ torch.tensor([1.0, 0.0, 1.0]), J.T @ torch.tensor([1.0, 1.0])
        (tensor([2., 2.]), tensor([2., 4., 2.]))
    """

    def __init__(
        self,
        fn: Callable[[Tensor], Tensor],
        x0: Tensor,
        mask: Any = None,
        pool: int | tuple[int, int] | None = None,
        *,
        memory: int | None = None,
    ) -> None:
        load_rules()
        if not callable(fn):
            raise TypeError(f"fn must be a function of a vector, got {type(fn).__name__}.")
        if isinstance(x0, Tensor) and x0.ndim != 1:
            raise ValueError(f"x0 must have shape (d,), got {tuple(x0.shape)}. image_function(G, code) has one.")
        checks.shape("x0", x0, ("d",))
        if not x0.is_floating_point():
            raise TypeError(f"x0 must be floating, got {x0.dtype}. Use x0.float().")
        checks.digits("fn", x0.dtype, "Use x0.float(), and weights of that type.")
        with torch.inference_mode(False):
            self.x0 = checks.finite("x0", x0).detach().clone()
            look = self._look(fn)
        self._fn, sizes = fn, look.sizes
        if len(look.shape) != 3 and (mask is not None or pool is not None):
            raise ValueError(f"fn must return (C, H, W) for a mask or pooling, got {look.shape}.")
        self._pool = None if pool is None else _checked_pool(pool, look.shape[1:])
        self.output_shape = look.shape if self._pool is None else (look.shape[0], *self._pool)
        self._weights = None if mask is None else _row_weights(mask, self.output_shape[1:], look.shape[1:], self.x0)
        device = x0.device.type if x0.device.type in WORKING_MEMORY else "cpu"
        limit = TAPE[device] if memory is None else memory
        self._memory = memory
        memory = WORKING_MEMORY[device] if memory is None else memory
        each = ALIVE * max(sizes.largest, 1)
        chunk = checks.integer("memory", memory, low=1) // each
        taped = TAPED * sizes.all <= limit and (self._memory is None or chunk < FEW)
        self.shape = (int(np.prod(self.output_shape)), len(x0))
        known = fn.known if isinstance(fn, VectorFunction) else None
        self._keeps = taped or self._memory is None or sizes.all + each <= memory
        if self._keeps and not taped and self._memory is not None:
            chunk = (memory - sizes.all) // each  # beside the graph
        self.products = Products(self._value, self.x0, min(max(chunk, 1), max(self.shape)), known, taped)

    def _look(self, fn: Callable[[Tensor], Tensor]) -> Look:
        """What a call is known to do, or is seen to."""
        looks = fn.call.looks if isinstance(fn, VectorFunction) and isinstance(fn.call, OwnCall) else {}
        if self.x0.dtype in looks:
            return looks[self.x0.dtype]
        value, sizes = watch(fn, self.x0)
        if not isinstance(value, Tensor):
            raise TypeError(f"fn must return a tensor, got {type(value).__name__}.")
        if value.dtype != self.x0.dtype:
            raise TypeError(f"fn must return the dtype of x0, {self.x0.dtype}, got {value.dtype}.")
        bad = int((~value.isfinite()).sum())
        if bad:
            raise ValueError(f"fn must return finite numbers, got {bad} NaN or infinite of {value.numel()} at x0.")
        return looks.setdefault(self.x0.dtype, Look(tuple(value.shape), sizes))

    def _value(self, x: Tensor) -> Tensor:
        y = self._fn(x)
        if self._pool is not None:
            y = F.adaptive_avg_pool2d(y[None], self._pool)[0]
        if self._weights is not None:
            y = y * self._weights
        return y.reshape(-1)

    # ---- facts

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of its products."""
        return self.x0.dtype

    @property
    def device(self) -> torch.device:
        """The device of its products."""
        return self.x0.device

    @property
    def T(self) -> _Adjoint:
        """The transpose, ``(d, m)``."""
        return _Adjoint(self)

    def __repr__(self) -> str:
        size = f"{self.shape[0]} x {self.shape[1]}"
        return f"<JacobianOperator {size}, {str(self.dtype).removeprefix('torch.')} on {self.device}>"

    # ---- products

    def __matmul__(self, V: Tensor) -> Tensor:
        """Multiply with a vector ``(d,)`` or matrix ``(d, k)``; the result is ``(m,)`` or ``(m, k)``."""
        return self._times(V, "V", 1, self.products.push)

    def _rmatmul(self, U: Tensor) -> Tensor:
        return self._times(U, "U", 0, self.products.pull)

    def _times(
        self, M: Tensor, name: str, side: int, products: Callable[[Tensor], Iterator[tuple[int, Tensor]]]
    ) -> Tensor:
        checks.shape(name, M, (self.shape[side],), (self.shape[side], "k"))
        checks.floating(name, M, self.dtype)
        if M.device != self.device:
            raise ValueError(f"{name} must be on the device of x0, {self.device}, got {M.device}.")
        rows = M.detach()[None] if M.ndim == 1 else M.detach().T
        out = M.new_empty(len(rows), self.shape[1 - side])
        for start, block in products(rows):
            out[start : start + len(block)] = block
        return out[0] if M.ndim == 1 else out.T

    def keeping_graph(self) -> AbstractContextManager[None]:
        """Keep the graph of ``fn`` between products with the transpose, within a ``with`` block.

        Where it does not fit into ``memory`` beside other products, it is made anew for each chunk.

        Returns:
            The block.
        """
        return self.products.keeping_graph() if self._keeps else nullcontext()

    def blocks(self, on_step: OnStep | None = None, transposed: bool = False) -> Iterator[tuple[int, Tensor]]:
        """Compute all columns (or rows) in chunks.

        Args:
            on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.
            transposed: Whether rows are wanted.

        Yields:
            The number of a chunk's first column and the columns, one in each row of ``(columns, m)``.

        Raises:
            Cancelled: If ``on_step`` asked for it.
        """
        total = self.shape[0 if transposed else 1]
        unit = torch.eye(total, dtype=self.dtype, device=self.device)
        for start, block in (self.products.pull if transposed else self.products.push)(unit):
            yield start, block
            if not report(on_step, start + len(block), total):
                raise Cancelled(f"Cancelled after {start + len(block)} of {total} products.")

    def dense(self, on_step: OnStep | None = None) -> Tensor:
        """Return the whole matrix, from ``min(m, d)`` products, or ``d`` where reverse mode is cut.

        Args:
            on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.

        Returns:
            ``(m, d)``.

        Raises:
            Cancelled: If ``on_step`` asked for it: half a matrix is no result.
        """
        m, d = self.shape
        by_rows = m < d and self.products.reverse_holds()
        out = self.x0.new_empty((m, d) if by_rows else (d, m))
        with self.keeping_graph():
            for start, block in self.blocks(on_step, transposed=by_rows):
                out[start : start + len(block)] = block
        return out if by_rows else out.T

    def gram(self, on_step: OnStep | None = None, *, keep: bool | None = None) -> Tensor:
        r"""Return :math:`J^\top J`, which with a mask is the Gram weighted by the mask.

        Args:
            on_step: Called after each chunk of products; ``False`` raises ``Cancelled``.
            keep: Hold all of J meanwhile: ``d`` forward products are then all. Without it each chunk of columns is
                pulled back at once, with ``d`` reverse products more, in memory that does not grow with ``d``. If
                not given, J is held where it :meth:`fits`.

        Returns:
            ``(d, d)``, symmetric.

        Raises:
            Cancelled: If ``on_step`` asked for it.

        Example:
            >>> JacobianOperator(lambda x: x * x, torch.tensor([1.0, 2.0])).gram()
            tensor([[ 4.,  0.],
                    [ 0., 16.]])
        """
        if self.fits() if keep is None else keep:
            J = self.dense(on_step)
            return J.T @ J
        d = self.shape[1]
        out = self.x0.new_empty(d, d)
        with self.keeping_graph():
            for start, block in self.blocks(on_step):
                for more, back in self.products.pull(block):
                    out[start + more : start + more + len(back)] = back
        return (out + out.T) / 2

    def fits(self) -> bool:
        """Whether the whole matrix may be held: it takes at most 256 MiB, and no more than ``memory``."""
        return self.fits_beside(1)

    def fits_beside(self, count: int) -> bool:
        """Whether as many matrices of this size may be held at once.

        Args:
            count: How many.

        Returns:
            Whether they take at most 256 MiB together, and no more than ``memory``.
        """
        return count * self.shape[0] * self.shape[1] * self.x0.element_size() <= min(KEEP, self._memory or KEEP)

    def svd(
        self,
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
        """Find the leading singular values and vectors: ``singular_value_decomposition`` of :mod:`.svd` says how."""
        return singular_value_decomposition(
            self,
            k,
            method,
            left=left,
            oversampling=oversampling,
            power_iterations=power_iterations,
            seed=seed,
            tolerance=tolerance,
            products=products,
            start=start,
            block=block,
            on_step=on_step,
        )

    def to_scipy(self) -> Any:
        """Return the same operator for SciPy: a ``scipy.sparse.linalg.LinearOperator`` on numpy arrays of its dtype."""
        import_whole("scipy.sparse.linalg")
        from scipy.sparse.linalg import LinearOperator

        def wrapped(product: Callable[[Tensor], Tensor]) -> Callable[[np.ndarray], np.ndarray]:
            def call(array: np.ndarray) -> np.ndarray:
                vectors = torch.as_tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)
                vectors = vectors.reshape(-1) if vectors.ndim == 2 and vectors.shape[1] == 1 else vectors
                result: np.ndarray = product(vectors).cpu().numpy()
                return result.reshape(-1, *array.shape[1:])

            return call

        forward, backward = wrapped(self.__matmul__), wrapped(self._rmatmul)
        dtype = np.dtype(str(self.dtype).removeprefix("torch."))
        return LinearOperator(
            self.shape, matvec=forward, rmatvec=backward, matmat=forward, rmatmat=backward, dtype=dtype
        )


class _Adjoint:
    """The transpose of a :class:`JacobianOperator`."""

    def __init__(self, operator: JacobianOperator) -> None:
        self.T = operator
        self.shape = operator.shape[::-1]

    def __matmul__(self, U: Tensor) -> Tensor:
        """Multiply with a vector ``(m,)`` or matrix ``(m, k)``; the result is ``(d,)`` or ``(d, k)``."""
        return self.T._rmatmul(U)

    def __repr__(self) -> str:
        return f"{self.T!r}.T"


def _checked_pool(pool: int | tuple[int, int], picture: tuple[int, ...]) -> tuple[int, int]:
    sides = pool if isinstance(pool, tuple) else (pool, pool)
    if len(sides) != 2:
        raise ValueError(f"pool must be a number of pixels or (height, width), got {pool!r}.")
    height, width = (checks.integer("pool", side, 1, top) for side, top in zip(sides, picture, strict=True))
    return height, width


def _row_weights(mask: Any, shape: tuple[int, ...], picture: tuple[int, ...], x: Tensor) -> Tensor:
    weights = read_mask(mask).to(x)
    if tuple(weights.shape) != shape and tuple(weights.shape) == picture:
        weights = F.adaptive_avg_pool2d(weights[None], (shape[0], shape[1]))[0]
    if tuple(weights.shape) != shape:
        raise ValueError(f"mask must have the shape of the picture, {shape}, got {tuple(weights.shape)}.")
    if not bool(weights.any()):
        raise ValueError("mask must select at least one pixel, got none.")
    return weights.sqrt()
