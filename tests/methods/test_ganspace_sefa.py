"""The closed forms against scikit-learn and against the weights themselves."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods.ganspace import ganspace
from latent_widgets.methods.sefa import sefa
from tests.linear import linear_generator


def test_ganspace_is_pca_of_mapped_latents(tiny):
    D = ganspace(tiny, k=4, samples=9000, seed=3)  # three batches
    pca = PCA(svd_solver="full").fit(tiny.map(tiny.sample_z(9000, seed=3)).numpy())
    np.testing.assert_allclose(np.abs(D.vectors.numpy() @ pca.components_[:4].T), np.eye(4), atol=1e-6)
    np.testing.assert_allclose(D.scales, np.sqrt(pca.explained_variance_[:4]), rtol=1e-9)
    np.testing.assert_allclose(D.scores["share of variance"], pca.explained_variance_ratio_[:4], rtol=1e-9)
    assert (D.vectors.gather(1, D.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    assert (D.unit, D.space, D.seed, D.rows) == ("sd", "w", 3, (0, 1, 2, 3))


def test_ganspace_of_a_linear_generator_finds_its_singular_vectors():
    G = linear_generator()
    U, S, _ = torch.linalg.svd(G.module.mapping)
    D = ganspace(G, k=3, samples=40_000)
    assert (D.vectors @ U[:, :3]).diagonal().abs().min() > 0.99
    torch.testing.assert_close(D.scales, S[:3], rtol=0.02, atol=0)


def test_ganspace_cancelled_uses_what_it_saw(tiny):
    D = ganspace(tiny, k=2, samples=20_000, on_step=lambda step: False)
    twin = PCA(2).fit(tiny.map(tiny.sample_z(20_000)[:4096]).numpy())
    np.testing.assert_allclose(np.abs(D.vectors.numpy() @ twin.components_.T), np.eye(2), atol=1e-6)
    assert D.rows is None


def test_sefa_is_the_definition(tiny):
    for layers in (None, [0, 2], [tiny.num_layers - 1]):
        rows = range(tiny.num_layers) if layers is None else layers
        columns = []
        for row in rows:
            names = [n for n, i in zip(tiny.layer_names, tiny.layer_index, strict=True) if i == row]
            name = next((n for n in names if "conv" in n), names[0])
            weight = tiny.module.synthesis._layer(name).affine.weight.numpy()
            columns.append(weight.T / np.linalg.norm(weight.T, axis=0))
        A = np.concatenate(columns, 1)
        U, S, _ = np.linalg.svd(A)
        k = min(3, int((S > 1e-9).sum()))
        D = sefa(tiny, k=k, layers=layers)
        np.testing.assert_allclose(np.abs(D.vectors.numpy() @ U[:, :k]), np.eye(k), atol=1e-8)
        np.testing.assert_allclose(D.scores["eigenvalue"], S[:k] ** 2)
        assert D.layers == (None if layers is None else tuple(layers))


def test_sefa_has_no_directions_beyond_what_the_layers_read(tiny):
    """The last row of w+ goes to three channels: a fourth direction would be a slider that does nothing."""
    last = tiny.num_layers - 1
    assert len(sefa(tiny, k=3, layers=[last])) == 3
    with pytest.raises(
        ValueError, match=rf"k must be at most 3, the rank .*, got 4\. The layers \[{last}\] see no more"
    ):
        sefa(tiny, k=4, layers=[last])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rank_of_sefa_is_not_rounding(dtype, make_network):
    """Affine maps of rank two, whose other eigenvalues are rounding in either type."""
    network = make_network()
    with torch.no_grad():
        for affine in network.synthesis.affines():
            U, S, _ = torch.linalg.svd(affine.weight, full_matrices=False)
            affine.weight.copy_(U[:, :2] * S[:2] @ torch.eye(6, dtype=torch.float64)[:2])
    G = StyleGenerator(network.to(dtype), "tiny")
    assert len(sefa(G, k=2)) == 2
    with pytest.raises(ValueError, match=r"k must be at most 2, the rank of the weights that are read, got 3\.$"):
        sefa(G, k=3)


def test_sefa_reads_the_first_layer_without_a_mapping(plain):
    D = sefa(plain, k=2)
    weight = plain.module.b4.dense.weight.numpy().T
    U, _, _ = np.linalg.svd(weight / np.linalg.norm(weight, axis=0))
    np.testing.assert_allclose(np.abs(D.vectors.numpy() @ U[:, :2]), np.eye(2), atol=1e-8)
    assert D.space == "z"


def test_bad_input(tiny, plain):
    with pytest.raises(ValueError, match="k must be between 1 and 6, got 7"):
        ganspace(tiny, k=7)
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        ganspace(tiny, k=1, samples=1)
    with pytest.raises(ValueError, match="k must be at most 2, the rank of the sample, got 4"):
        ganspace(tiny, k=4, samples=3)
    with pytest.raises(ValueError, match="k must be between 1 and 6, got 0"):
        sefa(tiny, k=0)
    with pytest.raises(ValueError, match="layers must be between 0 and 5, got 6"):
        sefa(tiny, k=2, layers=[6])
    with pytest.raises(ValueError, match="layers must be None in z"):
        sefa(plain, k=2, layers=[0])
    with pytest.raises(
        ValueError, match="sefa must be given a generator whose styles are affine in w, got 'faces-exact'"
    ):
        sefa(ExactFaces(resolution=8), k=2)
