"""A small function that bends, of which much is known: ``tanh(A x)`` at ``X``."""

import pytest
import torch

from latent_widgets.geometry.jacobian.operator import JacobianOperator

_RNG = torch.Generator().manual_seed(0)
A = torch.randn(9, 6, generator=_RNG, dtype=torch.float64)
X = torch.randn(6, generator=_RNG, dtype=torch.float64)


@pytest.fixture
def rng():
    """A random generator of the test's own: what it draws does not depend on which tests came before."""
    return torch.Generator().manual_seed(1)


@pytest.fixture
def curved():
    """The Jacobian of a small function that bends."""
    return JacobianOperator(lambda x: torch.tanh(A @ x), X)


@pytest.fixture
def dense():
    """The same as a matrix."""
    return torch.autograd.functional.jacobian(lambda x: torch.tanh(A @ x), X)
