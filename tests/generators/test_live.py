"""Live networks are recognised, give the same pictures as when called by hand, and say what was inferred."""

import types

import pytest
import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.generators.dcgan import DCGAN
from latent_widgets.generators.pggan import PGGAN
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan1 import StyleGAN1
from tests.live_networks import Bent, Decoder, NvidiaLike, RosinalityLike, SmallBigGAN, SmallDCGAN
from tests.reference import relative


def test_nvidia_like(make_network):
    network = make_network()
    G = lw.load(NvidiaLike(network), name="mine")
    assert (G.name, G.spaces, G.num_layers, G.z_dim, G.w_dim) == ("mine", ("z", "w", "w+"), 6, 7, 6)
    twin, z = StyleGenerator(network), G.sample_z(2, seed=3)
    assert torch.equal(G.map(z), twin.map(z))
    assert torch.equal(G(z, truncation=0.5), twin(z, truncation=0.5))
    ws = torch.randn(2, 6, 6, dtype=torch.float64)
    assert torch.equal(G.synthesize(ws), twin.synthesize(ws))
    assert G.notes[0] == "The network was taken for a NVIDIA-like one."
    assert "Latent sizes were read off: z 7, w 6, 6 layers." in G.notes
    assert "The synthesis is called with noise_mode='const', force_fp32=True." in G.notes
    assert "16 x 16 px in 3 colours. They are taken to be in [-1, 1]" in G.notes[-1]


def test_nvidia_like_with_classes(make_network):
    network = make_network(c_dim=3)
    with pytest.raises(ValueError, match="condition must be given for this network, which draws 3 classes"):
        lw.load(NvidiaLike(network))
    G, twin = lw.load(NvidiaLike(network), condition=2), StyleGenerator(network, "x", 2)
    z = G.sample_z(2)
    assert torch.equal(G(z), twin(z))


def test_rosinality_like(make_network):
    network = make_network(z_dim=6)
    G, twin = lw.load(RosinalityLike(network)), StyleGenerator(network)
    z = G.sample_z(2)
    assert (G.spaces, G.z_dim, G.num_layers) == (("z", "w", "w+"), 6, 6)
    assert torch.equal(G(z), twin(z))
    w = network.mapping(torch.randn(5000, 6, dtype=torch.float64))
    assert ((G.w_avg - w.mean(0)).abs() < 6 * w.std(0) / 2000**0.5).all()


def test_biggan_has_a_class_a_truncation_and_a_row_for_each_block():
    torch.manual_seed(0)
    network = SmallBigGAN().double()
    with pytest.raises(ValueError, match="condition must be given for this network, which draws 5 classes"):
        lw.load(network)
    G = lw.load(network, condition=3, truncation=0.4)
    assert (G.spaces, G.z_dim, G.w_dim, G.num_layers) == (("z", "w", "w+"), 6, 12, 3)
    z = G.sample_z(2)
    label = torch.eye(5, dtype=torch.float64)[[3, 3]]
    assert torch.equal(G(z), network(z, label, 0.4))
    mixed = G.broadcast(G.map(z))
    mixed[:, 2] += 1
    assert relative(G.synthesize(mixed), G(z)) > 1e-3
    layers = G.features(G.map(z), G.layer_names)
    changed = {name for name, value in G.features(mixed, G.layer_names).items() if not torch.equal(value, layers[name])}
    assert not any(name.startswith("generator.layers.0") for name in changed)
    assert any("Truncation 0.4 picks the statistics" in note for note in G.notes)
    with pytest.raises(ValueError, match=r"truncation must be between 0.02 and 1.0, got 2"):
        lw.load(network, condition=3, truncation=2)


def test_style_weights_are_found_by_what_the_layers_are_given(make_network):
    network = make_network(z_dim=6)
    twin = StyleGenerator(network)
    for live in (lw.load(NvidiaLike(network)), lw.load(RosinalityLike(network))):
        for layers in (None, [0, 2], [5]):
            found, wanted = lw.sefa(live, k=2, layers=layers), lw.sefa(twin, k=2, layers=layers)
            torch.testing.assert_close(found.vectors, wanted.vectors)
            torch.testing.assert_close(found.scores, wanted.scores)
        maps = live.style_maps()
        assert [found.row for found in maps] == list(twin.layer_index)
        assert all(found.name.endswith("affine") for found in maps)
        assert not any(module._forward_pre_hooks for module in live.module.modules())


def test_style_weights_of_a_biggan_are_those_of_its_norms():
    network = SmallBigGAN().double()
    maps = lw.load(network, condition=1).style_maps()
    names = [f"generator.layers.{i}.bn_0.{part}" for i in (0, 2) for part in ("scale", "offset")]
    assert [(found.name, found.row) for found in maps] == list(
        zip(["generator.gen_z", *names], (0, 1, 1, 2, 2), strict=True)
    )
    for found in maps:
        torch.testing.assert_close(found.weight, network.get_submodule(found.name).weight)


def test_styles_that_are_not_affine_are_left_alone(make_network):
    network = NvidiaLike(make_network())
    for part in network.modules():
        if hasattr(part, "affine"):
            part.affine = Bent(part.affine)
    G = lw.load(network)
    assert G.style_maps() == ()
    with pytest.raises(ValueError, match="sefa must be given a generator whose styles are affine in w, got 'NvidiaL"):
        lw.sefa(G, k=2)


def test_wrappers_are_unwrapped():
    inner = SmallDCGAN()
    for outer in (types.SimpleNamespace(avgG=inner), types.SimpleNamespace(netG=nn.DataParallel(inner))):
        G = lw.load(outer)
        assert G.module is inner
        assert any("The generator is the attribute" in note for note in G.notes)
    z = G.sample_z(2)
    assert (G.z_dim, G.resolution, G.spaces) == (6, 16, ("z",))
    assert torch.equal(G(z), inner(z[:, :, None, None]))
    assert "It is taken as (n, z_dim, 1, 1)." in " ".join(G.notes)


def test_a_decoder_has_no_prior():
    network = Decoder()
    G = lw.load(network)
    assert (G.z_dim, G.resolution) == (2 * 4 * 4, 8)
    z = G.sample_z(2)
    assert torch.equal(G(z), network.up(z.reshape(2, 2, 4, 4) / 0.5).detach())
    assert any("An autoencoder has no prior" in note for note in G.notes)
    network.config.sample_size = None
    with pytest.raises(ValueError, match=r"z_shape must be given for this decoder, such as \(2, 32, 32\), got None"):
        lw.load(network)
    assert lw.load(network, z_shape=(2, 3, 3)).resolution == 6


def test_any_callable():
    A = torch.randn(3 * 8 * 8, 5, generator=torch.Generator().manual_seed(0))

    def draw(z):
        return torch.sigmoid(z @ A.T).unflatten(1, (3, 8, 8))

    G = lw.load(draw, z_dim=5)
    z = G.sample_z(2)
    assert (G.name, G.layer_names) == ("draw", ())
    torch.testing.assert_close(G(z), 2 * draw(z) - 1)
    assert "They lie in [0, 1] and are brought to [-1, 1]" in G.notes[-1]
    assert torch.equal(lw.load(draw, z_dim=5, value_range=(-1, 1))(z), draw(z))
    assert lw.load(lambda z: -draw(z), z_dim=5).weights_hash != G.weights_hash  # a function is known by its pictures
    assert torch.func.jvp(G, (z,), (z,))[1].isfinite().all()


def test_layers_are_found_or_named():
    G = lw.load(SmallDCGAN())
    assert G.layer_names == tuple(f"main.{i}" for i in range(8))
    features = G.features(G.sample_z(2), ["main.5", "main.0"])
    assert [value.shape for value in features.values()] == [(2, 8, 8, 8), (2, 8, 4, 4)]
    assert not any(module._forward_hooks for module in G.module.modules())
    assert lw.load(SmallDCGAN(), layers=["main.3"]).layer_names == ("main.3",)
    with pytest.raises(ValueError, match=r"layer must be one of 'main', 'main.0', .* got 'main.x'"):
        lw.load(SmallDCGAN(), layers=["main.x"])


def test_a_network_keeps_its_device_and_type_unless_told():
    assert lw.load(SmallDCGAN().double()).dtype == torch.float64
    assert lw.load(SmallDCGAN(), dtype=torch.float64).dtype == torch.float64
    G = lw.load(SmallDCGAN())
    assert lw.load(G) is G


def test_our_own_networks_keep_what_they_can(make_network):
    G = lw.load(make_network())
    assert isinstance(G, StyleGenerator)
    assert G.can_resume


def test_what_cannot_be_inferred_is_asked_for():
    with pytest.raises(ValueError, match="z_dim must be given for a network that does not say how long its latent is"):
        lw.load(lambda z: z)
    with pytest.raises(TypeError, match=r"must return pictures \(n, 1 or 3, H, W\), got shape \(2, 5\)"):
        lw.load(lambda z: z, z_dim=5)
    with pytest.raises(ValueError, match=r"the network must draw from a latent, got RuntimeError: .*Pass a function"):
        lw.load(nn.Linear(3, 3), z_dim=4)
    with pytest.raises(ValueError, match="the network must draw finite pictures, got 192 numbers that are not"):
        lw.load(lambda z: torch.full((2, 3, 4, 8), torch.nan), z_dim=2)
    with pytest.raises(ValueError, match=r"value_range must go up, got \(1.0, 0.0\)"):
        lw.load(SmallDCGAN(), value_range=(1, 0))
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'resolution'"):
        lw.load(SmallDCGAN(), resolution=3)
    with pytest.raises(
        TypeError, match=r"source must be the name of .* a network that can be called, got an object of type int"
    ):
        lw.load(3)
    with pytest.raises(ValueError, match="condition must be left out for a network without classes, got 1"):
        lw.load(SmallDCGAN(), condition=1)


def test_sampled_mean_follows_weights_that_are_trained_on(make_network):
    network = make_network(z_dim=6)
    G = lw.load(RosinalityLike(network))
    first = G.w_avg
    with torch.no_grad():
        network.mapping.fc1.bias += 100.0
    assert (G.w_avg - first).norm() > 0.1


def test_sampled_mean_asked_for_first_inside_a_transform_or_inference(make_network):
    z, strength = torch.randn(2, 6, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    G, twin = (lw.load(RosinalityLike(make_network(z_dim=6))) for _ in range(2))
    mapped = torch.func.vmap(lambda code: G.map(code[None], 0.5)[0])(z)
    torch.testing.assert_close(mapped, twin.map(z, 0.5))
    inferred = lw.load(RosinalityLike(make_network(z_dim=6)))
    with torch.inference_mode():
        _ = inferred.w_avg
    assert torch.autograd.grad(inferred.w_avg.lerp(inferred.map(z), strength).sum(), strength)[0].isfinite()


def test_options_without_effect_are_refused(make_network):
    own = lw.load(make_network(c_dim=3), condition=1)
    assert lw.load(own, condition=2).class_number == 2
    for source, what, options in (
        (own, "a generator", {"name": "x"}),
        (own.module, "a network of this package", {"value_range": (0, 1), "condition": 1}),
        (SmallDCGAN(), "a network that is no BigGAN", {"truncation": 0.5}),
    ):
        with pytest.raises(ValueError, match=rf"{next(iter(options))} must be left out for {what}, got "):
            lw.load(source, **options)
    chain = DCGAN(z_dim=5, resolution=8, channels={4: 8, 8: 4})
    with pytest.raises(ValueError, match="condition must be left out for a network without classes, got 3"):
        lw.load(chain, condition=3)


def test_a_class_vector_is_not_that_of_the_caller(make_network):
    vector = torch.tensor([1.0, 0.0, 0.0])
    G = StyleGenerator(make_network(c_dim=3), "x", vector)
    vector.copy_(torch.tensor([0.0, 1.0, 0.0]))
    assert G.class_number == 0


def test_every_network_of_ours_is_taken_as_it_is():
    for network, spaces in (
        (StyleGAN1(z_dim=4, w_dim=5, resolution=8, channels={4: 4, 8: 4}), ("z", "w", "w+", "s")),
        (PGGAN(z_dim=4, channels=[4, 4]), ("z",)),
    ):
        G = lw.load(network)
        assert G.module is network
        assert G.spaces == spaces
        assert G(G.sample_z(2)).shape == (2, 3, 8, 8)
