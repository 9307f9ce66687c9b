import pytest
import torch
from torch import nn

from latent_widgets.generators.dcgan import DCGAN, PlainGenerator

SIZES = {"z_dim": 7, "resolution": 16, "channels": {4: 12, 8: 8, 16: 5}, "colours": 1}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return DCGAN(**SIZES).double()


@pytest.fixture
def plain(net):
    return PlainGenerator(net, "tiny")


def test_it_has_z_only(plain):
    assert (plain.spaces, plain.main_space, plain.z_dim, plain.resolution) == (("z",), "z", 7, 16)
    assert plain.layer_names == ("b4", "b8", "b16", "image")
    assert not plain.can_resume
    assert plain.preview_resolutions == ()


def test_grey_becomes_three_equal_channels_and_colour_is_left_alone(net, plain):
    z = plain.sample_z(3, seed=1)
    x = plain(z)
    assert x.shape == (3, 3, 16, 16)
    for channel in range(3):
        torch.testing.assert_close(x[:, channel : channel + 1], net(z), rtol=0, atol=0)
    colour = DCGAN(**SIZES | {"colours": 3}).double()
    torch.testing.assert_close(PlainGenerator(colour)(z), colour(z), rtol=0, atol=0)


def test_pictures_lie_in_the_nominal_range_and_differ(plain):
    x = plain(10 * plain.sample_z(4))
    assert x.abs().max() <= 1
    assert (x[0] - x[1]).abs().max() > 1e-3


def test_a_picture_does_not_depend_on_its_batch(plain):
    z = plain.sample_z(5, seed=2)
    torch.testing.assert_close(plain(z)[3:4], plain(z[3:4]), rtol=0, atol=1e-12)
    plain.module.train()
    torch.testing.assert_close(plain(z)[3:4], plain(z[3:4]), rtol=0, atol=1e-12)


def test_features_are_what_a_hook_sees_and_no_later_block_runs(plain):
    z, seen, ran = plain.sample_z(2, seed=3), {}, []
    hooks = [
        block.register_forward_hook(lambda _, __, y, name=name: (seen.__setitem__(name, y), ran.append(name))[0])
        for name, block in plain.module.named_children()
    ]
    plain(z)
    expected = dict(seen)
    ran.clear()
    found = plain.features(z, ["b8", "b4"])
    for hook in hooks:
        hook.remove()
    assert list(found) == ["b8", "b4"]
    assert found["b8"].shape == (2, 8, 8, 8)
    assert ran == ["b4", "b8"]
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_forward_and_reverse_derivatives_agree(plain):
    z = plain.sample_z(1, seed=4)[0]
    forward = torch.func.jacfwd(lambda c: plain.synthesize(c)[0])(z)
    reverse = torch.func.jacrev(lambda c: plain.synthesize(c)[0])(z)
    torch.testing.assert_close(forward, reverse, rtol=1e-9, atol=1e-12)
    assert forward.abs().max() > 0


def test_any_chain_of_blocks_will_do():
    chain = nn.Sequential(nn.Linear(4, 3 * 2 * 5), nn.Unflatten(1, (3, 2, 5)))
    plain = PlainGenerator(chain, z_dim=4, resolution=5)
    z = plain.sample_z(2)
    assert plain(z).shape == (2, 3, 2, 5)
    torch.testing.assert_close(plain.features(z, ["1"])["1"], plain(z))


def test_bad_arguments():
    with pytest.raises(ValueError, match="resolution must be a power of two and at least 8, got 24"):
        DCGAN(**SIZES | {"resolution": 24})
    with pytest.raises(ValueError, match=r"channels must name every resolution from 4 to 32, got none for \[32\]"):
        DCGAN(**SIZES | {"resolution": 32})
    with pytest.raises(TypeError, match=r"module must be a torch.nn.Sequential, got Linear. Chain its blocks in one"):
        PlainGenerator(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="z_dim must be given for a module that has no attribute z_dim, got None"):
        PlainGenerator(nn.Sequential(nn.Linear(2, 2)))


def test_what_it_lacks_is_said(plain):
    z = plain.sample_z(1)
    with pytest.raises(ValueError, match="map must be called on a generator with a mapping network, got 'tiny'"):
        plain.map(z)
    with pytest.raises(ValueError, match="layer must be one of 'b4', 'b8', 'b16', 'image', got 'b32'"):
        plain.features(z, ["b32"])
    with pytest.raises(ValueError, match="activations must be called on a generator that can go on from a layer"):
        plain.activations(z)
    with pytest.raises(ValueError, match="resolution must be one of none"):
        plain.preview(z, 8)
