"""A larger generator that starts from a smaller one draws the same."""

import pytest
import torch
import torch.nn.functional as F

from latent_widgets.generators._shipped import read_shipped
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training import faces128, gan
from latent_widgets.training.adversarial import draw
from latent_widgets.training.warm import start_from
from tests.training.starts import enlarged, network, same

SMALL = {4: 7, 8: 5, 16: 3}
LARGE = {4: 9, 8: 5, 16: 6, 32: 4}


@pytest.mark.parametrize("noise", [False, True])
def test_a_larger_network_draws_what_it_started_from(noise):
    small, large = network(SMALL, 0, noise=noise), network(LARGE, 1, noise=noise)
    with torch.no_grad():
        for name, parameter in small.named_parameters():
            if name.endswith(("bias", "noise_strength")):  # as after a training: nothing is at its first value
                parameter.normal_()
    start_from(large, small.state_dict())
    z, rng = torch.randn(8, 6), torch.Generator()
    for mixing in (0.0, 1.0):
        drawn = [draw(net, z, None, mixing, rng.manual_seed(3), 16) for net in (small, large)]
        assert same(drawn[1], drawn[0])
    assert same(F.avg_pool2d(large(z), 2)[..., 1:-1, 1:-1], F.avg_pool2d(enlarged(small(z)), 2)[..., 1:-1, 1:-1])


def test_new_channels_learn_from_the_first_step_on():
    small, large = network(SMALL, 0), network(LARGE, 1)
    start_from(large, small.state_dict())
    large(torch.randn(4, 6)).square().sum().backward()
    weight = large.synthesis.b16.conv0.weight
    assert weight.grad[:3].abs().amax((0, 2, 3)).min() > 0
    torgb = large.synthesis.b32.torgb.weight
    assert not torgb.any()
    assert torgb.grad.abs().amax((0, 2, 3)).min() > 0


def test_faces128_starts_as_faces64():
    weights = read_shipped("faces64").tensors
    torch.manual_seed(0)
    small, large = StyleGAN2(**gan.CONFIG), StyleGAN2(**faces128.CONFIG)
    small.load_state_dict(weights)
    start_from(large, weights)
    z, rng = torch.randn(6, 64), torch.Generator()
    with torch.no_grad():
        drawn = [draw(net, z, None, 0.5, rng.manual_seed(3), 64) for net in (small, large)]
    assert same(drawn[1], drawn[0])


@pytest.mark.parametrize(
    ("channels", "options", "message"),
    [
        ({**LARGE, 8: 4}, {}, r"must have a place in the network that starts from it, which has \(.*, got \(.*Start"),
        (LARGE, {"w_dim": 6}, r"mapping.w_avg must have a place in .*, which has \(6,\), got \(5,\)"),
        (LARGE, {"mapping_layers": 1}, r"mapping.fc1.weight must have a place in .*, which has None, got"),
        ({4: 9, 8: 9}, {}, r"synthesis.b16.conv0.weight must have a place in .*, which has None, got"),
        (LARGE, {"mapping_layers": 3}, r"mapping.fc2.weight must be in the network to start from, got none. Start"),
    ],
)
def test_what_has_no_place_is_named_and_nothing_is_changed(channels, options, message):
    small, large = network(SMALL, 0), network(channels, 1, **options)
    before = {name: value.clone() for name, value in large.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        start_from(large, small.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in large.state_dict().items())
