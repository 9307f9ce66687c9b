import math

import pytest
import torch
from scipy.stats import multivariate_normal, norm

from latent_widgets.core.steps import Cancelled
from latent_widgets.geometry.density.cdf import LogisticMixture, MonotoneNetwork, fit_cdf
from latent_widgets.geometry.density.coordinates import Independent, Whitened, goodness_of_fit
from latent_widgets.geometry.density.fitted import Gaussian, Mixture, TruncatedGaussian, Uniform, fit_density
from tests.linear import linear_generator


@pytest.fixture
def draw():
    def make(kind, n, seed):
        rng = torch.Generator().manual_seed(seed)
        noise = torch.randn(n, generator=rng, dtype=torch.float64)
        if kind == "gaussian":
            return noise
        if kind == "bimodal":
            return 0.5 * noise + 4 * torch.randint(0, 2, (n,), generator=rng) - 2
        return 2 * torch.rand(n, generator=rng, dtype=torch.float64) - 1

    return make


TRUE = {
    "gaussian": lambda t: -0.5 * t**2 - 0.5 * math.log(2 * math.pi),
    "bimodal": lambda t: torch.logaddexp(-2 * (t - 2) ** 2, -2 * (t + 2) ** 2) - 0.5 * math.log(2 * math.pi),
    "uniform": lambda t: torch.full_like(t, -math.log(2)),
}


@pytest.fixture
def gaussian():
    rng = torch.Generator().manual_seed(3)
    root = torch.randn(4, 4, generator=rng, dtype=torch.float64)
    return Gaussian(torch.randn(4, generator=rng, dtype=torch.float64), root @ root.T + 0.1 * torch.eye(4))


@pytest.fixture
def mixture(gaussian):
    other = Gaussian(gaussian.mean + 3, torch.eye(4, dtype=torch.float64))
    return Mixture(torch.tensor([1.0, 3.0], dtype=torch.float64), [gaussian, other])


def test_noise_of_a_comparison_falls_with_the_root_of_the_sample():
    samples = Gaussian.standard(4).sample(100, seed=1)
    assert goodness_of_fit(Gaussian.standard(4), samples).noise == pytest.approx(1.358 * (2 / 100) ** 0.5)
    pooled = goodness_of_fit(Independent(LogisticMixture(), 4), samples)
    assert pooled.noise == pytest.approx(1.358 / 400**0.5)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 3.0), (-4.0, -3.5)])
def test_box_is_drawn_from_evenly(low, high):
    box = Uniform(2, low, high, torch.float64)
    share = torch.rand(500, 2, generator=torch.Generator("cpu").manual_seed(3), dtype=torch.float64)
    torch.testing.assert_close(box.sample(500, seed=3), low + (high - low) * share)
    inside = torch.full((2,), (low + high) / 2).double()
    assert float(box.log_prob(inside)) == pytest.approx(-2 * math.log(high - low))
    assert box.log_prob(inside + (high - low)) == -math.inf


def test_truncated_gaussian_is_normalised_and_drawn_by_its_distribution_function():
    cut = TruncatedGaussian(2, 1.5, torch.float64)
    grid = torch.linspace(-1.5, 1.5, 2001, dtype=torch.float64)
    square = cut.log_prob(torch.stack([grid, torch.full_like(grid, 0.3)], 1)).exp()
    line = norm.pdf(0.3) / (norm.cdf(1.5) - norm.cdf(-1.5))
    assert float(torch.trapezoid(square, grid)) == pytest.approx(line, rel=1e-5)
    share = torch.rand(500, 2, generator=torch.Generator("cpu").manual_seed(3), dtype=torch.float64).numpy()
    expected = norm.ppf(norm.cdf(-1.5) + share * (norm.cdf(1.5) - norm.cdf(-1.5)))
    torch.testing.assert_close(cut.sample(500, seed=3), torch.from_numpy(expected), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_what_is_rounding_is_told_by_the_largest_variance(scale):
    kept = Gaussian(torch.zeros(2).double(), scale * torch.diag(torch.tensor([1.0, 1e-11]).double()))
    assert float(kept.log_prob(torch.zeros(2).double())) == pytest.approx(
        -math.log(2 * math.pi * scale) - 0.5 * math.log(1e-11)
    )
    with pytest.raises(ValueError, match="covariance must be positive definite, got one of rank 1 in 2 dimensions"):
        Gaussian(torch.zeros(2).double(), scale * torch.diag(torch.tensor([1.0, 1e-13]).double()))


def test_gaussian_is_that_of_scipy(gaussian):
    x = gaussian.sample(5, seed=1)
    expected = multivariate_normal(gaussian.mean.numpy(), gaussian.covariance.numpy()).logpdf(x.numpy())
    torch.testing.assert_close(gaussian.log_prob(x), torch.from_numpy(expected))
    torch.testing.assert_close(gaussian.log_prob(x[0]), gaussian.log_prob(x)[0])
    torch.testing.assert_close(gaussian.unwhiten(gaussian.whiten(x)), x)
    step = gaussian.whiten(x[1]) - gaussian.whiten(x[0])
    torch.testing.assert_close(gaussian.whiten_direction(x[1] - x[0]), step)


def test_gradients_are_those_of_finite_differences(gaussian, mixture):
    for density in (gaussian, mixture, TruncatedGaussian(4, 2.0), Independent(LogisticMixture(), 4)):
        x = 0.3 * torch.arange(4.0, dtype=torch.float64) - 0.4
        steps = 1e-5 * torch.eye(4, dtype=torch.float64)
        expected = (density.log_prob(x + steps) - density.log_prob(x - steps)) / 2e-5
        torch.testing.assert_close(density.gradient(x), expected.detach(), atol=1e-6, rtol=1e-6)
    assert Uniform(4).gradient(torch.zeros(2, 4)).tolist() == [[0.0] * 4] * 2


def test_mixture_is_the_sum_of_its_parts(mixture):
    x = mixture.sample(6, seed=2)
    expected = (0.25 * mixture.parts[0].log_prob(x).exp() + 0.75 * mixture.parts[1].log_prob(x).exp()).log()
    torch.testing.assert_close(mixture.log_prob(x), expected)
    assert goodness_of_fit(mixture, mixture.sample(2000, seed=5)).ks < 0.06


def test_bounded_densities_have_total_mass_one_and_stay_in_their_support():
    grid = torch.linspace(-2.5, 2.5, 20_001, dtype=torch.float64)
    for density in (TruncatedGaussian(1, 2.0), Uniform(1, -0.5, 2.0)):
        values = density.log_prob(grid[:, None]).exp()
        assert abs(float(torch.trapezoid(values, grid)) - 1) < 1e-3
        sample = density.sample(4000, seed=1)
        assert bool(density.contains(sample).all())
        assert density.log_prob(torch.tensor([2.4])).item() == -math.inf
        assert density.clamp(torch.tensor([9.0])).item() == density.support[1]
    truncated = TruncatedGaussian(1, 2.0).sample(4000, seed=1)
    expected = norm.cdf([-1, 0, 1]) / (norm.cdf(2) - norm.cdf(-2)) - norm.cdf(-2) / (norm.cdf(2) - norm.cdf(-2))
    assert torch.allclose(
        (truncated < torch.tensor([-1.0, 0.0, 1.0])).double().mean(0), torch.tensor(expected), atol=0.02
    )


def test_percentiles_are_those_of_samples(gaussian, mixture):
    x = gaussian.sample(3, seed=9)
    below = gaussian.log_prob(gaussian.sample(20_000, seed=4)) < gaussian.log_prob(x)[:, None]
    torch.testing.assert_close(gaussian.percentile(x), 100 * below.double().mean(1), atol=1.5, rtol=0)
    assert mixture.percentile(mixture.sample(2000, seed=3)).mean() == pytest.approx(50, abs=3)
    assert Uniform(3).percentile(torch.zeros(3)) == 50  # all codes inside are alike
    assert Uniform(3).percentile(2 * torch.ones(3)) == 0
    seen = Gaussian(gaussian.mean, gaussian.covariance, reference=gaussian.mean + torch.zeros(10, 4))
    assert seen.percentile(x).tolist() == [0, 0, 0]  # all reference codes are at the mode


def test_density_of_a_generator_has_the_moments_of_its_latents():
    G = linear_generator(z_dim=6, w_dim=6)  # w = M z, so the covariance of w is M M'
    p = fit_density(G, "w", n=20_000)
    exact = G.module.mapping @ G.module.mapping.T
    assert (p.covariance - exact).norm() < 0.05 * exact.norm()
    assert torch.equal(p.mean, fit_density(G, "w", n=20_000).mean)  # the same seed, the same density
    standard = fit_density(G, "z")
    torch.testing.assert_close(
        standard.log_prob(torch.zeros(6).double()), torch.tensor(-3 * math.log(2 * math.pi)).double()
    )
    mixed = fit_density(G, "w", "mixture", n=3000, components=2)
    held_out = G.map(G.sample_z(2000, seed=77))
    assert len(mixed.parts) == 2
    assert goodness_of_fit(mixed, held_out).ks < 0.06
    assert mixed.percentile(held_out).mean() == pytest.approx(50, abs=4)


def test_degenerate_latents_are_refused_or_shrunk():
    G = linear_generator(z_dim=3, w_dim=6)
    with pytest.raises(
        ValueError, match=r"covariance must be positive definite, got one of rank 3 in 6 dimensions\. Fit"
    ):
        fit_density(G, "w", n=200)
    with pytest.raises(ValueError, match=r"must be positive definite, got one .* in 6 dimensions|got one that is not"):
        Gaussian(torch.zeros(6), torch.diag(torch.tensor([1.0, 1, 1, 1, 1, 0])))
    assert fit_density(G, "w", n=200, shrink=True).log_prob(G.code(seed=0)).isfinite()
    assert fit_density(G, "w", "mixture", n=200, components=2, shrink=True).log_prob(G.code(seed=0)).isfinite()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "s"}, "space must be one of"),
        ({"space": "w", "kind": "standard"}, "kind must be one of 'gaussian', 'mixture', got 'standard'"),
        ({"n": 1}, "n must be at least 2, got 1"),
        ({"kind": "mixture", "n": 5, "components": 9}, "components must be at most 5, the size of the sample, got 9"),
    ],
)
def test_what_cannot_be_fitted_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit_density(linear_generator(z_dim=6, w_dim=6), **options)


def test_bad_codes_and_parameters_are_refused(gaussian):
    with pytest.raises(ValueError, match=r"x must have shape \(n, 4\) or \(4,\), got \(3,\)"):
        gaussian.log_prob(torch.zeros(3))
    with pytest.raises(ValueError, match="x must be finite, got 1 NaN"):
        gaussian.log_prob(torch.tensor([0.0, 0, 0, math.nan]))
    with pytest.raises(ValueError, match="high - low must be above 0, got -1"):
        Uniform(2, 1.0, 0.0)
    with pytest.raises(ValueError, match="bound must be above 0, got 0"):
        TruncatedGaussian(2, 0.0)
    with pytest.raises(ValueError, match="weights must be one positive number for each of 1 parts"):
        Mixture(torch.tensor([1.0, -1.0]), [gaussian])


@pytest.mark.parametrize("samples", ["gaussian", "bimodal", "uniform"])
@pytest.mark.parametrize("kind", ["logistic", "network"])
def test_learned_distribution_functions_fit(samples, kind, draw):
    steps = {"logistic": 10, "network": 8}[kind]
    F = fit_cdf(draw(samples, 20_000, seed=0), kind, steps=steps)
    held_out = draw(samples, 10_000, seed=1)
    fit = goodness_of_fit(Independent(F, 1), held_out[:, None])
    assert abs(fit.mass - 1) < 0.02
    assert fit.ks < 0.03
    central = held_out.sort().values[500:-500]
    error = (F.log_density(central) - TRUE[samples](central)).abs()
    assert error.mean() < 0.1  # of the log density, on the central 90 %; 0.02 to 0.08 as measured
    assert F.steepest_fall(float(held_out.min()), float(held_out.max()))[0] >= 0


@pytest.mark.parametrize("kind", ["logistic", "network"])
def test_a_fit_does_not_depend_on_where_the_samples_lie_and_how_far_apart(kind, draw):
    t = draw("bimodal", 300, seed=0).double()
    here, there = (fit_cdf(samples, kind, steps=3) for samples in (t, 0.01 * t + 50))
    torch.testing.assert_close(there(0.01 * t + 50), here(t), rtol=0, atol=1e-3)


def test_slopes_agree_with_autograd(draw):
    t = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    for F, tolerance in ((LogisticMixture(), 1e-10), (MonotoneNetwork(), 2e-3)):  # the quotient has a step of 1e-3
        F.prepare(draw("bimodal", 500, seed=0))
        (slope,) = torch.autograd.grad(F(t).sum(), t)
        torch.testing.assert_close(F.density(t).detach(), slope, atol=tolerance, rtol=tolerance)
        torch.testing.assert_close(F.log_density(t).exp(), F.density(t))


def test_network_that_falls_is_refused_and_its_logarithm_stays_finite():
    F = MonotoneNetwork()
    with torch.no_grad():
        F.last.weight.neg_()
    t = torch.zeros(3, dtype=torch.float64)
    assert bool(F.log_density(t).isfinite().all())
    assert bool((F.monotony_loss(t) > 1e-3).all())
    assert F.steepest_fall(-1, 1)[0] < 0


def test_fit_that_ends_not_monotone_is_refused(monkeypatch, draw):
    monkeypatch.setattr(MonotoneNetwork, "steepest_fall", lambda self, low, high: (-0.5, 1.25))
    with pytest.raises(ValueError, match=r"F must be monotone, got slope -0\.5 at 1\.25\. Fit for more steps"):
        fit_cdf(draw("gaussian", 100, seed=0), "network", steps=1)


def test_fit_can_be_cancelled_and_refuses_too_little(draw):
    with pytest.raises(Cancelled, match="fit_cdf was cancelled"):
        fit_cdf(draw("gaussian", 100, seed=0), on_step=lambda step: False)
    with pytest.raises(ValueError, match="samples must be at least 10 different numbers, got 20 with deviation 0"):
        fit_cdf(torch.ones(20))
    with pytest.raises(ValueError, match="kind must be one of 'logistic', 'network', got 'spline'"):
        fit_cdf(draw("gaussian", 100, seed=0), "spline")


def test_independent_coordinates_are_sampled_by_their_distribution_function(draw):
    p = Independent(fit_cdf(draw("bimodal", 4000, seed=0), steps=8), 3)
    sample = p.sample(2000, seed=1)
    assert sample.shape == (2000, 3)
    assert goodness_of_fit(p, sample).ks < 0.03
    torch.testing.assert_close(p.log_prob(sample[:2]), p.cdf.log_density(sample[:2]).sum(1))


def test_whitened_density_is_that_of_the_mapped_codes():
    rng = torch.Generator().manual_seed(2)
    roots = torch.randn(2, 3, 3, generator=rng, dtype=torch.float64)
    prior, other = (Gaussian(root[0], root @ root.T) for root in roots)
    p = Whitened(other, prior)
    onto = prior.whiten_direction(torch.eye(3).double())  # a symmetric matrix
    mapped = Gaussian(prior.whiten(other.mean), onto @ other.covariance @ onto)
    y = torch.randn(8, 3, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(p.log_prob(y), mapped.log_prob(y))
    torch.testing.assert_close(p.gradient(y), mapped.gradient(y))
    torch.testing.assert_close(p.sample(5, seed=1), prior.whiten(other.sample(5, seed=1)))
    with pytest.raises(ValueError, match="density must be of dimension 3, got 2"):
        Whitened(Gaussian.standard(2), prior)
    with pytest.raises(ValueError, match=r"density must have no bounds, got the support \[-2, 2\]. Use iso_density"):
        Whitened(TruncatedGaussian(3), prior)


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_one_coordinate_is_fitted_too(kind):
    G = linear_generator(z_dim=1, w_dim=1)
    p = fit_density(G, "w", kind, n=4000, components=1)
    x = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
    expected = norm(0, float(G.module.mapping.abs())).logpdf(x[:, 0].numpy())
    torch.testing.assert_close(p.log_prob(x), torch.from_numpy(expected), rtol=0, atol=0.1)


def test_gaussian_does_not_follow_the_tensors_it_was_made_from():
    mean, x = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    p = Gaussian(mean, torch.eye(2, dtype=torch.float64))
    before = p.log_prob(x)
    mean += 1
    assert torch.equal(p.log_prob(x), before)
