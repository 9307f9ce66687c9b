"""The network against its definitions, and the laws of its generator."""

import math

import numpy as np
import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import MappingNetwork, Shortcut, SynthesisNetwork
from tests.reference import ReferenceStyleGAN2, relative

BAR = 5e-6  # relative L2 in float32


@pytest.fixture
def ws():
    """w+ for the networks of `make_network` at 16 pixels: every layer its own row."""
    return torch.randn(2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("architecture", "noise", "clamp", "colours"),
    [
        ("skip", True, None, 3),
        ("skip", False, 0.6, 3),
        ("resnet", True, 0.6, 3),
        ("resnet", False, None, 1),
        ("orig", True, None, 3),
        ("orig", False, 0.6, 1),
    ],
)
def test_synthesis_is_the_definition(make_network, ws, architecture, noise, clamp, colours):
    network = make_network(noise=noise, clamp=clamp, architecture=architecture, colours=colours)
    wanted = ReferenceStyleGAN2(network.state_dict(), clamp=clamp).synthesize(ws.numpy())
    assert relative(network.synthesis(ws).detach(), wanted) < 1e-12
    single = network.float()
    wanted = ReferenceStyleGAN2(single.state_dict(), clamp=clamp).synthesize(ws.float().double().numpy())
    assert relative(single.synthesis(ws.float()).detach(), wanted) < BAR


def test_noise_and_clamp_matter(make_network, ws):
    pictures = [
        make_network(noise=noise, clamp=clamp).synthesis(ws).detach()
        for noise, clamp in [(1, None), (0, None), (1, 0.6)]
    ]
    assert relative(pictures[1], pictures[0]) > 0.01
    assert relative(pictures[2], pictures[0]) > 0.01


def test_comparison_sees_a_slightly_wrong_filter(make_network, ws):
    network, codes = make_network().float(), ws.float()
    wanted = ReferenceStyleGAN2(network.state_dict()).synthesize(codes.double().numpy())
    errors = []
    for tap in (3.0, 3.0001, 3.01):
        twin = SynthesisNetwork(6, 16, {4: 5, 8: 4, 16: 3}, taps=(1.0, tap, tap, 1.0))
        twin.load_state_dict(network.synthesis.state_dict())
        errors.append(relative(twin(codes).detach(), wanted))
    assert errors[0] < BAR < errors[1] < errors[2]


TAPS = [(1.0, 1.0), (1.0, 2.0, 2.0, 1.0), (1.0, 5.0, 10.0, 10.0, 5.0, 1.0), (-0.1, 0.2, 1, 2, 2, 1, 0.2, -0.1)]


@pytest.mark.parametrize("architecture", ["skip", "resnet"])
@pytest.mark.parametrize("taps", TAPS, ids=len)
def test_taps_follow_the_definition(make_network, ws, taps, architecture):
    network = make_network(architecture=architecture)
    twin = SynthesisNetwork(6, 16, {4: 5, 8: 4, 16: 3}, taps=taps, architecture=architecture).double()
    twin.load_state_dict(network.synthesis.state_dict())
    wanted = ReferenceStyleGAN2(network.state_dict(), taps=taps).synthesize(ws.numpy())
    assert relative(twin(ws).detach(), wanted) < 1e-12


@pytest.mark.parametrize("taps", TAPS, ids=len)
def test_doubling_keeps_the_centre_and_the_sum(taps):
    shortcut = Shortcut(1, 1, taps=taps).double()
    x = torch.zeros(1, 1, 9, 11, dtype=torch.float64)
    x[..., 4, 5] = 1
    with torch.no_grad():
        y = shortcut(x)[0, 0] / (shortcut.weight[0, 0, 0, 0] * math.sqrt(0.5))
    assert y.shape == (18, 22)
    assert y.sum().item() == pytest.approx(4)
    rows, columns = torch.arange(18, dtype=torch.float64), torch.arange(22, dtype=torch.float64)
    centre = (y.sum(1) @ rows / 4).item(), (y.sum(0) @ columns / 4).item()
    assert centre == pytest.approx((8.5, 10.5))  # between the two pixels that one became


@pytest.mark.parametrize("lr", [0.01, 0.1])
def test_mapping_is_the_definition(make_network, lr):
    network = make_network(mapping_lr=lr, mapping_layers=3)
    z = torch.randn(4, 7, dtype=torch.float64)
    wanted = ReferenceStyleGAN2(network.state_dict(), lr=lr).map(z.numpy())
    assert relative(network.mapping(z).detach(), wanted) < 1e-12


def test_conditional_mapping_is_the_definition(make_network):
    network = make_network(c_dim=3)
    z, c = torch.randn(4, 7, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    reference = ReferenceStyleGAN2(network.state_dict())
    w = network.mapping(z, c).detach()
    assert relative(w, reference.map(z.numpy(), c.numpy())) < 1e-12
    wanted = reference.synthesize(w[:, None].expand(-1, 6, -1).numpy())
    assert relative(network(z, c).detach(), wanted) < 1e-12
    with pytest.raises(
        ValueError, match=r"c must be given: this network is conditional, with class vectors of length 3"
    ):
        network(z)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_every_weight_matters(make_network, architecture):
    network = make_network(c_dim=3, architecture=architecture)
    z, c = torch.randn(2, 7, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    network(z, c).square().sum().backward()
    unused = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert unused == []


def test_sizes_are_checked(make_network):
    with pytest.raises(ValueError, match=r"resolution must be a power of two and at least 8, got 24\."):
        make_network(resolution=24)
    with pytest.raises(ValueError, match=r"resolution must be a power of two and at least 8, got 4\."):
        make_network(resolution=4)
    with pytest.raises(
        ValueError, match=r"architecture must be one of 'skip', 'resnet', 'orig', got 'skp'. Did you mean"
    ):
        make_network(architecture="skp")
    with pytest.raises(ValueError, match=r"channels must name every resolution from 4 to 16, got none for \[8\]\."):
        make_network(channels={4: 5, 16: 3})
    with pytest.raises(ValueError, match=r"mapping_layers must be between 0 and 64, got 65\."):
        make_network(mapping_layers=65)
    with pytest.raises(ValueError, match=r"mapping_lr must be at least 1e-09, got 0\."):
        make_network(mapping_lr=0)
    with pytest.raises(ValueError, match=r"clamp must be at least 0\.0, got -1\."):
        make_network(clamp=-1)


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ((), r"taps must be symmetric and of even length, got \(\)\."),
        ((1, 2, 1), r"taps must be symmetric and of even length, got \(1\.0, 2\.0, 1\.0\)\."),
        ((1, 3, 3, 2), r"taps must be symmetric and of even length, got \(1\.0, 3\.0, 3\.0, 2\.0\)\."),
        ((0, 1, 1, 0), r"taps must have an end and a sum other than 0, got \(0\.0, 1\.0, 1\.0, 0\.0\)\."),
        ((1, -1, -1, 1), r"taps must have an end and a sum other than 0, got \(1\.0, -1\.0, -1\.0, 1\.0\)\."),
        ((math.inf, math.inf), r"taps must be finite, got inf\."),
    ],
)
def test_taps_are_checked(taps, message):
    with pytest.raises(ValueError, match=message):
        SynthesisNetwork(6, 8, {4: 5, 8: 4}, taps=taps)


def test_initial_mapping_keeps_unit_scale():
    torch.manual_seed(0)
    w = MappingNetwork(64, 64, num_layers=4)(torch.randn(200, 64))
    assert 0.5 < w.detach().std().item() < 2  # what the equalised learning rate is for


# ---- the generator around it


def test_generator_describes_the_network(tiny):
    assert (tiny.spaces, tiny.main_space) == (("z", "w", "w+", "s"), "w")
    assert [tiny.dim(space) for space in tiny.spaces] == [7, 6, 6, 5 + 5 + 5 + 4 + 4 + 4 + 3 + 3]
    assert tiny.layer_names == (
        "b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1", "b8.torgb", "b16.conv0", "b16.conv1", "b16.torgb",
    )  # fmt: skip
    assert (tiny.num_layers, tiny.layer_index) == (6, (0, 1, 1, 2, 3, 3, 4, 5))
    assert tiny.preview_resolutions == (4, 8)
    assert tiny.can_resume


def test_spaces_lead_to_one_picture(tiny):
    z = tiny.sample_z(3, seed=2)
    w = tiny.map(z)
    picture = tiny.synthesize(w)
    assert picture.shape == (3, 3, 16, 16)
    for other in (
        tiny(z),
        tiny.synthesize(z, "z"),
        tiny.synthesize(tiny.broadcast(w)),
        tiny.synthesize(tiny.styles(w)),
        tiny.synthesize(tiny.styles(tiny.broadcast(w)), "s"),
        torch.cat([tiny.synthesize(code) for code in w]),
    ):
        torch.testing.assert_close(other, picture, rtol=1e-12, atol=1e-12)


def test_mixing_changes_what_comes_after(tiny, ws):
    base = ws[:1].clone()
    before = tiny.features(base, tiny.layer_names)
    for row in range(tiny.num_layers):
        mixed = base.clone()
        mixed[:, row] = ws[1, row]
        wanted = ReferenceStyleGAN2(tiny.module.state_dict()).synthesize(mixed.numpy())
        assert relative(tiny.synthesize(mixed), wanted) < 1e-12
        after = tiny.features(mixed, tiny.layer_names)
        changed = [not torch.equal(before[name], after[name]) for name in tiny.layer_names]
        assert changed.index(True) == tiny.layer_index.index(row)


def test_style_slices_name_the_layers(tiny, ws):
    s = tiny.styles(ws)
    before = tiny.features(s, tiny.layer_names)
    for step, name in enumerate(tiny.layer_names):
        moved = s.clone()
        moved[:, tiny.style_slices[name]] += 1
        after = tiny.features(moved, tiny.layer_names)
        changed = [not torch.equal(before[other], after[other]) for other in tiny.layer_names]
        assert changed.index(True) == step
    assert list(tiny.style_slices) == list(tiny.layer_names)


def test_features_and_previews_are_the_definition(tiny, ws):
    seen = ReferenceStyleGAN2(tiny.module.state_dict()).run(ws[0].numpy())
    features = tiny.features(ws[:1], tiny.layer_names[::-1])
    assert list(features) == list(tiny.layer_names[::-1])
    for name, value in features.items():
        assert relative(value[0], seen[name]) < 1e-12
    for side in tiny.preview_resolutions:
        assert relative(tiny.preview(ws, side)[0], seen[f"b{side}.torgb"]) < 1e-12
    assert tiny.features(ws, []) == {}


@pytest.mark.parametrize("space", ["w", "w+", "s"])
def test_pictures_grow_from_the_small_ones_to_the_same_as_at_once(tiny, ws, space):
    code = {"w": ws[:, 0], "w+": ws, "s": tiny.styles(ws)}[space]
    for side in tiny.preview_resolutions:
        small, whole = tiny.growing(code, side, space)
        assert torch.equal(small, tiny.preview(code, side, space))
        assert torch.equal(whole, tiny.synthesize(code, space))
    with pytest.raises(ValueError, match="resolution must be one of 4, 8, got 16"):
        tiny.growing(code, 16, space)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_other_architectures_as_generators(make_network, ws, architecture):
    G = StyleGenerator(make_network(architecture=architecture, colours=1))
    assert G.layer_names == ("b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1", "b16.torgb")
    assert (G.num_layers, G.layer_index, G.preview_resolutions) == (6, (0, 1, 2, 3, 4, 5), ())
    seen = ReferenceStyleGAN2(G.module.state_dict()).run(ws[0].numpy())
    for name, value in G.features(ws[:1], G.layer_names).items():
        assert relative(value[0], np.broadcast_to(seen[name], value[0].shape)) < 1e-12
    cache, other = G.activations(ws), torch.randn_like(ws)
    for layer in range(G.num_layers):
        mixed = torch.cat([ws[:, :layer], other[:, layer:]], 1)
        assert torch.equal(G.resynthesize(mixed, cache, layer), G.synthesize(mixed))
    assert G.synthesize(ws).shape == (2, 3, 16, 16)


def test_a_class_is_a_number_or_a_vector(make_network):
    network = make_network(c_dim=3)
    z = torch.randn(2, 7, dtype=torch.float64)
    c = torch.eye(3, dtype=torch.float64)[[1, 1]]
    for condition in (1, torch.tensor([0.0, 1.0, 0.0])):
        assert torch.equal(StyleGenerator(network, "x", condition).map(z), network.mapping(z, c))
    with pytest.raises(ValueError, match=r"condition must be given for this network, which draws 3 classes, got None"):
        StyleGenerator(network)
    with pytest.raises(TypeError, match=r"condition must be an integer, got 0.5"):
        StyleGenerator(network, "x", 0.5)
    with pytest.raises(ValueError, match=r"condition must have shape \(3,\), got \(2,\)"):
        StyleGenerator(network, "x", torch.zeros(2))
    with pytest.raises(ValueError, match=r"condition must be left out for a network without classes, got 2"):
        StyleGenerator(make_network(), "x", 2)


def test_going_on_from_a_layer_is_the_full_synthesis(tiny, ws):
    other = torch.randn_like(ws)
    cache = tiny.activations(ws)
    for layer in range(tiny.num_layers):
        mixed = torch.cat([ws[:, :layer], other[:, layer:]], 1)
        assert torch.equal(tiny.resynthesize(mixed, cache, layer), tiny.synthesize(mixed))
    broken = torch.cat([ws[:, :2], other[:, 2:]], 1)
    assert not torch.allclose(tiny.resynthesize(broken, cache, 3), tiny.synthesize(broken))  # row 2 changed too


@pytest.mark.parametrize("space", ["z", "w", "w+", "s"])
def test_forward_and_reverse_mode_are_adjoint(tiny, ws, space):
    code = {"z": tiny.sample_z(1), "w": ws[:1, 0], "w+": ws[:1], "s": tiny.styles(ws[:1])}[space]
    v = torch.randn_like(code)
    picture, jv = torch.func.jvp(lambda x: tiny.synthesize(x, space), (code,), (v,))
    u = torch.randn_like(picture)
    (ju,) = torch.func.vjp(lambda x: tiny.synthesize(x, space), code)[1](u)
    assert float((u * jv).sum()) == pytest.approx(float((ju * v).sum()), rel=1e-10)
    step = 1e-6
    difference = (tiny.synthesize(code + step * v, space) - tiny.synthesize(code - step * v, space)) / (2 * step)
    assert relative(jv, difference) < 1e-5


def test_vmap_is_the_batch(tiny, ws):
    mapped = torch.vmap(lambda rows: tiny.synthesize(rows, "w+")[0])(ws)
    torch.testing.assert_close(mapped, tiny.synthesize(ws), rtol=1e-12, atol=1e-12)


def test_types_follow_the_network(tiny, ws):
    wanted = tiny.synthesize(ws)
    for dtype, bar in [(torch.float32, 1e-5), (torch.bfloat16, 0.1)]:
        tiny.to(dtype=dtype)
        picture = tiny.synthesize(ws.to(dtype))
        assert picture.dtype == tiny.dtype == dtype
        assert relative(picture.float(), wanted) < bar


def test_meta_device_gives_shapes(make_network):
    G = StyleGenerator(make_network().to("meta"))
    assert G(G.sample_z(2)).shape == (2, 3, 16, 16)
    assert G.device.type == "meta"
