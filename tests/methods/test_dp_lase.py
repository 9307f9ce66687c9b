import math

import pytest
import torch
from torch import nn

from latent_widgets._steps import Step
from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.geometry.cdf import MonotoneNetwork, fit_cdf
from latent_widgets.geometry.grassmann import principal_angles
from latent_widgets.methods import _dp_lase_run, dp_lase, methods, random_directions, refine_subspace
from latent_widgets.methods._dp_lase_terms import orthogonality, pair_penalty, variation
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
    monkeypatch.setattr(
        _dp_lase_run, "fit_cdf", lambda t, kind, steps, seed: fit_cdf(t[:500], kind, steps=1, seed=seed)
    )


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
    kept = {}
    z = plain.sample_z(64, seed=9)
    for var in (0.0, 300.0):
        weights = {"var": var, "pair": 0.0}
        found = dp_lase(plain, layer="image", k=2, steps=150, batch=4, rate=0.01, correction="plain", weights=weights)
        along = found.directions.vectors[torch.arange(64) % 2]
        strides = torch.full((64,), 1.5, dtype=torch.float64)
        kept[var] = float((found.move(z, along, strides) - z).norm(dim=1).mean() / 1.5)
    assert kept[0.0] < 0.65 < 0.9 < kept[300.0]


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
    torch.testing.assert_close(line.kept, torch.ones(3).double())
    assert bent.kept[1] == 1
    torch.testing.assert_close(bent.codes[1], code)


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

    def stop_at_four(step):
        seen.append(step)
        return step.index < 4

    found = dp_lase(plain, layer="image", k=2, steps=50, batch=2, on_step=stop_at_four)
    assert (found.stopped, found.steps, len(seen), seen[0].total) == ("cancelled", 4, 4, 50)
    assert set(seen[0].value) == {"mon", "lik", "den", "var", "pair", "reg", "total"}
    assert 1 <= found.best_step <= 4
    assert found.directions.rows is None
    assert all(math.isfinite(value) for value in seen[-1].value.values())


def test_run_without_progress_ends_early(plain, rough_fit):
    nothing = dict.fromkeys(("mon", "lik", "den", "var", "pair", "reg"), 0.0)
    found = dp_lase(plain, layer="image", k=2, steps=50, batch=2, weights=nothing, patience=5)
    assert (found.stopped, found.steps, found.best_step) == ("plateau", 6, 1)


def test_run_that_diverges_returns_the_best_so_far(plain, rough_fit, monkeypatch):
    losses = _dp_lase_run.Run.losses

    def spoilt(self):
        found = losses(self)
        return found | {"total": found["total"] * (math.nan if self.done == 3 else 1)}

    monkeypatch.setattr(_dp_lase_run.Run, "losses", spoilt)
    with pytest.warns(UserWarning, match="The objective must stay finite, got one that is not after 3 steps"):
        found = dp_lase(plain, layer="image", k=2, steps=9, batch=2)
    assert (found.stopped, found.steps, len(found.curve["total"])) == ("diverged", 3, 3)
    assert bool(found.directions.vectors.isfinite().all())
    monkeypatch.setattr(_dp_lase_run.Run, "losses", lambda self: losses(self) | {"total": self.matrix.sum() * math.nan})
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


@pytest.mark.parametrize("options", [{}, {"cdf": "network"}, {"pair_form": "inner"}, {"walk": "linear"}])
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
        ({"pair_form": "sum"}, ValueError, "pair_form must be one of 'cosine', 'inner', got 'sum'"),
        ({"walk": "curve"}, ValueError, "walk must be one of 'learned', 'norm', 'linear', got 'curve'"),
        ({"weights": {"density": 1.0}}, ValueError, "weights must be one of 'mon', 'lik', 'den', .* got 'density'"),
        ({"weights": {"den": -1.0}}, ValueError, r"weights\['den'\] must be at least 0, got -1"),
        ({"steps": 1.5}, TypeError, "steps must be an integer, got 1.5"),
    ],
)
def test_bad_options_are_refused(plain, options, error, message):
    with pytest.raises(error, match=message):
        dp_lase(plain, **{"k": 2, "steps": 1, "batch": 2} | options)


def test_method_is_listed():
    (info,) = [m for m in methods() if m.name == "dp_lase"]
    assert info.title == "DP-LaSE"
    assert {p.name: p.kind for p in info.parameters}["pair_form"] == "choice"


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
