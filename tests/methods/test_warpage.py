"""Warpage is nothing where the mapping is linear, and grows with what bends it."""

import itertools
import math
import statistics

import pytest
import torch

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.subspaces.grassmann import grassmann_distance
from latent_widgets.geometry.subspaces.haar import haar_distance
from latent_widgets.methods.ganspace import ganspace
from latent_widgets.methods.local_basis import local_basis
from latent_widgets.methods.warpage import Interval, warpage
from latent_widgets.values.directions import Directions
from tests.linear import linear_generator


@pytest.fixture(scope="module")
def bent():
    return ExactFaces(resolution=8, entanglement=1.0, dtype=torch.float64)


def test_linear_generator_has_none():
    M = warpage(linear_generator(), n=6, k=2)
    assert M.distances.max() < 1e-7
    assert M.close.max() < 1e-7
    assert M.baselines["random"].mean < 1e-7
    assert warpage(linear_generator(dtype=torch.float32), n=6, k=2).distances.max() < 1e-5


def test_faces_have_none_without_entanglement_and_more_with_more():
    """The means over 12 latents, 66 pairs, have 95 % intervals that do not even touch."""
    G = [ExactFaces(resolution=8, entanglement=e) for e in (0.0, 0.2, 0.5, 2.0)]
    random = [warpage(g, n=12, k=5).baselines["random"] for g in G]
    assert random[0].count >= 64
    assert random[0].mean < 1e-5
    for less, more in itertools.pairwise(random):
        assert less.high < more.low, random
    assert random[-1].high < 1.0


def test_distances_are_those_of_the_local_bases(bent):
    M = warpage(bent, n=4, k=3, seed=5)
    z = bent.sample_z(4, seed=5)
    columns = [local_basis(bent, point, k=3).directions.vectors.T for point in z]
    haar = haar_distance(bent.w_dim, 3)
    for i in range(4):
        for j in range(4):
            expected = grassmann_distance(columns[i], columns[j]) / haar
            torch.testing.assert_close(M.distances[i, j], expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(M.raw, M.distances * haar)
    torch.testing.assert_close(M.codes, bent.map(z))
    torch.testing.assert_close(M.angles(0, 2).norm(), M.raw[0, 2])


def test_close_partners_are_close_and_perpendicular(bent):
    M = warpage(bent, n=5, k=3)
    assert math.isclose(M.epsilon, 0.1 * math.sqrt(bent.z_dim / 512))
    assert (M.close < 0.3 * M.baselines["random"].mean).all()
    assert M.distortion > 3
    closer = warpage(bent, n=5, k=3, epsilon=M.epsilon / 10)
    torch.testing.assert_close(closer.close, M.close / 10, rtol=0.2, atol=0)  # first order in the distance
    assert math.isnan(warpage(bent, n=3, k=2, epsilon=0.0).distortion)


def test_interval_of_the_distortion_leaves_out_one_latent_after_the_other(bent):
    M = warpage(bent, n=6, k=3, seed=2)
    logs = []
    for i in range(6):
        rest = [j for j in range(6) if j != i]
        pairs = [float(M.distances[a, b]) for a, b in itertools.combinations(rest, 2)]
        logs.append(math.log(statistics.mean(pairs) / statistics.mean(float(M.close[j]) for j in rest)))
    half = 1.96 * math.sqrt(5 / 6 * sum((value - statistics.mean(logs)) ** 2 for value in logs))
    found = M.distortion_interval
    assert (found.mean, found.count) == (M.distortion, 6)
    assert found.low == pytest.approx(M.distortion / math.exp(half))
    assert found.high == pytest.approx(M.distortion * math.exp(half))
    for few in (warpage(bent, n=3, k=3), warpage(bent, n=4, k=2, epsilon=0.0)):
        assert math.isnan(few.distortion_interval.low)


def test_other_k_and_metric_come_from_the_same_bases(bent):
    M = warpage(bent, n=4, k=3)
    for k, metric in [(1, "geodesic"), (5, "projection"), (M.max_k, "geodesic")]:
        fresh, sliced = warpage(bent, n=4, k=k, metric=metric), M.at(k, metric)
        torch.testing.assert_close(sliced.distances, fresh.distances)
        assert sliced.bases is M.bases
    assert M.max_k == bent.w_dim - 1
    assert repr(M.at(metric="projection")) == "<WarpageMap of 4 latents in w: k = 3, projection>"


def test_compared_bases(bent):
    global_basis, own = ganspace(bent, k=6, samples=2000), local_basis(bent, bent.sample_z(4)[2])
    M = warpage(bent, n=4, k=3, compare={"ganspace": global_basis, "own": own, "axes": torch.eye(bent.w_dim).double()})
    assert M.to("own")[2] < 1e-6
    expected = grassmann_distance(local_basis(bent, bent.sample_z(4)[1], k=3).directions, global_basis[:3])
    torch.testing.assert_close(M.to("ganspace")[1], expected / M.haar)
    assert set(M.baselines) == {"close", "random", "haar", "ganspace", "own", "axes"}
    assert "ganspace" not in M.at(7).baselines
    with pytest.raises(ValueError, match="k must be at most 6 for 'ganspace', which has no more directions, got 7"):
        M.at(7).to("ganspace")
    with pytest.raises(ValueError, match="name must be one of 'ganspace', 'own', 'axes', got 'sefa'"):
        M.to("sefa")


def test_interval_of_random_pairs_covers(bent):
    """Over repeated draws the interval holds the mean of many pairs about as often as it says."""
    truth = warpage(bent, n=60, k=3, seed=99).baselines["random"].mean
    hits = [warpage(bent, n=10, k=3, seed=s).baselines["random"] for s in range(30)]
    assert sum(interval.low <= truth <= interval.high for interval in hits) >= 22


def test_interval_shows_three_digits():
    assert repr(Interval(2 / 3, 0.5, 0.83333, 12)) == "<Interval 0.667 (0.500 to 0.833) of 12>"


def test_close_partner_lies_across_from_its_latent_at_the_distance_asked_for(bent):
    M = warpage(bent, n=4, k=3, seed=5, epsilon=0.3)
    steps = torch.randn(4, bent.z_dim, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    for z, step, found in zip(bent.sample_z(4, seed=5), steps, M.close, strict=True):
        across = step - (step @ z) / (z @ z) * z
        partner = z + 0.3 * across / across.norm()
        here, there = (local_basis(bent, point, k=3).directions.vectors.T for point in (z, partner))
        torch.testing.assert_close(found, grassmann_distance(here, there) / M.haar, rtol=1e-6, atol=1e-9)


def test_intervals_are_those_of_means_and_of_pairs_that_share_a_latent(bent):
    M = warpage(bent, n=4, k=3)
    close = M.baselines["close"]
    half = 1.96 * float(M.close.std()) / 4**0.5
    assert (close.low, close.high) == pytest.approx((float(M.close.mean()) - half, float(M.close.mean()) + half))
    apart = [[float(M.distances[i, j]) for j in range(4) if j != i] for i in range(4)]
    means = torch.tensor([sum(row) / 3 for row in apart], dtype=torch.float64)
    half = 1.96 * 2 * float(means.std()) / 4**0.5  # a U-statistic of order two
    found = M.baselines["random"]
    expected = float(means.mean())
    assert (found.mean, found.low, found.high) == pytest.approx((expected, expected - half, expected + half))
    assert (close.count, found.count, M.baselines["haar"].count) == (4, 6, 200)
    alone = warpage(bent, n=2, k=3).baselines["random"]
    assert (alone.low, alone.high, alone.count) == (-math.inf, math.inf, 1)


def test_image_target_without_a_mapping(plain):
    M = warpage(plain, n=3, k=2, target="image")
    assert (M.space, M.max_k) == ("z", 4)
    assert M.distances[0, 1] > 0.01
    assert (M.distances.diagonal() == 0).all()


def test_cancelled_run_says_how_much_it_has(bent):
    steps = []
    M = warpage(bent, n=40, k=3, on_step=lambda s: steps.append((s.index, s.total)) or s.index < 32)
    assert [step for step in steps if step[0]] == [(16, 40), (32, 40)]
    assert (len(M), M.total, M.stopped) == (32, 40, "cancelled")
    assert repr(M) == "<WarpageMap of 32 of 40, cancelled latents in w: k = 3, geodesic>"
    full = warpage(bent, n=40, k=3)
    torch.testing.assert_close(M.distances, full.distances[:32, :32])
    torch.testing.assert_close(M.close, full.close[:32])


def test_bad_input(bent, plain):
    for arguments, message in [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"k": bent.w_dim}, f"k must be between 1 and {bent.w_dim - 1}, got {bent.w_dim}"),
        ({"metric": "chordal"}, "metric must be one of 'geodesic', 'projection'"),
        ({"target": "b4"}, "target must be one of"),
        ({"k": 4, "max_k": 3}, "max_k must be between 4 and"),
        ({"epsilon": -1}, "epsilon must be at least 0, got -1"),
        ({"compare": {"x": torch.eye(3)}}, r"compare\['x'\] must have shape"),
        (
            {"compare": {"x": Directions(torch.ones(1, bent.w_dim), "z")}},
            r"compare\['x'\] must be directions in w, got z",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            warpage(bent, **{"k": 2} | arguments)
    with pytest.raises(TypeError, match=r"compare\['x'\] must be Directions or a result"):
        warpage(bent, n=2, k=2, compare={"x": 3})
    with pytest.raises(ValueError, match="Use target='image'"):
        warpage(plain, n=2, k=2)
    with pytest.raises(ValueError, match="k must be between 1 and"):
        warpage(bent, n=2, k=2).at(bent.w_dim)


def test_one_pair_has_no_interval(bent):
    random = warpage(bent, n=2, k=3).baselines["random"]
    assert (random.count, random.low, random.high) == (1, -math.inf, math.inf)
    assert math.isfinite(warpage(bent, n=3, k=3).baselines["random"].high)


def test_map_keeps_the_bases_that_it_compares_with(bent):
    columns = torch.eye(bent.w_dim, dtype=torch.float64)[:, :3].clone()
    M = warpage(bent, n=2, k=2, compare={"axes": columns})
    before = M.to("axes")
    columns.zero_()
    torch.testing.assert_close(M.to("axes"), before)
