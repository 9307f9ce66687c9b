"""What holds for every generator: seeds, truncation, spaces, identity, errors."""

import copy
import io
import pickle
import re
from dataclasses import dataclass

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.lock import PriorityLock
from latent_widgets.generators._weights import first_floating, hash_weights
from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2


@dataclass
class Held:
    """A value with a tensor and its space."""

    tensor: torch.Tensor
    space: str


# ---- sampling and mapping


def test_seeds_are_reproducible(tiny, plain):
    for G in (tiny, plain):
        z = G.sample_z(4, seed=3)
        assert (z.shape, z.dtype) == ((4, G.z_dim), torch.float64)
        assert torch.equal(z, G.sample_z(4, seed=3))
        assert not torch.equal(z, G.sample_z(4, seed=4))
        assert torch.equal(G.code(5), G.code(5))


def test_sampling_leaves_the_global_generator_alone(tiny):
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    tiny.sample_z(4, seed=9)
    assert torch.equal(torch.rand(3), wanted)


def test_samples_are_normal(plain):
    z = plain.sample_z(4000, seed=0)
    torch.testing.assert_close(z.mean(0), torch.zeros(5).double(), atol=0.06, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(5).double(), atol=0.08, rtol=0)


def test_truncation_pulls_towards_the_average(tiny):
    z = tiny.sample_z(3, seed=1)
    w = tiny.map(z)
    assert torch.equal(tiny.map(z, truncation=1), w)
    torch.testing.assert_close(tiny.map(z, truncation=0), tiny.w_avg.expand(3, -1))
    torch.testing.assert_close(tiny.map(z, truncation=0.3), 0.7 * tiny.w_avg + 0.3 * w)
    torch.testing.assert_close(tiny(z, truncation=0.3), tiny.synthesize(tiny.map(z, truncation=0.3)))
    torch.testing.assert_close(tiny.code(1, truncation=0.3), 0.7 * tiny.w_avg + 0.3 * tiny.code(1))
    assert torch.equal(tiny.code(1), tiny.map(tiny.sample_z(1, seed=1))[0])


def test_cutoff_truncates_the_first_rows_only(tiny):
    z = tiny.sample_z(2)
    w, short = tiny.map(z), tiny.map(z, truncation=0.5)
    for cutoff in (0, 2, 6):
        rows = tiny.map(z, truncation=0.5, cutoff=cutoff)
        assert rows.shape == (2, 6, 6)
        torch.testing.assert_close(rows[:, :cutoff], short[:, None].expand(-1, cutoff, -1))
        torch.testing.assert_close(rows[:, cutoff:], w[:, None].expand(-1, 6 - cutoff, -1))


def test_truncation_without_mapping_scales_z(plain):
    z = plain.sample_z(2)
    assert not plain.w_avg.any()
    torch.testing.assert_close(plain(z, truncation=0.5), plain.synthesize(0.5 * z))
    torch.testing.assert_close(plain.code(3, truncation=0.5), 0.5 * plain.code(3))


def test_codes_keep_their_form(tiny, plain):
    z = tiny.sample_z(1)
    assert tiny.map(z).shape == (1, 6)
    assert tiny.map(z[0]).shape == (6,)
    assert tiny.map(z[0], cutoff=2).shape == (6, 6)
    assert tiny.map(Held(z[0], "z")).shape == (6,)
    assert tiny(z[0]).shape == tiny.synthesize(tiny.map(z[0])).shape == (1, 3, 16, 16)
    assert plain(plain.sample_z(1)[0]).shape == (1, 3, 16, 16)


# ---- spaces


def test_space_is_found_from_the_shape(tiny, plain):
    for shape, space in [((6,), "w"), ((2, 6), "w"), ((2, 6, 6), "w+"), ((33,), "s"), ((2, 33), "s")]:
        code, found = tiny.check_code(torch.zeros(shape, dtype=torch.float64))
        assert (found, code.ndim) == (space, 3 if space == "w+" else 2)
    assert plain.check_code(torch.zeros(5, dtype=torch.float64))[1] == "z"


def test_space_may_be_said(tiny):
    for shape, space in [((7,), "z"), ((2, 7), "z"), ((6, 6), "w+"), ((2, 6, 6), "w+")]:
        code, found = tiny.check_code(torch.zeros(shape, dtype=torch.float64), space)
        assert (found, len(code)) == (space, 2 if shape[0] == 2 else 1)


def test_values_with_a_tensor_are_codes(tiny):
    w = tiny.code(0)
    assert torch.equal(tiny.synthesize(Held(w.float(), "w")), tiny.synthesize(w.float().double()))
    z = tiny.sample_z(1)
    assert torch.equal(tiny.synthesize(Held(z, "z")), tiny.synthesize(z, "z"))
    with pytest.raises(ValueError, match=r"^z must be a code in z, got one in w\.$"):
        tiny.map(Held(w, "w"))


def test_broadcast_repeats_w(tiny):
    w = tiny.map(tiny.sample_z(2))
    assert torch.equal(tiny.broadcast(w), torch.stack([w] * 6, 1))
    tiny.broadcast(w)[:, 0] = 0  # a copy, free to be edited
    assert w.any()


# ---- identity and life


def test_hash_changes_with_every_weight(make_network):
    wanted = hash_weights(make_network())
    assert wanted == hash_weights(make_network())
    assert len(wanted) == 64
    for name in make_network().state_dict():
        network = make_network()
        with torch.no_grad():
            network.state_dict()[name].view(-1)[-1] += 1e-9
        assert hash_weights(network) != wanted


def test_hash_survives_saving_and_moving(tiny, make_network):
    wanted = tiny.weights_hash
    file = io.BytesIO()
    torch.save(tiny.module.state_dict(), file)
    file.seek(0)
    network = make_network(seed=5)
    network.load_state_dict(torch.load(file, weights_only=True))
    assert StyleGenerator(network).weights_hash == wanted
    assert tiny.to(dtype=torch.float32).weights_hash == wanted
    assert hash_weights(tiny.module) != wanted


def test_hash_knows_names_and_types():
    layer = torch.nn.Linear(1, 2)
    assert hash_weights(layer) != hash_weights(copy.deepcopy(layer).double())
    assert hash_weights(layer) != hash_weights(torch.nn.Sequential(layer))


def test_first_floating_tensor_is_that_of_the_order_of_parameters():
    inner = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(2, 2))
    assert first_floating(inner) is inner[1].weight
    inner.register_parameter("numbers", torch.nn.Parameter(torch.ones(1, dtype=torch.long), requires_grad=False))
    assert first_floating(inner) is inner[1].weight
    inner.register_parameter("own", torch.nn.Parameter(torch.ones(1)))
    assert first_floating(inner) is inner.own
    assert first_floating(torch.nn.Sequential(torch.nn.Linear(2, 2), inner).double()).dtype == torch.float64


def test_first_floating_tensor_may_be_a_buffer_or_none():
    norm = torch.nn.BatchNorm1d(2, affine=False).double()
    assert first_floating(norm) is norm.running_mean
    assert first_floating(torch.nn.ReLU()).numel() == 0


def test_generators_can_be_pickled(tiny, plain):
    for G in (tiny, plain):
        twin = pickle.loads(pickle.dumps(G))  # noqa: S301 - our own bytes, as a process pool sends them
        assert isinstance(twin.lock, PriorityLock)
        assert twin.lock is not G.lock
        assert twin.weights_hash == G.weights_hash
        code = G.code(0)
        assert torch.equal(twin.synthesize(code), G.synthesize(code))


def test_weights_are_constants(tiny):
    assert not tiny.module.training
    assert not any(value.requires_grad for value in tiny.module.parameters())
    assert not tiny.synthesize(tiny.code(0)).requires_grad
    w = tiny.code(0).requires_grad_()
    tiny.synthesize(w).sum().backward()
    assert w.grad.any()


def test_moving_to_meta_keeps_identity_and_shapes(tiny, plain):
    for G in (tiny, plain):
        wanted = G.weights_hash
        assert G.to("meta") is G
        assert G(G.sample_z(2)).shape == (2, 3, 16, 16)
        assert (G.weights_hash, G.device.type) == (wanted, "meta")


def test_repr_says_what_it_is(tiny, plain):
    assert repr(tiny) == "<StyleGenerator 'tiny': z, w, w+, s; 16 px; 6 layers; cpu>"
    assert repr(plain) == "<PlainGenerator 'plain': z; 16 px; 1 layers; cpu>"


def test_dimensions_are_told(tiny, plain):
    assert [tiny.dim(space) for space in tiny.spaces] == [7, 6, 6, 33]
    assert plain.dim("z") == 5


# ---- errors

DOUBLE = {"dtype": torch.float64}


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda G: G.sample_z(0), ValueError, "n must be at least 1, got 0."),
        (lambda G: G.sample_z(2.0), TypeError, "n must be an integer, got 2.0."),
        (lambda G: G.sample_z(1, seed="7"), TypeError, "seed must be an integer, got '7'."),
        (lambda G: G.sample_z(1, seed=-1), ValueError, "seed must be between 0 and 9223372036854775807, got -1."),
        (lambda G: G.code(0, truncation="1"), TypeError, "truncation must be a number, got '1'."),
        (lambda G: G.map(G.sample_z(1), float("nan")), ValueError, "truncation must be finite, got nan."),
        (lambda G: G.map(G.sample_z(1), cutoff=7), ValueError, "cutoff must be between 0 and 6, got 7."),
        (lambda G: G.map(torch.zeros(2, 6, **DOUBLE)), ValueError, "z must have shape (n, 7) or (7,), got (2, 6)."),
        (
            lambda G: G.synthesize([0.0] * 6),
            TypeError,
            "code must be a torch tensor, got list. Use torch.as_tensor(...).",
        ),
        (
            lambda G: G.synthesize(torch.zeros(2, 8, **DOUBLE)),
            ValueError,
            "code must have one of the shapes w (n, 6), s (n, 33), w+ (n, 6, 6), got (2, 8).",
        ),
        (
            lambda G: G.synthesize(torch.zeros(2, 5, 6, **DOUBLE)),
            ValueError,
            "code must have shape (n, 6, 6) or (6, 6), got (2, 5, 6).",
        ),
        (
            lambda G: G.synthesize(torch.zeros(2, 6)),
            TypeError,
            "code must have dtype torch.float64, got torch.float32. Use code.to(torch.float64).",
        ),
        (
            lambda G: G.synthesize(torch.zeros(2, 6, device="meta", **DOUBLE)),
            ValueError,
            "code must be on device cpu, got meta. Use code.to('cpu').",
        ),
        (
            lambda G: G.synthesize(torch.full((2, 6), float("nan"), **DOUBLE)),
            ValueError,
            "code must be finite, got 12 NaN or infinite of 12 numbers.",
        ),
        (
            lambda G: G.synthesize(G.code(0), "W"),
            ValueError,
            "space must be one of 'z', 'w', 'w+', 's', got 'W'.",
        ),
        (lambda G: G.dim("x"), ValueError, "space must be one of 'z', 'w', 'w+', 's', got 'x'."),
        (
            lambda G: G.features(G.code(0), ["b8.conv2"]),
            ValueError,
            "layer must be one of 'b4.conv1', 'b4.torgb', 'b8.conv0', 'b8.conv1', 'b8.torgb', 'b16.conv0', "
            "'b16.conv1', 'b16.torgb', got 'b8.conv2'. Did you mean 'b8.conv1' or 'b8.conv0'?",
        ),
        (
            lambda G: G.features(G.code(0), "b8.conv1"),
            TypeError,
            "layers must be a list of layer names, got the string 'b8.conv1'. Use ['b8.conv1'].",
        ),
        (lambda G: G.preview(G.code(0), 16), ValueError, "resolution must be one of 4, 8, got 16."),
        (
            lambda G: G.resynthesize(G.code(0), G.activations(G.code(0)), 6),
            ValueError,
            "layer must be between 0 and 5, got 6.",
        ),
        (
            lambda G: G.resynthesize(G.code(0), G.activations(G.code(0)), 2),
            ValueError,
            "layer must be 0 for a code in w, which goes into all layers, got 2.",
        ),
    ],
)
def test_wrong_arguments_are_told(tiny, call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call(tiny)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda G: G.map(G.sample_z(1)),
            "map must be called on a generator with a mapping network, got 'plain', which has z only. "
            "Use G.synthesize(z).",
        ),
        (
            lambda G: G.synthesize(G.sample_z(1), "w"),
            "space must be one of 'z', got 'w'. Generator 'plain' has these spaces only.",
        ),
        (
            lambda G: G.broadcast(G.code(0)),
            "space must be one of 'z', got 'w+'. Generator 'plain' has these spaces only.",
        ),
        (lambda G: G.synthesize(torch.zeros(2, 6, **DOUBLE)), "code must have one of the shapes z (n, 5), got (2, 6)."),
        (
            lambda G: G.activations(G.code(0)),
            "activations must be called on a generator that can go on from a layer, got 'plain'. "
            "Use G.synthesize(code).",
        ),
        (
            lambda G: G.resynthesize(G.code(0), None, 0),
            "resynthesize must be called on a generator that can go on from a layer, got 'plain'. "
            "Use G.synthesize(code).",
        ),
        (
            lambda G: G.preview(G.code(0), 8),
            "resolution must be one of none (this generator has no preview), got 8.",
        ),
    ],
)
def test_what_a_generator_lacks_is_told(plain, call, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        call(plain)


def test_single_precision_is_the_default():
    G = PlainGenerator(DCGAN(z_dim=3, resolution=8, channels={4: 2, 8: 2}))
    assert G.dtype == G.sample_z(1).dtype == torch.float32


def test_a_code_in_w_is_not_taken_for_a_latent_of_the_same_length():
    torch.manual_seed(0)
    G = StyleGenerator(StyleGAN2(z_dim=5, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
    z = G.sample_z(3)
    for w in (G.code(1), G.code(1)[None], G.map(z), G.map(z)[1], G.map(z[0], truncation=0.5)):
        with pytest.raises(ValueError, match="z must be a latent in z, got a code in w"):
            lw.local_basis(G, w if w.ndim == 1 else w[0])
        with pytest.raises(ValueError, match="z must be a latent in z, got a code in w"):
            G(w)
    for latent in (z[0], z[:1], G.map(z).clone()[0]):  # a copy is somebody's own
        assert lw.local_basis(G, latent).singular_values.isfinite().all()
    assert copy.deepcopy(G).synthesize(G.code(1)).shape == (1, 3, 8, 8)
