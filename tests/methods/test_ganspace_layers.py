"""GANSpace of a layer: components regressed to the latent, beside a full decomposition and least squares."""

import sys

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

import latent_widgets as lw
from latent_widgets.methods.ganspace import ganspace
from tests.components import features, regressed
from tests.linear import LinearGenerator, linear_generator

N = 300  # three blocks


@pytest.mark.parametrize(("layer", "space"), [("all", "z"), ("all", "w"), ("image", "z"), ("image", "w"), (None, "z")])
def test_layer_is_decomposed_and_regressed(layer, space):
    G = linear_generator(z_dim=5, w_dim=7)  # the features are the cubes of 48 numbers
    z = G.sample_z(N, seed=3)
    rows = G.map(z).numpy() if layer is None else features(G, layer, G.map(z))
    directions, pca, shares = regressed(rows, (z if space == "z" else G.map(z)).numpy(), 4)
    D = ganspace(G, k=4, layer=layer, space=space, samples=N, seed=3)
    assert (D.space, D.unit, D.seed, D.rows) == (space, "sd", 3, (0, 1, 2, 3))
    np.testing.assert_allclose(np.abs((D.vectors.numpy() * directions).sum(1)), 1, atol=1e-9)
    assert (D.vectors.gather(1, D.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    np.testing.assert_allclose(D.scores["share of variance"], pca.explained_variance_ratio_[:4], rtol=1e-9)
    np.testing.assert_allclose(D.scores["linear share"], shares, rtol=1e-7)
    deviations = (D.vectors @ G.module.mapping).norm(dim=1) if space == "w" else torch.ones(4, dtype=torch.float64)
    torch.testing.assert_close(D.scales, deviations, rtol=0.06, atol=0)


def test_direction_moves_a_linear_layer_along_its_component_alone():
    """Not only for many samples: both steps see the same ones."""
    G = linear_generator(z_dim=5, w_dim=7)
    A = (G.module.synthesis @ G.module.mapping).numpy()
    z = G.sample_z(40, seed=1)
    components = PCA(5).fit(features(G, "image", G.map(z))).components_
    moved = ganspace(G, k=5, layer="image", space="z", samples=40, seed=1).vectors.numpy() @ A.T
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(moved @ components.T), np.eye(5), atol=1e-9)


def test_directions_of_a_linear_layer_are_its_right_singular_vectors():
    G = linear_generator(z_dim=5, w_dim=7)
    _, S, Vh = torch.linalg.svd(G.module.mapping)
    D = ganspace(G, k=5, space="z", samples=8_000)
    assert float((D.vectors * Vh).sum(1).abs().min()) > 0.995
    torch.testing.assert_close(D.scores["share of variance"], S**2 / S.square().sum(), rtol=0.06, atol=0)
    torch.testing.assert_close(D.scales, torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(D.scores["linear share"], torch.ones(5, dtype=torch.float64))


def test_slider_changes_the_first_layer_of_digits_along_its_component():
    G = lw.load("digits32")
    z = G.sample_z(500)
    D = ganspace(G, k=3, samples=500)
    assert (D.space, D.parameters["layer"]) == ("z", "b4")
    components = PCA(5, svd_solver="full").fit(features(G, "b4", z)).components_
    start = G.sample_z(32, seed=9)
    for i, step in enumerate(D.unit_vectors * D.scales[:, None]):
        change = (features(G, "b4", start + step) - features(G, "b4", start - step)).mean(0)
        along = components @ change / np.linalg.norm(change)
        assert abs(along[i]) > 0.95
        assert np.abs(np.delete(along, i)).max() < 0.15


def test_memory_for_a_large_layer_is_bounded_and_what_is_asked_for_is_kept(monkeypatch):
    """Little memory: as few rows as directions, and the first of them are nearly what they were."""
    G = linear_generator(z_dim=5, w_dim=7)
    whole = ganspace(G, k=2, layer="all", samples=N)
    seen = []
    module = sys.modules[ganspace.__module__]
    merged = module.merged

    def told(stream, rows, beside, keep):
        seen.append((len(rows), keep))
        return merged(stream, rows, beside, keep)

    monkeypatch.setattr(module, "merged", told)
    monkeypatch.setattr(module, "_MEMORY", 8 * 48 * 20)
    small = ganspace(G, k=2, layer="all", samples=N)
    assert max(rows + keep for rows, keep in seen) <= 20
    assert float((small.vectors * whole.vectors).sum(1).min()) > 0.99
    torch.testing.assert_close(small.scores["share of variance"], whole.scores["share of variance"], rtol=0.02, atol=0)
    monkeypatch.setattr(module, "_MEMORY", 1)
    assert len(ganspace(G, k=2, layer="all", samples=N)) == 2
    assert seen[-1][1] == 3


def test_pictures_of_a_large_generator_are_drawn_a_few_at_a_time(plain, monkeypatch):
    monkeypatch.setattr(sys.modules[ganspace.__module__], "_PIXELS", 3 * 16 * 16 * 10)
    steps = []
    ganspace(plain, k=2, samples=25, on_step=lambda step: steps.append(step.index))
    assert [index for index in steps if index] == [10, 20, 25]


def test_generator_without_named_layers_has_the_components_of_its_picture(plain):
    named = ganspace(plain, k=2, layer="image", samples=N)
    plain.layer_names = ()
    D = ganspace(plain, k=2, samples=N)
    assert D.parameters["layer"] == "image"
    torch.testing.assert_close(D.vectors, named.vectors)


def test_cancelled_uses_what_it_saw():
    G = linear_generator(z_dim=5, w_dim=7)
    D = ganspace(G, k=2, layer="all", space="z", samples=N, on_step=lambda step: step.index < 200)
    seen = G.sample_z(N)[:256]
    directions, _, _ = regressed(features(G, "all", G.map(seen)), seen.numpy(), 2)
    np.testing.assert_allclose(np.abs((D.vectors.numpy() * directions).sum(1)), 1, atol=1e-9)
    assert D.rows is None


def test_bad_layers_and_spaces(plain, tiny):
    with pytest.raises(ValueError, match="layer must be one of 'b4', 'b8', 'b16', 'image', got 'b5'"):
        ganspace(plain, k=2, layer="b5")
    with pytest.raises(ValueError, match="space must be one of 'z', got 'w'"):
        ganspace(plain, k=2, space="w")
    with pytest.raises(ValueError, match=r"space must be one of 'z', 'w', got 'w\+'"):
        ganspace(tiny, k=2, space="w+")
    with pytest.raises(ValueError, match="k must be between 1 and 5, got 6"):
        ganspace(plain, k=6)
    with pytest.raises(ValueError, match="k must be at most 2, the rank of the sample, got 3"):
        ganspace(plain, k=3, samples=3)
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        ganspace(plain, k=1, samples=1)
    flat = LinearGenerator(torch.eye(5).double(), torch.randn(48, 5).double()[:, :2] @ torch.eye(5).double()[:2])
    with pytest.raises(ValueError, match="k must be at most 2, the rank of the sample, got 3"):
        ganspace(flat, k=3, layer="image", samples=50)


class Still(LinearGenerator):
    """A picture that changes by less than single precision can tell."""

    def _synthesize(self, code, space):
        return 1000 + 1e-3 * super()._synthesize(code, space)


def test_layer_that_changes_by_rounding_alone_is_refused():
    G = Still(torch.eye(5), torch.randn(48, 5, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(ValueError, match="got 'image', which is the same for 60 samples"):
        ganspace(G, k=2, layer="image", samples=60)


def test_layer_that_does_not_vary_is_refused(plain):
    with torch.no_grad():
        plain.module.b4.dense.weight.zero_()
    with pytest.raises(
        ValueError,
        match=r"layer must be one that changes with the latent, got 'b4', which is the same for 60",
    ):
        ganspace(plain, k=2, samples=60)
