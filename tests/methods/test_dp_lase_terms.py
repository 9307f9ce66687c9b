"""The terms of DP-LaSE against their equations, written out sample by sample in float64."""

import itertools

import numpy as np
import pytest
import torch

from latent_widgets.geometry.density.cdf import LogisticMixture, make_cdf
from latent_widgets.geometry.density.coordinates import Independent, Whitened
from latent_widgets.geometry.density.fitted import Gaussian
from latent_widgets.methods import dp_lase
from latent_widgets.methods.dp_lase import terms
from latent_widgets.methods.dp_lase.correction import Correction
from latent_widgets.methods.dp_lase.run import Options, Run, moved
from tests.linear import linear_generator

WEIGHTS = {"mon": 0.7, "lik": 1.3, "den": 10.0, "var": 0.9, "pair": 0.1, "reg": 1.1}


@pytest.fixture
def uneven():
    """A mixture of logistic distributions in which every parameter matters."""
    cdf, rng = LogisticMixture(parts=3), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in cdf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
        cdf.shift.fill_(0.4)
        cdf.spread.fill_(2.5)
    return cdf


@pytest.fixture
def slope():
    """The slope of such a mixture at a place, by its formula."""

    def slope(cdf, t):
        u = (float(t) - float(cdf.shift)) / float(cdf.spread)
        total = 0.0
        shares = np.exp(cdf.weights.detach().numpy())
        for share, centre, raw in zip(shares / shares.sum(), cdf.centres.tolist(), cdf.widths.tolist(), strict=True):
            width = 0.02 + 0.5 * np.log1p(np.exp(raw))
            rise = np.exp(-(u - centre) / width)
            total += share * rise / (1 + rise) ** 2 / width
        return total / float(cdf.spread)

    return slope


@pytest.fixture
def make_run():
    """A run in which nothing is at its beginning: F, C and the directions are random."""

    def make(G, cdf, given=None, **options):
        plain = {"space": "z", "layer": "image", "k": 3, "batch": 4, "stride": 0.6, "rate": 1e-3, "weights": WEIGHTS}
        plain |= {"pair_form": "cosine", "orthogonal": "penalty", "cdf": "logistic", "correction": "informed"}
        plain |= {"walk": "learned", "seed": 0}
        # begun as one that needs no F, which takes a moment to fit
        begun = Run(G, Options(**plain | options | {"walk": "linear"}), Gaussian.standard(5), given)
        begun.options = Options(**plain | options)
        begun.parts["cdf"] = cdf
        rng = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for parameter in begun.correction.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
        return begun

    return make


def test_slope_value_and_density_of_a_mixture_are_those_of_its_formula(uneven, slope):
    t = torch.linspace(-9, 9, 37, dtype=torch.float64)
    expected = torch.tensor([slope(uneven, x) for x in t], dtype=torch.float64)
    torch.testing.assert_close(uneven.density(t), expected)
    torch.testing.assert_close(uneven.log_density(t), expected.log())
    here = t.clone().requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(uneven(here).sum(), here)[0], expected)


def test_equation_4_asks_for_a_slope_in_standard_deviations(uneven, slope):
    t = torch.tensor([-40.0, -12.0, -2.0, 0.0, 3.0, 25.0], dtype=torch.float64)
    slopes = [2.5 * slope(uneven, x) for x in t]
    lacking = [max(0.0, 1e-3 - s) for s in slopes]
    assert 0 < sum(x > 0 for x in lacking) < len(t)
    torch.testing.assert_close(float(terms.monotony(uneven, t).detach()), sum(lacking) / len(t))


def test_equation_5_is_the_negative_mean_log_likelihood(uneven, slope):
    z = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = -sum(np.log(slope(uneven, x)) for x in z.flatten()) / z.numel()
    torch.testing.assert_close(float(terms.likelihood(uneven, z).detach()), expected)
    assert terms.likelihood(uneven, z + 20) > terms.likelihood(uneven, z)  # what is unlikely costs more


@pytest.mark.parametrize("pair_form", ["cosine", "inner"])
@pytest.mark.parametrize("given", [False, True])
def test_all_terms_of_a_step_are_those_of_their_equations(make_run, uneven, slope, pair_form, given):
    G = linear_generator(z_dim=5, w_dim=7)
    spread = torch.diag(torch.tensor([0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64))
    density = Whitened(Gaussian(torch.zeros(5).double(), spread), Gaussian.standard(5)) if given else None
    run = make_run(G, uneven, density, pair_form=pair_form)

    def level(x):
        if given:
            return -0.5 * sum(float(a) ** 2 / float(s) for a, s in zip(x, spread.diagonal(), strict=True))
        return sum(np.log(slope(uneven, a)) for a in x)

    def picture(z):
        return G.synthesize(z[None].to(G.dtype), "z").flatten().double()

    n, rng = 8 * 4, torch.Generator()
    rng.set_state(run.rng.get_state())
    found = {name: float(value.detach()) for name, value in run.losses().items()}
    z = torch.randn(n, 5, generator=rng).to(G.dtype).double()
    chosen = torch.rand(n, 3, generator=rng).argsort(1)[:, :2]
    shares = 2 * torch.rand(2, n, generator=rng, dtype=torch.float64) - 1
    rows = run.matrix.detach()
    rows = torch.stack([row / row.square().sum().sqrt() for row in rows])
    drifts, changes = [], []
    for i in range(n):
        both = []
        for j in range(2):
            stride, g = shares[j, i] * 0.6 * 5**0.5, rows[chosen[i, j]]
            end = z[i] + stride * g + run.correction(z[i : i + 1], stride[None], g[None], run.log_density())[0].detach()
            drifts.append((level(end) - level(z[i])) ** 2)
            both.append((picture(end) - picture(z[i])) / run.scales[0])
        changes.append(both)
    inner = [float((a * b).mean()) for a, b in changes[:4]]
    sizes = [float(a.square().mean() * b.square().mean()) for a, b in changes[:4]]
    pairs = [p**2 / (s if pair_form == "cosine" else 1) for p, s in zip(inner, sizes, strict=True)]
    expected = {
        "den": np.mean(drifts),
        "var": -np.mean([float(change.square().mean()) for both in changes[:4] for change in both]),
        "pair": np.mean(pairs),
        "reg": sum((float(rows[i] @ rows[j]) - (i == j)) ** 2 for i in range(3) for j in range(3)),
    }
    if not given:
        expected["mon"] = np.mean([max(0, 1e-3 - 2.5 * slope(uneven, x)) for x in z.flatten()])
        expected["lik"] = -np.mean([np.log(slope(uneven, x)) for x in z.flatten()])
    expected["total"] = sum(WEIGHTS[name] * value for name, value in expected.items())
    assert found == pytest.approx(expected, rel=1e-6)


def test_scale_of_the_features_is_their_standard_deviation(make_run, uneven):
    G = linear_generator(z_dim=5, w_dim=7)
    run = make_run(G, uneven)
    rng = torch.Generator().manual_seed(0)
    torch.randn(3, 5, generator=rng, dtype=torch.float64)  # the directions are drawn first
    pictures = G.synthesize(torch.randn(32, 5, generator=rng).to(G.dtype), "z").flatten(1)
    assert run.scales == pytest.approx((float(pictures.var(0).mean().sqrt()),), rel=1e-6)


def test_score_is_the_change_of_the_features_halfway_to_the_longest_stride(make_run, uneven):
    G = linear_generator(z_dim=5, w_dim=7)
    found = dp_lase(G, layer="image", k=3, steps=1, batch=2, walk="linear", stride=0.8)
    scale = make_run(G, uneven).scales[0]
    half = 0.8 * 5**0.5 / 2
    J = G.module.synthesis @ G.module.mapping
    changes = [half * float((J @ row).square().mean().sqrt()) / scale for row in found.directions.unit_vectors]
    assert found.directions.scores["feature change"].tolist() == pytest.approx(changes)
    assert changes == sorted(changes, reverse=True)


def test_correction_begins_as_the_newton_step_towards_the_level_of_the_start():
    p = Gaussian(torch.zeros(4).double(), torch.diag(torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)))
    rng = torch.Generator().manual_seed(0)
    z, g = torch.randn(2, 6, 4, generator=rng, dtype=torch.float64)
    g = g / g.norm(dim=1, keepdim=True)
    strides = torch.tensor([0.3, -0.4, 0.8, 0.0, 2.0, -3.0], dtype=torch.float64)
    found = Correction(4)(z, strides, g, p.log_prob).detach()
    for i in range(6):
        there = z[i] + strides[i] * g[i]
        slope = -there / p.covariance.diagonal()
        newton = (p.log_prob(z[i]) - p.log_prob(there)) * slope / (slope @ slope + 1e-6 * 4)
        length = float(newton.norm())
        expected = newton * min(1.0, abs(float(strides[i])) / length) if length else newton
        torch.testing.assert_close(found[i], expected)
    assert Correction(4, "plain")(z, strides, g, p.log_prob).abs().max() == 0


@pytest.mark.parametrize(("dim", "narrow"), [(12, 6), (5, 4)])
def test_correction_is_an_hourglass_of_six_blocks(dim, narrow):
    vector = [tuple(w.shape) for name, w in Correction(dim).vector.named_parameters() if name.endswith("weight")]
    sizes = [2 * dim + 1, 2 * dim, dim, narrow, narrow, dim, 2 * dim, dim]
    assert vector == [(b, a) for a, b in itertools.pairwise(sizes)]
    gain = [tuple(w.shape) for name, w in Correction(dim).gain.named_parameters() if name.endswith("weight")]
    assert gain == [(32, 4), (32, 32), (1, 32)]


def test_correction_is_never_longer_than_the_step_and_the_network_sees_where_it_is():
    p, rng = Gaussian.standard(4, torch.float64), torch.Generator().manual_seed(0)
    z, g = torch.randn(2, 50, 4, generator=rng, dtype=torch.float64)
    strides = torch.linspace(-2, 2, 50, dtype=torch.float64)
    for kind in ("plain", "informed"):
        C = Correction(4, kind)
        with torch.no_grad():
            for parameter in C.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
        bends = C(z, strides, g, p.log_prob)
        assert (bends.norm(dim=1) <= strides.abs() * (1 + 1e-9)).all()
        for other in (C(z + 1e-3, strides, g, p.log_prob), C(z, strides, g + 1e-3, p.log_prob)):
            assert (other - bends).norm() > 1e-6
        if kind == "plain":
            inputs = torch.cat([z, strides[:, None] / 2, strides[:, None] * g], 1)  # where, how far, and the step
            free = strides[:, None] / 2 * C.vector(inputs)
            shrunk = free * (strides.abs() / free.norm(dim=1)).clamp(max=1)[:, None]
            torch.testing.assert_close(bends, shrunk)
        straight = moved(p.log_prob, C, z, strides, g, "linear")
        torch.testing.assert_close(moved(p.log_prob, C, z, strides, g, "learned"), straight + bends)


def test_first_weights_follow_the_seed_and_leave_the_random_numbers_of_the_caller(uneven):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (Correction(4, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    first, again, other = (make_cdf("network", seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_density_of_a_run_is_that_of_its_distribution_function(make_run, uneven, slope):
    run = make_run(linear_generator(z_dim=5, w_dim=7), uneven)
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = torch.tensor([sum(np.log(slope(uneven, a)) for a in row) for row in x])
    assert isinstance(run.density, Independent)
    torch.testing.assert_close(run.density.log_prob(x), expected)
    torch.testing.assert_close(run.log_density()(x).detach(), expected)
    assert not run.log_density()(x).requires_grad  # a walk does not teach F
