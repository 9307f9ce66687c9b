"""What rounding alone decides nowhere: the same question is answered alike by processors that round otherwise."""

import math

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core import rounding
from latent_widgets.faces.renderer import FACTORS
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.glo import GLONetwork
from latent_widgets.geometry.density.cdf import LogisticMixture, MonotoneNetwork, fit_cdf
from latent_widgets.geometry.density.fitted import Gaussian, TruncatedGaussian, fit_density
from latent_widgets.geometry.density.iso_density import iso_density
from latent_widgets.geometry.effects.equal_change import equal_change
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.rank import energy_rank, gap_rank
from latent_widgets.geometry.jacobian.svd import fix_signs
from latent_widgets.geometry.regions.pcp import pcp
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.geometry.subspaces.grassmann import as_basis
from latent_widgets.geometry.walks.curves import curve_through
from latent_widgets.geometry.walks.equal_walks import equal_walks
from latent_widgets.geometry.walks.guided import guided_traversal
from latent_widgets.geometry.walks.walk import Walk
from latent_widgets.methods.dp_lase.method import dp_lase
from latent_widgets.methods.ganspace import ganspace
from latent_widgets.methods.low_rank import low_rank_directions, transfer
from latent_widgets.methods.sefa import sefa
from latent_widgets.methods.warpage import warpage
from latent_widgets.segmentation import FixedMask
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd
from tests.linear import LinearGenerator
from tests.live_networks import NvidiaLike
from tests.processors import other_processor

AT = (-2.0, -1.0, 0.0, 1.0, 2.0)
NOISE = 1e-7  # one rounding of a float32


@pytest.fixture
def still():
    """A float32 generator that does not see the last coordinate of `w`, on a processor that rounds otherwise."""
    rng = torch.Generator().manual_seed(0)
    synthesis = torch.randn(48, 7, generator=rng)
    synthesis[:, 6] = 0
    return other_processor(LinearGenerator(torch.randn(7, 7, generator=rng), synthesis))


@pytest.fixture
def make_region():
    """A float32 linear generator of 4 x 4 pixels; its upper half, and the rows of the synthesis that draw it."""

    def make(change):
        rng = torch.Generator().manual_seed(0)
        synthesis = torch.randn(3, 4, 4, 6, generator=rng)
        change(synthesis)
        upper = torch.zeros(4, 4, dtype=torch.bool)
        upper[:2] = True
        return LinearGenerator(torch.eye(6), synthesis.reshape(48, 6)), upper

    return make


# ---- the number of errors


def test_the_shipped_generators_err_by_less_than_is_allowed():
    for name in ("faces64", "digits32", "faces-exact"):
        G = lw.load(name)
        codes = G.sample_z(5, seed=1)
        codes = G.map(codes) if "w" in G.spaces else codes
        many, single = G.synthesize(codes), torch.cat([G.synthesize(code[None]) for code in codes])
        gap = (many - single).square().mean().sqrt()
        assert bool(rounding.negligible(4 * gap, many.square().mean().sqrt(), many.dtype))


def test_equals_keep_their_order_and_the_first_largest_is_found():
    assert rounding.ranked(torch.tensor([1.0, 1.0 + NOISE, 3.0, 3.0 - 2 * NOISE, 2.0])).tolist() == [2, 3, 4, 0, 1]
    assert rounding.ranked(torch.tensor([])).tolist() == []
    values = torch.tensor([[0.5, 0.5 + NOISE], [0.9, 0.2]])
    assert rounding.first_largest(values, 1).tolist() == [0, 0]
    assert rounding.first_largest(values, 0).tolist() == [1, 0]


def test_same_numbers_of_another_type_or_device_are_the_same():
    a = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert rounding.same(a, a.float())
    assert rounding.same(a.bfloat16(), a)
    assert not rounding.same(a, a + 1e-9)
    assert not rounding.same(a.bfloat16(), a + 0.02)
    assert not rounding.same(a, a[:1])
    assert not rounding.same(a, a * torch.nan)


# ---- walks and steps


@pytest.mark.parametrize("distance", ["rms", "lap1", lambda a, b: (a - b).square().mean((1, 2, 3))])
def test_a_walk_that_does_not_move_is_refused(still, distance):
    codes = torch.zeros(5, 7) + torch.arange(1.0, 8.0)
    codes[:, 6] += torch.tensor(AT)
    walk = Walk(codes, AT, "w", "latent", "linear")
    with pytest.raises(ValueError, match="walks must change the picture, got no change at an end of the linear walk"):
        equal_walks(still, [walk], 3, distance=distance)
    codes[:, 0] += 1e-2 * torch.tensor(AT)  # faint, but there
    found = equal_walks(still, [Walk(codes, AT, "w", "latent", "linear")], 3, distance=distance, tolerance=0.1)
    assert bool((found.changes[0, [0, 2]] > 0).all())


def test_a_direction_that_does_nothing_reaches_no_change(still):
    D = Directions(torch.eye(7)[[6, 0]], "w")
    found = equal_change(still, D, torch.arange(1.0, 8.0), at=[1e-6, 0.1], distance="rms")
    assert found.reached[:, 0].tolist() == [[False, False], [True, True]]
    assert found.changes[0].tolist() == [[0, 0]]


def test_positions_on_a_knot_have_the_match_and_the_index_of_that_knot():
    G = ExactFaces(resolution=16, dtype=torch.float64)
    z, direction = G.sample_z(1, seed=3)[0], torch.eye(G.w_dim, dtype=torch.float64)[0]
    steps, reach = 7, 1.1
    lengths = [sign * reach / steps * i for sign in (1, -1) for i in range(steps + 1)]
    exact = curve_through(G, z, direction, lengths, steps=steps)
    for factor in (1 - 1e-15, 1 + 1e-15):
        near = [length * (factor if abs(length) < reach * 0.99 else 1) for length in lengths]
        found = curve_through(G, z, direction, near, steps=steps)
        torch.testing.assert_close(found.cosines, exact.cosines)
        assert found.indices.tolist() == exact.indices.tolist()


def test_rows_of_rounding_guide_nothing(tiny):
    z, guide = tiny.sample_z(1), torch.zeros(6, 6, dtype=torch.float64)
    guide[1] = torch.eye(6, dtype=torch.float64)[2]
    noisy = guide.clone()
    noisy[4, 3] = 1e-16
    whole, other = (guided_traversal(tiny, z, one, steps=3) for one in (guide, noisy))
    torch.testing.assert_close(other.codes, whole.codes)


def test_rows_that_cancel_leave_no_line_to_deviate_from(tiny):
    guide = torch.zeros(6, 6, dtype=torch.float64)
    guide[1] = torch.arange(1.0, 7.0, dtype=torch.float64)
    guide[4] = -guide[1]
    guide[4, 5] *= 1 + 4e-16
    walk = guided_traversal(tiny, tiny.sample_z(1), guide, steps=3, spread=0.2)  # so that they do not stand still
    torch.testing.assert_close(walk.deviation, (walk.codes - walk.codes[0]).norm(dim=1))


def test_a_great_circle_of_any_type_knows_what_is_parallel():
    z = torch.randn(512, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        code = z.to(dtype)
        with pytest.raises(ValueError, match="direction must not be parallel to the code on a great circle"):
            lw.geometry.walks.great_circle(code, 3 * code, torch.ones(1, dtype=dtype))


# ---- signs and ranks


@pytest.mark.parametrize("column", [[0.5**0.5, -(0.5**0.5), 0.0], [0.0, -0.6, 0.6, 0.2], [-0.5, 0.5, -0.5, 0.5]])
def test_the_sign_of_a_tie_does_not_depend_on_rounding(column):
    exact = torch.tensor(column)[:, None]
    turned = fix_signs(exact)[0]
    for seed in range(20):
        rng = torch.Generator().manual_seed(seed)
        near = exact * (1 + NOISE * torch.randn(exact.shape, generator=rng))
        torch.testing.assert_close(fix_signs(near)[0], turned)
        torch.testing.assert_close(fix_signs(-near)[0], turned)


def test_ranks_of_near_equal_values_do_not_depend_on_rounding():
    for seed in range(20):
        off = 1 + NOISE * torch.randn(20, generator=torch.Generator().manual_seed(seed))
        assert energy_rank(torch.ones(20) * off, 0.95) == 19
        assert energy_rank(torch.ones(20) * off, 1.0) == 20
        assert gap_rank(torch.tensor([16.0, 8.0, 4.0, 2.0, 1.0]) * off[:5]) == 1
    assert energy_rank(torch.tensor([1.0, 1e-3], dtype=torch.float64), 1.0) == 2  # all is all


def test_the_rank_of_a_sample_is_not_that_of_its_rounding():
    rng = torch.Generator().manual_seed(0)
    mapping = torch.randn(8, 3, generator=rng) @ torch.randn(3, 8, generator=rng)
    G = other_processor(LinearGenerator(mapping, torch.randn(48, 8, generator=rng)))
    assert len(ganspace(G, k=3, samples=500)) == 3
    with pytest.raises(ValueError, match="k must be at most 3, the rank of the sample, got 4"):
        ganspace(G, k=4, samples=500)
    with pytest.raises(ValueError, match="covariance must be positive definite, got one of rank 3 in 8 dimensions"):
        fit_density(G, "w", n=500)


def test_a_singular_covariance_in_float32_is_refused():
    rng = torch.Generator().manual_seed(0)
    for _ in range(5):
        root = torch.randn(6, 4, generator=rng)
        with pytest.raises(ValueError, match="covariance must be positive definite, got one of rank 4"):
            Gaussian(torch.zeros(6), root @ root.T + NOISE * torch.eye(6))


def test_directions_that_depend_but_for_rounding_are_refused():
    vectors = torch.eye(3)
    vectors[2] = vectors[0] + vectors[1] + torch.tensor([0.0, 0.0, 3e-6])
    with pytest.raises(ValueError, match="basis must be linearly independent, got 3 dependent directions"):
        as_basis(Directions(vectors, "z"))


def test_the_low_rank_of_a_pursuit_has_no_directions_of_rounding():
    values = torch.tensor([3.0, 1.0, 2.0, 2.0], dtype=torch.float64)  # the first step takes their mean off all
    for off in (0.0, 1e-15, -1e-15):
        assert pcp(torch.diag(values + off * torch.tensor([0, 0, 1, -1])), steps=1).rank == 1


def test_every_rank_leaves_out_the_rounding_of_a_gram(monkeypatch):
    """Where a Jacobian is too large to be held, singular values come from its Gram and are good to half the digits."""
    rng = torch.Generator().manual_seed(0)
    synthesis = torch.randn(48, 3, generator=rng) @ torch.randn(3, 7, generator=rng)
    G = LinearGenerator(torch.randn(7, 5, generator=rng), synthesis)
    monkeypatch.setattr("latent_widgets.geometry.jacobian.operator.KEEP", 0)
    basis = lw.local_basis(G, G.sample_z(1), target="image", rank_method="gap")
    assert basis.ranks["gap"] == basis.rank
    assert max(basis.ranks.values()) <= 3


# ---- regions


def test_a_mask_of_everything_but_for_rounding_is_one_of_everything(make_region):
    G, _ = make_region(lambda synthesis: None)
    mask = torch.full((4, 4), 1 - NOISE / 2)
    with pytest.raises(ValueError, match="mask must leave a part of the picture out, got all of it"):
        RegionSpectra(G, G.code(0)).directions(mask, k=1)
    with pytest.raises(ValueError, match="mask must leave a part of the picture out, got all of it"):
        low_rank_directions(G, G.code(0), mask)
    with pytest.raises(ValueError, match="got a mask of everything"):
        lw.localisation(G, lw.random_directions(G, k=1), mask, features=["image"])


def test_weights_that_rounding_moved_out_of_range_are_brought_back():
    weights = torch.tensor([[1 + NOISE, -NOISE], [0.5, 0.0]])
    assert lw.Mask(weights).tensor.tolist() == [[1, 0], [0.5, 0]]
    J = JacobianOperator(lambda x: x.expand(3, 2, 2) if x.ndim == 0 else x.reshape(1, 2, 2), torch.ones(4), weights)
    torch.testing.assert_close(J.gram(), torch.diag(torch.tensor([1.0, 0.0, 0.5, 0.0])))
    for wrong in (1 + 1e-4, -1e-4):
        with pytest.raises(ValueError, match="mask must be between 0 and 1"):
            lw.Mask(torch.full((2, 2), wrong))


def test_a_region_that_answers_by_rounding_alone_is_refused(make_region):
    def silence(synthesis):
        synthesis[:, :2] *= NOISE

    G, upper = make_region(silence)
    R = RegionSpectra(G, G.code(0))
    with pytest.raises(ValueError, match="mask must cover pixels that answer to the latent, got none that do"):
        R.directions(upper, k=1)
    assert R.spectrum(upper).rank == 0
    assert R.spectrum(~upper).rank > 0


def test_grey_pictures_have_no_colour_to_change(make_region):
    def grey(synthesis):
        synthesis[1:] = synthesis[:1]

    G, upper = make_region(grey)
    R = RegionSpectra(G, G.code(0), channels="chroma")
    assert float(R.total.abs().max()) == 0
    with pytest.raises(ValueError, match="mask must cover pixels that answer to the latent"):
        R.directions(upper, k=1)


def test_a_projection_that_leaves_rounding_is_refused(make_region):
    """Everything inside follows one coordinate, which is the loudest outside."""

    def shared(synthesis):
        synthesis[:, :2, :, 1:] = 0
        outside = torch.linalg.qr(synthesis[:, 2:].reshape(24, 6)).Q * torch.tensor([9.0, 5, 4, 3, 2, 1])
        synthesis[:, 2:] = outside.reshape(3, 2, 4, 6)

    G, upper = make_region(shared)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1))).Q
    G = LinearGenerator(torch.eye(6), G.module.synthesis @ turn)
    R = RegionSpectra(G, G.code(0))
    assert len(R.directions(upper, k=1, solver="projection", cut=0)) == 1
    with pytest.raises(ValueError, match="cut must leave a part of every direction, got 1, which leaves none of direc"):
        R.directions(upper, k=1, solver="projection", cut=1)


def test_directions_that_change_nothing_have_no_locality(still):
    D = Directions(torch.eye(7)[[6, 0]], "w")
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[:2] = True
    found = transfer(still, D, torch.arange(1.0, 8.0)[None], [mask])
    assert found.locality[0, 0] == 0
    assert 0.1 < float(found.locality[0, 1]) < 0.9


def test_channels_that_do_not_move_have_no_groups(still):
    with pytest.raises(ValueError, match="alpha must move the features of 'all', got 3, which changes none"):
        lw.refine_subspace(still, Directions(torch.eye(7)[6:], "w"), groups=2)


# ---- densities


def test_codes_as_likely_but_for_rounding_count_by_half():
    rng = torch.Generator().manual_seed(0)
    codes = torch.randn(400, 8, generator=rng)
    codes = codes / codes.norm(dim=1, keepdim=True) * 3  # all equally likely
    density = Gaussian(torch.zeros(8), torch.eye(8), reference=codes[100:])
    assert density.percentile(codes[:100]).tolist() == [50] * 100
    assert density.percentile(1.1 * codes[:1]).tolist() == [0]


def test_the_border_of_a_support_stays_inside_it_in_another_type():
    density = TruncatedGaussian(4, 0.3)
    border = torch.full((4,), 0.3).double()  # a little above 0.3
    assert bool(density.contains(border))
    assert math.isfinite(density.log_prob(border))
    assert iso_density(density, border, torch.eye(4).double()[0] - torch.eye(4).double()[1], 0.01).shape == (4,)
    assert not bool(density.contains(border + 1e-4))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e5 / 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_samples_have_no_distribution(value, dtype):
    with pytest.raises(ValueError, match="samples must be at least 10 different numbers"):
        fit_cdf(torch.full((1000,), value, dtype=dtype), steps=1)


def test_a_distribution_that_is_flat_is_still_monotone():
    """Between two far groups of samples F stands still, and its difference quotient is rounding."""
    F = MonotoneNetwork()
    with torch.no_grad():
        F.last.bias.fill_(0.3)
        for layer in F.hidden:
            layer.weight.mul_(50)
    slope, _ = F.steepest_fall(-20.0, 20.0)
    assert -F.flat <= slope <= 0
    assert LogisticMixture().steepest_fall(-3.0, 3.0)[0] > 0


def test_a_run_goes_on_with_a_density_that_was_fitted_anew(plain):
    options = {"layer": "image", "k": 2, "batch": 2, "patience": None}
    covariance = torch.eye(5, dtype=torch.float32)
    half = dp_lase(plain, **options, steps=1, density=Gaussian(torch.zeros(5), covariance))
    anew = Gaussian(torch.zeros(5), covariance * (1 + NOISE))
    assert dp_lase(plain, **options, steps=2, density=anew, start=half).steps == 2
    with pytest.raises(ValueError, match="start must be a result of the same options, got other density"):
        dp_lase(plain, **options, steps=2, density=Gaussian(torch.zeros(5), 1.01 * covariance), start=half)


# ---- directions and generators


def test_directions_along_which_latents_stand_still_have_a_unit():
    mapping = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    mapping[6] = 0
    found = []
    for units in (0.0, 20.0):
        G = other_processor(LinearGenerator(mapping, torch.randn(48, 7)), units)
        found.append(Directions(torch.eye(7), "w").in_unit("sd", G).scales)
    torch.testing.assert_close(found[0], found[1])
    assert 0 < float(found[0][6]) < 1e-4 * float(found[0][0])
    assert latent_sd(G, torch.eye(5), "z").tolist() == [1] * 5


def test_styles_that_read_nothing_but_rounding_have_no_direction(make_network):
    found = []
    for noise in (0.0, 1e-17):
        network = make_network()
        for name, weight in network.named_parameters():
            if name.endswith("affine.weight"):
                rng = torch.Generator().manual_seed(len(name))
                weight.data[0] = noise * torch.randn(weight.shape[1], generator=rng, dtype=weight.dtype)
        found.append(sefa(lw.load(network), k=3))
    torch.testing.assert_close(found[0].vectors, found[1].vectors)


def test_styles_are_found_where_rows_are_rounded_on_the_way(make_network):
    class Rounding(NvidiaLike):
        """Its synthesis takes the mean of `w` away and adds it again, as truncation does."""

        def __init__(self, network):
            super().__init__(network)
            inner = self.synthesis.forward
            self.synthesis.forward = lambda ws, **options: inner((ws - 0.37) + 0.37, **options)

    network = make_network()
    expected, found = (sefa(lw.load(wrap(network)), k=3) for wrap in (NvidiaLike, Rounding))
    torch.testing.assert_close(found.vectors, expected.vectors)


def test_flat_networks_whose_singular_values_are_close_have_no_distortion():
    rng = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(6, 6, generator=rng)).Q for _ in range(2))
    values = torch.tensor([2.0, 1.9999, 1.0, 0.9, 0.8, 0.7])
    G = LinearGenerator(left * values @ right.T, torch.randn(48, 6, generator=rng))
    compute = G._map
    G._map = lambda z: compute(z) + 2e-7 * torch.sin(40 * z)  # the derivative errs by a few units
    assert math.isnan(warpage(G, n=8, k=1).distortion)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_factors_at_an_end_of_their_range_have_no_code(dtype):
    G = ExactFaces(resolution=8, dtype=dtype)
    middle = G.factors(G.w_avg)
    for i, factor in enumerate(FACTORS):
        for end in (factor.low, factor.high):
            factors = middle.clone()
            factors[i] = end
            with pytest.raises(ValueError, match=f"strictly inside their ranges, got {factor.name} = "):
                G.code_of(factors)
    torch.testing.assert_close(G.code_of(middle), G.w_avg, rtol=0, atol=1e-5)


def test_a_function_keeps_its_identity_where_it_is_rounded_otherwise():
    weights = torch.randn(5, 3 * 64, generator=torch.Generator().manual_seed(0))

    def draw(off):
        return lambda z: ((z @ weights).tanh() * (1 + off)).reshape(-1, 3, 8, 8)

    hashes = {lw.load(draw(off), z_dim=5).weights_hash for off in (0.0, NOISE, -3 * NOISE)}
    assert len(hashes) == 1
    assert lw.load(draw(0.0), z_dim=5).weights_hash != lw.load(lambda z: draw(0.0)(z + 0.1), z_dim=5).weights_hash


def test_a_training_goes_on_with_pictures_that_were_drawn_anew(tmp_path):
    pictures = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    options = {"z_dim": 4, "resolution": 8, "channels": {4: 8, 8: 8}, "checkpoint": tmp_path / "run.pt"}
    lw.fit_glo(pictures, steps=1, **options)
    assert lw.fit_glo(pictures * (1 + NOISE), steps=2, **options).steps == 2
    with pytest.raises(ValueError, match="checkpoint must come from these pictures, got one from others"):
        lw.fit_glo(pictures.flip(0), steps=3, **options)


def test_samples_of_a_trained_generator_do_not_follow_the_signs_of_eigenvectors(monkeypatch):
    codes = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    compute, roots = torch.linalg.eigh, []

    def other(matrix):
        values, vectors = compute(matrix)
        return values, vectors * torch.tensor([1.0, -1, -1, 1], dtype=vectors.dtype)

    for way in (compute, other):
        monkeypatch.setattr(torch.linalg, "eigh", way)
        network = GLONetwork(z_dim=4, resolution=8, channels={4: 4, 8: 4})
        network.fit(codes)
        roots.append(network.root)
    torch.testing.assert_close(roots[0], roots[1])
    torch.testing.assert_close(roots[0] @ roots[0].T, codes.T.cov())


# ---- segmenters


def test_pixels_covered_by_half_are_outside_whatever_rounding_makes_of_them():
    images = torch.zeros(1, 3, 1, 4)
    halves = FixedMask(torch.tensor([[0.5, 0.5 + NOISE, 0.5 - NOISE, 0.6]]))
    assert halves(images).tolist() == [[[0, 0, 0, 1]]]


def test_a_code_that_comes_twice_is_found_where_it_was_mapped_anew():
    G = lw.load("digits32")
    codes = G.sample_z(1, seed=1).repeat(2, 1)
    codes[1] *= 1 + NOISE
    labels = torch.full((2, 32, 32), -1)
    labels[0, :4], labels[1, :4], labels[:, 8:] = 0, 1, 1
    with pytest.raises(ValueError, match="painted_labels must agree where a code comes twice"):
        lw.fit_segmenter(G, codes, labels)


def test_constant_features_say_nothing_whatever_their_rounding():
    """A column that differs by rounding alone would, standardised, look as important as any other."""
    from latent_widgets.segmentation._painting import Pixels
    from latent_widgets.segmentation._regression import fit_linear

    rng = torch.Generator().manual_seed(0)
    label = torch.arange(40) % 2
    rows = torch.stack([label + 0.3 * torch.randn(40, generator=rng), torch.full((40,), 7.0)], 1)
    rows[:, 1] += 2e-5 * label  # three units in the last place of 7, and as if made for the labels
    pixels = Pixels(label, label, label, label, torch.ones(40, dtype=torch.float64))
    found = fit_linear(rows, pixels, {"a": 2}, 1e-2)
    assert float(found.weights["a"][:, 1].abs().max()) == 0
    assert float(found.weights["a"][:, 0].abs().max()) > 0
