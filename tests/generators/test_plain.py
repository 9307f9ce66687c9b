"""Layers that write over what they made, where nobody asks for derivatives, against the networks' definitions."""

import pytest
import torch
from torch.autograd import forward_ad

from latent_widgets.generators import _plain
from latent_widgets.generators._bands import BLOCK, band, resampled
from latent_widgets.generators._plain import is_plain, pieces, slabs
from latent_widgets.generators.stylegan3 import make_stylegan3
from tests.published_networks import resample, stylegan2, stylegan3
from tests.reference import ReferenceStyleGAN2, relative

BAR = 5e-6  # relative L2 in float32


@pytest.fixture
def small_pieces(monkeypatch):
    """Several pieces of these small networks, and weights of each picture's own where features are many."""
    monkeypatch.setattr(_plain, "PIECE", 300)
    monkeypatch.setattr(_plain, "MANY", 0)


@pytest.fixture
def ws():
    return torch.randn(3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize(("noise", "clamp"), [(True, None), (False, 0.6)])
@pytest.mark.usefixtures("small_pieces")
def test_frozen_stylegan2_is_the_definition(make_network, ws, architecture, noise, clamp):
    network = make_network(architecture=architecture, noise=noise, clamp=clamp, channels={4: 5, 8: 7, 16: 3})
    network.requires_grad_(False)
    wanted = ReferenceStyleGAN2(network.state_dict(), clamp=clamp).synthesize(ws.numpy())
    assert relative(network.synthesis(ws), wanted) < 1e-12
    single = network.float()
    wanted = ReferenceStyleGAN2(single.state_dict(), clamp=clamp).synthesize(ws.float().double().numpy())
    assert relative(single.synthesis(ws.float()), wanted) < BAR


@pytest.mark.usefixtures("small_pieces")
def test_derivatives_are_those_of_the_frozen_network(make_network, ws):
    network = make_network().requires_grad_(False)
    start, tangent = ws[:1], torch.randn(1, 6, 6, dtype=torch.float64)
    step = 1e-6
    wanted = (network.synthesis(start + step * tangent) - network.synthesis(start - step * tangent)) / (2 * step)
    got = torch.func.jvp(network.synthesis, (start,), (tangent,))[1]
    assert relative(got, wanted) < 1e-6  # of central differences: step^2, and the rounding of a picture over the step
    with torch.no_grad(), forward_ad.dual_level():
        dual = forward_ad.unpack_dual(network.synthesis(forward_ad.make_dual(start, tangent))).tangent
    assert relative(dual, got) < 1e-12
    many = torch.func.vmap(lambda t: torch.func.jvp(network.synthesis, (start,), (t,))[1])(torch.stack([tangent] * 2))
    assert relative(many[1], got) < 1e-12
    pictures = torch.func.vmap(lambda one: network.synthesis(one[None])[0])(ws)
    assert relative(pictures, network.synthesis(ws)) < 1e-12


@pytest.mark.usefixtures("small_pieces")
def test_what_goes_in_is_left_alone(make_network, ws):
    synthesis = make_network().requires_grad_(False).synthesis
    styles, weights = synthesis.styles(ws), {name: value.clone() for name, value in synthesis.state_dict().items()}
    states = synthesis.run(styles)
    kept = [(state.x.clone(), state.rgb) for state in states]
    again = synthesis.run(styles, states[2], begin=3)
    assert all(torch.equal(state.x, x) for state, (x, _) in zip(states, kept, strict=True))
    assert relative(again[-1].rgb, states[-1].rgb) < 1e-12
    assert all(torch.equal(value, weights[name]) for name, value in synthesis.state_dict().items())


def test_only_plain_tensors_are_written_over():
    x = torch.ones(2)
    assert is_plain(x, x)
    assert not is_plain(x, torch.ones(2, requires_grad=True))
    with torch.no_grad():
        assert is_plain(torch.ones(2, requires_grad=True))
    assert not is_plain(x, x.half())
    assert not is_plain(torch.ones(2, device="meta"))
    with torch.autocast("cpu"):
        assert not is_plain(x)
    seen = []
    torch.func.vmap(lambda one: seen.append(is_plain(x, one)) or one)(x)
    torch.func.jvp(lambda one: seen.append(is_plain(x, one)) or one, (x,), (x,))
    with forward_ad.dual_level():
        seen += [is_plain(forward_ad.make_dual(x, x)), not is_plain(x)]
    assert seen == [False] * 4


def test_pieces_cover_everything_once(monkeypatch):
    monkeypatch.setattr(_plain, "PIECE", 25)
    x, factor, shift = torch.zeros(2, 5, 3, 4), torch.rand(2, 5, 1, 1), torch.rand(1, 5, 1, 1)
    sizes = []
    for part, times, plus in pieces(x, factor, shift):
        sizes.append(part.shape[1])
        part.add_(times).add_(plus)
    assert sizes == [2, 2, 1] * 2
    torch.testing.assert_close(x, (factor + shift).expand(2, 5, 3, 4))


def test_an_accelerator_is_given_all_rows_at_once():
    on_cpu = torch.zeros(2, 3, 512, 512)
    assert [len(list(slabs(x))) for x in (on_cpu, on_cpu.to("meta"))] == [8, 2]


@pytest.mark.parametrize(("up", "down", "padding"), [(1, 1, (0, 0)), (2, 1, (5, 4)), (4, 1, (-3, 7)), (1, 2, (3, -2))])
@pytest.mark.parametrize("size", [9, BLOCK + 7])
def test_bands_are_the_definition(size, up, down, padding):
    rng = torch.Generator().manual_seed(0)
    taps = torch.randn(6, dtype=torch.float64, generator=rng)
    x = torch.randn(2, 3, size, size + 4, dtype=torch.float64, generator=rng)
    rows, columns = (band(side, taps, up, down, padding) for side in x.shape[2:])
    wanted = resample(x, taps, up=up, down=down, padding=padding * 2)
    torch.testing.assert_close(resampled(x, rows, columns), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("small_pieces")
def test_published_forms_agree(make_network, ws):
    with torch.no_grad():
        network = make_network()
        assert relative(network.synthesis(ws), stylegan2(network, ws)) < 1e-12
        network = make_stylegan3(z_dim=5, w_dim=6, resolution=16, num_layers=4, channel_base=48, channel_max=4).double()
        assert relative(network.synthesis(ws), stylegan3(network, ws)) < 1e-12
