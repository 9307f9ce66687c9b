"""The directions of a region from the whole Jacobian, in plain linear algebra."""

import torch

from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator


def dense(G, code, **options):
    f = image_function(G, code, **options)
    return JacobianOperator(f, f.x0).dense()


def energies(J, mask, vectors):
    """Energy inside and outside of unit directions ``(k, d)``."""
    changes = (J @ vectors.T.to(J)).reshape(3, *mask.shape, -1)
    squares = changes.square().sum(0)
    return squares[mask].sum(0), squares[~mask].sum(0)


def best_locality(J, mask, k=3, tolerance=1e-3):
    rows = J.reshape(3, *mask.shape, -1)
    inside, outside = (torch.einsum("cpi,cpj->ij", r, r) for r in (rows[:, mask], rows[:, ~mask]))
    regular = outside + tolerance * outside.trace() * torch.eye(len(outside), dtype=J.dtype)
    root = torch.linalg.cholesky(regular)
    half = torch.linalg.solve_triangular(root, inside, upper=False)
    vectors = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))[1].flip(1)[:, :k]
    found = torch.linalg.solve_triangular(root.T, vectors, upper=True)
    within, beside = energies(J, mask, (found / found.norm(dim=0)).T)
    return within / (within + beside)
