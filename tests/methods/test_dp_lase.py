import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.density.cdf import MonotoneNetwork, fit_cdf
from latent_widgets.geometry.density.fitted import Gaussian, Uniform, fit_density
from latent_widgets.geometry.subspaces.grassmann import principal_angles
from latent_widgets.methods import dp_lase, methods, random_directions, refine_subspace
from latent_widgets.methods.dp_lase import run
from latent_widgets.methods.dp_lase.terms import orthogonality, pair_penalty, variation
from tests.linear import linear_generator


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return PlainGenerator(DCGAN(z_dim=6, resolution=8, channels={4: 8, 8: 4}).double(), "plain")


@pytest.fixture
def rough_fit(monkeypatch):
    """F is fitted in a moment, where its quality does not matter."""
    monkeypatch.setattr(run, "fit_cdf", lambda t, kind, steps, **options: fit_cdf(t[:500], kind, steps=2, **options))


@pytest.fixture
def drift():
    """The mean change of a log density on the way along the directions found, and on straight ways."""

    def drift(found, density, codes, strides):
        along = found.directions.vectors[torch.arange(len(codes)) % len(found.directions)]
        white = found.prior.whiten_direction(along).norm(dim=1, keepdim=True)
        ends = found.move(codes, along, strides), codes + strides[:, None] * along / white
        return [(density.log_prob(end) - density.log_prob(codes)).abs().mean() for end in ends]

    return drift


class TwoGroups(nn.Module):
    """Eight channels: the first five follow z0, the others z1, each in two pixels."""

    def forward(self, z):
        a = z[:, :1] * torch.tensor([1.0, -1.0, 1.5, 1.2, -1.5])
        b = z[:, 1:2] * torch.tensor([1.5, -1.2, 1.0])
        x = torch.cat([a, b], 1)
        return torch.stack([x, 0.5 * x], 2)[..., None]  # (n, 8, 2, 1)


def test_linear_walks_on_linear_features_find_the_leading_singular_vectors(G):
    found = dp_lase(
        G, "z", "image", 2, steps=90, batch=16, rate=0.03, walk="linear", orthogonal="exact", weights={"pair": 0}
    )
    leading = torch.linalg.svd(G.module.synthesis @ G.module.mapping).Vh[:2]
    assert principal_angles(found.directions.vectors.T, leading.T).max() < 0.05
    assert bool((found.directions.scores["feature change"].diff() <= 0).all())


def test_exact_directions_are_orthonormal_and_the_penalty_makes_them_so(G):
    exact = dp_lase(G, layer="image", k=4, steps=2, batch=2, walk="norm", orthogonal="exact").directions
    torch.testing.assert_close(exact.vectors @ exact.vectors.T, torch.eye(4).double(), atol=1e-12, rtol=0)
    soft = dp_lase(G, layer="image", k=4, steps=150, batch=2, rate=0.01, walk="norm", weights={"var": 0, "pair": 0})
    assert soft.curve["reg"][-1] < 0.01 * soft.curve["reg"][0]


def test_without_variation_the_density_term_is_satisfied_by_standing_still(plain):
    """The trivial optimum C = -e g is opposed by the variation alone."""
    kept, density = {}, Gaussian.standard(6)
    z = plain.sample_z(64, seed=9)
    for var in (0.0, 300.0):
        weights = {"var": var, "pair": 0.0}
        options = {"rate": 0.03, "correction": "plain", "weights": weights, "density": density}
        found = dp_lase(plain, layer="image", k=2, steps=150, batch=4, **options)
        along = found.directions.vectors[torch.arange(64) % 2]
        strides = torch.full((64,), 1.5, dtype=torch.float64)
        kept[var] = float((found.move(z, along, strides) - z).norm(dim=1).mean() / 1.5)
    assert kept[0.0] < 0.1 < 0.9 < kept[300.0]


def test_density_term_teaches_the_correction_and_not_the_directions(plain):
    options = {"layer": "image", "k": 1, "batch": 4, "weights": {"var": 0, "pair": 0, "reg": 0}}
    once, often = (dp_lase(plain, **options, steps=steps) for steps in (1, 30))
    torch.testing.assert_close(often.directions.vectors, once.directions.vectors, atol=1e-12, rtol=0)
    assert often.curve["den"][-5:].mean() < 0.9 * often.curve["den"][:5].mean()
    learns = dp_lase(plain, **options | {"weights": {"pair": 0, "reg": 0}}, steps=30)
    assert principal_angles(learns.directions.vectors.T, once.directions.vectors.T).max() > 0.01


def test_learned_walk_keeps_the_density_far_better_than_a_straight_one(plain):
    learned = dp_lase(plain, layer="image", k=2, steps=60, batch=4)
    straight = dp_lase(plain, layer="image", k=2, steps=1, batch=4, walk="linear")
    drifts = []
    for seed in range(6):
        code = plain.code(seed=seed)
        walks = [found.walk(plain, code, at=[-2.0, 0.0, 2.0]) for found in (learned, straight)]
        drifts.append(torch.stack([(W.log_density - W.log_density[1])[[0, 2]].abs().mean() for W in walks]))
    mean = torch.stack(drifts).mean(0)
    assert mean[0] < 0.2 * mean[1]
    bent, line = walks
    assert (bent.kind, line.kind, bent.space, len(bent)) == ("learned", "linear", "z", 3)
    assert (bent.unit, bent.at, bent.name) == ("sd", (-2.0, 0.0, 2.0), learned.directions.names[0])
    torch.testing.assert_close(line.kept, torch.ones(3).double())
    assert bent.kept[1] == 1
    torch.testing.assert_close(bent.codes[1], code)


def test_walks_keep_the_density_that_was_given(plain, drift):
    spread = torch.diag(torch.tensor([0.3, 0.5, 1.0, 1.0, 2.0, 4.0])).double()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1)).double()).Q
    given = Gaussian(torch.linspace(-0.5, 0.5, 6).double(), turn @ spread @ turn.T)
    found = dp_lase(plain, layer="image", k=2, steps=100, batch=4, density=given)
    codes, strides = plain.sample_z(64, seed=9), torch.full((64,), 1.2, dtype=torch.float64)
    bent, straight = drift(found, given, codes, strides)
    assert bent < 0.15 * straight
    bent, straight = drift(found, Gaussian.standard(6), codes, strides)
    assert bent > 0.3 * straight  # it is another density than that of the codes
    W = found.walk(plain, codes[0], at=[-1.0, 0.0, 1.0])
    torch.testing.assert_close(W.log_density, given.log_prob(W.codes))
    assert sorted(found.curve) == ["den", "pair", "reg", "total", "var"]
    assert found.directions.parameters["density"] == "Gaussian"


def test_density_of_w_is_given_in_its_own_coordinates(drift):
    G = linear_generator(z_dim=5, w_dim=5)
    given = fit_density(G, "w", "mixture", n=400, components=2)
    options = {"layer": "image", "k": 2, "batch": 4, "rate": 0.01, "weights": {"var": 0.1}}
    found = dp_lase(G, "w", **options, steps=40, density=given)
    codes = G.map(G.sample_z(64, seed=3))
    whitened = found.density.log_prob(found.prior.whiten(codes))
    torch.testing.assert_close((whitened - given.log_prob(codes)).diff(), torch.zeros(63).double())
    bent, straight = drift(found, given, codes, torch.full((64,), 1.2, dtype=torch.float64))
    assert bent < 0.12 * straight


def test_run_with_a_density_goes_on_with_the_same_one(plain):
    given = Gaussian.standard(6)
    options = {"layer": "image", "k": 2, "batch": 2, "patience": None}
    whole = dp_lase(plain, **options, steps=4, density=given)
    half = dp_lase(plain, **options, steps=2, density=given)
    both = dp_lase(plain, **options, steps=4, density=Gaussian.standard(6), start=half)
    assert torch.equal(whole.directions.vectors, both.directions.vectors)
    for other in (None, Gaussian(torch.ones(6), torch.eye(6))):
        with pytest.raises(ValueError, match="start must be a result of the same options, got other density"):
            dp_lase(plain, **options, steps=4, density=other, start=half)


def test_density_that_differs_somewhere_is_another(plain):
    class Lower(Gaussian):
        """By so much less likely where the first coordinate is positive."""

        by = 0.0

        def _log_prob(self, x):
            return super()._log_prob(x) - self.by * (x[:, 0] > 0)

    same, other = Lower.standard(6), Lower.standard(6)
    object.__setattr__(other, "by", 1.0)
    options = {"layer": "image", "k": 2, "batch": 2, "patience": None}
    half = dp_lase(plain, **options, steps=1, density=same)
    assert dp_lase(plain, **options, steps=2, density=Lower.standard(6), start=half).steps == 2
    with pytest.raises(ValueError, match="start must be a result of the same options, got other density"):
        dp_lase(plain, **options, steps=2, density=other, start=half)


def test_run_that_was_stopped_goes_on_as_if_it_had_not_been(plain, rough_fit):
    options = {"layer": "b4", "k": 3, "batch": 2, "patience": None}
    whole = dp_lase(plain, **options, steps=6)
    half = dp_lase(plain, **options, steps=3)
    both = dp_lase(plain, **options, steps=6, start=half)
    assert torch.equal(whole.directions.vectors, both.directions.vectors)
    assert all(torch.equal(whole.curve[name], both.curve[name]) for name in whole.curve)
    assert (half.steps, both.steps, len(both.curve["den"])) == (3, 6, 6)
    with pytest.raises(ValueError, match="start must be a result of the same options, got other k, stride"):
        dp_lase(plain, **options | {"k": 2}, steps=6, stride=0.5, start=half)


def test_cancelled_run_returns_the_best_so_far(plain, rough_fit):
    seen: list[Step] = []

    def stop_after_four(step):
        if step.index:
            seen.append(step)
        return len(seen) < 2 + 4

    found = dp_lase(plain, layer="image", k=2, steps=50, batch=2, on_step=stop_after_four)
    assert (found.stopped, found.steps, len(seen)) == ("cancelled", 4, 6)
    assert set(seen[-1].value) == {"mon", "lik", "den", "var", "pair", "reg", "total"}
    assert 1 <= found.best_step <= 4
    assert found.directions.rows is None
    assert all(math.isfinite(value) for value in seen[-1].value.values())


def test_progress_covers_the_fit_of_F_the_closed_form_and_the_joint_steps(plain, rough_fit):
    seen: list[Step] = []

    def watch(step):
        if step.index:
            seen.append(step)

    found = dp_lase(plain, layer="image", k=2, steps=3, batch=2, begin="variation", on_step=watch)
    assert [sorted(step.value)[0] for step in seen] == ["fit"] * 2 + ["begin"] * run.BEGIN_CODES + ["den"] * 3
    assert all(math.isfinite(step.value["fit"]) for step in seen[:2])
    shares = [step.fraction for step in seen]
    assert shares == sorted(set(shares))  # it only grows
    assert shares[-1] == 1
    assert {step.total for step in seen} == {run.FIT_STEPS + run.BEGIN_CODES + 3}
    seen.clear()
    dp_lase(plain, layer="image", k=2, steps=5, batch=2, begin="variation", start=found, on_step=watch)
    dp_lase(plain, layer="image", k=2, steps=2, batch=2, walk="norm", on_step=watch)
    assert [(step.index, step.total) for step in seen] == [(4, 5), (5, 5), (1, 2), (2, 2)]  # F is not fitted


def test_run_can_be_cancelled_while_F_is_fitted(plain, rough_fit):
    seen: list[Step] = []

    def stop(step):
        if step.index:
            seen.append(step)
        return len(seen) < 2

    with pytest.raises(Cancelled, match="fit_cdf was cancelled"):
        dp_lase(plain, layer="image", k=2, steps=3, batch=2, on_step=stop)
    assert ["fit" in step.value for step in seen] == [True, True]


def test_run_without_progress_ends_early(plain, rough_fit):
    nothing = dict.fromkeys(("mon", "lik", "den", "var", "pair", "reg"), 0.0)
    found = dp_lase(plain, layer="image", k=2, steps=50, batch=2, weights=nothing, patience=5)
    assert (found.stopped, found.steps, found.best_step) == ("plateau", 6, 1)
    assert found.directions.rows is None  # a program of an edit would train anew, and not to the last bit


def test_run_that_diverges_returns_the_best_so_far(plain, rough_fit, monkeypatch):
    losses = run.Run.losses

    def spoilt(self):
        found = losses(self)
        return found | {"total": found["total"] * (math.nan if self.done == 3 else 1)}

    monkeypatch.setattr(run.Run, "losses", spoilt)
    with pytest.warns(UserWarning, match="The objective must stay finite, got one that is not after 3 steps"):
        found = dp_lase(plain, layer="image", k=2, steps=9, batch=2)
    assert (found.stopped, found.steps, len(found.curve["total"])) == ("diverged", 3, 3)
    assert bool(found.directions.vectors.isfinite().all())
    monkeypatch.setattr(run.Run, "losses", lambda self: losses(self) | {"total": self.matrix.sum() * math.nan})
    with pytest.raises(ValueError, match="The objective must stay finite, got one that is not after 0 steps"):
        dp_lase(plain, layer="image", k=2, steps=9, batch=2)


def test_directions_in_w_live_in_whitened_coordinates():
    G = linear_generator(z_dim=6, w_dim=6)
    found = dp_lase(G, "w", "image", k=3, steps=2, batch=2, walk="norm", orthogonal="exact")
    white = found.prior.whiten_direction(found.directions.vectors)
    torch.testing.assert_close(white @ white.T, torch.eye(3).double())
    W = found.walk(G, G.code(seed=1), at=[-1.0, 0.0, 1.0])
    assert (W.log_density - W.log_density[1]).abs().max() < 1e-8
    assert found.directions.space == "w"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cdf": "network"},
        {"pair_form": "inner"},
        {"walk": "linear"},
        {"pairs": "any"},
        {"pair_form": "matrix", "pairs": "all"},
        {"preset": "equations"},
    ],
)
def test_one_direction_and_every_form_give_no_nan(plain, rough_fit, options):
    found = dp_lase(plain, layer="image", k=1, steps=2, batch=2, **options)
    assert all(bool(values.isfinite().all()) for values in found.curve.values())
    assert found.curve["pair"].tolist() == [0, 0]


def test_pair_penalties_are_those_of_their_formulas():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 5, generator=rng, dtype=torch.float64)
    inner = ((a * b).mean(1) ** 2).mean()
    torch.testing.assert_close(pair_penalty(torch.stack([a, b]), "inner"), inner)
    cosine = (torch.nn.functional.cosine_similarity(a, b) ** 2).mean()
    torch.testing.assert_close(pair_penalty(torch.stack([a, b]), "cosine"), cosine)
    torch.testing.assert_close(pair_penalty(torch.stack([a, -3 * a]), "cosine"), torch.ones(()).double())
    assert pair_penalty(torch.zeros(2, 3, 5), "cosine") == 0
    assert pair_penalty(a[None], "inner") == 0
    torch.testing.assert_close(variation(a[None]), -a.square().mean())
    rows = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    torch.testing.assert_close(orthogonality(rows), torch.tensor(2 * 0.36))


def test_network_that_ends_not_monotone_gives_a_warning(plain, rough_fit, monkeypatch):
    monkeypatch.setattr(MonotoneNetwork, "steepest_fall", lambda self, low, high: (0.0, 0.0))
    found = dp_lase(plain, layer="image", k=1, steps=1, batch=2, cdf="network", patience=None)
    monkeypatch.setattr(MonotoneNetwork, "steepest_fall", lambda self, low, high: (-0.5, 1.0))
    with pytest.warns(UserWarning, match=r"F must be monotone, got slope -0\.5 at 1\. Take more steps"):
        dp_lase(plain, layer="image", k=1, steps=2, batch=2, cdf="network", patience=None, start=found)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 7}, ValueError, "k must be at most 6, the dimension of z, got 7"),
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"stride": 0.0}, ValueError, "stride must be above 0, got 0"),
        ({"rate": -1.0}, ValueError, "rate must be above 0, got -1"),
        ({"space": "w"}, ValueError, "space must be one of 'z', got 'w'"),
        ({"layer": "b5"}, ValueError, "layer must be one of 'b4', 'b8', 'image', got 'b5'"),
        ({"pair_form": "sum"}, ValueError, "pair_form must be one of 'cosine', 'inner', 'matrix', got 'sum'"),
        ({"walk": "curve"}, ValueError, "walk must be one of 'learned', 'norm', 'linear', got 'curve'"),
        ({"weights": {"density": 1.0}}, ValueError, "weights must be one of 'mon', 'lik', 'den', .* got 'density'"),
        ({"weights": {"den": -1.0}}, ValueError, r"weights\['den'\] must be at least 0, got -1"),
        ({"density": Gaussian.standard(5)}, ValueError, "density must be of dimension 6, as z, got 5"),
        ({"density": Uniform(6)}, ValueError, r"density must have no bounds, got the support \[-1, 1\]"),
        ({"density": "gaussian"}, TypeError, "density must be a Density, got str. Use fit_density"),
        (
            {"density": Gaussian.standard(6), "walk": "norm"},
            ValueError,
            "density must be None for walk='norm', which learns no C, got Gaussian",
        ),
        ({"steps": 1.5}, TypeError, "steps must be an integer, got 1.5"),
    ],
)
def test_bad_options_are_refused(plain, options, error, message):
    with pytest.raises(error, match=message):
        dp_lase(plain, **{"k": 2, "steps": 1, "batch": 2} | options)


def test_method_is_listed():
    (info,) = [m for m in methods() if m.name == "dp_lase"]
    assert info.title == "DP-LaSE"
    kinds = {p.name: p.kind for p in info.parameters}
    assert (kinds["pair_form"], kinds["density"]) == ("choice", "value")


def test_channels_that_move_together_are_one_group():
    G = PlainGenerator(nn.Sequential(TwoGroups()), z_dim=2, resolution=2)
    directions = random_directions(G, k=1)
    for axis, size in ((0, 5), (1, 3)):
        along = torch.eye(2)[axis : axis + 1]
        found = refine_subspace(
            G, type(directions)(along, "z", names=["axis"]), layer=G.layer_names[0], groups=2, cover=1.0, codes=16
        )
        first = found.labels[:5] if axis == 0 else found.labels[5:]
        assert first.tolist() == [0] * size  # the group that changes most comes first
        assert found.share.tolist() == pytest.approx([1, 0])
        assert found.sizes.tolist() == [size, 8 - size]
        assert found.residual < 0.2


def test_channels_are_expressed_by_the_others_with_a_ridge(plain):
    directions = random_directions(plain, k=1)
    found = refine_subspace(plain, directions, layer="b4", groups=2, codes=3, alpha=1.5, ridge=0.2, seed=4)
    code, step = plain.sample_z(3, seed=4), 1.5 * directions.scales * directions.unit_vectors
    ends = [plain.features(code + sign * step, ["b4"], "z")["b4"].transpose(0, 1).flatten(1) for sign in (1, -1)]
    after = torch.cat(ends, 1).double()
    gram = after @ after.T
    ridge = 0.2 * gram.diagonal().mean()
    left = 0.0
    for i in range(len(after)):
        others = [j for j in range(len(after)) if j != i]
        normal = gram[others][:, others] + ridge * torch.eye(len(others)).double()
        shares = torch.linalg.solve(normal, gram[others, i])
        left += float((after[i] - shares @ after[others]).square().sum())
    assert found.residual == pytest.approx(left / float(after.square().sum()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 8}, "groups must be between 2 and 7, got 8"),
        ({"alpha": 0.0}, "alpha must move the features of 'b4', got 0, which changes none"),
        ({"cover": 2.0}, "cover must be between 1e-06 and 1.0, got 2"),
        ({"layer": "b5"}, "layer must be one of"),
    ],
)
def test_bad_refinements_are_refused(plain, options, message):
    with pytest.raises(ValueError, match=message):
        refine_subspace(plain, random_directions(plain, k=1), **{"layer": "b4"} | options)


@pytest.fixture
def styled():
    torch.manual_seed(1)
    return StyleGenerator(StyleGAN2(z_dim=5, w_dim=6, resolution=16, channels={4: 7, 8: 5, 16: 4}).double())


def test_only_the_channels_of_a_group_move(styled):
    G, layer = styled, "b8.conv0"
    found = refine_subspace(G, random_directions(G, k=1, space="w"), layer=layer, groups=3)
    code, alpha, synthesis = G.map(G.sample_z(2, seed=4)), 2.5, G.module.synthesis
    step = alpha * found.direction.unit_vectors * found.direction.scales

    def by_hand(mine):
        """The synthesis, step by step."""
        still, moved = (synthesis.styles(each[:, None].expand(-1, G.num_layers, -1)) for each in (code, code + step))
        a = b = synthesis.start(2)
        for i, name in enumerate(G.layer_names):
            a, b = synthesis.step(i, a, still[i]), synthesis.step(i, b, moved[i])
            if name == layer:
                x = a.x.clone()
                x[:, mine] = b.x[:, mine]
                a = replace(a, x=x)
        return a.rgb

    for group in (0, (1, 2)):
        mine = [c for c in range(5) if int(found.labels[c]) in (group if group else (0,))]
        drawn = found.synthesize(G, code, alpha, group)
        torch.testing.assert_close(drawn, by_hand(mine))
        assert (drawn - G.synthesize(code, "w")).abs().max() > 1e-3
    torch.testing.assert_close(found.synthesize(G, code, 0.0), G.synthesize(code, "w"))


def test_bad_moves_of_a_group_are_refused(styled, plain):
    directions = random_directions(styled, k=1, space="w")
    code = styled.code(seed=1)
    with pytest.raises(ValueError, match="group must be between 0 and 2, got 3"):
        refine_subspace(styled, directions, layer="b4.conv1", groups=3).synthesize(styled, code, 1.0, 3)
    for layer, text in (("b16.torgb", "another after it, got 'b16.torgb', the last"), ("b8.torgb", "3 channels that")):
        with pytest.raises(ValueError, match=f"layer must have {text}"):
            refine_subspace(styled, directions, layer=layer, groups=2).synthesize(styled, code, 1.0)
    found = refine_subspace(plain, random_directions(plain, k=1), layer="b4", groups=2)
    with pytest.raises(ValueError, match="synthesize must be called on a generator that can go on from a layer"):
        found.synthesize(plain, plain.code(seed=0), 1.0)
