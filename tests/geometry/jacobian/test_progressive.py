"""Singular values in stages, between a lower and an upper end, against LAPACK's of the dense matrix."""

import pytest
import torch

from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.progressive import upper_ends
from tests.spectra import falling, linear, picture, rotated


@pytest.mark.parametrize("block", [1, 2, 5])
@pytest.mark.parametrize("shape", [(90, 60), (60, 90)])
def test_true_values_lie_between_the_ends_at_every_stage(shape, block):
    M = falling(*shape)
    true = torch.linalg.svdvals(M)
    stages = []
    found = linear(M).svd(6, "progressive", tolerance=1e-6, block=block, on_step=lambda step: stages.append(step))
    for step in stages:
        low, high = step.value.bounds
        n = len(step.value.S)
        assert bool((low <= true[:n]).all())
        assert bool((true[:n] <= high).all())
        assert step.index == sum(step.value.products)
    assert stages[-1].value is found
    assert torch.isinf(stages[0].value.upper).all()  # one block says nothing of the rest
    assert found.stopped == "finished"
    assert float((found.upper - found.S).max()) <= 1e-6 * float(found.S[0]) + 1e-12
    torch.testing.assert_close(found.S, true[:6], rtol=0, atol=1e-6)
    assert sum(found.products) < 2 * 60


def test_vectors_and_residuals_are_those_of_the_matrix():
    M = falling(90, 60)
    found = linear(M).svd(5, "progressive", tolerance=0.1)
    forward, backward = M @ found.V - found.U * found.S, M.T @ found.U - found.V * found.S
    assert float(forward.norm()) < 1e-12
    gaps = torch.stack([forward.norm(dim=0), backward.norm(dim=0)]).square().mean(0).sqrt()
    torch.testing.assert_close(found.residuals * found.S[0], gaps, rtol=0, atol=1e-12)
    for vectors in (found.U, found.V):
        torch.testing.assert_close(vectors.T @ vectors, torch.eye(5).double())
    assert (found.V.gather(0, found.V.abs().argmax(0, keepdim=True)) > 0).all()
    assert linear(M).svd(5, "progressive", left=False).U is None


def test_upper_ends_are_the_roots_of_the_dense_eigenvalues():
    rng = torch.Generator().manual_seed(2)
    M = torch.randn(11, 9, generator=rng, dtype=torch.float64)
    V = torch.linalg.qr(torch.randn(9, 4, generator=rng, dtype=torch.float64)).Q
    Q = torch.linalg.qr(M @ V).Q
    hidden = (torch.eye(11) - Q @ Q.T) @ M @ (torch.eye(9) - V @ V.T)
    mu = float(torch.linalg.matrix_norm(hidden, 2))
    ends = upper_ends(V, M.T @ Q, mu, 7)
    dense = M.T @ Q @ Q.T @ M + mu**2 * (torch.eye(9) - V @ V.T)
    torch.testing.assert_close(ends, torch.linalg.eigvalsh(dense).flip(0)[:7].sqrt())
    assert bool((torch.linalg.svdvals(M)[:7] <= ends + 1e-12).all())
    assert not bool((torch.linalg.svdvals(M)[:7] <= upper_ends(V, M.T @ Q, 0.1 * mu, 7)).all())


def test_start_from_a_neighbour_saves_products_and_keeps_the_bounds():
    M = falling(90, 60)
    moved = M + 0.01 * rotated(90, 60)
    cold = linear(M).svd(6, "progressive")
    there = linear(moved).svd(6, "progressive")
    warm = linear(moved).svd(6, start=cold)
    low, high = warm.bounds
    true = torch.linalg.svdvals(moved)[:6]
    assert warm.products == (6, 6)
    assert sum(there.products) > sum(warm.products)
    assert bool(((low <= true) & (true <= high)).all())
    assert float((high - low).max()) <= 0.01 * float(warm.S[0]) + 1e-12
    assert warm.unseen == pytest.approx(1.05 * cold.unseen)  # nothing new was seen of the rest
    bare = linear(moved).svd(6, start=cold.V)
    assert bare.products[0] > 6  # without it a few more have to say how large the rest is
    torch.testing.assert_close(bare.S, true, rtol=1e-3, atol=0)


def test_budget_and_cancel_keep_what_is_there():
    M = falling(90, 60)
    true = torch.linalg.svdvals(M)
    spent = linear(M).svd(6, products=12)
    assert (spent.stopped, spent.products, len(spent.S)) == ("budget", (6, 6), 6)
    ended = linear(M).svd(6, "progressive", on_step=lambda step: step.index < 8)
    assert (ended.stopped, ended.products, len(ended.S)) == ("cancelled", (4, 4), 4)
    for found in (spent, ended):
        low, high = found.bounds
        assert bool(((low <= true[: len(low)]) & (true[: len(low)] <= high)).all())
        assert not found.complete


@pytest.mark.parametrize("rank", [0, 3])
def test_matrix_of_less_rank_than_values_are_wanted(rank):
    M = falling(30, 20)
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    M = (U[:, :rank] * S[:rank]) @ Vh[:rank]
    found = linear(M).svd(5, "progressive")
    torch.testing.assert_close(found.S, torch.linalg.svdvals(M)[:5], rtol=0, atol=1e-10)
    torch.testing.assert_close(found.V.T @ found.V, torch.eye(5).double())


def test_all_values_are_complete():
    M = falling(12, 7)
    found = linear(M).svd(7, "progressive", tolerance=0)
    assert found.complete
    assert found.unseen == 0
    torch.testing.assert_close(found.S, torch.linalg.svdvals(M))
    torch.testing.assert_close(found.upper, found.S)


def test_same_seed_same_numbers():
    M = falling(90, 60)
    first, second, other = (linear(M).svd(4, "progressive", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.V, second.V)
    assert not torch.equal(first.V, other.V)


def test_wrong_arguments_are_said():
    J = linear(falling(30, 20))
    for call, error, words in (
        ({"start": torch.ones(20)}, ValueError, r"start must have shape \(20, l\), got \(20,\)"),
        ({"start": torch.ones(19, 2)}, ValueError, r"start must have shape \(20, l\), got \(19, 2\)"),
        ({"start": [1]}, TypeError, "start must be a torch tensor, got list"),
        ({"start": torch.full((20, 2), torch.nan)}, ValueError, "start must be finite"),
        ({"start": torch.ones(20, 21)}, ValueError, "the columns of start must be between 1 and 20, got 21"),
        ({"products": 1}, ValueError, "products must be at least 2, got 1"),
        ({"products": 5, "start": torch.eye(20)[:, :3]}, ValueError, "products must be at least 6, got 5"),
        ({"tolerance": -1.0}, ValueError, "tolerance must be at least 0, got -1"),
        ({"block": 0}, ValueError, "block must be at least 1, got 0"),
        (
            {"method": "lanczos", "products": 9},
            ValueError,
            "products must be left out unless method is 'progressive', got method 'lanczos'",
        ),
    ):
        with pytest.raises(error, match=words):
            J.svd(3, **call)


# ---- what every decomposition says of its error


@pytest.mark.parametrize("method", ["exact", "gram", "lanczos", "randomized", "progressive"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_true_values_lie_in_the_interval_of_every_method(method, dtype, monkeypatch):
    if method == "gram":
        monkeypatch.setattr("latent_widgets.geometry.jacobian.operator.KEEP", 0)
    M = falling(90, 60)
    true = torch.linalg.svdvals(M)[:6]
    found = linear(M.to(dtype)).svd(6, "exact" if method == "gram" else method)
    low, high = (end.double() for end in found.bounds)
    assert bool(((low <= true) & (true <= high)).all())
    assert found.residuals.shape == (6,)
    assert bool((found.residuals > 0).all())
    assert bool((high - low < 0.011 * true[0]).all())


def test_gram_leaves_half_of_the_digits_to_small_values(monkeypatch):
    monkeypatch.setattr("latent_widgets.geometry.jacobian.operator.KEEP", 0)
    M = torch.diag(torch.tensor([1.0, 1e-2, 1e-6, 1e-9], dtype=torch.float64))
    found = linear(M.float()).svd()
    low, high = (end.double() for end in found.bounds)
    assert bool(((low <= M.diag()) & (M.diag() <= high)).all())
    error = 512 * torch.finfo(torch.float32).eps  # of a square
    torch.testing.assert_close(found.residuals[:2], torch.tensor([error, 1e2 * error]))
    torch.testing.assert_close(found.residuals[3], torch.tensor(error**0.5))


def test_bounds_need_residuals():
    plain = SVD(None, torch.ones(1), torch.ones(1, 1), "exact", True, 0.0)
    with pytest.raises(ValueError, match=r"residuals must be known for bounds, got None\. JacobianOperator"):
        _ = plain.bounds


# ---- the left singular vectors as pictures


@pytest.mark.parametrize("method", ["exact", "lanczos", "randomized", "progressive"])
def test_left_vectors_are_pictures_where_the_value_is_one(method):
    J = JacobianOperator(picture, torch.linspace(0.1, 1, 5, dtype=torch.float64))
    found = J.svd(2, method, tolerance=1e-8)
    shown = found.pictures()
    assert shown.shape == (2, 2, 3, 4)
    change = torch.func.jvp(picture, (J.x0,), (found.V[:, 1],))[1]
    torch.testing.assert_close(shown[1] * found.S[1], change, rtol=0, atol=1e-3)
    assert JacobianOperator(picture, J.x0, pool=1).svd(2).pictures().shape == (2, 2, 1, 1)


def test_what_is_no_picture_is_said():
    J = linear(falling(30, 20))
    with pytest.raises(ValueError, match=r"output_shape must be \(C, H, W\) for pictures, got \(30,\)"):
        J.svd(2).pictures()
    with pytest.raises(ValueError, match=r"U must be known for pictures, got None\. Use svd\(left=True\)"):
        J.svd(2, left=False).pictures()
