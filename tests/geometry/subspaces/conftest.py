"""Subspaces to measure."""

import pytest
import torch


@pytest.fixture
def random_bases():
    """Makes orthonormal columns from a seed."""

    def make(*shape, seed=0, dtype=torch.float64):
        rng = torch.Generator().manual_seed(seed)
        return torch.linalg.qr(torch.randn(*shape, generator=rng, dtype=torch.float64)).Q.to(dtype)

    return make
