"""All pairs of many subspaces: the same distances as one pair at a time, and the same statistics as of their matrix."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.geometry.subspaces.grassmann import METRICS, pairwise_angles, reduce_angles
from latent_widgets.geometry.subspaces.pairs import pair_statistics, pairwise_distances
from tests.held import Held
from tests.several_reads import Reads

MIB = 2**20
ANGLE = 1e-7  # rad: the most that an angle is off


@pytest.mark.parametrize(("n", "k"), [(7, 1), (11, 3), (9, 6), (5, 5)])
def test_distances_match_scipy(random_bases, n, k):
    bases, others = random_bases(4, n, k, seed=1), random_bases(3, n, k, seed=2)
    angles = [[scipy.linalg.subspace_angles(A.numpy(), B.numpy()) for B in others] for A in bases]
    found = pairwise_distances(bases, others)
    np.testing.assert_allclose(found, np.linalg.norm(angles, axis=2), rtol=0, atol=math.sqrt(k) * ANGLE)
    sines = np.sin(np.max(angles, axis=2))
    np.testing.assert_allclose(pairwise_distances(bases, others, "projection"), sines, rtol=0, atol=ANGLE)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("m", "k"), [(1, 3), (2, 3), (130, 10), (70, 17)])
def test_tiles_together_are_the_whole_matrix(random_bases, metric, m, k):
    bases, others = random_bases(m, 25, k, seed=1), random_bases(m // 2 + 1, 25, k, seed=2)
    within, across = (
        reduce_angles(angles, metric) for angles in (pairwise_angles(bases), pairwise_angles(bases, others))
    )
    found = pairwise_distances(bases, metric=metric)
    torch.testing.assert_close(found, within, rtol=0, atol=math.sqrt(k) * ANGLE)
    torch.testing.assert_close(pairwise_distances(bases, others, metric), across, rtol=0, atol=math.sqrt(k) * ANGLE)
    torch.testing.assert_close(pairwise_distances(others, bases, metric), across.T, rtol=0, atol=math.sqrt(k) * ANGLE)
    assert torch.equal(found, found.T)
    assert not found.diagonal().any()


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 1e-3, 0.3, 1.5707, math.pi / 2])
@pytest.mark.parametrize("k", [1, 3, 520])  # a pair of the last fills more than a tile
def test_planted_angles_are_found(random_bases, angle, k):
    frame = random_bases(2 * k + 1, 2 * k)
    A, normal = frame[:, :k], frame[:, k:]
    B = A * math.cos(angle) + normal * math.sin(angle)
    pair = torch.stack([A, B @ random_bases(k, k, seed=3)])
    off = ANGLE * (1 + (k > 100))  # the error grows with the root of what a sum of k products rounds
    assert abs(float(pairwise_distances(pair)[0, 1]) - math.sqrt(k) * angle) < math.sqrt(k) * off
    assert abs(float(pairwise_distances(pair, metric="projection")[0, 1]) - math.sin(angle)) < off


def test_distances_are_those_of_a_metric_space(random_bases):
    bases, turn = random_bases(12, 8, 3, seed=1), random_bases(8, 8, seed=2)
    bases = torch.cat([bases, bases[:2] @ random_bases(3, 3, seed=3)])  # two are there twice, in other coordinates
    for metric in METRICS:
        found = pairwise_distances(bases, metric=metric)
        torch.testing.assert_close(pairwise_distances(turn @ bases, metric=metric), found, rtol=0, atol=2 * ANGLE)
        assert (found.diagonal(12) < 2 * ANGLE).all()
        assert (found + torch.eye(14) > 1e-3).sum() == 14 * 14 - 4
        around = (found[:, :, None] + found[None]).amin(1)
        assert (found <= around + 2 * ANGLE).all()


def test_whole_space_is_at_distance_zero_from_itself(random_bases):
    for k in (1, 4):
        whole = random_bases(3, k, k)
        assert pairwise_distances(whole).max() < 2 * ANGLE
        assert pairwise_distances(whole, metric="projection").max() < ANGLE


def test_distances_have_the_type_of_the_bases_and_its_accuracy(random_bases):
    bases = random_bases(6, 40, 5)
    found = pairwise_distances(bases.float().requires_grad_())
    assert (found.dtype, found.requires_grad) == (torch.float32, False)
    torch.testing.assert_close(found.double(), pairwise_distances(bases), rtol=0, atol=2e-6)
    turned = torch.stack([bases[0], bases[0] @ random_bases(5, 5, seed=1)]).float()
    assert pairwise_distances(turned)[0, 1] < 2e-6


def test_memory_does_not_grow_with_the_pairs(random_bases):
    for m, n, k in ((1200, 5, 2), (60, 40, 30)):
        bases = random_bases(m, n, k)
        with Held() as held:
            pairwise_distances(bases)
        beside = held.peak - 8 * m * m - bases.nbytes
        assert beside < 24 * MIB
        if m > 1000:
            with Held() as held:
                pairwise_angles(bases)
            assert held.peak - 8 * m * m - bases.nbytes > beside


def test_pairs_are_reported_and_cancelled(random_bases):
    bases, steps = random_bases(120, 12, 10), []
    pairwise_distances(bases, on_step=steps.append)
    assert {step.total for step in steps} == {120 * 119 // 2}
    done = [step.index for step in steps]
    assert done == sorted(done)
    assert done[-1] == 120 * 119 // 2
    with pytest.raises(Cancelled, match=rf"Cancelled after {done[1]} of 7140 pairs\."):
        pairwise_distances(bases, on_step=lambda step: step.index < done[1])
    with pytest.raises(Cancelled, match=r"Cancelled after 6 of 6 pairs\."):
        pairwise_distances(bases[:3], bases[:2], on_step=lambda step: False)


def test_bad_bases_for_pairs(random_bases):
    A = random_bases(3, 5, 2)
    for given, error, message in [
        ((A[0],), ValueError, r"bases must have shape \(m, n, k\), got \(5, 2\)"),
        ((A.numpy(),), TypeError, "bases must be a torch tensor, got ndarray"),
        ((A[:0],), ValueError, r"bases must hold at least one subspace, got none\."),
        ((A, A[:0]), ValueError, r"others must hold at least one subspace, got none\."),
        ((2 * A,), ValueError, r"bases must have orthonormal columns, got \|A'A - I\| up to 3\.0e\+00"),
        ((A, 2 * A), ValueError, r"others must have orthonormal columns"),
        ((A, A[:, :, :1]), ValueError, r"others must have shape \(l, 5, 2\), got \(3, 5, 1\)"),
        ((A, A.float()), TypeError, r"others must have dtype torch\.float64, got torch\.float32"),
        ((A, A.to("meta")), ValueError, "others must be on device cpu, got meta"),
        (
            (A.long(),),
            TypeError,
            r"bases must be a floating tensor of orthonormal columns or Directions, got torch\.int64",
        ),
        ((A / 0,), ValueError, "bases must be finite"),
        ((A[:, :, :0],), ValueError, r"bases must have at least one column, got shape \(3, 5, 0\)\."),
        ((A, None, "chordal"), ValueError, "metric must be one of 'geodesic', 'projection', got 'chordal'"),
    ]:
        with pytest.raises(error, match=message):
            pairwise_distances(*given)


# ---- statistics


@pytest.fixture
def bent(random_bases):
    """Makes subspaces around one, ever farther from it, so that their distances are of many sizes."""

    def make(m, n, k):
        noise = torch.randn(m, n, k, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        spread = torch.linspace(0.01, 1, m, dtype=torch.float64)[:, None, None]
        return torch.linalg.qr(random_bases(n, k) + spread * noise).Q

    return make


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("m", "n", "k"), [(90, 9, 3), (120, 23, 10)])
def test_statistics_are_those_of_the_matrix(bent, metric, m, n, k):
    bases = bent(m, n, k)
    matrix = pairwise_distances(bases, metric=metric)
    i, j = torch.triu_indices(m, m, 1)
    pairs, rows = matrix[i, j], matrix.sum(1) / (m - 1)
    shares = (0.0, 0.01, 0.25, 0.5, 0.987, 1.0)
    found = pair_statistics(bases, metric, quantiles=shares)
    assert (found.count, found.metric, found.shares) == (len(pairs), metric, shares)
    expected = [pairs.mean(), pairs.std(correction=0), pairs.min(), pairs.max()]
    torch.testing.assert_close(
        torch.tensor([found.mean, found.sd, found.smallest, found.largest], dtype=torch.float64), torch.stack(expected)
    )
    torch.testing.assert_close(found.row_means, rows)
    error = 2 * rows.std().item() / math.sqrt(m)
    assert found.interval == pytest.approx((pairs.mean().item() - 1.96 * error, pairs.mean().item() + 1.96 * error))
    exact = torch.quantile(pairs, torch.tensor(shares, dtype=torch.float64))
    assert ((found.quantiles - exact).abs() <= found.quantile_error).all()
    assert found.quantile_error == pytest.approx((1 if metric == "projection" else math.sqrt(k) * math.pi / 2) / 2**20)
    said = f"<PairStatistics of {len(pairs)} pairs of {m} subspaces, {metric}: mean {found.mean:.3f} ("
    assert repr(found).startswith(said)


@pytest.mark.parametrize(("metric", "most"), [("geodesic", math.pi / math.sqrt(2)), ("projection", 1.0)])
def test_right_angles_are_at_the_end_of_the_range(metric, most):
    axes = torch.eye(6, dtype=torch.float64).reshape(6, 3, 2).transpose(0, 1)
    found = pair_statistics(axes, metric)
    assert (found.count, found.largest) == (3, pytest.approx(most, abs=1e-12))
    torch.testing.assert_close(found.quantiles, torch.full((5,), most, dtype=torch.float64))


def test_statistics_do_not_depend_on_the_blocks(bent):
    bent = bent(90, 9, 3)
    whole = pair_statistics(bent)
    for blocks in (
        list(bent.split(1)),
        bent.split(37),
        [bent[:5], bent[:0], bent[5:]],
        Reads(lambda _: bent.split(11)),
    ):
        found = pair_statistics(blocks)
        assert found.count == whole.count
        for name in ("mean", "sd", "smallest", "largest"):
            assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=0, abs=1e-12 * whole.largest)
        torch.testing.assert_close(found.row_means, whole.row_means, rtol=0, atol=1e-12 * whole.largest)
        torch.testing.assert_close(found.quantiles, whole.quantiles, rtol=0, atol=2 * whole.quantile_error)


def test_bases_that_do_not_fit_together_are_read_several_times(random_bases):
    bases = random_bases(900, 2500, 2)  # 36 MB
    reads = Reads(lambda _: bases.split(100))
    found = pair_statistics(reads)
    assert reads.count == 2
    expected = pairwise_distances(bases)
    torch.testing.assert_close(found.row_means, expected.sum(1) / 899)
    assert found.count == 900 * 899 // 2
    assert found.smallest == pytest.approx(expected[expected > 0].min().item())


def test_memory_of_statistics_does_not_grow_with_the_pairs(random_bases):
    lines = random_bases(3000, 3, 1)
    with Held() as held:
        pair_statistics(lines.split(500))
    assert held.peak < 48 * MIB < lines.shape[0] ** 2 * 8


def test_interval_holds_the_mean_of_the_population(random_bases):
    """Lines in space: the mean angle between two is one radian."""
    hits = 0
    for seed in range(60):
        low, high = pair_statistics(random_bases(25, 3, 1, seed=seed)).interval
        hits += low <= 1 <= high
    assert hits >= 52  # 57 are expected; chance gives fewer than 52 in one of fifty cases


def test_two_subspaces_have_one_distance(random_bases):
    bases = random_bases(2, 7, 2)
    distance = pairwise_distances(bases)[0, 1].item()
    found = pair_statistics(bases, quantiles=[0.0, 0.4, 1.0])
    assert (found.count, found.interval) == (1, (-math.inf, math.inf))
    assert found.sd < 1e-12
    everywhere = [found.mean, found.smallest, found.largest, *found.row_means.tolist(), *found.quantiles.tolist()]
    assert everywhere == pytest.approx([distance] * 8)
    assert pair_statistics(bases.float()).quantiles.dtype == torch.float64


def test_equal_subspaces_are_at_distance_zero(random_bases):
    found = pair_statistics(random_bases(7, 3).expand(5, 7, 3), quantiles=[0.5])
    assert (found.count, found.smallest >= 0, found.largest < 2 * ANGLE) == (10, True, True)
    assert found.quantiles.item() <= found.largest


def test_statistics_are_reported_and_cancelled(random_bases):
    bases, steps = random_bases(900, 2500, 2), []
    found = pair_statistics(bases, on_step=steps.append)
    assert [step.total for step in steps[:: len(steps) - 1]] == [None, 900 * 899 // 2]
    assert steps[-1].index == steps[-1].total
    assert steps[-1].value == pytest.approx(found.mean)
    assert all(a.index <= b.index for a, b in itertools.pairwise(steps))
    first = steps[0].index
    with pytest.raises(Cancelled, match=rf"^Cancelled after {first} pairs\.$"):
        pair_statistics(bases, on_step=lambda step: False)
    few = []
    pair_statistics(bases[:60].split(7), on_step=few.append)
    assert {step.total for step in few} == {60 * 59 // 2}  # all fit, so it is known at once
    known = next(step.index for step in steps if step.total)
    with pytest.raises(Cancelled, match=rf"^Cancelled after {known} of 404550 pairs\.$"):
        pair_statistics(bases, on_step=lambda step: step.total is None)


def test_bad_blocks_for_pairs(random_bases):
    A = random_bases(3, 5, 2)
    for blocks, error, message in [
        ([], ValueError, r"blocks must hold at least two subspaces, got 0\."),
        (A[:0], ValueError, r"blocks must hold at least two subspaces, got 0\."),
        ([A[:1]], ValueError, r"blocks must hold at least two subspaces, got 1\."),
        (
            (block for block in A.split(1)),
            TypeError,
            r"blocks must be something that can be read several times, such as a list of tensors, got a generator\. "
            r"Use list\(\.\.\.\)\.",
        ),
        (iter([A]), TypeError, "got a list_iterator"),
        (5, TypeError, "blocks must be a tensor or something that gives tensors, got int. Use a list of tensors"),
        (A[0], ValueError, r"blocks must have shape \(b, n, k\), got \(5, 2\)"),
        ([A, A[0]], ValueError, r"blocks\[1\] must have shape \(b, 5, 2\), got \(5, 2\)"),
        ([A, A[:, :, :1]], ValueError, r"blocks\[1\] must have shape \(b, 5, 2\), got \(3, 5, 1\)"),
        ([A, A.float()], TypeError, r"blocks\[1\] must have dtype torch\.float64, got torch\.float32"),
        ([A, A.to("meta")], ValueError, r"blocks\[1\] must be on device cpu, got meta"),
        (
            [A.half()],
            TypeError,
            r"blocks\[0\] must be float32 or float64, got torch\.float16\. Use blocks\[0\]\.float\(\)",
        ),
        ([A, A.numpy()], TypeError, r"blocks\[1\] must be a torch tensor, got ndarray"),
        ([A[:, :, :0]], ValueError, r"blocks\[0\] must have at least one column, got shape \(3, 5, 0\)\."),
        ([A, 2 * A], ValueError, r"blocks\[1\] must have orthonormal columns"),
    ]:
        with pytest.raises(error, match=message):
            pair_statistics(blocks)
    with pytest.raises(ValueError, match="metric must be one of 'geodesic', 'projection', got 'chordal'"):
        pair_statistics(A, "chordal")
    for shares, error, message in [
        ((), ValueError, r"quantiles must hold at least one share between 0 and 1, got none"),
        ((0.5, 1.1), ValueError, r"quantiles\[1\] must be between 0 and 1, got 1\.1"),
        (0.5, TypeError, r"quantiles must be several numbers, got float\. Use a list"),
    ]:
        with pytest.raises(error, match=message):
            pair_statistics(A, quantiles=shares)
