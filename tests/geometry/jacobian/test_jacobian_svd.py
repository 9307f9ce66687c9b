"""Singular values of a Jacobian, by every method, against LAPACK's of the dense matrix."""

import pytest
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.geometry.jacobian import operator
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator


@pytest.mark.parametrize("method", ["exact", "lanczos", "randomized", "auto"])
@pytest.mark.parametrize("shape", [(40, 17), (17, 40)])
def test_svd_matches_lapack(method, shape, rng):
    m, d = shape
    matrix = torch.randn(m, d, generator=rng, dtype=torch.float64) * 0.7 ** torch.arange(d)
    x = torch.randn(d, generator=rng, dtype=torch.float64)
    result = JacobianOperator(lambda x: torch.sin(matrix @ x), x).svd(4, method)
    U, S, Vh = torch.linalg.svd(torch.cos(matrix @ x)[:, None] * matrix, full_matrices=False)
    tolerance = 1e-4 if method == "randomized" else 1e-9
    torch.testing.assert_close(result.S, S[:4], rtol=tolerance, atol=0)
    torch.testing.assert_close((Vh[:4] @ result.V).abs(), torch.eye(4).double(), rtol=0, atol=30 * tolerance)
    torch.testing.assert_close((U[:, :4].T @ result.U).abs(), torch.eye(4).double(), rtol=0, atol=30 * tolerance)
    largest = result.V.gather(0, result.V.abs().argmax(0, keepdim=True))
    assert (largest > 0).all()
    assert not result.complete
    if method in ("lanczos", "randomized"):
        assert ((result.S - S[:4]).abs() <= result.residuals * S[0] + 1e-12).all()


def test_svd_through_the_gram_when_the_matrix_does_not_fit(curved, dense, monkeypatch):
    matrix = curved.svd(3)
    monkeypatch.setattr(operator, "KEEP", 0)
    gram = curved.svd(3)
    torch.testing.assert_close(gram.S, torch.linalg.svdvals(dense)[:3])
    torch.testing.assert_close(curved @ gram.V, gram.U * gram.S)
    assert matrix.floor == 8 * torch.finfo(torch.float64).eps
    assert gram.floor == matrix.floor**0.5  # its eigenvalues are squares
    still = JacobianOperator(lambda x: 0 * x, torch.ones(5, dtype=torch.float64)).svd(2, "exact")
    assert torch.equal(still.U, torch.zeros(5, 2, dtype=torch.float64))  # no side is left where nothing moves


def test_svd_is_reproducible_and_in_float32_accurate(tiny):
    G = tiny.to(dtype=torch.float32)
    f = image_function(G, G.code(3))
    J = JacobianOperator(f, f.x0)
    exact = torch.linalg.svdvals(J.dense().double())
    for method in ("exact", "lanczos"):
        first, second = (J.svd(3, method, left=False, seed=1) for _ in range(2))
        assert torch.equal(first.V, second.V)
        assert first.U is None
        assert ((first.S - exact[:3]).abs() < 1e-5 * exact[0]).all()


def test_svd_progress_cancel_and_bad_input(curved):
    told = []
    curved.svd(2, "randomized", power_iterations=1, on_step=lambda step: told.append((step.index, step.total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for method in ("lanczos", "randomized", "exact"):
        with pytest.raises(Cancelled):
            curved.svd(2, method, on_step=lambda step: False)
    with pytest.raises(ValueError, match="k must be between 1 and 6, got 7"):
        curved.svd(7)
    with pytest.raises(
        ValueError,
        match="method must be one of 'auto', 'exact', 'lanczos', 'randomized', 'progressive', got 'lancos'",
    ):
        curved.svd(2, "lancos")
