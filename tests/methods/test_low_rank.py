"""LowRankGAN: principal component pursuit, ranks, projection, and what transfers."""

import functools
import sys

import numpy as np
import pytest
import torch
from tensorly.decomposition import robust_pca

import latent_widgets as lw
from latent_widgets import Code
from latent_widgets.core import steps as _steps
from latent_widgets.faces.renderer import PARTS
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.regions.pcp import pcp
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.methods.low_rank import low_rank_directions, pcp_weight, transfer
from tests.linear import LinearGenerator, linear_generator
from tests.reference import disc

SIZE = 16


@pytest.fixture(scope="module")
def parts():
    """A low-rank and a sparse symmetric matrix."""
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(24, 3, generator=generator, dtype=torch.float64)
    spikes = torch.zeros(24, 24, dtype=torch.float64)
    picks = torch.randperm(24 * 24, generator=generator)[:12]
    spikes.view(-1)[picks] = 8.0
    return factor @ factor.T, (spikes + spikes.T) / 2


@pytest.fixture
def region(tiny):
    return tiny, tiny.code(seed=2), disc(SIZE, 4)


def test_pursuit_parts_low_rank_from_sparse(parts):
    low, sparse = parts
    found = pcp(low + sparse)
    assert found.converged
    assert float(torch.linalg.svdvals(found.low_rank)[3:].max()) < 1e-4 * float(low.norm())
    torch.testing.assert_close(found.low_rank, low, rtol=0, atol=1e-4 * float(low.abs().max()))
    torch.testing.assert_close(found.low_rank + found.sparse, low + sparse, rtol=0, atol=1e-5)


def test_pursuit_reaches_the_optimum_of_an_independent_proximal_method(parts):
    """Minimise the same objective over L alone by subgradient-free splitting: Douglas-Rachford in numpy."""
    M = sum(parts).numpy()
    weight, step = len(M) ** -0.5, 3.0
    Z = np.zeros_like(M)
    for _ in range(3000):
        u, s, vt = np.linalg.svd(Z)
        L = (u * np.maximum(s - step, 0)) @ vt
        R = 2 * L - Z
        gap = M - R
        Z += M - np.sign(gap) * np.maximum(np.abs(gap) - step * weight, 0) - L
    objective = np.linalg.svd(L, compute_uv=False).sum() + weight * np.abs(M - L).sum()
    assert pcp(sum(parts)).objective <= objective * (1 + 1e-3)


@pytest.fixture(scope="module")
def face_gram():
    """The mean Gram over the background of a rendered face: dense, of full rank."""
    G = ExactFaces(resolution=16)
    code = G.code(seed=2)
    grams = RegionSpectra(G, code).grams(G.part_maps(code)[0, PARTS.index("background")] > 0.5)
    return grams.inside / grams.numbers[0]


@pytest.mark.parametrize("weight", [None, 1 / 60])
@pytest.mark.parametrize("matrix", ["parts", "face_gram"])
def test_pursuit_reaches_the_optimum_of_tensorly(matrix, weight, request):
    """Its robust_pca sums the nuclear norm over both unfoldings, hence the half; both are judged at S = M - L."""
    M = request.getfixturevalue(matrix)
    M = sum(M) if isinstance(M, tuple) else M / M.trace()
    own = len(M) ** -0.5 if weight is None else weight
    L, _ = robust_pca(M.numpy(), reg_J=0.5, reg_E=own, n_iter_max=250, tol=1e-9, verbose=0)
    theirs = np.linalg.svd(L, compute_uv=False).sum() + own * np.abs(M.numpy() - L).sum()
    found = pcp(M, weight, tolerance=1e-5)
    assert found.converged
    assert found.objective <= theirs * (1 + 1e-3)
    assert found.objective >= theirs * (1 - 5e-2)  # what they found is near the optimum too


def test_published_constant_stops_short_of_the_optimum(parts):
    textbook, published = (pcp(sum(parts), penalty=penalty) for penalty in ("entrywise", "induced"))
    assert textbook.converged
    assert published.converged
    assert published.objective > textbook.objective


@pytest.mark.parametrize(
    ("d", "steps", "penalty"), [(16, 40, "entrywise"), (16, 40, "induced"), (64, 20, "induced"), (512, 2, "induced")]
)
def test_pursuit_takes_the_steps_of_the_published_program(d, steps, penalty):
    """As they are described: thresholds of singular values, then of entries, then the multiplier."""
    rng = np.random.default_rng(d)
    J = rng.normal(size=(d + 3, d)) * (1 + np.arange(d)) ** -1.0
    M = J.T @ J / len(J)
    weight = pcp_weight(d)
    mu = d * d / (4 * (np.abs(M).sum() if penalty == "entrywise" else np.linalg.norm(M, ord=1)))
    S = Y = np.zeros_like(M)
    for _ in range(steps):
        U, values, Vh = np.linalg.svd(M - S - Y / mu)
        L = U * np.maximum(values - 1 / mu, 0) @ Vh
        left = M - L - Y / mu
        S = np.sign(left) * np.maximum(np.abs(left) - weight / mu, 0)
        Y = Y + mu * (L + S - M)
    found = pcp(torch.from_numpy(M), weight, penalty=penalty, steps=steps)
    assert found.rank > 0
    np.testing.assert_allclose(found.low_rank.numpy(), L, atol=1e-9)
    np.testing.assert_allclose(found.sparse.numpy(), S, atol=1e-9)
    assert found.residual == pytest.approx(np.linalg.norm(L + S - M) / np.linalg.norm(M), rel=1e-6)


def test_pursuit_does_not_depend_on_scale(parts):
    a, b = pcp(sum(parts)), pcp(1e-4 * sum(parts))
    assert (a.rank, a.steps) == (b.rank, b.steps)


def test_pursuit_says_how_it_ended(parts):
    assert pcp(sum(parts), steps=3).stopped == "steps"
    cancelled = pcp(sum(parts), on_step=lambda step: step.index < 4)
    assert (cancelled.stopped, cancelled.steps, cancelled.converged) == ("cancelled", 4, False)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (torch.ones(2, 3), "M must be square"),
        (torch.zeros(3, 3), "M must not be zero"),
        (torch.tensor([[1.0, 2.0], [0.0, 1.0]]), "M must be symmetric"),
        (torch.full((2, 2), float("inf")), "M must be finite"),
    ],
)
def test_pursuit_refuses_bad_matrices(matrix, words):
    with pytest.raises(ValueError, match=words):
        pcp(matrix)


@pytest.mark.parametrize("rank_method", ["energy", "pcp"])
def test_projection_is_orthogonal_to_what_the_outside_does_loudest(region, rank_method):
    G, w, mask = region
    found = low_rank_directions(G, w, mask, k=2, rank_method=rank_method, relax=1, weight=None)
    assert bool((found.kept_norm <= 1 + 1e-12).all())
    torch.testing.assert_close(found.directions.unit_vectors.norm(dim=1), torch.ones(2).double())
    told = found.directions.scores
    torch.testing.assert_close(told["kept norm"], found.kept_norm)
    torch.testing.assert_close(told["locality"], found.locality)
    assert (found.pursuits is not None) == (rank_method == "pcp")


@pytest.mark.parametrize("d", [4, 16, 64, 512])
def test_default_weight_leaves_a_rank_in_any_dimension(d):
    """A few loud directions in a sparse rest. The published weight finds none of them in few dimensions."""
    torch.manual_seed(5)
    U = torch.linalg.qr(torch.randn(d, 3, dtype=torch.float64)).Q
    M = U * torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64) @ U.T + 1e-3 * torch.eye(d, dtype=torch.float64)
    assert pcp_weight(512) == pytest.approx(1 / 60)
    assert pcp(M, pcp_weight(d), steps=300).rank > 0
    if d < 60:  # the dual certificate: with so small a weight the optimum is L = 0 for every M
        assert pcp(M, 1 / 60, steps=300).rank == 0


@pytest.mark.parametrize("name", ["faces64", "digits32"])
def test_pursuit_works_as_it_comes_on_the_built_in_generators(name):
    G = lw.load(name)
    mask = torch.zeros(G.picture_size, dtype=torch.bool)
    rows = slice(*(round(share * len(mask)) for share in (0.55, 0.75)))
    mask[rows, len(mask) // 3 : 2 * len(mask) // 3] = True
    found = low_rank_directions(G, G.code(seed=4), mask, rank_method="pcp")
    assert found.rank > 0
    assert found.directions.parameters["weight"] == pytest.approx(512**0.5 / 60 / 8)
    with pytest.raises(ValueError, match=r"got 0\.01667, which leaves none\. .* it is 0\.04714 in these 64 dimensions"):
        low_rank_directions(G, G.code(seed=4), mask, rank_method="pcp", weight=1 / 60)


def test_pursuit_that_does_not_converge_is_said(region, monkeypatch):
    G, w, mask = region
    short = functools.partial(pcp, steps=3)
    monkeypatch.setattr(sys.modules[low_rank_directions.__module__], "pcp", short)
    with pytest.warns(UserWarning, match=r"The pursuit of the \w+ had not converged after 3 steps, at a") as told:
        low_rank_directions(G, w, mask, k=1, rank_method="pcp")
    assert len(told) == 2
    assert told[0].filename == __file__


@pytest.mark.parametrize("rank_method", ["energy", "pcp"])
def test_disjoint_coordinates_keep_their_whole_norm(rank_method):
    """The left half of the picture follows the first three coordinates of w, the right half the other four."""
    rng = torch.Generator().manual_seed(1)
    J = torch.randn(3, 8, 8, 7, generator=rng, dtype=torch.float64)
    J[:, :, :4, 3:] = 0
    J[:, :, 4:, :3] = 0
    G = LinearGenerator(torch.eye(7, dtype=torch.float64), J.reshape(-1, 7))
    left = torch.zeros(8, 8, dtype=torch.bool)
    left[:, :4] = True
    w = torch.zeros(7, dtype=torch.float64)
    for solver in ("projection", "generalized"):
        found = low_rank_directions(G, w, left, solver, k=3, rank_method=rank_method, weight=0.3)
        torch.testing.assert_close(found.kept_norm, torch.ones(3).double(), rtol=0, atol=1e-9)
        torch.testing.assert_close(found.locality, torch.ones(3).double(), rtol=0, atol=1e-9)
        assert float(found.directions.unit_vectors[:, 3:].abs().max()) < 1e-9


def test_pursuit_splits_the_means_over_the_pixels(region):
    G, w, mask = region
    found = low_rank_directions(G, w, mask, k=2, rank_method="pcp", weight=1.0)
    grams = RegionSpectra(G, w).grams(mask)
    for split, gram, count in zip(found.pursuits, (grams.inside, grams.outside), grams.numbers, strict=True):
        torch.testing.assert_close(split.low_rank + split.sparse, gram / count, rtol=1e-5, atol=1e-7)


def test_one_pixel_has_no_more_directions_than_channels(region):
    G, w, mask = region
    pixel = torch.zeros_like(torch.as_tensor(mask))
    pixel[5, 7] = 1
    assert len(low_rank_directions(G, w, pixel, k=3).directions) == 3
    with pytest.raises(ValueError, match="k must be at most 3"):
        low_rank_directions(G, w, pixel, k=4)


def test_an_outside_that_does_everything_alike_leaves_one_direction():
    rng, mask = torch.Generator().manual_seed(0), torch.zeros(4, 4)
    mask[0, :2] = 1
    columns = torch.randn(48, 6, generator=rng, dtype=torch.float64)
    outside = mask.expand(3, 4, 4).flatten() == 0
    columns[outside] = torch.linalg.qr(columns[outside]).Q * torch.linspace(1, 0.9, 6, dtype=torch.float64)
    G = LinearGenerator(torch.eye(6).double(), columns)
    found = low_rank_directions(G, G.code(0), mask, k=1)
    assert found.rank_outside == 6
    one = RegionSpectra(G, G.code(0)).directions(mask, 1, solver="projection", cut=5)
    torch.testing.assert_close(found.directions.vectors, one.vectors)


def test_relaxing_leaves_one_direction_of_the_outside_cut_at_least(region):
    G, w, mask = region
    found = low_rank_directions(G, w, mask, k=2, relax=99).directions
    one = RegionSpectra(G, w).directions(mask, 2, solver="projection", cut=1)
    torch.testing.assert_close(found.vectors, one.vectors)
    none = RegionSpectra(G, w).directions(mask, 2, solver="projection", cut=0)
    assert (found.vectors - none.vectors).abs().max() > 1e-3


def test_relaxing_keeps_more(region):
    G, w, mask = region
    kept = [low_rank_directions(G, w, mask, k=1, relax=relax).kept_norm[0] for relax in (0, 1, 2)]
    assert kept[0] <= kept[1] + 1e-9 <= kept[2] + 2e-9


def test_prediction_is_the_true_change_of_a_small_step(region):
    G, w, mask = region
    found = low_rank_directions(G, w, mask, solver="generalized", k=2)
    u = found.directions.unit_vectors[0]
    change = (G.synthesize(w + 1e-6 * u) - G.synthesize(w))[0] / 1e-6
    assert float(change[:, mask].square().mean().sqrt()) == pytest.approx(float(found.inside[0]), rel=1e-3)
    assert float(change[:, ~mask].square().mean().sqrt()) == pytest.approx(float(found.outside[0]), rel=1e-3)


@pytest.mark.parametrize("options", [{}, {"rank_method": "pcp", "weight": 0.6}])
def test_directions_before_the_projection_are_the_principal_ones(region, options):
    """Projected by hand on the null space of the outside they are the directions, with the norm that was told."""
    G, w, mask = region
    found = low_rank_directions(G, w, mask, k=2, relax=1, channels="mean", **options)
    grams = RegionSpectra(G, w, channels="mean").grams(mask)
    outside = found.pursuits[1].low_rank if found.pursuits else grams.outside
    cut = max(1, found.rank_outside - 1)
    loud = torch.linalg.svd(outside).U[:, :cut]
    before = found.unprojected.unit_vectors
    if not found.pursuits:
        inside = torch.linalg.svd(grams.inside).U[:, :2].T
        torch.testing.assert_close((before * inside).sum(1).abs(), torch.ones(2, dtype=torch.float64))
    left = before - before @ loud @ loud.T
    torch.testing.assert_close(left.norm(dim=1), found.kept_norm)
    torch.testing.assert_close(left / found.kept_norm[:, None], found.directions.unit_vectors)
    assert low_rank_directions(G, w, mask, "generalized", k=2).unprojected is None


def test_colour_survives_three_channels():
    """A direction that changes hue at constant luminance is invisible once channels are averaged."""
    G = ExactFaces(resolution=24)
    code = G.code(seed=2)
    mask = G.part_maps(code)[0, PARTS.index("background")] > 0.5
    hue = G.true_directions().vectors[G.true_directions().names.index("background_hue")]
    options = {"k": 1, "tolerance": 1.5e-2}  # the default finds a more local mixture
    colour, grey = (
        low_rank_directions(G, code, mask, "generalized", channels=c, **options) for c in ("chroma", "luminance")
    )
    assert abs(float(colour.directions.unit_vectors[0] @ hue)) > 0.9
    assert abs(float(grey.directions.unit_vectors[0] @ hue)) < 0.7


def test_transfer_is_measured_beside_chance():
    G = ExactFaces(resolution=24)
    codes = torch.stack([G.code(seed) for seed in (2, 3, 5)])
    masks = [G.part_maps(code)[0, PARTS.index("background")] > 0.5 for code in codes]
    D = low_rank_directions(G, codes[0], masks[0], "generalized", k=2)
    measured = transfer(G, D, codes[1:], masks[1:])
    assert measured.locality.shape == (2, 2)
    assert bool((measured.locality > measured.chance[:, None] + 0.3).all())
    with pytest.raises(ValueError, match="masks must be one for each of 2 codes, got 3"):
        transfer(G, D, codes[1:], masks)


@pytest.mark.parametrize("form", ["w", "w+"])
def test_transfer_moves_the_rows_that_the_directions_act_on(region, form):
    G, w, mask = region
    start = w if form == "w" else G.broadcast(w[None])
    D = low_rank_directions(G, start, mask, "generalized", k=2, rows=[1, 3]).directions
    measured = transfer(G, D, w[None], [mask], alpha=1e-4)
    torch.testing.assert_close(measured.inside[0], torch.full((2,), 1e-4).double(), rtol=1e-2, atol=0)
    torch.testing.assert_close(measured.locality[0], D.scores["locality"], rtol=1e-2, atol=1e-3)


def test_as_many_codes_as_there_are_layers_are_not_taken_for_one(region, plain):
    G, _, mask = region
    w = G.map(G.sample_z(G.num_layers))
    with pytest.raises(ValueError, match=r"code must be clear, got \(6, 6\), which may be one code of w\+ or 6 of w"):
        RegionSpectra(G, w)
    several = RegionSpectra(G, list(w)).grams(mask).inside
    torch.testing.assert_close(several, sum(RegionSpectra(G, one).grams(mask).inside for one in w) / len(w))
    one = [RegionSpectra(G, code).total for code in (Code(w, "w+"), w[None])]
    torch.testing.assert_close(*one)


def test_bad_arguments_are_refused(region):
    G, w, mask = region
    with pytest.raises(ValueError, match="tolerance must be at least 0, got -1"):
        low_rank_directions(G, w, mask, "generalized", tolerance=-1)
    with pytest.raises(TypeError, match="tolerance must be a number, got 'a little'"):
        low_rank_directions(G, w, mask, "generalized", tolerance="a little")
    with pytest.raises(ValueError, match="solver must be one of"):
        low_rank_directions(G, w, mask, solver="rpca")
    with pytest.raises(ValueError, match="rank_method must be one of"):
        low_rank_directions(G, w, mask, rank_method="gap")
    with pytest.raises(ValueError, match="mask must leave a part of the picture out"):
        low_rank_directions(G, w, torch.ones(SIZE, SIZE, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"weight must leave the region a rank, got 1e-06, .* by default it is 0\."):
        low_rank_directions(G, w, mask, rank_method="pcp", weight=1e-6)
    with pytest.raises(_steps.Cancelled, match="Cancelled after"):
        low_rank_directions(G, w, mask, on_step=lambda step: False)


def test_with_a_budget_the_same_region_takes_a_search():
    G, mask = linear_generator(z_dim=9, w_dim=9, side=12), torch.zeros(12, 12, dtype=torch.bool)
    mask[2:7, 3:11] = True
    whole = low_rank_directions(G, G.code(0), mask, "generalized", 2)
    within = low_rank_directions(G, G.code(0), mask, "generalized", 2, pictures=80)
    torch.testing.assert_close(within.locality, whole.locality, rtol=0.02, atol=0)
    assert within.directions.parameters["pictures"] <= 80
    again = low_rank_directions(G, G.code(0), mask, "generalized", 2, pictures=within.directions.parameters["pictures"])
    assert torch.equal(again.directions.vectors, within.directions.vectors)
    assert "pictures" not in whole.directions.parameters


@pytest.mark.parametrize("options", [{"solver": "projection"}, {"solver": "generalized", "rank_method": "pcp"}])
def test_a_budget_is_for_the_generalised_problem(options):
    G, mask = linear_generator(z_dim=9, w_dim=9, side=12), torch.zeros(12, 12, dtype=torch.bool)
    mask[2:7, 3:11] = True
    with pytest.raises(ValueError, match="solver must be 'generalized' and rank_method 'energy' with a budget"):
        low_rank_directions(G, G.code(0), mask, pictures=40, **options)
