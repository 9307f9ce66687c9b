"""What a singular value decomposition says of its own error, and steps along some of the directions."""

import pytest
import torch

from latent_widgets import random_directions
from latent_widgets.geometry.effects.equal_change import equal_change
from latent_widgets.geometry.jacobian.differential import differential
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator


@pytest.fixture(scope="module")
def slow():
    """A tall matrix with a spectrum that falls slowly: hard for a random sketch."""
    rng = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(n, 60, generator=rng, dtype=torch.float64)).Q for n in (90, 60))
    return left * torch.linspace(1, 0.5, 60, dtype=torch.float64) @ right.T


@pytest.mark.parametrize("tall", [True, False])
@pytest.mark.parametrize("method", ["randomized", "lanczos"])
def test_residuals_bound_the_error_and_see_a_bad_sketch(slow, tall, method):
    M = slow if tall else slow.T.contiguous()
    J = JacobianOperator(lambda x: M @ x, torch.zeros(M.shape[1], dtype=torch.float64))
    found = J.svd(4, method, power_iterations=0)
    error = (torch.linalg.svdvals(M)[:, None] - found.S).abs().amin(0)
    assert bool((error <= found.residuals * found.S[0] + 1e-12).all())
    gaps = [(M @ found.V - found.U * found.S).norm(dim=0), (M.T @ found.U - found.V * found.S).norm(dim=0)]
    torch.testing.assert_close(found.residuals * found.S[0], torch.stack(gaps).square().mean(0).sqrt())
    assert (float(found.residuals.max()) < 1e-10) == (method == "lanczos")


def test_step_vectors_of_some_directions_are_the_first_of_all(tiny):
    z = tiny.sample_z(3)
    few, all_ = differential(tiny, z, k=2), differential(tiny, z)
    torch.testing.assert_close(few.step_vectors, all_.step_vectors[:, :, :2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_nothing_moves_the_singular_values_are_zero(dtype):
    found = JacobianOperator(lambda x: 0 * x[:150], torch.ones(160, dtype=dtype)).svd(3)
    assert torch.equal(found.S, torch.zeros(3, dtype=dtype))
    torch.testing.assert_close(found.V.T @ found.V, torch.eye(3, dtype=dtype))


def test_results_keep_their_numbers_when_the_caller_goes_on_with_his_tensor(tiny):
    z = tiny.sample_z(1)
    w = tiny.map(z)
    before = z.clone(), w.clone()
    basis, changes = differential(tiny, z), equal_change(tiny, random_directions(tiny, k=1), w, at=[0.01])
    picture, rows = image_function(tiny, w), image_function(tiny, w, rows=[1])
    shown = rows(before[1][0])
    z += 1
    w += 1
    assert torch.equal(basis.z, before[0])
    assert torch.equal(changes.codes, before[1])
    assert torch.equal(picture.x0, before[1][0])
    assert torch.equal(rows(before[1][0]), shown)
