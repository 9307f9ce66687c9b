"""Products with a Jacobian and its transpose, many vectors at a time, without the Jacobian.

Forward mode under ``vmap`` is tried first. Where an operation lacks it, double reverse mode takes its place (``u ->
J'u`` is linear, and its own reverse derivative is ``v -> Jv``), said once in a warning. Either must give what the
values of the function do, and products with the transpose must belong to the same matrix, see :mod:`.agreement`; where
only those fail, they are made from products with the matrix.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.forward import FORWARD
from latent_widgets.core.taping import taping
from latent_widgets.geometry.jacobian.agreement import Known, Quotient, adjoint_agrees, agrees, quotient
from latent_widgets.geometry.jacobian.convolutions import LeanConvolutions

__all__ = ["KEEP", "Products"]

Function = Callable[[Tensor], Tensor]
_CUT = (
    "fn must have the derivative of its values, got one that differs from how they change: part of it is cut off. Take "
    "out detach, .data, no_grad, inference_mode, rounding and NumPy."
)
FEW = 5  # vectors, below which a product for all of them costs more than one each through a graph that is kept
KEEP = 2**28  # bytes; a Jacobian up to this size is kept whole where that halves the number of products


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
        known: What is known of the function's derivatives, and will be.
        taped: Whether, while the graph is kept, products with few vectors are made from it too: by the derivative of
            ``u -> J'u``, in half the time or less.
    """

    def __init__(self, f: Function, x: Tensor, chunk: int, known: Known | None = None, taped: bool = False) -> None:
        self.f, self.x, self.chunk = f, x, chunk
        self.known = known or Known()
        self._wrong: Tensor | None = None  # a product that is not what the values do
        self._values: tuple[Quotient | None] | None = None
        self._push: Function | None = None
        self._pull: Function | None = None
        self._keep = False
        self._taped = taped
        self._tape: _Tape | None = None

    @contextlib.contextmanager
    def keeping_graph(self) -> Iterator[None]:
        """Within this block the graph of ``f`` is kept between products with the transpose."""
        outer, self._keep = self._keep, True
        try:
            yield
        finally:
            self._keep = outer
            if not outer:
                self._pull = self._tape = None

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
                self._pull = self._tape = None  # graphs are memory too
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
            with torch.inference_mode(False), exact():
                return product(vectors)
        except (RuntimeError, MemoryError) as error:
            if len(vectors) == 1 or not _out_of_memory(error):
                raise
        return None  # outside the handler, whose traceback still holds the tensors

    # ---- forward

    def _push_chunk(self, vectors: Tensor) -> Tensor:
        if self._uses_tape(len(vectors) < FEW) and (product := self._tried(self._push_tape, vectors)) is not None:
            return product
        if self._push is not None:
            return self._push(vectors)
        reasons: list[RuntimeError] = []
        self._wrong = None
        for way in (self.push_forward, self._push_reverse):
            try:
                product = way(vectors)
            except RuntimeError as error:
                if _out_of_memory(error):
                    raise
                reasons.append(error)
                continue
            if self.known.forward is None and not self._holds(way):
                continue
            self._push, self.known.forward = way, True
            if reasons:
                warnings.warn(
                    f"Forward mode is missing for fn ({_first_line(reasons[0])}); using double reverse mode, slower.",
                    stacklevel=2,
                )
            return product
        if self._wrong is not None:
            raise ValueError(_CUT)
        raise ValueError(
            "fn must have a derivative in forward mode or twice in reverse mode, "
            f"got {_first_line(reasons[0])!r} and {_first_line(reasons[1])!r}."
        ) from reasons[0]

    def _evidence(self) -> Quotient | None:
        """What the values do along one tangent, found once."""
        if self._values is None:
            self._values = (quotient(self.f, self.x),)
        return self._values[0]

    def _holds(self, way: Function) -> bool:
        """Whether a product is what the values do."""
        found = self._evidence()
        if found is None or agrees(product := way(found.tangent[None])[0], found, self.x.dtype):
            return True
        self._wrong = product
        return False

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

    # ---- both, from one graph that is kept

    def _uses_tape(self, few: bool) -> bool:
        return few and self._keep and self._taped and bool(self.known.reverse) and self.known.twice is not False

    def _tried(self, way: Function, vectors: Tensor) -> Tensor | None:
        """Products from the graph that is kept; None where there are none, or they are not what the values do."""
        try:
            if self.known.twice is None:
                found = self._evidence()
                self.known.twice = found is None or agrees(self._push_tape(found.tangent[None])[0], found, self.x.dtype)
            if self.known.twice:
                return way(vectors)
        except (RuntimeError, ValueError) as error:  # an operation without a second derivative, or too large a graph
            if not _out_of_memory(error):
                self.known.twice = False
        self._tape, self._taped = None, False
        return None

    def _taken(self) -> _Tape:
        if self._tape is None:
            with LeanConvolutions(), taping():
                self._tape = _Tape(*self._graph())
        return self._tape

    def _push_tape(self, vectors: Tensor) -> Tensor:
        with torch.enable_grad():
            back, u = self._taken().twice()
            return _row_by_row(back, u, vectors, unused=False)

    def _pull_tape(self, vectors: Tensor) -> Tensor:
        with torch.enable_grad():
            tape = self._taken()
            return _row_by_row(tape.y, tape.x, vectors)

    # ---- backward

    def _pull_chunk(self, vectors: Tensor) -> Tensor:
        few = len(vectors) == 1 or self.chunk < FEW  # of a large function one graph is enough
        if self._uses_tape(few) and (product := self._tried(self._pull_tape, vectors)) is not None:
            return product
        if self._pull is not None:
            return self._pull(vectors)
        way, product = self._find_pull(vectors)
        if self._keep:
            self._pull = way
        return product

    def _find_pull(self, vectors: Tensor) -> tuple[Function, Tensor]:
        found = self._reverse(vectors)
        if found is not None:
            return found
        warnings.warn(
            "Reverse mode does not give the derivative of fn: it is cut, as under torch.no_grad. Products with the "
            "transpose are made from those with the matrix, slower.",
            stacklevel=2,
        )
        kept: list[tuple[int, Tensor]] = []

        def by_columns(vectors: Tensor) -> Tensor:
            out = vectors.new_empty(len(vectors), len(self.x))
            for start, columns in kept or self._columns():
                out[:, start : start + len(columns)] = vectors @ columns.T
            return out

        if self._keep and vectors.shape[1] * len(self.x) * self.x.element_size() <= KEEP:
            kept.extend(self._columns())
        return by_columns, by_columns(vectors)

    def reverse_holds(self) -> bool:
        """Whether reverse mode gives the derivative; tried once."""
        if self.known.reverse is None:
            with torch.inference_mode(False), exact():
                self._reverse(torch.ones_like(self.f(self.x).detach())[None])
        return bool(self.known.reverse)

    def _reverse(self, vectors: Tensor) -> tuple[Function, Tensor] | None:
        """Reverse mode and its first products; None where it does not give the derivative, and forward mode does."""
        if self.known.reverse is False:
            return None
        try:
            found = self.make_pull(vectors)
        except ValueError:  # its graph is cut; forward mode may go through
            self._push_chunk(torch.ones_like(self.x)[None])
            self.known.reverse = False
        else:
            if self.known.reverse is None:
                self.known.reverse = self._belongs(found[0])
            if self.known.reverse:
                return found
        return None

    def _columns(self) -> Iterator[tuple[int, Tensor]]:
        return self.push(torch.eye(len(self.x), dtype=self.x.dtype, device=self.x.device))

    def _belongs(self, way: Function) -> bool:
        """Whether what multiplies with the transpose belongs to the same matrix as the products."""
        found = self._evidence()
        if found is None:
            return True
        product: Tensor | None = None
        with contextlib.suppress(ValueError):  # forward mode is missing, or it is the one that is wrong
            product = self._push_chunk(found.tangent[None])[0]
        along = (found.change if product is None else product).to(self.x)
        along = along if bool(along.any()) else torch.ones_like(along)
        pulled = way(along[None])[0]
        if product is None and self._wrong is not None and self._same(pulled, along, found, self._wrong):
            raise ValueError(_CUT)  # both are cut at the same place
        if self._same(pulled, along, found, product):
            return True
        if product is None:
            raise ValueError(_CUT)
        return False

    def _same(self, pulled: Tensor, along: Tensor, found: Quotient, product: Tensor | None) -> bool:
        return adjoint_agrees(pulled, along, found, product, self.x.dtype)

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
                "fn must be differentiable, got an output that is cut off from its input. Take out detach, no_grad, "
                "inference_mode, NumPy and item."
            )
        return x, y


class _Tape:
    """The graph of a function at a point, and that of its products with the transpose, of which both are read off."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y
        self._twice: tuple[Tensor, Tensor] | None = None

    def twice(self) -> tuple[Tensor, Tensor]:
        """Return ``J'u`` with its graph, and ``u``: the derivative by ``u``, times ``v``, is ``Jv``."""
        if self._twice is None:
            u = torch.zeros_like(self.y, requires_grad=True)
            self._twice = torch.autograd.grad(self.y, self.x, u, create_graph=True)[0], u
        return self._twice


def _row_by_row(outputs: Tensor, inputs: Tensor, vectors: Tensor, unused: bool = True) -> Tensor:
    """Products with the rows of ``vectors``; with ``unused``, zero if the outputs do not depend on the inputs."""
    options = {"retain_graph": True, "materialize_grads": unused}
    return torch.stack([torch.autograd.grad(outputs, inputs, v, **options)[0] for v in vectors]).detach()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
