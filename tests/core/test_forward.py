"""Threads that differentiate at once do not disturb each other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from latent_widgets.geometry.jacobian.operator import JacobianOperator


@pytest.fixture
def eager():
    """Threads that change over as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_take_forward_derivatives_at_once(eager):
    def work(seed):
        matrix = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        x = torch.linspace(-1, 1, 5, dtype=torch.float64)
        slopes = 1 - torch.tanh(matrix @ x).square()
        for _ in range(12):
            J = JacobianOperator(lambda x: torch.tanh(matrix @ x), x)
            torch.testing.assert_close(J @ torch.eye(5, dtype=torch.float64), slopes[:, None] * matrix)
        return seed

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == list(range(4))


def test_first_derivative_imports_nothing_once_the_rules_are_loaded():
    code = """
import sys, torch
import latent_widgets as lw
from latent_widgets.core.forward import load_rules, rules_loaded
G = lw.load("digits32")
assert not rules_loaded()
load_rules()
assert rules_loaded()
before = set(sys.modules)
z = G.sample_z()
with torch.no_grad():
    torch.func.jvp(G.synthesize, (z,), (z,))
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
