"""Grams of many rows and their leading eigenvectors, without what symmetry or the question leaves out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.imports import import_whole

__all__ = ["gram_of_rows", "leading"]


def gram_of_rows(rows: Tensor) -> Tensor:
    """Return ``rows.T @ rows`` of float64 rows ``(n, r)``, in half the time on a CPU.

    Args:
        rows: ``(n, r)`` float64.

    Returns:
        ``(r, r)``, exactly symmetric.

    Example:
        >>> gram_of_rows(torch.tensor([[1.0, 2.0], [0.0, 3.0]], dtype=torch.float64))
        tensor([[ 1.,  2.],
                [ 2., 13.]], dtype=torch.float64)
    """
    if rows.device.type != "cpu":
        return rows.T @ rows
    import_whole("scipy.linalg.blas")
    from scipy.linalg.blas import dsyrk

    half = dsyrk(1.0, rows.contiguous().numpy().T)  # the upper triangle
    return torch.from_numpy(half + np.triu(half, 1).T)


def leading(gram: Tensor, k: int, metric: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Return the ``k`` largest eigenvalues and their eigenvectors; the others are not computed.

    Args:
        gram: ``(r, r)`` float64 on the CPU, symmetric.
        k: How many.
        metric: For the generalised problem :math:`G v = \lambda M v`, the symmetric positive :math:`M`.

    Returns:
        ``(k,)``, descending, and ``(r, k)``, a column each: of length one in the metric.

    Example:
        >>> leading(torch.tensor([[2.0, 0.0], [0.0, 3.0]], dtype=torch.float64), 1)[0]
        tensor([3.], dtype=torch.float64)
    """
    import_whole("scipy.linalg")
    from scipy.linalg import eigh

    other = None if metric is None else metric.numpy()
    values, columns = eigh(gram.numpy(), other, subset_by_index=(len(gram) - k, len(gram) - 1))
    return torch.from_numpy(values).flip(0), torch.from_numpy(columns).flip(1)
