from types import SimpleNamespace

import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.values.units import direction_lengths, latent_sample, latent_sd


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def vectors():
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_deviation_in_w_is_that_of_the_projected_sample(G, vectors):
    w = G.map(G.sample_z(300, seed=4)).numpy()
    for vector, found in zip(vectors, latent_sd(G, vectors, "w", n=300, seed=4), strict=True):
        u = (vector / vector.norm()).numpy()
        assert float(found) == pytest.approx((w @ u).std(ddof=1), rel=1e-12)


def test_quiet_direction_keeps_its_digits(make_network):
    """No square is taken of what is measured: a deviation of a 1e-9th of the largest has as many digits as that one."""
    network = make_network(w_dim=5, mapping_layers=1)
    with torch.no_grad():
        network.mapping.fc0.weight[3] *= 1e-9
        network.mapping.fc0.bias[3] = 0
    G = StyleGenerator(network, "tiny")
    w = G.map(G.sample_z(300, seed=4))
    found = latent_sd(G, torch.eye(5, dtype=torch.float64), "w", n=300, seed=4)
    torch.testing.assert_close(found, w.std(0), rtol=1e-6, atol=0)


def test_deviation_is_measured_once_and_anew_when_the_mapping_moves(G, vectors, monkeypatch):
    drawn, mapped = [], G._map
    monkeypatch.setattr(G, "_map", lambda z: drawn.append(len(z)) or mapped(z))
    first = latent_sd(G, vectors, "w")
    assert torch.equal(latent_sd(G, vectors, "w"), first)
    assert sum(n > 100 for n in drawn) == 1
    with torch.no_grad():
        G.module.mapping.fc1.weight.data.mul_(3)  # as an average of weights is kept, unseen by any counter
    again = latent_sd(G, vectors, "w")
    assert sum(n > 100 for n in drawn) == 2
    w = G.map(G.sample_z(2000))
    torch.testing.assert_close(again, (w @ (vectors / vectors.norm(dim=1, keepdim=True)).T).std(0))
    latent_sd(G, vectors, "w", n=400)
    latent_sd(G, vectors, "w", n=400, seed=1)
    assert [n for n in drawn if n > 100][-2:] == [400, 400]


def test_every_class_has_its_own_deviation(make_network, vectors):
    G = StyleGenerator(make_network(w_dim=5, c_dim=2), "classes", condition=0)
    for condition in (0, 1, 0):
        one = G.of_class(condition)
        w = one.map(one.sample_z(2000))
        wanted = (w @ (vectors / vectors.norm(dim=1, keepdim=True)).T).std(0)
        torch.testing.assert_close(latent_sd(one, vectors, "w"), wanted)


def test_deviation_follows_the_covariance(G):
    """The squared deviation is the quadratic form of the covariance, so it is largest along its first eigenvector."""
    sample = latent_sample(G, "w", 500)
    values, axes = torch.linalg.eigh(sample.T.cov())
    torch.testing.assert_close(latent_sd(G, axes.T.contiguous(), "w", n=500), values.sqrt())


def test_prior_has_deviation_one(G, plain, vectors):
    assert latent_sd(plain, vectors, "z").tolist() == [1, 1, 1]
    assert latent_sample(plain, "z", 10).shape == (10, 5)


def test_repeated_direction_of_w_has_the_same_deviation_in_w_plus(G, vectors):
    repeated = vectors[:, None].repeat(1, G.num_layers, 1)
    torch.testing.assert_close(latent_sd(G, repeated, "w+"), latent_sd(G, vectors, "w"))
    only = torch.zeros_like(repeated)
    only[:, 2] = vectors
    torch.testing.assert_close(latent_sd(G, only, "w+", layers=[2]), latent_sd(G, vectors, "w"))
    torch.testing.assert_close(latent_sd(G, vectors, "w", layers=[2]), latent_sd(G, vectors, "w"))


def test_style_vectors_have_their_own_deviation(G):
    channel = torch.eye(G.s_dim, dtype=torch.float64)[[4, 11]]
    styles = G.styles(G.map(G.sample_z(100, seed=0)))
    torch.testing.assert_close(latent_sd(G, channel, "s", n=100), styles[:, [4, 11]].std(0))


def test_length_of_w_plus_is_the_root_mean_square_of_its_rows(vectors):
    stack = vectors[None]  # one direction with three rows
    rms = (vectors.norm(dim=1).square().sum() / 3).sqrt()
    torch.testing.assert_close(direction_lengths(stack), rms[None])
    torch.testing.assert_close(direction_lengths(stack, [1]), vectors[1].norm()[None])


def test_what_cannot_be_sampled_is_refused(G, plain, vectors):
    with pytest.raises(ValueError, match="space must be one of 'z', got 'w'"):
        latent_sample(plain, "w")
    with pytest.raises(ValueError, match=r"vectors must have shape \(k, 5\), got \(3, 4\)"):
        latent_sd(G, vectors[:, :4], "w")
    with pytest.raises(ValueError, match="n must be at least 2, got 1"):
        latent_sd(G, vectors, "w", n=1)
    styleless = SimpleNamespace(check_space=lambda space: space, sample_z=G.sample_z, map=G.map)
    with pytest.raises(ValueError, match=r"got 's': SimpleNamespace has no styles\(code\)"):
        latent_sample(styleless, "s")
