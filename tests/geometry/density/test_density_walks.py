import math

import pytest
import torch

from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.geometry.density.cdf import LogisticMixture
from latent_widgets.geometry.density.coordinates import Independent
from latent_widgets.geometry.density.fitted import Gaussian, Mixture, TruncatedGaussian, Uniform, fit_density
from latent_widgets.geometry.density.iso_density import attainable, iso_density, kept_component, norm_preserving
from latent_widgets.geometry.walks.density_path import KeptDensity
from latent_widgets.geometry.walks.walk import great_circle, walk
from latent_widgets.methods.dp_lase.correction import Correction
from tests.linear import linear_generator

SHARES = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)


@pytest.fixture
def random():
    def draw(*shape, seed=0):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    return draw


@pytest.fixture
def densities(random):
    root = random(12, 12, seed=1)
    skewed = Gaussian(random(12, seed=2), root @ root.T / 12 + 0.1 * torch.eye(12))
    wide = Gaussian(skewed.mean + 1, torch.eye(12, dtype=torch.float64))
    return {
        "standard": Gaussian.standard(12, torch.float64),
        "full": skewed,
        "mixture": Mixture(torch.tensor([1.0, 2.0]), [skewed, wide]),
        "independent": Independent(LogisticMixture(), 12),
        "truncated": TruncatedGaussian(12, 2.0, torch.float64),
    }


@pytest.mark.parametrize("name", ["standard", "full", "mixture", "independent", "truncated"])
def test_projected_walks_keep_the_density_up_to_a_stride_of_the_norm(name, densities, random):
    density = densities[name]
    start = density.sample(20, seed=3).double()
    direction = random(12, seed=4)
    strides = start.norm(dim=1, keepdim=True) * SHARES  # (n, 3)
    codes = iso_density(density, start[:, None], direction, strides)
    drift = density.log_prob(codes.flatten(0, 1)).unflatten(0, (20, 3)) - density.log_prob(start)[:, None]
    assert drift.abs().max() < 1e-4
    assert bool(density.contains(codes).all())
    assert kept_component(start[:, None], codes, direction, strides).mean() > 0.5  # it moves, and that way


def test_stride_of_zero_stays_where_it_is_to_the_last_bit():
    box = Uniform(3, high=0.1)
    start = torch.tensor([0.1, -0.2, 0.0]) * (1 + 1e-7)  # a rounding beyond the border, which still counts as inside
    codes = iso_density(box, start, torch.ones(3), torch.tensor([0.0, -0.05])[:, None].expand(2, 1)[:, 0])
    assert torch.equal(codes[0], start)
    torch.testing.assert_close(codes[1], start - 0.05 / 3**0.5)


def test_a_code_that_cannot_be_reached_is_seen_beside_one_that_is():
    """The start at the mode is the only code as likely: what lies elsewhere is less likely."""
    starts, strides = torch.tensor([[2.0, 0.0], [0.0, 0.0]]).double(), torch.tensor([0.0, 1.0]).double()
    with pytest.raises(ValueError, match="strides must be small enough to reach codes as likely as the start"):
        iso_density(Gaussian.standard(2, torch.float64), starts, torch.ones(2).double(), strides, iterations=1)


def test_longest_strides_reach_the_direction_itself_at_most():
    z, g = torch.tensor([2.0, 0.0]).double(), torch.tensor([0.6, 0.8]).double()
    for stride in (1.9, 4.0, 9.0):  # the last two are longer than the sphere is wide
        turn = min(2 * math.asin(min(stride / 4, 1)), math.acos(0.6))
        expected = 2 * (math.cos(math.acos(0.6) - turn) - 0.6) / stride
        assert float(attainable(z, g, stride)) == pytest.approx(expected)


def test_kind_is_checked_where_a_density_is_given_too():
    G = linear_generator(z_dim=5, w_dim=5)
    path = KeptDensity(fit_density(G, "w", n=200))
    with pytest.raises(ValueError, match="kind must be one of 'linear', got 'spiral'"):
        walk(G, G.code(seed=1), torch.ones(5), kind="spiral", density=path)


def test_norm_preserving_walk_is_the_great_circle_at_another_angle(random):
    z, g = random(64, seed=1), random(64, seed=2)
    g = g - z * (z @ g) / (z @ z)
    strides = SHARES * z.norm()
    codes = norm_preserving(z, g, strides)
    torch.testing.assert_close(codes, great_circle(z, g, SHARES.atan()))
    p = Gaussian.standard(64, torch.float64)
    assert (p.log_prob(codes) - p.log_prob(z)).abs().max() < 1e-10
    kept = kept_component(z, codes, g, strides)
    torch.testing.assert_close(kept, (1 + SHARES**2).rsqrt())  # 0.970, 0.894, 0.707
    torch.testing.assert_close(attainable(z, g, strides), (1 - SHARES**2 / 4).sqrt())
    torch.testing.assert_close(iso_density(p, z, g, strides), codes)  # the gradient of a Gaussian is radial


def test_no_code_of_the_sphere_within_a_stride_keeps_more_than_is_attainable(random):
    z, g = random(3, seed=1), random(3, seed=5)
    stride = 0.7 * z.norm()
    sphere = random(200_000, 3, seed=6)
    sphere = sphere / sphere.norm(dim=1, keepdim=True) * z.norm()
    near = sphere[(sphere - z).norm(dim=1) <= stride]
    best = kept_component(z, near, g, stride).max()
    bound = attainable(z, g, stride)
    assert bound - 0.01 < best <= bound + 1e-9


def test_walks_on_a_uniform_prior_stay_in_its_support(random):
    p = Uniform(6, -1.0, 1.0, torch.float64)
    start = p.sample(30, seed=1)
    codes = iso_density(p, start, random(6, seed=2), torch.full((30,), 3.0).double())
    assert bool(p.contains(codes).all())
    assert (p.log_prob(codes) - p.log_prob(start)).abs().max() == 0
    with pytest.raises(ValueError, match=r"code must lie in the support \[-1, 1\], got a coordinate of magnitude 1\.5"):
        iso_density(p, 1.5 * torch.ones(6).double(), random(6), 1.0)


def test_zero_stride_stays_and_has_kept_all(random):
    z, g = random(5, seed=1), random(5, seed=2)
    p = Gaussian.standard(5, torch.float64)
    for codes in (norm_preserving(z, g, 0.0), iso_density(p, z, g, 0.0)):
        torch.testing.assert_close(codes, z)
        assert kept_component(z, codes, g, 0.0) == 1


def test_walks_that_have_nowhere_to_go_are_refused(random):
    z = random(5, seed=1)
    p = Gaussian.standard(5, torch.float64)
    with pytest.raises(ValueError, match="direction must not be zero, got one that is"):
        iso_density(p, z, torch.zeros(5).double(), 1.0)
    with pytest.raises(ValueError, match="direction must not lead through the origin, got a step that ends there"):
        norm_preserving(z, -z, z.norm())
    with pytest.raises(ValueError, match="strides must be finite, got 1 NaN"):
        norm_preserving(z, z, math.nan)
    still = iso_density(p, torch.zeros(5).double(), z, 1.0)
    assert still.norm() < 1e-3  # nothing is as likely as the mode: no NaN, and no way to go
    corner = Mixture(torch.ones(2), [p, Gaussian(torch.full((5,), 50.0).double(), 0.01 * torch.eye(5))])
    with pytest.raises(ValueError, match=r"none within 3 steps: .* off in log density\. Use a smaller stride"):
        iso_density(corner, torch.full((5,), 50.0).double(), z, 2.0, iterations=3)


def test_walks_of_the_package_carry_density_and_kept_component():
    G = PlainGenerator(DCGAN(z_dim=5, resolution=8, channels={4: 4, 8: 4}).double())
    z = G.code(seed=3)
    direction = torch.eye(5, dtype=torch.float64)[1]
    straight = walk(G, z, direction, at=[-1, 0, 2], unit="latent")
    circle = walk(G, z, direction, at=[-30, 0, 60], unit="degrees", kind="density")
    torch.testing.assert_close(straight.log_density, fit_density(G, "z").log_prob(straight.codes))
    assert torch.allclose(straight.kept, torch.ones(3, dtype=torch.float64))
    assert circle.log_density.std() < 1e-10
    assert circle.kept[1] == 1
    assert bool((circle.kept[[0, 2]] < 1).all())


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_walks_in_w_keep_a_fitted_density(kind):
    G = linear_generator(z_dim=6, w_dim=6)
    p = fit_density(G, "w", kind, n=2000, components=2)
    W = walk(G, G.code(seed=0), torch.eye(6).double()[0], at=[-2, 0, 2], kind="density", density=KeptDensity(p))
    assert (W.log_density - W.log_density[1]).abs().max() < 1e-4
    torch.testing.assert_close(W.codes[1], G.code(seed=0))
    assert bool((W.kept > 0.4).all())


def test_correction_is_never_longer_than_the_step(random):
    z, g, strides = (
        random(6, 5).requires_grad_(),
        random(6, 5, seed=1),
        torch.tensor([0.0, 0.1, -0.5, 1, 2, 4]).double(),
    )
    C = Correction(5)
    with torch.no_grad():
        C.vector[-1].bias.fill_(100.0)
    found = C(z, strides, g / g.norm(dim=1, keepdim=True), Gaussian.standard(5).log_prob)
    torch.testing.assert_close(found.norm(dim=1), strides.abs())
    found.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in C.parameters() if p.grad is not None)


def test_correction_begins_as_nothing_or_as_a_newton_step(random):
    z, g = random(7, 5, seed=1), random(7, 5, seed=2)
    g = g / g.norm(dim=1, keepdim=True)
    strides = torch.linspace(0, 2, 7, dtype=torch.float64)
    p = Gaussian.standard(5, torch.float64)
    assert bool((Correction(5, "plain")(z, strides, g, p.log_prob) == 0).all())
    with torch.no_grad():
        found = Correction(5)(z, strides, g, p.log_prob)
    straight = z + strides[:, None] * g
    size = (p.log_prob(z) - p.log_prob(straight))[:, None] / (straight.square().sum(1, keepdim=True) + 5e-6)
    torch.testing.assert_close(found, -size * straight)
    assert bool((found[0].abs() < 1e-12).all())  # no stride, no correction
    with pytest.raises(ValueError, match="kind must be one of 'informed', 'plain', 'unbounded', got 'deep'"):
        Correction(5, "deep")
