"""Products with a Jacobian and its transpose, many vectors at a time, without the Jacobian.

Forward mode under ``vmap`` is tried first. Where an operation lacks it, double reverse mode takes its place (``u ->
J'u`` is linear, and its own reverse derivative is ``v -> Jv``), said once in a warning.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from latent_widgets.core.forward import FORWARD

__all__ = ["Products", "watch"]

Function = Callable[[Tensor], Tensor]


class _Watch(TorchDispatchMode):
    """Sees every operation of one call: notes the largest result, refuses writes into tensors that outlive the call."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0  # bytes
        self._own: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = {_storage(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                value = args[i] if i < len(args) else kwargs.get(argument.name)
                for t in tree_leaves(value):
                    if isinstance(t, Tensor) and _storage(t) not in self._own:
                        raise ValueError(
                            "fn must not write into tensors that outlive the call, got "
                            f"{func.name()} on one of shape {tuple(t.shape)}. Use module.eval(), or work out of place."
                        )
        result = func(*args, **kwargs)
        for t in tree_leaves(result):
            if isinstance(t, Tensor):
                self.largest = max(self.largest, t.numel() * t.element_size())
                if _storage(t) not in given:
                    self._own.add(_storage(t))
        return result


def _storage(t: Tensor) -> int:
    try:
        return t.untyped_storage()._cdata
    except NotImplementedError:  # a subclass without memory of its own
        return id(t)


def watch(fn: Function, x: Tensor) -> tuple[Any, int]:
    """Call ``fn(x)`` once, without derivatives, and look at what it does.

    Args:
        fn: The function.
        x: Its argument.

    Returns:
        The value, and the size in bytes of the largest tensor made on the way.

    Raises:
        ValueError: If ``fn`` writes into a tensor that outlives the call, or draws random numbers.
    """
    mode = _Watch()
    before = _random_state(x.device)
    with torch.no_grad(), mode:
        value = fn(x)
    if not torch.equal(before, _random_state(x.device)):
        raise ValueError(
            "fn must be deterministic, got one that draws random numbers. Fix the noise, or use module.eval()."
        )
    return value, mode.largest


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    known = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in text for words in known)


class Products:
    """Products with the Jacobian of ``f`` at ``x``.

    Args:
        f: From ``(d,)`` to ``(m,)``.
        x: Where, ``(d,)``.
        chunk: Vectors handled at once; halved, and the products retried, when memory runs out.
    """

    def __init__(self, f: Function, x: Tensor, chunk: int) -> None:
        self.f, self.x, self.chunk = f, x, chunk
        self._push: Function | None = None
        self._pull: Function | None = None
        self._keep = False

    @contextlib.contextmanager
    def keeping_graph(self) -> Iterator[None]:
        """Within this block the graph of ``f`` is kept between products with the transpose."""
        outer, self._keep = self._keep, True
        try:
            yield
        finally:
            self._keep = outer
            if not outer:
                self._pull = None

    def push(self, vectors: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Compute products ``J v`` in chunks.

        Args:
            vectors: ``(n, d)``, one vector a row.

        Returns:
            An iterator over the number of a chunk's first row and its products ``(rows, m)``.
        """
        return self._chunks(self._push_chunk, vectors, "J @ V")

    def pull(self, vectors: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Compute products ``J' u`` in chunks.

        Args:
            vectors: ``(n, m)``, one vector a row.

        Returns:
            An iterator over the number of a chunk's first row and its products ``(rows, d)``.
        """
        return self._chunks(self._pull_chunk, vectors, "J.T @ U")

    def _chunks(self, product: Function, vectors: Tensor, name: str) -> Iterator[tuple[int, Tensor]]:
        start = 0
        while start < len(vectors):
            block = self._attempt(product, vectors[start : start + self.chunk])
            if block is None:
                self._pull = None  # its graph is memory too
                self.chunk = max(1, min(self.chunk, len(vectors) - start) // 2)
                if self.x.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            if not bool(block.isfinite().all()):
                raise ValueError(f"{name} must be finite, got NaN or infinity. fn has no derivative at x0.")
            yield start, block
            start += len(block)

    def _attempt(self, product: Function, vectors: Tensor) -> Tensor | None:
        try:
            with torch.inference_mode(False):
                return product(vectors)
        except (RuntimeError, MemoryError) as error:
            if len(vectors) == 1 or not _out_of_memory(error):
                raise
        return None  # outside the handler, whose traceback still holds the tensors

    # ---- forward

    def _push_chunk(self, vectors: Tensor) -> Tensor:
        if self._push is not None:
            return self._push(vectors)
        reasons: list[RuntimeError] = []
        for way in (self.push_forward, self._push_reverse):
            try:
                product = way(vectors)
            except RuntimeError as error:
                if _out_of_memory(error):
                    raise
                reasons.append(error)
                continue
            self._push = way
            if reasons:
                warnings.warn(
                    f"Forward mode is missing for fn ({_first_line(reasons[0])}); using double reverse mode, slower.",
                    stacklevel=2,
                )
            return product
        raise ValueError(
            "fn must have a derivative in forward mode or twice in reverse mode, "
            f"got {_first_line(reasons[0])!r} and {_first_line(reasons[1])!r}."
        ) from reasons[0]

    def push_forward(self, vectors: Tensor) -> Tensor:
        """Compute one chunk of products ``J v`` in forward mode, as :meth:`push` does first."""

        def product(v: Tensor) -> Tensor:
            with FORWARD:
                tangent: Tensor = torch.func.jvp(self.f, (self.x,), (v,))[1]
            return tangent

        with torch.no_grad():  # the outer graph is not wanted; the transform keeps its own derivative
            result: Tensor = torch.func.vmap(product)(vectors)
        return result.detach()

    def _push_reverse(self, vectors: Tensor) -> Tensor:
        with torch.enable_grad():
            x, y = self._graph()
            u = torch.zeros_like(y, requires_grad=True)
            (back,) = torch.autograd.grad(y, x, u, create_graph=True)
            return _row_by_row(back, u, vectors, unused=False)  # a second derivative that is cut off is no zero

    # ---- backward

    def _pull_chunk(self, vectors: Tensor) -> Tensor:
        if self._pull is not None:
            return self._pull(vectors)
        way, product = self.make_pull(vectors)
        if self._keep:
            self._pull = way
        return product

    def make_pull(self, vectors: Tensor) -> tuple[Function, Tensor]:
        """Return what computes chunks of products ``J' u``, and those of the first chunk."""
        try:
            with torch.no_grad():
                pull: Any = torch.func.vjp(self.f, self.x)[1]

            def way(vectors: Tensor) -> Tensor:
                result: Tensor = torch.func.vmap(lambda u: pull(u)[0])(vectors)
                return result.detach()

            return way, way(vectors)
        except RuntimeError as error:  # an operation that torch.func cannot transform
            if _out_of_memory(error):
                raise
        with torch.enable_grad():
            x, y = self._graph()
        return (lambda vectors: _row_by_row(y, x, vectors)), _row_by_row(y, x, vectors)

    def _graph(self) -> tuple[Tensor, Tensor]:
        x = self.x.detach().clone().requires_grad_()
        y = self.f(x)
        if not y.requires_grad:
            raise ValueError(
                "fn must be differentiable, got an output that is cut off from its input. Avoid detach, numpy and item."
            )
        return x, y


def _row_by_row(outputs: Tensor, inputs: Tensor, vectors: Tensor, unused: bool = True) -> Tensor:
    """Products with the rows of ``vectors``; with ``unused``, zero if the outputs do not depend on the inputs."""
    options = {"retain_graph": True, "materialize_grads": unused}
    return torch.stack([torch.autograd.grad(outputs, inputs, v, **options)[0] for v in vectors]).detach()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
