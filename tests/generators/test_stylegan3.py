"""StyleGAN3 against its definition, the laws of its layout and of its generator."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan3 import StyleGAN3, make_stylegan3
from latent_widgets.generators.stylegan3_layers import InputSpec, design, low_pass
from tests.reference import relative
from tests.reference_stylegan3 import ReferenceStyleGAN3

BAR = 5e-6  # relative L2 in float32
SIZES = {"z_dim": 5, "w_dim": 6, "resolution": 16, "num_layers": 4, "channel_base": 48, "channel_max": 4}


@pytest.fixture
def make():
    """Makes networks in which every parameter and buffer matters; filters are the designed ones."""

    def build(seed=0, **options):
        torch.manual_seed(seed)  # for the frequencies, which keep their distribution
        network = make_stylegan3(**SIZES | options).double()
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                drawn = torch.randn(value.shape, generator=rng, dtype=value.dtype)
                if name.endswith("magnitude_ema"):
                    value.copy_(drawn.abs() + 0.5)
                elif name.endswith("transform"):
                    value.copy_(torch.tensor([[0.96, -0.28, 0.1], [0.28, 0.96, -0.2], [0, 0, 1]]))
                elif name.endswith("freqs"):
                    value.mul_(1.5)  # some fade out
                elif not name.endswith("filter"):
                    spread = 100.0 if ".fc" in name and name.endswith("weight") else 0.5 if value.ndim < 2 else 1.0
                    value.copy_(float(name.endswith("affine.bias")) + spread * drawn)
        return network.requires_grad_(False)

    return build


@pytest.fixture
def ws():
    return torch.randn(2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("options", [{}, {"rotation": True}, {"clamp": 0.5}, {"clamp": None, "colours": 1}])
def test_synthesis_is_the_definition(make, ws, options):
    network = make(**options)
    assert relative(network.synthesis(ws), ReferenceStyleGAN3.of(network).synthesize(ws.numpy())) < 1e-12
    single = network.float()
    wanted = ReferenceStyleGAN3.of(single).synthesize(ws.float().double().numpy())
    assert relative(single.synthesis(ws.float()), wanted) < BAR


def test_conditional_networks_are_the_definition(make):
    network = make(c_dim=3)
    z, c = torch.randn(2, 5, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[[2, 0]]
    twin = ReferenceStyleGAN3.of(network)
    w = twin.map(z.numpy(), c.numpy())
    assert relative(network.mapping(z, c), w) < 1e-12
    assert relative(network(z, c), twin.synthesize(np.repeat(w[:, None], 6, 1))) < 1e-12


def test_comparison_sees_a_slightly_wrong_filter(make, ws):
    network = make().float()
    wanted = ReferenceStyleGAN3.of(network).synthesize(ws.float().double().numpy())
    name = next(name for name in network.state_dict() if name.endswith("down_filter"))
    network.state_dict()[name][3] *= 1.0001
    assert relative(network.synthesis(ws.float()), wanted) > BAR


def test_every_weight_matters(make, ws):
    network = make(c_dim=2).requires_grad_(True)
    network(ws[:, 0, :5], torch.randn(2, 2, dtype=torch.float64)).square().sum().backward()
    assert [name for name, value in network.named_parameters() if not value.grad.any()] == []


def test_translation_moves_the_picture():
    torch.manual_seed(0)
    network = make_stylegan3(z_dim=4, w_dim=4, resolution=32, channel_base=512, channel_max=8).double()
    ws = torch.randn(1, network.synthesis.num_ws, 4, dtype=torch.float64)
    with torch.no_grad():
        still = network.synthesis(ws)
        network.synthesis.input.transform[:2, 2] = torch.tensor([-5 / 32, 3 / 32])
        moved = network.synthesis(ws)
    inner = slice(8, 24)
    shifted = still.roll((-3, 5), (2, 3))
    assert relative(moved[..., inner, inner], shifted[..., inner, inner]) < 0.05  # equivariance of configuration T
    assert relative(moved[..., inner, inner], still[..., inner, inner]) > 0.2


# ---- the layout


def test_the_layout_of_the_paper():
    plan = design(256, channel_base=16384)
    assert [layer.name for layer in plan.layers][:3] == ["L0_36_512", "L1_36_512", "L2_36_512"]
    assert (len(plan.layers), plan.layers[-1].name, plan.layers[-2].out_size) == (15, "L14_256_3", 256)
    assert plan.input == InputSpec(512, 36, 16.0, 2.0)
    assert {layer.kernel for layer in plan.layers} == {1, 3}
    rotating = design(256, rotation=True)
    assert {layer.kernel for layer in rotating.layers} == {1}
    assert [layer.radial for layer in rotating.layers] == [True] * 12 + [False] * 3
    for radial, one in ((False, plan), (True, rotating)):
        for layer in one.layers:
            for kind, taps in (("up", layer.up_taps), ("down", layer.down_taps)):
                values = one.filters.get(f"{layer.name}.{kind}_filter")
                assert (values is None) == (taps == 1)
                if values is not None:
                    assert values.shape == ((taps, taps) if layer.radial and kind == "down" else (taps,))
                    assert values.sum().item() == pytest.approx(1, abs=1e-6)
        assert radial == any(layer.radial for layer in one.layers)


@pytest.mark.parametrize("radial", [False, True])
def test_filters_pass_what_is_below_the_cutoff(radial):
    taps = low_pass(24, 2.0, 1.0, 16.0, radial).double()
    line = taps.sum(0) if radial else taps
    ticks = torch.arange(24, dtype=torch.float64) / 16

    def gain(frequency):
        angle = 2 * math.pi * frequency * ticks
        return math.hypot((line * angle.cos()).sum(), (line * angle.sin()).sum())

    assert gain(0) == pytest.approx(1, abs=1e-6)
    assert gain(0.8) > 0.9
    assert gain(5) < 0.05
    torch.testing.assert_close(taps, taps.flip(tuple(range(taps.ndim))), rtol=0, atol=1e-8)


def test_layers_that_do_not_fit_are_refused():
    plan = design(16, num_layers=4, channel_base=48, channel_max=4)
    arguments = {"z_dim": 2, "w_dim": 2, "resolution": 16, "input": plan.input}
    with pytest.raises(ValueError, match=r"layers must fit together, got L0_36_4 with .* after 7 channels"):
        StyleGAN3(**arguments | {"input": replace(plan.input, channels=7)}, layers=plan.layers)
    wrong = replace(plan.layers[0], padding=(0, 0, 0, 0))
    with pytest.raises(ValueError, match=r"layers must fit together, got L0_36_4 .* from which it would give side"):
        StyleGAN3(**arguments, layers=[wrong, *plan.layers[1:]])
    with pytest.raises(ValueError, match="the last layer must make the picture of 16 px, got side"):
        StyleGAN3(**arguments, layers=plan.layers[:-1])


def test_numbers_of_the_layout_are_checked():
    plan = design(16, num_layers=4, channel_base=48, channel_max=4)
    with pytest.raises(TypeError, match=r"sampling_rate must be a number, got 'x'\."):
        replace(plan.input, sampling_rate="x")
    with pytest.raises(ValueError, match=r"sampling_rate must be at least 1e-09, got 0\."):
        replace(plan.input, sampling_rate=0)
    with pytest.raises(TypeError, match=r"bandwidth must be a number, got None\."):
        replace(plan.input, bandwidth=None)
    with pytest.raises(ValueError, match=r"bandwidth must be at least 0\.0, got -1\."):
        replace(plan.input, bandwidth=-1)
    with pytest.raises(TypeError, match=r"clamp must be a number, got \[\]\."):
        replace(plan.layers[0], clamp=[])
    with pytest.raises(ValueError, match=r"clamp must be at least 0\.0, got -1\."):
        design(16, clamp=-1)
    arguments = {"z_dim": 2, "w_dim": 2, "resolution": 16, "input": plan.input, "layers": plan.layers}
    with pytest.raises(TypeError, match=r"output_scale must be a number, got 'x'\."):
        StyleGAN3(**arguments, output_scale="x")


# ---- the generator around it


def test_generator_describes_the_network(make):
    G = StyleGenerator(make(), "alias-free")
    assert G.spaces == ("z", "w", "w+", "s")
    assert G.layer_names[0] == "input"
    assert len(G.layer_names) == G.num_layers == 6
    assert G.layer_index == tuple(range(6))
    assert (G.preview_resolutions, G.can_resume, G.resolution) == ((), True, 16)
    assert G.dim("s") == 4 + sum(
        layer.in_channels for layer in design(16, num_layers=4, channel_base=48, channel_max=4).layers
    )


@pytest.mark.parametrize("options", [{}, {"rotation": True}])
def test_laws_of_the_generator(make, ws, options):
    G = StyleGenerator(make(**options))
    picture = G.synthesize(ws)
    assert picture.shape == (2, 3, 16, 16)
    torch.testing.assert_close(torch.cat([G.synthesize(code[None]) for code in ws]), picture, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(G.synthesize(G.styles(ws), "s"), picture, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        torch.vmap(lambda rows: G.synthesize(rows, "w+")[0])(ws), picture, rtol=1e-12, atol=1e-12
    )
    seen = ReferenceStyleGAN3.of(G.module).run(ws[0].numpy())
    for name, value in G.features(ws[:1], G.layer_names).items():
        assert relative(value[0], seen["image" if name == G.layer_names[-1] else name]) < 1e-12
    cache, other = G.activations(ws), torch.randn_like(ws)
    for layer in range(G.num_layers):
        mixed = torch.cat([ws[:, :layer], other[:, layer:]], 1)
        assert torch.equal(G.resynthesize(mixed, cache, layer), G.synthesize(mixed))


@pytest.mark.parametrize("space", ["w", "w+", "s"])
def test_forward_and_reverse_mode_are_adjoint(make, ws, space):
    G = StyleGenerator(make())
    code = {"w": ws[:1, 0], "w+": ws[:1], "s": G.styles(ws[:1])}[space]
    v = torch.randn_like(code)
    picture, jv = torch.func.jvp(lambda x: G.synthesize(x, space), (code,), (v,))
    u = torch.randn_like(picture)
    (ju,) = torch.func.vjp(lambda x: G.synthesize(x, space), code)[1](u)
    assert float((u * jv).sum()) == pytest.approx(float((ju * v).sum()), rel=1e-10)
    step = 1e-7  # so small that no leaky ReLU turns over on the way
    difference = (G.synthesize(code + step * v, space) - G.synthesize(code - step * v, space)) / (2 * step)
    assert relative(jv, difference) < 1e-5


def test_types_and_devices(make, ws):
    G = StyleGenerator(make())
    wanted = G.synthesize(ws)
    for dtype, bar in [(torch.float32, 1e-5), (torch.bfloat16, 0.2)]:
        G.to(dtype=dtype)
        picture = G.synthesize(ws.to(dtype))
        assert picture.dtype == dtype
        assert relative(picture.float(), wanted) < bar
    meta = StyleGenerator(make().to("meta"))
    assert meta(meta.sample_z(2)).shape == (2, 3, 16, 16)
