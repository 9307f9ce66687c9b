"""The order and the map in which distances between local bases are shown."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from latent_widgets.core.imports import import_whole
from latent_widgets.core.rounding import rounding
from latent_widgets.geometry.jacobian.svd import fix_signs

__all__ = ["embed", "seriation"]

Distances = NDArray[np.float64]
ROUNDED = rounding(torch.float32)  # no angle between the bases of a flat network is larger


def seriation(distances: Distances) -> NDArray[np.intp]:
    """Order points so that close ones stand next to each other.

    The leaves of an average-linkage tree, turned for the smallest sum of distances between neighbours (Bar-Joseph,
    Gifford and Jaakkola 2001), by SciPy.

    Args:
        distances: ``(n, n)``, symmetric, zero on the diagonal.

    Returns:
        A permutation of ``n``.

    Example:
        >>> x = np.array([0.0, 5.0, 1.0, 6.0])
        >>> [int(i) for i in seriation(abs(x[:, None] - x))]
        [0, 2, 1, 3]
    """
    import_whole("scipy.cluster.hierarchy", "scipy.spatial.distance")
    from scipy.cluster.hierarchy import leaves_list, linkage  # here, for the package to import quickly
    from scipy.spatial.distance import squareform

    n = len(distances)
    if n < 3:
        return np.arange(n)
    condensed = squareform((distances + distances.T) / 2, checks=False)
    order = leaves_list(linkage(condensed, "average", optimal_ordering=True))
    return order if order[0] <= order[-1] else order[::-1]  # one of the two directions, always the same


def embed(distances: Distances, start: Distances | None = None) -> tuple[Distances, float]:
    """Place points in the plane so that their distances come close to the given ones.

    Classical scaling (Torgerson 1952) gives the start, and SMACOF (de Leeuw 1977), by scikit-learn, goes on from there;
    so the same distances always give the same map.

    Args:
        distances: ``(n, n)``, symmetric, zero on the diagonal.
        start: ``(n, 2)`` positions to go on from, so that a map turns into the next one.

    Returns:
        ``(n, 2)`` positions, and Kruskal's stress-1: 0 is a faithful map, above 0.2 it is hardly one.

    Example:
        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
        >>> round(embed(np.linalg.norm(corners[:, None] - corners, axis=2))[1], 3)
        0.0
    """
    symmetric = (distances + distances.T) / 2
    np.fill_diagonal(symmetric, 0)
    n = len(symmetric)
    if n < 3 or symmetric.max() <= ROUNDED:
        positions = np.zeros((n, 2))
        if n == 2:
            positions[:, 0] = [-symmetric[0, 1] / 2, symmetric[0, 1] / 2]
        return positions, 0.0
    if start is None or len(start) != n or not np.ptp(start):
        centring = np.eye(n) - 1 / n
        values, vectors = np.linalg.eigh(-0.5 * centring @ symmetric**2 @ centring)
        (axes,) = fix_signs(torch.from_numpy(vectors[:, -2:]))  # or another processor would mirror the map
        start = axes.numpy() * np.sqrt(values[-2:].clip(1e-12))
    import_whole("sklearn.manifold")
    from sklearn.manifold import smacof

    positions, _ = smacof(symmetric, n_components=2, init=start, n_init=1, normalized_stress=False, random_state=0)
    placed = np.linalg.norm(positions[:, None] - positions, axis=2)
    stress = float(np.sqrt(((placed - symmetric) ** 2).sum() / (placed**2).sum()))
    return positions - positions.mean(0), stress
