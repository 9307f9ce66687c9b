"""Laws of the Grassmannian, and the published Haar values."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import torch

from latent_widgets.geometry.subspaces.grassmann import (
    as_basis,
    exp,
    geodesic,
    grassmann_distance,
    karcher_mean,
    log,
    pairwise_angles,
    principal_angles,
)
from latent_widgets.geometry.subspaces.haar import haar_distance, haar_sample
from latent_widgets.values.directions import Directions

HAAR = {1: 1.53, 5: 3.33, 10: 4.60, 20: 6.29, 50: 9.24}  # n = 512, geodesic


@pytest.fixture
def random_basis():
    """Makes orthonormal columns from a seed."""

    def make(*shape, seed=0, dtype=torch.float64):
        rng = torch.Generator().manual_seed(seed)
        return torch.linalg.qr(torch.randn(*shape, generator=rng, dtype=torch.float64)).Q.to(dtype)

    return make


@pytest.mark.parametrize(("p", "q"), [(3, 3), (2, 5), (5, 2), (1, 1), (9, 4)])
def test_principal_angles_match_scipy(random_basis, p, q):
    A, B = random_basis(11, p, seed=1), random_basis(11, q, seed=2)
    expected = scipy.linalg.subspace_angles(A.numpy(), B.numpy())[::-1]
    np.testing.assert_allclose(principal_angles(A, B), expected, atol=1e-12)


@pytest.mark.parametrize("k", [1, 10, 50])
def test_subspace_is_at_distance_zero_from_itself_in_float32(random_basis, k):
    A = random_basis(512, k, dtype=torch.float32)
    turned = A @ random_basis(k, k, seed=3, dtype=torch.float32)
    for metric in ("geodesic", "projection"):
        assert grassmann_distance(A, A, metric) < 1e-5
        assert grassmann_distance(A, turned, metric) < 2e-5
    assert pairwise_angles(torch.stack([A, turned])).max() < 1e-5


@pytest.mark.parametrize("angle", [1e-5, 1e-3, 0.3, 1.5, 1.5707])
def test_planted_angles_are_found_in_float32(random_basis, angle):
    frame = random_basis(40, 6)
    A, normal = frame[:, :3], frame[:, 3:]
    B = A * np.cos(angle) + normal * np.sin(angle)
    found = principal_angles(A.float(), B.float())
    torch.testing.assert_close(found.double(), torch.full((3,), angle).double(), rtol=0, atol=2e-6)
    torch.testing.assert_close(pairwise_angles(torch.stack([A, B]).float())[0, 1], found, rtol=0, atol=2e-6)


def test_subspaces_of_other_dimensions_have_no_geodesic():
    plane, line = torch.eye(4)[:, :2], torch.eye(4)[:, :1]
    with pytest.raises(ValueError, match="A and B must have the same number of columns, got 2 and 1"):
        geodesic(plane, line, 0.5)
    with pytest.raises(ValueError, match="A and B must have the same number of columns, got 1 and 2"):
        log(line, plane)


def test_angles_are_between_subspaces_of_one_space():
    with pytest.raises(ValueError, match="A and B must be subspaces of one space, got dimensions 4 and 3"):
        principal_angles(torch.eye(4)[:, :2], torch.eye(3)[:, :2])
    with pytest.raises(ValueError, match="A must have orthonormal columns"):
        principal_angles(2 * torch.eye(4)[:, :2], torch.eye(4)[:, :2])
    with pytest.raises(ValueError, match=r"A must have orthonormal columns, got \|A'A - I\| up to 7\.5e-01"):
        principal_angles(torch.eye(4)[:, :2] / 2, torch.eye(4)[:, :2])
    with pytest.raises(TypeError, match="A and B must have one dtype and device"):
        principal_angles(torch.eye(4)[:, :2], torch.eye(4)[:, :2].double())


def test_whole_space_is_a_subspace_too():
    whole = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).double()).Q
    assert as_basis(whole) is whole
    assert grassmann_distance(whole, torch.eye(4).double()) < 1e-7


def test_all_pairs_at_once_equal_one_pair_at_a_time(random_basis):
    bases, others = random_basis(5, 9, 3, seed=1), random_basis(4, 9, 3, seed=2)
    angles = pairwise_angles(bases)
    across = pairwise_angles(bases, others)
    for i, j in itertools.product(range(5), range(5)):
        torch.testing.assert_close(angles[i, j], principal_angles(bases[i], bases[j]), rtol=0, atol=2e-8)
    for i, j in itertools.product(range(5), range(4)):
        torch.testing.assert_close(across[i, j], principal_angles(bases[i], others[j]), rtol=0, atol=2e-8)


def test_right_angles_are_numbers_in_every_pair(random_basis):
    """Rounding takes some squared sines of one beyond it."""
    turn, bases = random_basis(7, 7), []
    for seed, axis in ((1, 5), (2, 6)):
        own = torch.eye(7, dtype=torch.float64)[:, axis : axis + 1].expand(40, 7, 1)
        shared = torch.nn.functional.pad(random_basis(40, 5, 2, seed=seed), (0, 0, 0, 2))
        bases.append(turn @ torch.cat([shared, own], 2) @ random_basis(40, 3, 3, seed=seed))
    largest = pairwise_angles(*bases)[..., -1]
    torch.testing.assert_close(largest, torch.full_like(largest, torch.pi / 2), rtol=0, atol=1e-7)


def test_projection_distance_is_the_norm_of_the_difference_of_projectors(random_basis):
    A, B = random_basis(6, 8, 2, seed=1), random_basis(6, 8, 2, seed=2)
    expected = torch.linalg.matrix_norm(A @ A.mT - B @ B.mT, 2)
    torch.testing.assert_close(grassmann_distance(A, B, "projection"), expected)


@pytest.mark.parametrize(("k", "expected"), list(HAAR.items()))
def test_haar_distance_is_the_published_one(k, expected):
    assert abs(haar_distance(512, k, samples=100) - expected) < 0.01 * expected


def test_haar_sample_has_the_law_of_pairs_of_random_bases(random_basis):
    pairs = principal_angles(random_basis(400, 7, 3, seed=5), random_basis(400, 7, 3, seed=6))
    sample = haar_sample(7, 3, samples=400)
    error = (pairs.var(0) / 400 + sample.var(0) / 400).sqrt()
    assert ((pairs.mean(0) - sample.mean(0)).abs() < 4 * error).all()
    assert haar_sample(4, 4, samples=3).max() < 1e-7
    assert (haar_sample(5, 4, samples=3)[:, :3] < 1e-7).all()  # any two have three dimensions in common


def test_distance_is_the_norm_of_log_and_exp_undoes_log(random_basis):
    A, B = random_basis(5, 9, 3, seed=1), random_basis(5, 9, 3, seed=2)
    tangent = log(A, B)
    assert (A.mT @ tangent).abs().max() < 1e-12
    torch.testing.assert_close(torch.linalg.matrix_norm(tangent), grassmann_distance(A, B))
    assert grassmann_distance(exp(A, tangent), B).max() < 1e-7
    torch.testing.assert_close(log(A, exp(A, 0.4 * tangent)), 0.4 * tangent)
    torch.testing.assert_close(exp(A, 0 * tangent), A)
    assert log(A, A).abs().max() < 1e-12


def test_geodesic_has_constant_speed(random_basis):
    A, B = random_basis(9, 3, seed=1), random_basis(9, 3, seed=2)
    times = torch.linspace(0, 1, 5, dtype=torch.float64)
    points = geodesic(A, B, times)
    steps = grassmann_distance(points[:-1], points[1:])
    torch.testing.assert_close(steps, grassmann_distance(A, B).expand(4) / 4)
    torch.testing.assert_close(geodesic(A, B, 0.25), points[1])


def test_karcher_mean_lies_where_the_logarithms_cancel(random_basis):
    centre = random_basis(10, 3)
    bases = torch.linalg.qr(centre + 0.2 * torch.randn(6, 10, 3, generator=torch.Generator().manual_seed(1)).double()).Q
    result = karcher_mean(bases)
    assert result.converged
    assert log(result.mean.expand_as(bases), bases).mean(0).norm() < 1e-9
    torch.testing.assert_close(result.distances, grassmann_distance(result.mean.expand_as(bases), bases))
    middle = karcher_mean(bases[:2]).mean
    assert grassmann_distance(middle, geodesic(bases[0], bases[1], 0.5)) < 1e-7


def test_karcher_mean_is_cancelled_with_what_it_has(random_basis):
    result = karcher_mean(random_basis(4, 9, 2), on_step=lambda step: False)
    assert (result.steps, result.converged, result.stopped) == (1, False, "cancelled")
    as_basis(result.mean)


def test_directions_are_taken_for_what_they_span():
    D = Directions(torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0]]), "w")
    assert grassmann_distance(D, torch.eye(3)[:, :2]) < 1e-6
    with pytest.raises(ValueError, match="basis must be linearly independent"):
        as_basis(Directions(torch.ones(2, 3), "w"))
    with pytest.raises(ValueError, match=r"got w\+, which has one vector per layer"):
        as_basis(Directions(torch.ones(1, 2, 3), "w+"))


def test_bad_bases(random_basis):
    A = random_basis(5, 2)
    for bad, error, message in [
        (A.T, ValueError, r"A must have orthonormal columns, n >= k, got shape \(2, 5\). Use A.T for rows"),
        (
            2 * A,
            ValueError,
            r"A must have orthonormal columns, got \|A'A - I\| up to 3.0e\+00. Use torch.linalg.qr\(A\).Q",
        ),
        (A[:, 0], ValueError, r"A must have shape \(..., n, k\), got \(5,\). Use A\[:, None\] for one vector"),
        (A / 0, ValueError, "A must be finite"),
        (  # off the diagonal of A'A infinity is taken from infinity
            torch.tensor([[1e200, -1e200], [1e200, 1e200]], dtype=torch.float64),
            ValueError,
            r"A must have orthonormal columns, got \|A'A - I\| up to nan",
        ),
        (A.numpy(), TypeError, "A must be a floating tensor of orthonormal columns or Directions, got ndarray"),
        (torch.eye(3, dtype=torch.int64), TypeError, "got torch.int64"),
        (A.float(), TypeError, "A and B must have one dtype and device"),
        (random_basis(6, 2), ValueError, "A and B must be subspaces of one space, got dimensions 6 and 5"),
        (random_basis(5, 1), ValueError, "A and B must have the same number of columns, got 1 and 2"),
    ]:
        with pytest.raises(error, match=message):
            grassmann_distance(bad, A)
    with pytest.raises(ValueError, match="metric must be one of 'geodesic', 'projection', got 'chordal'"):
        grassmann_distance(A, A, "chordal")
    with pytest.raises(ValueError, match="k must be between 1 and 5, got 6"):
        haar_distance(5, 6)
    with pytest.raises(ValueError, match="tangent must be orthogonal to A"):
        exp(A, A)
    with pytest.raises(ValueError, match="tangent must have the shape of A"):
        exp(A, A[:, :1])
    with pytest.raises(ValueError, match="bases must hold at least one subspace, got none"):
        karcher_mean(A[None][:0])
