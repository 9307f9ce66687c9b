"""What the first pictures of a foreign network tell: range, type, and whether each latent has one picture."""

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from tests.live_networks import RosinalityLike


class Net(nn.Module):
    """Latents of length 5 to pictures of 6 x 10 pixels, between -1 and 1 but for ``post``."""

    z_dim = 5

    def __init__(self, post=None, middle=None):
        super().__init__()
        self.dense, self.middle, self.post = nn.Linear(5, 4 * 15), middle or nn.Identity(), post or nn.Identity()
        self.out = nn.ConvTranspose2d(4, 3, 2, stride=2)
        seeded = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in (self.dense.weight, self.dense.bias, self.out.weight, self.out.bias):
                weight.copy_(torch.randn(weight.shape, generator=seeded) / 2)

    def forward(self, z):
        x = self.middle(self.dense(z).unflatten(1, (4, 3, 5)))
        return self.post(self.out(F.leaky_relu(x, 0.2)).tanh())


class Always(nn.Module):
    """Dropout that evaluation does not turn off."""

    def forward(self, x):
        return F.dropout(x, 0.3, training=True)


class OwnNoise(nn.Module):
    """Noise that PyTorch's random state does not show."""

    def forward(self, x):
        return x + 0.2 * torch.tensor([[random.gauss(0, 1) for _ in range(5)]])


class Counter(nn.Module):
    """Brighter at every call."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x + 0.1 * self.calls


UNSTEADY = {
    "dropout": (Always(), "It draws random numbers: got pictures of the same latent that differ by "),
    "own noise": (OwnNoise(), "It is not a function of its latent"),
    "memory": (Counter(), "It is not a function of its latent"),
    "batch norm": (nn.BatchNorm2d(4, track_running_stats=False), "It looks at the whole batch"),
    "mean of the batch": (lambda x: x - 0.5 * x.mean(0, keepdim=True), "It looks at the whole batch"),
}


class Calls(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, x):
        return self.call(x)


@pytest.mark.parametrize("kind", UNSTEADY)
def test_a_network_that_is_no_function_of_its_latent_has_no_spectra(kind):
    middle, said = UNSTEADY[kind]
    G = lw.load(Net(middle=middle if isinstance(middle, nn.Module) else Calls(middle)))
    assert said in G.notes[-1]
    assert G.notes[-1].endswith("It has pictures, but no spectra.")
    assert G(G.sample_z(2)).shape == (2, 3, 6, 10)
    mask = torch.zeros(6, 10, dtype=torch.bool)
    mask[:3] = True
    directions = lw.random_directions(G, k=2, seed=0)
    for run in (
        lambda: lw.local_basis(G, G.sample_z(1)[0], target="image"),
        lambda: lw.RegionSpectra(G, G.code(0)),
        lambda: lw.localisation(G, directions, mask, n=2),
        lambda: lw.equal_change(G, directions, G.sample_z(2)),
        lambda: lw.lelsd(G, mask, steps=1),
        lambda: lw.dp_lase(G, k=2, steps=1),
        lambda: lw.invert(G, torch.zeros(1, 3, 6, 10), steps=1),
    ):
        with pytest.raises(ValueError, match="the generator must draw each latent always the same, got one that does"):
            run()


@pytest.mark.parametrize(
    "middle", [nn.BatchNorm2d(4), nn.Dropout(0.5), nn.InstanceNorm2d(4), nn.GroupNorm(2, 4), nn.Identity()]
)
def test_a_network_that_is_one_has_them(middle):
    G = lw.load(Net(middle=middle))
    assert not G.unsteady
    f = image_function(G, G.code(0))
    J = JacobianOperator(f, f.x0)
    torch.testing.assert_close(J.svd(2, "randomized", oversampling=3).S, torch.linalg.svdvals(J.dense())[:2])


def test_three_pictures_are_drawn_and_no_random_state_moves():
    rows = []
    for middle in (nn.Identity(), Always(), nn.BatchNorm2d(4, track_running_stats=False)):
        net = Net(middle=middle)
        net.register_forward_pre_hook(lambda module, inputs, rows=rows: rows.append(len(inputs[0])))
        before = torch.get_rng_state()
        lw.load(net)
        assert torch.equal(before, torch.get_rng_state())
    assert rows == [2, 1, 2, 1, 2, 1, 1]  # a fourth, where a difference has to be told


RANGES = {
    "bytes": (lambda x: (x + 1) * 127.5, (0.0, 255.0)),
    "whole bytes": (lambda x: ((x + 1) * 127.5).round().to(torch.uint8), (0.0, 255.0)),
    "sixteen bits": (lambda x: 65535 * (x + 1) / 2, (0.0, 65535.0)),
    "unit": (lambda x: (x + 1) / 2, (0.0, 1.0)),
    "around zero": (lambda x: x, (-1.0, 1.0)),
    "a little beyond": (lambda x: 1.4 * x, (-1.0, 1.0)),
}


@pytest.mark.parametrize("kind", RANGES)
def test_ranges_are_recognised(kind):
    post, wanted = RANGES[kind]
    G, plain = lw.load(Net(Calls(post))), lw.load(Net())
    assert G.value_range == wanted
    z = G.sample_z(3, seed=5)
    twin = 1.4 * plain(z) if kind == "a little beyond" else plain(z)
    # Whole bytes are off by half a step, 1 / 255.
    torch.testing.assert_close(G(z), twin, atol=1 / 255 + 1e-6 if kind == "whole bytes" else 1e-5, rtol=1e-5)


@pytest.mark.parametrize("post", [lambda x: 6 * (x + 1), lambda x: 127.5 * x, lambda x: 40 * x - 100])
def test_ranges_that_are_not_are_asked_for(post):
    with pytest.raises(
        ValueError, match=r"value_range must be given for pictures between -?\d.* and .*value_range=\(bl"
    ):
        lw.load(Net(Calls(post)))
    low, high = (float(post(torch.tensor(x))) for x in (-1.0, 1.0))
    G = lw.load(Net(Calls(post)), value_range=(low, high))
    z = G.sample_z(2)
    torch.testing.assert_close(G(z), lw.load(Net())(z), atol=1e-5, rtol=1e-5)
    with pytest.raises(TypeError, match=r"value_range must be a pair such as \(0, 1\), got 3"):
        lw.load(Net(), value_range=3)


def test_a_family_whose_range_is_known_is_not_guessed(make_network):
    network = make_network(z_dim=6)
    with torch.no_grad():  # its pictures are so pale that they lie in [0, 1]
        for name, weight in network.named_parameters():
            if "torgb" in name:
                weight.mul_(1e-3)
                weight.add_(0.1 if name.endswith("16.torgb.bias") else 0.0)
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    G = lw.load(RosinalityLike(network))
    assert 0 < float(G(z).min()) < float(G(z).max()) < 1
    assert torch.equal(G(z), StyleGenerator(network)(z))


class Half(Net):
    def forward(self, z):
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(z).to(torch.bfloat16)


TYPES = {
    "float64 head": (Net(Calls(torch.Tensor.double)), 1e-6, "It computes in float"),
    "autocast": (Half(), 0.03, "It computes in bfloat16 on the way"),
    "half head": (Net(Calls(torch.Tensor.half)), 1e-3, "It computes in float16 on the way"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_pictures_have_the_type_of_the_weights(kind):
    network, tolerance, said = TYPES[kind]
    G, twin = lw.load(network), lw.load(Net())
    assert not G.unsteady
    assert any(said in note for note in G.notes)
    z = G.sample_z(2, seed=3)
    assert G(z).dtype == G.dtype == torch.float32
    assert G.features(z, ["out"])["out"].dtype == torch.float32
    torch.testing.assert_close(G(z), twin(z), atol=tolerance, rtol=tolerance)
    found, wanted = (lw.local_basis(one, z[0], target="image").singular_values for one in (G, twin))
    torch.testing.assert_close(found, wanted, atol=tolerance * float(wanted[0]), rtol=0)
