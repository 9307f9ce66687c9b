"""Every program's network, passed live: its spaces, classes, mean and layers, and all that the package does with it."""

import types

import numpy as np
import pytest
import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from tests.live_families import (
    FAMILIES,
    ByNumber,
    ByVector,
    Compiled,
    FastGANLike,
    GenForceLike,
    Progressive,
    Shared,
    style_network,
)
from tests.live_networks import NvidiaLike, SmallDCGAN
from tests.reference import relative


@pytest.fixture(params=FAMILIES, ids=str)
def live(request):
    make, options = FAMILIES[request.param]
    return lw.load(make(), **options)


def test_everything_works_on_it(live):
    """A region's directions, LELSD with a mask, an edit that replays, and the explorer."""
    side = live.resolution
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[: side // 2] = True
    found = lw.RegionSpectra(live, live.code(1)).directions(mask, k=2)
    assert (found.scores["locality"] > found.scores["chance"]).all()
    learned = lw.lelsd(live, mask, k=2, steps=2, samples=8)
    assert learned.directions.vectors.isfinite().all()
    edit = lw.Edit.of(live, seed=3).move(found, 0, 0.5)
    again = lw.Edit.from_json(edit.to_json())
    torch.testing.assert_close(again.apply(live), edit.apply(live))
    assert relative(edit.apply(live), lw.Edit.of(live, seed=3).apply(live)) > 1e-3
    if live.layer_names:
        features = live.features(live.code(0), live.layer_names)
        assert len({value.shape[-1] for value in features.values()}) > 1 or side == 8  # more than the first block
    explorer = lw.LatentExplorer(live)
    explorer.wait()
    explorer.close()


@pytest.mark.parametrize("classes", [0, 3])
def test_genforce_like_is_as_its_network(classes):
    network = style_network(classes).double()
    G = lw.load(GenForceLike(network), **({"condition": 1} if classes else {}))
    twin = StyleGenerator(network, "x", 1 if classes else None)
    assert (G.spaces, G.num_layers, G.w_dim, G.classes) == (("z", "w", "w+"), twin.num_layers, twin.w_dim, classes)
    z = G.sample_z(3, seed=4)
    assert torch.equal(G.w_avg, twin.w_avg)
    assert torch.equal(G.map(z, truncation=0.4), twin.map(z, truncation=0.4))
    assert torch.equal(G(z, truncation=0.4), twin(z, truncation=0.4))
    ws = torch.randn(2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(G.synthesize(ws), twin.synthesize(ws))
    if classes:
        assert torch.equal(G.of_class(2)(z), StyleGenerator(network, "x", 2)(z))
    assert any("The synthesis is called with randomize_noise=False" in note for note in G.notes)


def test_noise_is_held_still_if_asked_for():
    torch.manual_seed(5)
    network = FastGANLike()
    loose = lw.load(network)
    assert "It draws random numbers" in loose.notes[-1]
    assert "Use freeze_noise=True" in loose.notes[-1]
    G, again = (lw.load(network, freeze_noise=True) for _ in range(2))
    assert not G.unsteady
    assert "Its mapping changes nothing, so z is the only space." in G.notes
    assert "It returns 2 pictures at once; the largest is taken." in G.notes
    assert (G.spaces, G.resolution) == (("z",), 16)
    z = G.sample_z(4, seed=1)
    torch.testing.assert_close(G(z), torch.cat([again(one[None]) for one in z]))
    before = torch.get_rng_state()
    J = lw.JacobianOperator(lambda x: G(x[None])[0], z[0])
    wanted = torch.stack([(G(z[:1] + h) - G(z[:1] - h)).flatten() / 0.02 for h in 0.01 * torch.eye(6)], 1)
    assert relative(J.dense(), wanted) < 0.01
    assert torch.equal(before, torch.get_rng_state())
    # What is frozen is noise: without it the picture is another.
    with torch.no_grad():
        network.synthesis.noise_weight.zero_()
    assert relative(lw.load(network)(z), G(z)) < 1e-6


def test_frozen_noise_has_the_statistics_of_noise():
    draws = [
        lambda x: torch.randn(x.shape),
        lambda x: torch.randn(*x.shape),
        lambda x: torch.randn(size=x.shape, dtype=x.dtype),
        lambda x: torch.randn_like(x),
        lambda x: torch.empty_like(x).normal_(),
        lambda x: x.new_empty(x.shape).normal_(0.5, 2.0),
        lambda x: torch.normal(0.0, 1.0, x.shape),
        lambda x: torch.normal(torch.zeros_like(x), 3.0),
        lambda x: torch.rand(x.shape),
        lambda x: torch.rand_like(x),
        lambda x: torch.empty_like(x).uniform_(-1, 3),
    ]
    moments = [
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (0.5, 2),
        (0, 1),
        (0, 3),
        (0.5, 12**-0.5),
        (0.5, 12**-0.5),
        (1, 4 / 12**0.5),
    ]
    for draw, (mean, sd) in zip(draws, moments, strict=True):

        def call(z, draw=draw):
            return (z[:, :1, None, None] + draw(z.new_zeros(len(z), 3, 40, 50)) / 20).tanh()

        G = lw.load(call, z_dim=4, freeze_noise=True)
        z = torch.zeros(2, 4)
        noise = 20 * G(z).atanh()
        torch.testing.assert_close(noise[0], noise[1], atol=1e-3, rtol=0)
        # 6000 numbers: five standard errors of the mean, and as many of the standard deviation.
        assert abs(float(noise[0].mean()) - mean) < 5 * sd / 6000**0.5 + 1e-3
        assert abs(float(noise[0].std()) - sd) < 5 * sd / 12000**0.5 + 1e-3


@pytest.mark.parametrize(
    ("make", "said", "draw"),
    [
        (ByNumber, "Its class is given as a number.", lambda net, z, c: net(z, torch.full((len(z),), c))),
        (
            ByVector,
            "Its class is given as a vector.",
            lambda net, z, c: net(z[:, :, None, None], torch.eye(4)[[c] * len(z)]),
        ),
        (
            Shared,
            "Its class goes through its embedding.",
            lambda net, z, c: net(z, net.shared(torch.full((len(z),), c))),
        ),
    ],
)
def test_classes_of_any_program(make, said, draw):
    torch.manual_seed(6)
    network = make()
    with pytest.raises(ValueError, match="condition must be given for this network, which draws"):
        lw.load(network)
    G = lw.load(network, condition=1)
    assert said in G.notes
    z = G.sample_z(2)
    for c in (1, 0, 2):
        torch.testing.assert_close(G.of_class(c)(z), draw(network, z, c).detach())
    names = [f"class {i}" for i in range(G.classes)]
    assert lw.load(network, condition=1, class_names=names).class_names == tuple(names)


def test_number_of_classes_that_nobody_says():
    def draw(z, y):
        return (z[:, :3, None, None] + y.float().mean(1)[:, None, None, None]).tanh().expand(-1, -1, 4, 6)

    with pytest.raises(
        ValueError, match=r"condition must be given as a class vector, or with class_names=.* takes 'y'"
    ):
        lw.load(draw, z_dim=3, condition=1)
    for options in ({"condition": torch.tensor([0.0, 1.0])}, {"condition": 1, "class_names": ["a", "b"]}):
        assert lw.load(draw, z_dim=3, **options).classes == 2
    with pytest.raises(ValueError, match="condition must be left out for a network without classes, got 1"):
        lw.load(SmallDCGAN(), condition=1)


def test_means_that_are_given_or_kept_for_each_class():
    network = style_network(3)
    means = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    plain = lw.load(NvidiaLike(network), condition=2)
    network.mapping.w_avg = means
    G = lw.load(NvidiaLike(network), condition=2)
    torch.testing.assert_close(G.w_avg, means[2])
    torch.testing.assert_close(G.of_class(0).w_avg, means[0])
    z = G.sample_z(2)
    torch.testing.assert_close(G.map(z, 0.3), means[2].lerp(plain.map(z), 0.3))
    given = lw.load(NvidiaLike(network), condition=1, w_avg=means.numpy()[0])
    torch.testing.assert_close(given.w_avg, means[0])
    with pytest.raises(ValueError, match=r"w_avg must have shape \(6,\) or \(3, 6\), got \(5,\)"):
        lw.load(NvidiaLike(network), condition=1, w_avg=np.zeros(5))
    with pytest.raises(ValueError, match="w_avg must be left out for a network without a mapping, which has no w"):
        lw.load(SmallDCGAN(), w_avg=means[0])


def test_what_holds_a_network_is_opened():
    torch.manual_seed(3)
    inner = Progressive()
    z = torch.randn(2, 6)
    held = [
        {"G_ema": inner, "D": nn.Linear(1, 1)},
        {"netG": nn.DataParallel(inner)},
        types.SimpleNamespace(model=types.SimpleNamespace(netG=inner)),
        types.SimpleNamespace(gan=types.SimpleNamespace(G=inner)),
        nn.DataParallel(nn.DataParallel(inner)),
        Compiled(inner),
    ]
    for holder in held:
        G = lw.load(holder, layers=["scaleLayers.0"])
        assert G.module is inner
        assert not inner.training
        assert (G.z_dim, G.layer_names) == (6, ("scaleLayers.0",))
        torch.testing.assert_close(G(z), inner(z).detach())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit
def test_what_is_no_network_is_told_so():
    with pytest.raises(TypeError, match=r"source must be a network, got the class Progressive. Make one: Progressive"):
        lw.load(Progressive)
    with pytest.raises(TypeError, match=r"source must be a network in Python, got one compiled by torch\.jit"):
        lw.load(torch.jit.script(nn.Linear(2, 2)))
    G = lw.load(
        lambda z: {"small": z[:, :3, None, None], "large": z[:, :3, None, None].expand(-1, -1, 4, 6).tanh()}, z_dim=3
    )
    assert G.picture_size == (4, 6)
    assert any("It returns 2 pictures at once" in note for note in G.notes)
