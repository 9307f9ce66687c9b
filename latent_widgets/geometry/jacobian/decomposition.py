"""Leading singular values and vectors, what is known of their error, and the left ones as pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.rounding import first_largest, rounding

__all__ = ["SVD", "fix_signs"]


@dataclass(frozen=True, eq=False)
class SVD:
    """Leading singular values and vectors, ``J v_i = s_i u_i``, in descending order.

    The sign of each pair is fixed: the entry of ``v_i`` of largest magnitude is positive, of several as large but for
    rounding the first.

    How far the values may be from those of J is in :attr:`bounds`; all of them are subject to rounding, which is taken
    to be :func:`~latent_widgets.core.rounding.rounding` of the first value, as products of a network are.

    Attributes:
        U: ``(m, k)`` left vectors; None if not asked for. Where ``s_i`` is below the floor they are noise.
        S: ``(k,)`` singular values; fewer than were asked for if a run ended before.
        V: ``(d, k)`` right vectors.
        method: How they were found: ``"exact"``, ``"lanczos"``, ``"randomized"`` or ``"progressive"``.
        complete: Whether these are all ``min(m, d)`` singular values.
        floor: Singular values below ``floor * S[0]`` are rounding noise: 8 times the machine epsilon from the matrix
            itself, the square root of that from its Gram.
        residuals: ``(k,)``, over ``s_1``: a singular value of J lies within ``residuals[i] * S[0]`` of ``S[i]``. For
            ``"exact"`` that is rounding, of the matrix or of its Gram; for the others the root mean square of ``|J v_i
            - s_i u_i|`` and ``|J'u_i - s_i v_i|`` besides.
        upper: ``(k,)``, for ``"progressive"`` what the i-th singular value of J is at most, if the part of J that was
            not seen is no larger than ``unseen``; infinite where nothing is known of that part.
        unseen: That size, from the last products; None for other methods.
        products: For ``"progressive"``, how many products with J and with its transpose were made.
        stopped: ``"finished"``, or ``"budget"`` or ``"cancelled"`` where a run ended before its tolerance was reached.
        output_shape: Of what a column of J is, flattened: ``(C, H, W)`` for a picture.
    """

    U: Tensor | None
    S: Tensor
    V: Tensor
    method: str
    complete: bool
    floor: float
    residuals: Tensor | None = None
    upper: Tensor | None = None
    unseen: float | None = None
    products: tuple[int, int] | None = None
    stopped: str = "finished"
    output_shape: tuple[int, ...] | None = None

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Between what the singular values of J lie: the lower and the upper ends, each ``(k,)``.

        All methods but ``"exact"`` see J from inside a subspace, whose i-th value is never more than that of J (Courant
        and Fischer): the interval begins at ``S[i]``, but for rounding. It ends where ``upper`` says, or else one
        residual above ``S[i]``. A residual alone vouches for some singular value near ``S[i]``, not for the i-th: where
        ``"lanczos"`` or ``"randomized"`` skipped a value, as a sketch of a spectrum that falls slowly may, the i-th one
        lies above the interval.

        Raises:
            ValueError: If the residuals are not known.

        Example:
            >>> from latent_widgets.geometry.jacobian import JacobianOperator
            >>> J = JacobianOperator(lambda x: torch.cat([x * x, x]), torch.tensor([2.0, 1.0, 3.0]))
            >>> low, high = J.svd(2).bounds
            >>> bool((low.square() <= torch.tensor([37.0, 17.0])).all()), float((high - low).max()) < 1e-3
            (True, True)
        """
        if self.residuals is None:
            raise ValueError("residuals must be known for bounds, got None. JacobianOperator.svd gives them.")
        gaps = self.residuals * self.S[:1]
        slack = gaps if self.method == "exact" else rounding(self.S.dtype) * self.S[:1]
        return (self.S - slack).clamp(min=0), self.S + gaps if self.upper is None else self.upper

    def pictures(self) -> Tensor:
        """Return the left singular vectors as pictures: how each pixel changes along each right one, of length one.

        With a mask they are changes times ``sqrt(mask)``, and with pooling as coarse as the average.

        Returns:
            ``(k, C, H, W)``.

        Raises:
            ValueError: If they were not asked for, or the values of the function are no pictures.

        Example:
            >>> from latent_widgets.geometry.jacobian import JacobianOperator
            >>> J = JacobianOperator(lambda x: x.reshape(1, 2, 3) ** 2, torch.arange(6.0))
            >>> J.svd(1).pictures()
            tensor([[[[0., 0., 0.],
                      [0., 0., 1.]]]])
        """
        if self.U is None:
            raise ValueError("U must be known for pictures, got None. Use svd(left=True).")
        if self.output_shape is None or len(self.output_shape) != 3:
            raise ValueError(
                f"output_shape must be (C, H, W) for pictures, got {self.output_shape}. Use image_function(G, code)."
            )
        return self.U.mT.reshape(-1, *self.output_shape)


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
