"""Products with the Jacobian against reverse-mode and closed-form matrices."""

import warnings

import numpy as np
import pytest
import scipy.sparse.linalg
import torch
import torch.nn.functional as F

from latent_widgets.core.steps import Cancelled
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.jacobian import products
from latent_widgets.geometry.jacobian.functions import (
    feature_function,
    image_function,
    mapping_function,
    target_function,
)
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from tests.geometry.conftest import A, X
from tests.linear import linear_generator


class SineWithoutForwardMode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].cos()


class SineWithOneDerivative(SineWithoutForwardMode):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].cos()


# ---- laws


def test_adjoint_identity_holds_in_float32(tiny):
    G = tiny.to(dtype=torch.float32)
    f = image_function(G, G.code(0))
    J = JacobianOperator(f, f.x0)
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        v, u = torch.randn(J.shape[1], generator=rng), torch.randn(J.shape[0], generator=rng)
        left, right = (J @ v) @ u, v @ (J.T @ u)
        assert abs(left - right) < 1e-5 * (J @ v).norm() * u.norm()


@pytest.mark.parametrize("target", ["w", "image", "b8.conv1"])
def test_forward_mode_equals_reverse_mode(tiny, target):
    f = target_function(tiny, tiny.sample_z(1)[0] if target == "w" else tiny.code(0), target)
    J = JacobianOperator(f, f.x0)
    reverse = torch.autograd.functional.jacobian(lambda x: f(x).flatten(), f.x0)
    torch.testing.assert_close(J.dense(), reverse)
    torch.testing.assert_close(J @ torch.eye(J.shape[1], dtype=torch.float64), reverse)
    torch.testing.assert_close(J.T @ torch.eye(J.shape[0], dtype=torch.float64), reverse.T)


def test_jacobian_of_a_linear_generator_is_its_matrix():
    G = linear_generator()
    f = mapping_function(G, G.sample_z(1))
    torch.testing.assert_close(JacobianOperator(f, f.x0).dense(), G.module.mapping)
    f = image_function(G, G.code(0))
    torch.testing.assert_close(JacobianOperator(f, f.x0).dense(), G.module.synthesis)


def test_radial_direction_is_null_for_a_normalised_mapping(tiny):
    z = tiny.sample_z(1, seed=4)[0]
    J = JacobianOperator(mapping_function(tiny, z), z)
    assert (J @ z).norm() < 1e-7 * torch.linalg.matrix_norm(J.dense(), 2) * z.norm()


def test_closed_form_jacobian_of_the_exact_faces():
    G = ExactFaces(resolution=8, dtype=torch.float64)
    z = G.sample_z(1, seed=2)[0]
    J = JacobianOperator(mapping_function(G, z), z)
    torch.testing.assert_close(J.dense(), G.mapping_jacobian(z))


def test_gram_held_and_streamed_agree(tiny):
    f = image_function(tiny, tiny.code(1))
    J = JacobianOperator(f, f.x0)
    matrix = torch.autograd.functional.jacobian(lambda x: f(x).flatten(), f.x0)
    for keep in (True, False, None):
        torch.testing.assert_close(J.gram(keep=keep), matrix.T @ matrix)


# ---- masks, pooling, codes


def test_soft_mask_and_pooling_match_a_dense_twin(rng):
    weights = torch.rand(4, 6, generator=rng, dtype=torch.float64)
    picture = torch.randn(3 * 8 * 12, 6, generator=rng, dtype=torch.float64)
    J = JacobianOperator(lambda x: torch.sin(picture @ x).reshape(3, 8, 12), X, mask=weights, pool=(4, 6))
    rows = (torch.cos(picture @ X)[:, None] * picture).reshape(3, 4, 2, 6, 2, 6).mean((2, 4))
    twin = (rows * weights.sqrt()[..., None]).reshape(-1, 6)
    torch.testing.assert_close(J.dense(), twin)
    torch.testing.assert_close(J.gram(), torch.einsum("chwd,hw,chwe->de", rows, weights, rows))


def test_mask_at_full_size_is_pooled_too():
    mask = np.zeros((8, 8), dtype=bool)
    mask[:4, :3] = True
    J = JacobianOperator(lambda x: (x[0] * torch.ones(1, 8, 8)).to(x), X, mask=mask, pool=4)
    weights = torch.as_tensor(mask).double().reshape(4, 2, 4, 2).mean((1, 3))
    torch.testing.assert_close(J.gram()[0, 0], weights.sum())


def test_disjoint_masks_have_additive_grams(tiny, rng):
    f = image_function(tiny, tiny.code(1))
    mask = torch.rand(16, 16, generator=rng) > 0.6
    parts = [JacobianOperator(f, f.x0, mask=m).gram() for m in (mask, ~mask)]
    torch.testing.assert_close(sum(parts), JacobianOperator(f, f.x0).gram())


def test_rows_of_a_shared_w_sum_to_the_whole(tiny):
    w = tiny.code(0)
    whole = JacobianOperator(image_function(tiny, w), w).dense()
    f, g = image_function(tiny, w, rows=[0, 1]), image_function(tiny, w, rows=range(2, tiny.num_layers))
    torch.testing.assert_close(JacobianOperator(f, f.x0).dense() + JacobianOperator(g, g.x0).dense(), whole)


def test_rows_of_w_plus_are_columns_of_its_jacobian(tiny):
    code = tiny.broadcast(tiny.map(tiny.sample_z(1)))
    f, g = image_function(tiny, code), image_function(tiny, code[0], rows=[3, 1])
    whole = JacobianOperator(f, f.x0).dense().reshape(-1, tiny.num_layers, tiny.w_dim)
    torch.testing.assert_close(JacobianOperator(g, g.x0).dense(), whole[:, [1, 3]].flatten(1))


def test_style_and_feature_functions(tiny):
    s = tiny.styles(tiny.code(0)[None])
    f = feature_function(tiny, s, "b4.conv1", space="s")
    assert f.space == "s"
    assert f(f.x0).shape == tiny.features(s, ["b4.conv1"])["b4.conv1"].shape[1:]


# ---- chunks, modes, memory


def test_chunks_do_not_change_products(curved, dense):
    small = JacobianOperator(lambda x: torch.tanh(A @ x), X, memory=1)
    assert small.products.chunk == 1
    torch.testing.assert_close(small.dense(), dense)
    torch.testing.assert_close(small.gram(keep=False), curved.gram())


def test_chunk_counts_what_follows_the_vector_and_not_what_weights_take():
    def with_heavy_weights(x):
        heavy = torch.ones(1000, len(x), dtype=x.dtype, device=x.device).square() / 1000
        return torch.tanh(heavy.sum(0) * x)

    def heavy_itself(x):
        return torch.tanh(x[:, None].expand(-1, 1000).square().mean(1) ** 0.5)

    each = X.numel() * X.element_size()
    budget = (8 * 3 + 2) * each  # three vectors, beside the graph
    assert JacobianOperator(with_heavy_weights, X, memory=budget).products.chunk == 3
    assert JacobianOperator(heavy_itself, X, memory=budget).products.chunk == 1


def test_chunk_is_halved_when_memory_runs_out(curved, dense, monkeypatch):
    push, pull, sizes = curved.products.push_forward, products.Products.make_pull, []

    def greedy(vectors):
        sizes.append(len(vectors))
        if len(vectors) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return push(vectors)

    def greedy_pull(self, vectors):
        sizes.append(len(vectors))
        if len(vectors) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return pull(self, vectors)

    monkeypatch.setattr(curved.products, "push_forward", greedy)
    monkeypatch.setattr(products.Products, "make_pull", greedy_pull)
    torch.testing.assert_close(curved.dense(), dense)
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1, 1]  # one more, which is compared with the values
    curved.products.chunk = 8
    torch.testing.assert_close(curved.T @ torch.eye(9, dtype=torch.float64), dense.T)


def test_running_out_of_memory_for_one_product_is_an_error(curved, monkeypatch):
    def starved(vectors):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(curved.products, "push_forward", starved)
    with pytest.raises(torch.OutOfMemoryError):
        curved @ X


def test_missing_forward_mode_falls_back_with_one_warning():
    J = JacobianOperator(lambda x: A @ SineWithoutForwardMode.apply(x), X)
    twin = A * X.cos()
    with pytest.warns(UserWarning, match="Forward mode is missing for fn .* using double reverse mode"):
        torch.testing.assert_close(J.dense(), twin)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(J @ X, twin @ X)
        torch.testing.assert_close(J.gram(), twin.T @ twin)
        torch.testing.assert_close(J.T @ A[:, 0], twin.T @ A[:, 0])


def test_grid_sample_has_a_jacobian(rng):
    picture = torch.randn(1, 2, 5, 5, generator=rng, dtype=torch.float64)

    def f(x):
        return F.grid_sample(picture, x.reshape(1, 1, 3, 2).tanh(), align_corners=False).flatten()

    try:
        torch.autograd.functional.jvp(f, X, X)
    except RuntimeError:  # PyTorch 2.6 differentiates it once only
        with pytest.raises(ValueError, match="fn must have a derivative in forward mode or twice in reverse mode"):
            JacobianOperator(f, X) @ torch.eye(6).double()
    else:
        with pytest.warns(UserWarning, match="grid_sampler"):
            torch.testing.assert_close(JacobianOperator(f, X) @ torch.eye(6).double(), torch.func.jacrev(f)(X))


def test_one_derivative_is_not_enough_for_products_with_vectors():
    J = JacobianOperator(lambda x: A @ SineWithOneDerivative.apply(x), X)
    torch.testing.assert_close(J.T @ A[:, 0], (A * X.cos()).T @ A[:, 0])
    with pytest.raises(ValueError, match="fn must have a derivative in forward mode or twice in reverse mode"):
        J @ X


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_callers_without_grad_get_the_same(curved, dense, mode):
    with mode():
        x = X.clone()
        J = JacobianOperator(lambda x: torch.tanh(A @ x), x)
        torch.testing.assert_close(J.dense(), dense)
        torch.testing.assert_close(J.T @ A[:, 0], dense.T @ A[:, 0])
        assert torch.is_grad_enabled() is False


def test_results_carry_no_graph():
    layer = torch.nn.Linear(6, 4, dtype=torch.float64)
    J = JacobianOperator(layer, X)
    for result in (J @ X, J.T @ layer.bias, J.gram(), J.svd(2).V):
        assert not result.requires_grad


# ---- scipy, progress


def test_scipy_operator(curved, dense):
    operator = curved.to_scipy()
    np.testing.assert_allclose(operator @ np.eye(6), dense)
    np.testing.assert_allclose(operator.T @ np.ones(9), dense.T @ torch.ones(9).double())
    values = scipy.sparse.linalg.svds(operator, k=2, return_singular_vectors=False, random_state=0)
    np.testing.assert_allclose(np.sort(values), torch.linalg.svdvals(dense)[:2].flip(0))


def test_progress_counts_products_and_cancel_stops(curved):
    curved.products.chunk = 2
    steps = []
    curved.dense(on_step=lambda step: steps.append((step.index, step.total)))
    assert steps == [(2, 6), (4, 6), (6, 6)]
    with pytest.raises(Cancelled, match="Cancelled after 4 of 6 products"):
        curved.gram(on_step=lambda step: step.index < 4)


def test_error_in_progress_propagates(curved):
    def broken(step):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        curved.gram(on_step=broken)


def test_repr(curved):
    assert repr(curved) == "<JacobianOperator 9 x 6, float64 on cpu>"
    assert repr(curved.T) == "<JacobianOperator 9 x 6, float64 on cpu>.T"
    assert curved.T.T is curved
