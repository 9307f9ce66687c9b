import inspect

import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import random_directions
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


def test_directions_are_orthonormal_and_in_deviations(G):
    D = random_directions(G, k=5, seed=3)
    torch.testing.assert_close(D.vectors @ D.vectors.T, torch.eye(5, dtype=torch.float64))
    assert torch.equal(D.scales, latent_sd(G, D.vectors, "w"))
    assert (D.space, D.unit, D.seed, D.generator, D.weights_hash) == ("w", "sd", 3, "tiny", G.weights_hash)


def test_the_call_that_the_value_names_gives_it_again(G):
    D = random_directions(G, k=3, seed=3, layers=[0, 2], orthogonal=False)[[2, 0]]
    assert D.method == "random_directions"
    again = random_directions(G, **D.parameters, seed=D.seed)[list(D.rows)]
    assert torch.equal(again.vectors, D.vectors)
    assert torch.equal(again.scales, D.scales)
    assert again.layers == D.layers == (0, 2)


def test_first_directions_do_not_depend_on_how_many(G):
    few, many = random_directions(G, k=2, seed=1), random_directions(G, k=4, seed=1)
    torch.testing.assert_close(many.vectors[:2], few.vectors)
    assert not torch.allclose(random_directions(G, k=2, seed=2).vectors, few.vectors)


def test_directions_have_nothing_to_do_with_the_latent_of_their_seed(plain):
    """Of 300 independent pairs in five dimensions the mean |cosine| is 3 / 8, give or take 0.015."""
    draws = torch.stack([random_directions(plain, k=1, seed=seed).vectors[0] for seed in range(300)])
    latents = torch.stack([plain.sample_z(1, seed)[0] for seed in range(300)])
    cosines = (draws * latents).sum(1).abs() / latents.norm(dim=1)
    assert abs(float(cosines.mean()) - 3 / 8) < 0.06


def test_every_corner_of_the_sphere_is_as_likely(plain):
    """The mean of the projectors is I / d, and the mean vector is zero: a sign convention would break the second."""
    draws = torch.cat([random_directions(plain, k=3, seed=seed).vectors for seed in range(300)])
    spread = torch.einsum("ni,nj->ij", draws, draws) / len(draws)
    torch.testing.assert_close(spread, torch.eye(5, dtype=torch.float64) / 5, atol=0.03, rtol=0)
    assert draws.mean(0).abs().max() < 0.06


def test_more_than_the_dimension_only_without_right_angles(G):
    assert random_directions(G, k=9, orthogonal=False).vectors.shape == (9, 5)
    with pytest.raises(ValueError, match=r"k must be at most 5, the dimension of w, got 9\. Use orthogonal=False"):
        random_directions(G, k=9)


def test_w_plus_directions_touch_only_their_layers(G):
    D = random_directions(G, k=7, space="w+", layers=[1, 3])
    assert D.vectors.shape == (7, 6, 5)
    assert D.vectors[:, [0, 2, 4, 5]].abs().max() == 0
    flat = D.vectors[:, [1, 3]].reshape(7, -1)
    torch.testing.assert_close(flat @ flat.T, 2 * torch.eye(7, dtype=torch.float64))  # rows have mean square one
    torch.testing.assert_close(D.unit_vectors, D.vectors)


def test_type_follows_the_generator(G, plain):
    double = random_directions(plain, k=2)
    plain.to(dtype=torch.float32)
    single = random_directions(plain, k=2)
    assert single.vectors.dtype == single.scales.dtype == torch.float32
    assert torch.equal(single.vectors, double.vectors.float())


def test_bad_arguments_are_refused(G, plain):
    with pytest.raises(ValueError, match="space must be one of 'z', got 'w'"):
        random_directions(plain, space="w")
    with pytest.raises(ValueError, match="layers must be None in z"):
        random_directions(plain, layers=[0])
    with pytest.raises(ValueError, match="layers must be between 0 and 5, got 6"):
        random_directions(G, layers=[6])
    with pytest.raises(TypeError, match=r"k must be an integer, got 2\.5"):
        random_directions(G, k=2.5)
    with pytest.raises(ValueError, match="seed must be between 0 and"):
        random_directions(G, k=2, seed=-1)


def test_progress_is_reported(G):
    steps = []
    assert isinstance(random_directions(G, on_step=steps.append, k=2), Directions)
    assert [(step.index, step.total) for step in steps] == [(1, 1)]
    assert inspect.signature(random_directions).parameters["on_step"].default is None
