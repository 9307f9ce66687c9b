"""Equal image change: the steps are those that the equations of a linear generator give."""

import sys
import types

import pytest
import torch

from latent_widgets import Cancelled, Code, random_directions
from latent_widgets.geometry.effects.equal_change import equal_change, image_distance
from latent_widgets.geometry.effects.pyramid import lap1
from tests.linear import linear_generator


@pytest.fixture
def linear():
    return linear_generator()


def test_steps_of_a_linear_generator_are_proportions(linear):
    """Its pictures change in proportion to the step, so one product gives all steps."""
    D = random_directions(linear, k=3)
    codes = linear.map(linear.sample_z(2, seed=1))
    at = (-0.2, 0.0, 0.05, 0.4)
    found = equal_change(linear, D, codes, at, distance="rms", tolerance=1e-6)
    per_unit = (D.unit_vectors * D.scales[:, None] @ linear.module.synthesis.T).square().mean(1).sqrt()
    expected = torch.tensor(at).double() / per_unit[:, None]
    torch.testing.assert_close(found.alphas, expected[:, None].expand(3, 2, 4), rtol=1e-5, atol=1e-12)
    torch.testing.assert_close(found.changes, torch.tensor(at).double().abs().expand(3, 2, 4), rtol=1e-5, atol=1e-12)
    assert bool(found.reached.all())
    strip = found.strip(linear, D.names[1], sample=1)
    own = linear.synthesize(codes[1:])
    torch.testing.assert_close((strip - own).square().mean((1, 2, 3)).sqrt(), found.changes[1, 1])


@pytest.mark.parametrize("distance", ["rms", "lap1", lambda a, b: (a - b).abs().amax((1, 2, 3))])
def test_any_distance_ends_equal(tiny, distance):
    D = random_directions(tiny, k=2, layers=[1, 4])
    measure = image_distance(distance)
    codes = tiny.code(3)
    found = equal_change(tiny, D, codes, at=[0.05], distance=distance, tolerance=1e-2)
    assert found.space == "w+"
    for i in range(2):
        picture = found.strip(tiny, i)
        assert float(measure(picture, tiny.synthesize(codes[None]))) == pytest.approx(0.05, rel=1e-2)


def test_codes_with_rows_of_their_own_move_along_a_direction_of_w(tiny):
    codes = tiny.broadcast(tiny.map(tiny.sample_z(2, seed=1))) + torch.randn(tiny.num_layers, 6).double()
    D = random_directions(tiny, k=1)
    found = equal_change(tiny, D, codes, at=[0.05], distance="rms")
    assert found.space == "w+"
    step = found.alphas[0, 0, 0] * D.scales[0] * D.unit_vectors[0]
    change = tiny.synthesize(codes[:1] + step, "w+") - tiny.synthesize(codes[:1], "w+")
    assert float(change.square().mean().sqrt()) == pytest.approx(0.05, rel=1e-2)


def test_code_of_w_moves_along_a_direction_with_rows_of_its_own(tiny):
    D = random_directions(tiny, k=1, space="w+")
    found = equal_change(tiny, D, tiny.code(3), at=[0.05], distance="rms")
    assert found.space == "w+"
    step = found.alphas[0, 0, 0] * D.scales[0] * D.unit_vectors[0]
    start = tiny.broadcast(tiny.code(3)[None])
    change = tiny.synthesize(start + step, "w+") - tiny.synthesize(start, "w+")
    assert float(change.square().mean().sqrt()) == pytest.approx(0.05, rel=1e-2)


def test_lap1_is_that_of_the_pyramid():
    a, b = torch.randn(2, 2, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(image_distance("lap1")(a, b), lap1(a, b))


def test_what_is_out_of_reach_is_marked(linear):
    D = random_directions(linear, k=1)
    found = equal_change(linear, D, linear.code(1), at=[1e-3, 1e6], limit=2.0)
    assert found.reached.tolist() == [[[True, False]]]
    assert float(found.alphas[0, 0, 1]) == 2.0
    assert 0 < float(found.changes[0, 0, 1]) < 1e6


def test_the_nearest_crossing_counts():
    """A picture that swings out and back: the change asked for is reached long before the longest step."""
    G = linear_generator()
    original = G._synthesize
    G._synthesize = lambda code, space: torch.sin(original(code, space))
    D = random_directions(G, k=1)
    found = equal_change(G, D, torch.zeros(7).double(), at=[0.3], limit=64.0, distance="rms")
    shorter = torch.linspace(0, 0.95, 20).double() * found.alphas[0, 0, 0]
    swings = G.synthesize(shorter[:, None] * D.scales[0] * D.unit_vectors[0])
    assert float(swings.square().mean((1, 2, 3)).sqrt().max()) < 0.3


def test_lpips_is_used_where_it_is_installed(monkeypatch):
    class Network(torch.nn.Module):
        def __init__(self, net, verbose):
            super().__init__()
            self.net = net

        def forward(self, a, b):
            assert self.net == "alex"
            return (a - b).abs().mean((1, 2, 3), keepdim=True)

    monkeypatch.setitem(sys.modules, "lpips", types.SimpleNamespace(LPIPS=Network))
    distance = image_distance("lpips")
    assert distance(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4) * 3).tolist() == [1.0, 1.0]  # within [-1, 1]
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ModuleNotFoundError, match="distance must be one that is installed, got 'lpips'"):
        image_distance("lpips")


def test_bad_arguments_are_refused(linear):
    D = random_directions(linear, k=1)
    code = linear.code(1)
    for words, options in {
        "at must hold at least one change, got none": {"at": []},
        "distance must be one of 'rms', 'lap1', 'lpips', got 'ssim'": {"distance": "ssim"},
        "limit must be positive, got 0": {"limit": 0},
        "tolerance must be at least 0": {"tolerance": -1},
        "batch must be at least 1, got 0": {"batch": 0},
    }.items():
        with pytest.raises(ValueError, match=words):
            equal_change(linear, D, code, **options)
    with pytest.raises(ValueError, match="codes must be in w, the space of the directions, got z"):
        equal_change(linear, D, Code(linear.sample_z()[0], "z"))
    with pytest.raises(Cancelled, match="before all steps were found"):
        equal_change(linear, D, code, on_step=lambda step: False)
