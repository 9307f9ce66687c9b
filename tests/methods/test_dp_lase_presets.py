"""What each preset of DP-LaSE minimises, against the objective written out, and the factors between sums and means."""

import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.density.cdf import MonotoneNetwork, fit_cdf
from latent_widgets.geometry.density.fitted import Gaussian
from latent_widgets.methods import dp_lase
from latent_widgets.methods.dp_lase import run
from latent_widgets.methods.dp_lase.presets import PRESETS, weights_of
from latent_widgets.methods.dp_lase.run import Options, Run
from tests.dp_lase_twin import beginning, equations, gram_schmidt, released_loss
from tests.linear import linear_generator

DIMENSIONS = (16, 64, 512)
OURS = {"space": "z", "layer": "image", "k": 3, "batch": 4, "stride": 0.6, "rate": 1e-3, "cdf": "network", "seed": 0}
OURS |= {"pair_form": "inner", "orthogonal": "penalty", "correction": "unbounded", "walk": "learned", "pairs": "all"}


@pytest.fixture
def rough_fit(monkeypatch):
    """F is fitted in a moment, where its quality does not matter."""
    monkeypatch.setattr(run, "fit_cdf", lambda t, kind, steps, **options: fit_cdf(t[:500], kind, steps=2, **options))


@pytest.fixture
def make_run(monkeypatch):
    """A run in which F and C are not at their beginning, and see as many codes as the generator draws."""

    def make(d, **options):
        monkeypatch.setattr(run, "_DENSER", 1)
        fields = {"weights": weights_of(None, 3)} | OURS | options
        # begun as one that needs no F, which takes a moment to fit
        begun = Run(linear_generator(d, d + 1, side=3), Options(**fields | {"walk": "linear"}), Gaussian.standard(d))
        begun.options, rng = Options(**fields), torch.Generator("cpu").manual_seed(4)
        begun.parts["cdf"] = MonotoneNetwork(seed=3)
        with torch.no_grad():
            begun.cdf.spread.fill_(0.25)
            begun.cdf.shift.fill_(0.3)
            for parameter in begun.correction.vector[-1].parameters():
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
        return begun

    return make


@pytest.fixture
def styled():
    torch.manual_seed(1)
    return StyleGenerator(StyleGAN2(z_dim=7, w_dim=6, resolution=16, channels={4: 7, 8: 5, 16: 4}).double())


@pytest.mark.parametrize("d", DIMENSIONS)
def test_released_preset_has_the_loss_of_the_released_program(d):
    G, n, k = linear_generator(d, d + 1, side=3), 16, 5
    found = dp_lase(G, "z", ["all", "image"], k, preset="released", steps=1)
    rows, _, z, rng = beginning(d, k, n)
    ids = torch.randint(k, (2, n), generator=rng).T.tolist()
    t = (2 * torch.rand(n, generator=rng, dtype=torch.float64) - 1) * 10 * (d / 512) ** 0.5

    def features(z):
        picture = (G.module.synthesis @ (G.module.mapping @ z)).flatten()
        return torch.cat([picture**3, picture])

    assert any(a == b for a, b in ids)
    assert any(a != b for a, b in ids)
    expected = released_loss(features, gram_schmidt(rows), z, ids, t, (1.0, 0.1, 1.0))
    assert float(found.curve["total"][0]) == pytest.approx(expected, rel=1e-5)
    assert sorted(found.curve) == ["pair", "reg", "total", "var"]


def test_weights_of_the_released_program_are_those_of_its_loss():
    G, n, k, d = linear_generator(16, 17, side=3), 16, 5, 16
    given = {"var": 2 * 0.3, "pair": 7.0, "reg": 100 / k**2}
    found = dp_lase(G, "z", "image", k, preset="released", steps=1, weights=given, orthogonal="penalty")
    rows, _, z, rng = beginning(d, k, n)
    ids = torch.randint(k, (2, n), generator=rng).T.tolist()
    t = (2 * torch.rand(n, generator=rng, dtype=torch.float64) - 1) * 10 * (d / 512) ** 0.5
    J = G.module.synthesis @ G.module.mapping
    expected = released_loss(lambda z: J @ z, rows, z, ids, t, (0.3, 7.0, 100.0))
    assert float(found.curve["total"][0]) == pytest.approx(expected, rel=1e-5)


def test_released_directions_are_perpendicular_after_each_step_and_keep_their_length():
    G = linear_generator(16, 17, side=3)
    options = {"preset": "released", "k": 5, "rate": 0.5, "weights": {"reg": 0.0}}
    found = dp_lase(G, "z", "image", **options, steps=3)
    unit = found.directions.unit_vectors
    torch.testing.assert_close(unit @ unit.T, torch.eye(5).double(), atol=1e-9, rtol=0)
    loose = dp_lase(G, "z", "image", **options, steps=3, orthogonal="penalty").directions.unit_vectors
    assert (loose @ loose.T - torch.eye(5)).abs().max() > 0.01
    rows = torch.randn(4, 7, generator=torch.Generator("cpu").manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(run.perpendicular(rows), gram_schmidt(rows))


@pytest.mark.parametrize("d", DIMENSIONS)
def test_equations_preset_has_the_sums_of_the_equations(make_run, d):
    table = dict(PRESETS["equations"])
    assert table.pop("patience") is None
    begun = make_run(d, **table, weights=weights_of("equations", 3))
    rng = torch.Generator("cpu")
    rng.set_state(begun.rng.get_state())
    found = {name: float(value.detach()) for name, value in begun.losses().items()}
    z = torch.randn(4, d, generator=rng).double()
    strides = (2 * torch.rand(4, generator=rng, dtype=torch.float64) - 1) * 0.6 * d**0.5
    J = begun.G.module.synthesis @ begun.G.module.mapping
    expected = equations(lambda z: J @ z, begun.cdf, begun.correction.vector, begun.matrix.detach(), z, strides)
    assert expected["mon"] > 0
    total = sum(expected.values()) - 0.9 * expected["pair"]  # lambda is 0.1, all others are 1
    assert found == pytest.approx(expected | {"total": total}, rel=1e-6)


@pytest.mark.parametrize(
    ("d", "form"), [(16, "inner"), (16, "cosine"), (16, "matrix"), (64, "inner"), (64, "matrix"), (512, "matrix")]
)
def test_sums_are_means_times_the_factors_that_are_documented(make_run, d, form):
    sums = make_run(d, pair_form=form, reduction="sum", scaled=False)
    means = make_run(d, pair_form=form, reduction="mean", scaled=True)
    (s,), n, k, p = means.scales, 4, 3, 27
    assert sums.scales == (1.0,)
    assert abs(s - 1) > 0.1
    mine, theirs = ({name: float(v.detach()) for name, v in each.losses().items()} for each in (means, sums))
    pairs = n * k * (k - 1)
    factors = {"mon": n * d, "lik": n * d, "den": n * k, "var": n * k * p * s**2, "reg": 1.0}
    factors["pair"] = {"inner": pairs * p**2 * s**4, "matrix": n * pairs * p**2 * s**4, "cosine": pairs}[form]
    assert {name: factor * mine[name] for name, factor in factors.items()} == pytest.approx(
        {name: theirs[name] for name in factors}, rel=1e-6
    )
    if form != "cosine":  # what the weights lambda and zeta of the sums are among the means
        weight = 0.3 * (k - 1) * p * s**2 * (n if form == "matrix" else 1)
        zeta = 2.0 / factors["var"]
        whole = (theirs["var"] + 0.3 * theirs["pair"] + 2.0 * theirs["reg"]) / factors["var"]
        assert mine["var"] + weight * mine["pair"] + zeta * mine["reg"] == pytest.approx(whole, rel=1e-6)


def test_what_is_given_counts_before_the_preset():
    G = linear_generator(24, 25, side=3)
    told = dp_lase(G, preset="released", layer="image", steps=1).directions.parameters
    assert (told["k"], told["batch"], told["rate"], told["walk"]) == (20, 16, 1e-4, "norm")
    assert told["stride"] == pytest.approx(10 / 512**0.5)
    assert told["weights"]["reg"] == pytest.approx(1 / 400)
    usual = {"k": 8, "batch": 16, "rate": 3e-3, "orthogonal": "penalty"}  # also where it is the usual value
    told = dp_lase(G, "z", "image", preset="released", steps=1, weights={"pair": 0.5}, **usual).directions.parameters
    assert {name: told[name] for name in usual} == usual
    assert told["weights"] == {"mon": 1.0, "lik": 1.0, "den": 10.0, "var": 2.0, "pair": 0.5, "reg": 1 / 64}
    positional = dp_lase(G, "z", "image", 3, preset="released", steps=1).directions
    assert len(positional) == 3
    with pytest.raises(ValueError, match="preset must be one of 'released', 'equations', got 'paper'"):
        dp_lase(G, preset="paper")


def test_presets_name_keywords_of_the_method(rough_fit):
    G = linear_generator(5, 7)
    for preset, table in PRESETS.items():
        told = dp_lase(G, "z", "image", 2, preset=preset, steps=1, batch=2).directions.parameters
        kept = set(table) - {"k", "steps", "batch", "patience"}
        assert {name: told[name] for name in kept} == {name: table[name] for name in kept}
    with pytest.raises(TypeError):
        PRESETS["released"]["k"] = 3


def test_released_preset_looks_at_the_styles_of_the_first_convolutions(styled):
    found = dp_lase(styled, preset="released", k=2, steps=1)
    assert found.directions.parameters["layer"] == ["s:b4.conv1", "s:b8.conv0", "s:b8.conv1"]
    rows, _, z, rng = beginning(7, 2, 16)
    ids = torch.randint(2, (2, 16), generator=rng).T.tolist()
    t = (2 * torch.rand(16, generator=rng, dtype=torch.float64) - 1) * 10 * (7 / 512) ** 0.5

    def features(z):
        s = styled.styles(styled.map(z[None]), "w")[0]
        return torch.cat([s[styled.style_slices[name]] for name in ("b4.conv1", "b8.conv0", "b8.conv1")])

    expected = released_loss(features, gram_schmidt(rows), z, ids, t, (1.0, 0.1, 1.0))
    assert float(found.curve["total"][0]) == pytest.approx(expected, rel=1e-5)


def test_den_teaches_directions_too_as_in_the_equations(rough_fit):
    G = linear_generator(5, 7)
    options = {"layer": "image", "k": 2, "batch": 4, "weights": {"var": 0, "pair": 0, "reg": 0, "mon": 0, "lik": 0}}
    turned, flattened = {}, {}
    probe = G.sample_z(50, seed=5)
    for taught in ("correction", "all"):
        once, often = (dp_lase(G, **options, den_teaches=taught, steps=steps) for steps in (1, 20))
        turned[taught] = float((once.directions.vectors - often.directions.vectors).abs().max())
        flattened[taught] = float((once.density.log_prob(probe) - often.density.log_prob(probe)).abs().max())
    assert turned["correction"] < 1e-9 < 1e-3 < turned["all"]
    assert flattened["correction"] < 1e-9 < 1e-3 < flattened["all"]
