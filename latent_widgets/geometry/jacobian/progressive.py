r"""Leading singular values in stages, with an upper end for each: block Golub-Kahan-Lanczos that throws nothing away.

Products are dear and small dense algebra is cheap, so all that was multiplied is kept and decomposed anew at each stage
(Golub and Kahan 1965; full reorthogonalisation). With orthonormal columns ``V`` and ``Q`` that span what went in and
what came out, ``J V = Q R`` and ``Z = J'Q`` are known. The singular values of ``R`` are those of J seen from inside a
subspace: never more than those of J (Courant and Fischer). Of J itself only ``D = (1 - QQ')J(1 - VV')`` is unknown, and

.. math:: J^\top J = Z Z^\top + D^\top D \preceq Z Z^\top + \mu^2 (1 - V V^\top), \qquad \mu \geq \lVert D \rVert,

so that the eigenvalues of the right side bound the squares of the singular values from above, the i-th the i-th (Weyl).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.rounding import rounding
from latent_widgets.geometry.jacobian.matrix_free import Operator

__all__ = ["Stage", "stages"]

# How many of the last vectors, and of their blocks, say how much the part that was not seen can move. In a long
# Golub-Kahan process the entries of the bidiagonal matrix settle down, and the norm of one with constant entries is the
# sum of the two. With four, none of 24 runs on faces64, faces128 and a random 256 px network had a value outside once
# it said anything of it but for one, by 0.0013 of the first; with three there were five.
VECTORS, BLOCKS = 4, 2
# What is carried over from a start may have grown by a little on the way: without this, one of 240 values of faces64
# lay outside after a step, by 0.0024 of the first.
CARRIED = 1.05


@dataclass(frozen=True, eq=False)
class Stage:
    """What is known after some products.

    Attributes:
        U: ``(m, k)`` left vectors, of values that are not zero.
        S: ``(k,)`` singular values of the part that was seen; fewer than wanted at first.
        V: ``(d, k)`` right vectors.
        gaps: ``(k,)``, ``|J'u_i - s_i v_i|``; ``J v_i = s_i u_i`` holds but for rounding.
        upper: ``(k,)``, what the singular values are at most if the part not seen moves by at most ``unseen``.
        unseen: How much a unit step in a direction that was not seen may move what was not seen, as the last products
            say; infinite where nothing says it, 0 where nothing is left.
        forward: Products ``J v`` made.
        backward: Products ``J'u`` made.
        full: Whether nothing is left.
    """

    U: Tensor
    S: Tensor
    V: Tensor
    gaps: Tensor
    upper: Tensor
    unseen: float
    forward: int
    backward: int
    full: bool

    @property
    def width(self) -> float:
        """The widest interval, over the first value; 0 where nothing moves."""
        widest = float((self.upper - self.S).max())
        return widest / float(self.S[0]) if widest > 0 and float(self.S[0]) > 0 else widest


def stages(
    J: Operator, k: int, block: int, generator: torch.Generator, start: Tensor | None = None, unseen: float = 0.0
) -> Iterator[Stage]:
    """Yield better and better singular values, until all of them are known.

    Args:
        J: The operator.
        k: How many are wanted.
        block: Vectors multiplied at once.
        generator: Of the random start, and of directions where a subspace has been exhausted.
        start: ``(d, l)``, directions to begin with, all at once; a random block if not given.
        unseen: What was known of the part not seen when a start was found.

    Yields:
        A stage after each block of products each way.
    """
    m, d = J.shape
    most = min(m, d)
    V, Z, R = (torch.zeros(n, 0, dtype=torch.float64, device="cpu") for n in (d, d, 0))  # small, and in digits enough
    Q = torch.zeros(m, 0, dtype=J.dtype, device=J.device)
    moves: list[float] = []
    look = max(BLOCKS, VECTORS // block)
    noise = rounding(J.dtype)
    new = _extended(V, _random(d, block, generator) if start is None else start)
    while True:
        product = J @ new.to(J.device, J.dtype)
        forward = V.shape[1] + new.shape[1]
        added, inner, outer = _orthogonal(Q, product, noise)
        pulled = (J.T @ added).to("cpu", torch.float64)
        first = V.shape[1] == 0
        V, Q, Z = torch.cat([V, new], 1), torch.cat([Q, added], 1), torch.cat([Z, pulled], 1)
        R = torch.cat([torch.cat([R, inner], 1), torch.cat([R.new_zeros(len(outer), R.shape[1]), outer], 1)])
        beside = pulled - V @ (V.T @ pulled)
        if not (first and start is not None):  # what was given is no sample of what was not seen
            moves.append(_norm(outer) + _norm(beside))
        P, S, G = _decomposed(R, V.shape[1])
        kept = min(k, len(S))
        gaps = Z @ P[:, :kept] - V @ (G[:, :kept] * S[:kept])
        full = V.shape[1] >= most
        mu = max(moves[-look:]) if len(moves) >= look else 0.0
        if start is not None and 4 * V.shape[1] < 5 * start.shape[1]:
            mu = max(mu, CARRIED * unseen)  # steps that mend a start say less of the rest than those of a random one
        mu = 0.0 if full else mu if mu > 0 or len(moves) >= look else float("inf")
        yield Stage(
            Q @ P[:, :kept].to(J.device, J.dtype),
            S[:kept],
            V @ G[:, :kept],
            gaps.norm(dim=0),
            upper_ends(V, Z, mu, kept),
            mu,
            forward,
            Q.shape[1],
            full,
        )
        if full:
            return
        room = min(block, most - V.shape[1])
        directions, sizes, _ = torch.linalg.svd(gaps, full_matrices=False)
        loud = directions[:, :room][:, sizes[:room] > noise * S[0]]
        new = _extended(V, loud if loud.shape[1] else _random(d, room, generator))


def upper_ends(V: Tensor, Z: Tensor, mu: float, k: int) -> Tensor:
    """Return the roots of the ``k`` largest eigenvalues of ``ZZ' + mu^2 (1 - VV')``.

    Args:
        V: ``(d, n)`` orthonormal.
        Z: ``(d, q)``.
        mu: Not negative, may be infinite.
        k: How many; at most ``d``.

    Returns:
        ``(k,)``, descending.
    """
    d, n = V.shape
    if mu == float("inf"):
        return Z.new_full((k,), mu)
    inside = V.T @ Z
    _, sizes, turned = torch.linalg.svd(Z - V @ inside, full_matrices=False)
    beside_rows = sizes[:, None] * turned  # in a basis of what Z has beside V: (min(d, q), q)
    rows = torch.cat([inside, beside_rows[: d - n]])
    squares = torch.cat([rows.new_zeros(n), rows.new_full((len(rows) - n,), mu**2)])
    values = torch.linalg.eigvalsh(rows @ rows.T + torch.diag(squares))
    rest = values.new_full((min(k, d - len(rows)),), mu**2)
    return torch.cat([values, rest]).sort(descending=True).values[:k].clamp(min=0).sqrt()


def _random(d: int, count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(d, count, dtype=torch.float64, generator=generator, device="cpu")


def _extended(V: Tensor, X: Tensor) -> Tensor:
    """Orthonormal columns beside those of V that span, with these, X too."""
    for _ in range(2):  # twice is enough (Kahan, in Parlett 1980)
        X = torch.linalg.qr(X - V @ (V.T @ X)).Q
    return X


def _orthogonal(Q: Tensor, product: Tensor, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """Split ``product = Q inner + added outer``, leaving out of ``added`` what is rounding."""
    rest, inner = product, torch.zeros(Q.shape[1], product.shape[1], dtype=Q.dtype, device=Q.device)
    for _ in range(2):
        part = Q.T @ rest
        rest, inner = rest - Q @ part, inner + part
    left, sizes, _ = torch.linalg.svd(rest, full_matrices=False)
    room = len(Q) - Q.shape[1]
    added = left[:, :room][:, sizes[:room] > noise * _norm(product)]
    added = torch.linalg.qr(added - Q @ (Q.T @ added)).Q
    outer = added.T @ product
    return added, inner.to("cpu", torch.float64), outer.to("cpu", torch.float64)


def _decomposed(R: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Singular vectors in columns and ``n`` values, zeros where R has fewer rows; their left vectors are zero."""
    P, S, Gh = torch.linalg.svd(R, full_matrices=True)
    missing = n - len(S)
    S = torch.cat([S, S.new_zeros(missing)])
    P = torch.cat([P[:, : n - missing], P.new_zeros(len(P), missing)], 1)
    return P, S, Gh.mT


def _norm(M: Tensor) -> float:
    return float(torch.linalg.matrix_norm(M, 2)) if M.numel() else 0.0
