"""The Local Basis against closed forms and LAPACK."""

import pytest
import torch

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.jacobian.differential import differential, mapping_jacobians
from latent_widgets.methods.local_basis import local_bases, local_basis
from tests.linear import linear_generator


def test_singular_vectors_of_a_linear_generator():
    G = linear_generator()
    B = local_basis(G, G.sample_z(1, seed=3))
    U, S, Vh = torch.linalg.svd(G.module.mapping, full_matrices=False)
    torch.testing.assert_close(B.singular_values, S)
    torch.testing.assert_close((B.directions.vectors @ U).abs(), torch.eye(5).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close((B.input_directions @ Vh.T).abs(), torch.eye(5).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(B.input_directions @ G.module.mapping.T, S[:, None] * B.directions.vectors)


def test_exact_faces_have_the_singular_vectors_of_their_closed_form():
    G = ExactFaces(resolution=8, dtype=torch.float64)
    for seed in range(3):
        z = G.sample_z(1, seed=seed)[0]
        B = local_basis(G, z)
        U, S, Vh = torch.linalg.svd(G.mapping_jacobian(z))
        torch.testing.assert_close(B.singular_values, S)
        apart = (S[:-1] - S[1:]).min()  # how far a vector may turn for an error of 1e-12 in the matrix
        for found, true in [(B.directions.vectors, U.T), (B.input_directions, Vh)]:
            assert (1 - (found * true).sum(1).abs()).max() < (1e-12 / apart) ** 2 + 1e-12


def test_signs_and_bookkeeping(tiny):
    z = tiny.sample_z(1, seed=1)
    B = local_basis(tiny, z[0], k=3)
    D = B.directions
    assert D.vectors.shape == (3, 6)
    assert B.input_directions.shape == (3, 7)
    assert B.singular_values.shape == (6,)  # all are kept: the rank needs them
    assert (D.vectors.gather(1, D.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    assert D.check(tiny) is D
    assert (D.method, D.space, D.unit, D.rows) == ("local_basis", "w", "sd", None)
    torch.testing.assert_close(D.scores["singular value"], B.singular_values[:3])
    torch.testing.assert_close(B.code, tiny.map(z)[0])
    assert (B.target, B.rank_method) == ("w", "energy")
    assert B.ranks["energy"] == B.rank
    assert set(B.ranks) == {"energy", "kritchman-nadler", "gap"}


def test_many_latents_at_once_equal_one_at_a_time(tiny):
    z = tiny.sample_z(5)
    steps = []
    for basis, point in zip(local_bases(tiny, z, on_step=steps.append), z, strict=True):
        torch.testing.assert_close(basis.directions.vectors, local_basis(tiny, point).directions.vectors)
    assert steps[-1].index == 5


def test_image_target_takes_right_singular_vectors_of_the_picture(tiny, plain):
    for G in (tiny, plain):
        z = G.sample_z(1)
        code = G.map(z)[0] if G is tiny else z[0]
        matrix = torch.autograd.functional.jacobian(lambda x, G=G: G.synthesize(x[None]).flatten(), code)
        _, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
        for method in ("exact", "lanczos"):
            B = local_basis(G, z, target="image", k=2, method=method)
            torch.testing.assert_close(B.singular_values[:2], S[:2])
            torch.testing.assert_close((B.directions.vectors @ Vh[:2].T).abs(), torch.eye(2).double())
            assert B.directions.space == G.main_space
            assert (B.rank is None) == (method == "lanczos")
        assert B.ranks == {}


def test_layer_target(tiny):
    B = local_basis(tiny, tiny.sample_z(1), target="b4.conv1")
    f = torch.autograd.functional.jacobian(
        lambda x: tiny.features(x[None], ["b4.conv1"])["b4.conv1"].flatten(), tiny.map(tiny.sample_z(1))[0]
    )
    torch.testing.assert_close(B.singular_values, torch.linalg.svdvals(f)[:6])


def test_rank_of_the_normalised_mapping_leaves_out_the_radius(tiny):
    found = differential(tiny, tiny.sample_z(2))
    assert found.singular_values.shape == (2, 6)
    J = mapping_jacobians(tiny, tiny.sample_z(2))
    torch.testing.assert_close(found.singular_values, torch.linalg.svdvals(J))


def test_cancelled_run_returns_the_latents_that_were_done(plain):
    bases = local_bases(plain, plain.sample_z(4), target="image", k=1, on_step=lambda step: step.index < 2)
    assert len(bases) == 2
    assert differential(plain, plain.sample_z(4), "image", on_step=lambda step: False).total == 4


def test_mapping_that_cannot_be_transformed(tiny):
    class Opaque(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad

    z = tiny.sample_z(2)
    expected = 2 * mapping_jacobians(tiny, z)
    plain_map = tiny._map
    tiny._map = lambda z: Opaque.apply(plain_map(z))
    torch.testing.assert_close(mapping_jacobians(tiny, z), expected)


def test_bad_input(tiny, plain):
    with pytest.raises(ValueError, match=r"'plain', which has no mapping network, got 'w'\. Use target='image'"):
        local_basis(plain, plain.sample_z(1))
    z = tiny.sample_z(1)
    for arguments, message in [
        ({"z": tiny.sample_z(2)}, r"z must be one latent, got 2. Use local_bases\(G, z\) for many"),
        ({"z": z[:, :6]}, "z must have shape"),
        ({"k": 7}, "k must be between 1 and 6, got 7"),
        ({"k": 7, "target": "image"}, "k must be between 1 and 6, got 7"),
        ({"target": "picture"}, "target must be one of 'w', 'image', 'b4.conv1'"),
        ({"rank_method": "elbow"}, "rank_method must be one of 'energy', 'kritchman-nadler', 'gap', got 'elbow'"),
        ({"method": "qr"}, "method must be one of 'exact', 'lanczos', 'randomized', 'progressive', got 'qr'"),
    ]:
        with pytest.raises(ValueError, match=message):
            local_basis(tiny, **{"z": z} | arguments)
    with pytest.raises(TypeError, match=r"z must have dtype torch\.float64"):
        local_basis(tiny, z.float())
