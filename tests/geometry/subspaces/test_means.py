"""Means of subspaces in blocks: those of all at once, where squared distances add up to the least."""

import math

import numpy as np
import pytest
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.geometry.subspaces.grassmann import exp, geodesic, grassmann_distance, karcher_mean, log
from latent_widgets.geometry.subspaces.means import MEAN_METRICS, frechet_mean
from tests.held import Held
from tests.several_reads import Reads


@pytest.fixture
def around(random_bases):
    """Makes subspaces around one."""

    def make(m, n, k, spread=0.3):
        noise = torch.randn(m, n, k, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        return torch.linalg.qr(random_bases(n, k) + spread * noise).Q

    return make


@pytest.mark.parametrize(("m", "n", "k"), [(13, 10, 3), (2, 11, 4), (5, 40, 2), (9, 6, 1)])
def test_geodesic_mean_is_the_karcher_mean(around, m, n, k):
    bases = around(m, n, k)
    whole = karcher_mean(bases)
    for blocks in (bases, bases.split(2), [bases[:0], bases[:1], bases[1:]], Reads(lambda _: bases.split(4))):
        found = frechet_mean(blocks)
        assert (found.metric, found.converged, found.stopped) == ("geodesic", True, "converged")
        assert grassmann_distance(found.mean, whole.mean) < 1e-12
        torch.testing.assert_close(found.distances, whole.distances)
        torch.testing.assert_close(found.distances, grassmann_distance(found.mean.expand_as(bases), bases))
    assert log(found.mean.expand_as(bases), bases).mean(0).norm() < 1e-12
    assert found.variance == pytest.approx(whole.distances.square().mean().item())


def test_geodesic_mean_of_two_is_half_way(around):
    bases = around(2, 9, 3)
    assert grassmann_distance(frechet_mean(bases.split(1)).mean, geodesic(*bases, 0.5)) < 1e-12


def test_each_step_goes_along_the_mean_of_the_logarithms(around):
    bases = around(7, 9, 3, spread=1.0)
    start = frechet_mean(bases, "chordal").mean
    expected = exp(start, log(start.expand_as(bases), bases).mean(0))
    found = frechet_mean(bases.split(2), max_steps=1)
    assert (found.steps, found.stopped) == (1, "max_steps")
    assert grassmann_distance(found.mean, expected) < 1e-12
    assert grassmann_distance(found.mean, start) > 1e-3


@pytest.mark.parametrize(("m", "n", "k"), [(13, 10, 3), (3, 11, 4), (5, 40, 2), (9, 6, 1)])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_chordal_mean_leads_the_mean_projector(around, m, n, k, size):
    bases = around(m, n, k)
    found = frechet_mean(bases.split(size), "chordal")
    projectors = (bases @ bases.mT).numpy()
    vectors = np.linalg.eigh(projectors.mean(0))[1][:, -k:]
    mean = (found.mean @ found.mean.T).numpy()
    np.testing.assert_allclose(mean, vectors @ vectors.T, atol=1e-12)
    np.testing.assert_allclose(
        found.distances, np.linalg.norm(projectors - mean, axis=(1, 2)) / math.sqrt(2), atol=1e-9
    )
    assert (found.metric, found.steps, found.converged, found.stopped) == ("chordal", 1, True, "converged")


@pytest.mark.parametrize("metric", MEAN_METRICS)
def test_squared_distances_add_up_to_the_least_at_the_mean(around, random_bases, metric):
    bases = around(8, 9, 3, spread=0.6)
    found = frechet_mean(bases.split(3), metric)
    for seed in range(5):
        tangent = random_bases(9, 3, seed=seed)
        tangent = tangent - found.mean @ (found.mean.T @ tangent)
        for step in (0.02, -0.02):
            other = exp(found.mean, step * tangent)
            angles = grassmann_distance(other.expand_as(bases), bases)
            if metric == "chordal":
                angles = torch.linalg.matrix_norm(bases - other @ (other.T @ bases))
            assert angles.square().mean() > found.variance


@pytest.mark.parametrize("metric", MEAN_METRICS)
def test_mean_turns_with_the_space(around, random_bases, metric):
    bases, turn = around(8, 9, 3), random_bases(9, 9, seed=4)
    found, turned = frechet_mean(bases, metric), frechet_mean((turn @ bases).split(3), metric)
    assert grassmann_distance(turned.mean, turn @ found.mean) < 1e-12
    torch.testing.assert_close(turned.distances, found.distances)


@pytest.mark.parametrize("metric", MEAN_METRICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mean_of_equal_subspaces_is_that_subspace(random_bases, metric, dtype):
    for k in (1, 3, 6):
        A = random_bases(6, k, dtype=dtype)
        found = frechet_mean([A[None], A[None]], metric)
        assert (found.mean.dtype, found.distances.dtype) == (dtype, dtype)
        assert grassmann_distance(found.mean, A) < 100 * torch.finfo(dtype).eps
        assert (found.distances < 100 * torch.finfo(dtype).eps).all()
        assert frechet_mean(A[None], metric).distances.shape == (1,)


def test_chordal_distance_of_lines_is_the_sine(random_bases):
    angles = torch.tensor([1e-9, 1e-4, 0.7], dtype=torch.float64)
    for angle in angles:
        lines = torch.stack([torch.stack([angle.cos(), sign * angle.sin()])[:, None] for sign in (1, -1)])
        torch.testing.assert_close(frechet_mean(lines, "chordal").distances, angle.sin().expand(2), rtol=1e-6, atol=0)


@pytest.mark.parametrize("metric", MEAN_METRICS)
def test_memory_does_not_grow_with_the_blocks(metric):
    def make(count):
        for seed in range(count):
            rng = torch.Generator().manual_seed(seed)
            noise = 0.1 * torch.randn(20, 50, 3, generator=rng, dtype=torch.float64)
            yield torch.linalg.qr(torch.eye(50, 3, dtype=torch.float64) + noise).Q

    peaks = []
    for count in (3, 24):
        with Held() as held:
            frechet_mean(Reads(lambda _, count=count: make(count)), metric, max_steps=2)
        peaks.append(held.peak)
    distances, block = 8 * 24 * 20, 8 * 20 * 50 * 3
    assert peaks[1] <= peaks[0] + 2 * distances
    assert peaks[1] < 10 * block + 5 * 8 * 50**2 < 24 * block


def test_blocks_are_read_for_the_start_each_step_and_the_distances(around):
    bases = around(9, 8, 2)
    reads = Reads(lambda _: bases.split(2))
    assert reads.count == 0
    found = frechet_mean(reads, max_steps=3, tolerance=0)
    assert (found.steps, found.stopped, found.converged, reads.count) == (3, "max_steps", False, 5)
    frechet_mean(reads, "chordal")
    assert reads.count == 7


def test_means_are_reported_and_cancelled(around):
    bases, steps = around(6, 8, 2), []
    found = frechet_mean(bases.split(2), on_step=steps.append)
    assert {step.total for step in steps} == {100}
    assert [step.index for step in steps][:6] == [0, 0, 0, 0, 1, 1]
    assert (steps[0].value, steps[4].value) == (None, pytest.approx(steps[5].value))
    assert max(step.index for step in steps) == found.steps - 1  # that of the last step is not asked
    with pytest.raises(Cancelled, match=r"^Cancelled before there was a mean\.$"):
        frechet_mean(bases.split(2), on_step=lambda step: False)
    with pytest.raises(Cancelled, match=r"^Cancelled before there was a mean\.$"):
        frechet_mean(bases.split(2), "chordal", on_step=lambda step: False)
    for wanted, each in ((1, lambda step: step.index < 1), (1, lambda step, seen=[]: seen.append(1) or len(seen) < 6)):
        part = frechet_mean(bases.split(2), on_step=each)
        assert (part.steps, part.converged, part.stopped) == (wanted, False, "cancelled")
        torch.testing.assert_close(part.distances, grassmann_distance(part.mean.expand_as(bases), bases))
    steps.clear()
    frechet_mean(bases.split(2), "chordal", on_step=steps.append)
    assert [(step.index, step.total) for step in steps] == [(0, 1), (0, 1), (1, 1)]


def test_bad_blocks_for_means(around):
    A = around(4, 5, 2)
    for blocks, error, message in [
        ([], ValueError, r"blocks must hold at least one subspace, got none\."),
        (A[:0], ValueError, r"blocks must hold at least one subspace, got none\."),
        ((block for block in A.split(1)), TypeError, "blocks must be something that can be read several times"),
        ([A, A[:, :, :1]], ValueError, r"blocks\[1\] must have shape \(b, 5, 2\), got \(4, 5, 1\)"),
        ([A, A + 1], ValueError, r"blocks\[1\] must have orthonormal columns"),
        (
            Reads(lambda read: A.split(read)),
            ValueError,
            r"blocks\[0\] must be the same each time it is read, got 1 rows and then 2\.",
        ),
        (
            Reads(lambda read: A.split(1)[read:]),
            ValueError,
            r"blocks must be the same each time they are read, got 3 and then 2\.",
        ),
        (
            Reads(lambda read: A.split(1)[:read]),
            ValueError,
            r"blocks must be the same each time they are read, got 1 and then more\.",
        ),
    ]:
        for metric in MEAN_METRICS:
            if isinstance(blocks, Reads):
                blocks.count = 0
            with pytest.raises(error, match=message):
                frechet_mean(blocks, metric)
    with pytest.raises(
        ValueError,
        match=r"metric must be one of 'geodesic', 'chordal', got 'projection'\. The spectral norm has no mean in "
        r"closed form\. Use 'chordal', the Frobenius norm of projectors\.",
    ):
        frechet_mean(A, "projection")
    with pytest.raises(ValueError, match=r"metric must be one of 'geodesic', 'chordal', got 'max'\.$"):
        frechet_mean(A, "max")
    with pytest.raises(ValueError, match="max_steps must be at least 1, got 0"):
        frechet_mean(A, max_steps=0)
    with pytest.raises(ValueError, match="tolerance must be at least 0, got -1"):
        frechet_mean(A, tolerance=-1)
