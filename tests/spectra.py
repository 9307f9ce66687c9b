"""Matrices whose singular values are known to fall in some way, and their operators."""

import torch

import latent_widgets as lw
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.values.units import latent_sd


def sides(m, n, seed):
    """Return random orthonormal columns, as many for each side as the shorter has."""
    rng = torch.Generator().manual_seed(seed)
    return [torch.linalg.qr(torch.randn(size, min(m, n), generator=rng, dtype=torch.float64)).Q for size in (m, n)]


def rotated(m, n, seed=3):
    """Return an ``(m, n)`` matrix with all singular values 1."""
    rng = torch.Generator().manual_seed(seed)
    left, right = (
        torch.linalg.qr(torch.randn(size, min(m, n), generator=rng, dtype=torch.float64)).Q for size in (m, n)
    )
    return left @ right.T


def falling(m, n, seed=0):
    """Return an ``(m, n)`` matrix whose singular values fall as those of a picture do: ``1 / i``."""
    left, right = sides(m, n, seed)
    return left / torch.arange(1, min(m, n) + 1) @ right.T


def linear(M):
    """Return the operator of a matrix."""
    return JacobianOperator(lambda x: M @ x, torch.zeros(M.shape[1], dtype=M.dtype))


def picture(x):
    """Return a small picture that bends in its five numbers."""
    return (torch.arange(24.0, dtype=torch.float64)[:, None] * x).sin().sum(1).reshape(2, 3, 4)


def near(G, code, sds=0.1):
    """A code so many standard deviations away."""
    way = torch.eye(40, dtype=code.tensor.dtype)[:1]
    return lw.Code(code.tensor + sds * latent_sd(G, way, "w") * way[0], "w")
