"""The generator is found under any nesting of names, with all its weights, whatever the file keeps beside it."""

import collections
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import latent_widgets as lw
from latent_widgets.generators.checkpoints._search import rank
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import convert
from tests.generators.checkpoints.conftest import draw
from tests.generators.checkpoints.standins import (
    Persistent,
    by_head,
    genforce,
    hammer,
    modules,
    nvidia,
    nvidia_state,
    rosinality,
    set_architecture,
    under,
)

LAYOUTS = {"rosinality": rosinality, "nvidia": nvidia_state, "hammer": hammer}


JUNK = {"weight": torch.full((3, 2), torch.nan)}
WRAPPED = {
    "as it is": lambda g: g,
    "compiled": lambda g: {"g_ema": under("_orig_mod.", g)},
    "parallel": lambda g: {"g_ema": under("module.", g)},
    "compiled and parallel": lambda g: {"state_dict": under("module._orig_mod.", g)},
    "parallel and compiled": lambda g: under("_orig_mod.module.", g),
    "a training object": lambda g: under("netG.", g) | under("netD.", JUNK),
    "basicsr": lambda g: {"params_ema": g, "params": under("", {name: value * 0 for name, value in g.items()})},
    "named by what it is": lambda g: {"generator_state_dict": g, "discriminator_state_dict": JUNK, "epoch": 3},
    "GenForce's snapshot": lambda g: {
        "models": {
            "discriminator": JUNK,
            "generator": {name: value * 0 for name, value in g.items()},
            "generator_smooth": g,
        },
        "running_metadata": {"iter": 7, "seen_img": 2.5},
    },
    "with a count": lambda g: under("module.", g) | {"n_averaged": torch.tensor(7)},
    "an averaged one among many": lambda g: {
        "g": {name: value * 0 for name, value in g.items()},
        "nested": {"g_ema": {"state_dict": under("module.", g)}},
    },
    "lightning": lambda g: {"state_dict": under("model.generator.", g) | under("model.discriminator.", JUNK)},
    "nested by module": lambda g: {"ema": by_head(g)},
    "one of an unknown name": lambda g: {"teacher_7": under("inner.", g)},
    "in a list": lambda g: [g, JUNK],
    "a dict with a default": lambda g: collections.defaultdict(dict, {"g_ema": g}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_of_any_nesting(tmp_path, make_variant, layout, name):
    network = make_variant()
    torch.save(WRAPPED[name](LAYOUTS[layout](network)), tmp_path / "x.pt")
    state = lw.load(tmp_path / "x.pt").module.state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(state[key], value) or (key == "mapping.w_avg" and layout == "rosinality")  # which has none


def test_the_place_is_said_and_others_are_named(tmp_path, make_variant):
    network = make_variant()
    tensors = rosinality(network)
    torch.save({"teacher": tensors, "student": {k: v * 2 for k, v in tensors.items()}}, tmp_path / "x.pt")
    with pytest.raises(
        CheckpointError, match=r"got 2 under the prefixes 'teacher\.', 'student\.'\. Say which"
    ) as caught:
        lw.load(tmp_path / "x.pt")
    assert "lw.load(path, prefix='teacher.')" in str(caught.value)
    for prefix in ("student", "student."):
        G = lw.load(tmp_path / "x.pt", prefix=prefix)
        assert torch.equal(G.module.synthesis.b4.const, 2 * network.synthesis.b4.const)
        assert "prefix=" in G.origin
    assert any("found in the file under 'student.'" in note and "'teacher.'" in note for note in G.notes)
    with pytest.raises(
        CheckpointError, match=r"prefix must be that of a generator in the file, got 'x'\. There are: 'teach"
    ):
        lw.load(tmp_path / "x.pt", prefix="x")
    with pytest.raises(TypeError, match=r"prefix must be text such as 'decoder\.', got 3"):
        lw.load(tmp_path / "x.pt", prefix=3)


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("generator_smooth", 0),
        ("avgG", 0),
        ("Gs", 0),
        ("G_running.module", 0),
        ("netG_state_dict", 1),
        ("", 1),
        ("mean", 2),
    ],
)
def test_ranks(path, order):
    assert rank(path) == order


AVERAGES = {
    "at the top": lambda g, w: {"g_ema": g, "latent_avg": w},
    "beside the weights": lambda g, w: {"g_ema": g | {"latent_avg": w}},
    "under the prefix": lambda g, w: {"state_dict": under("decoder.", g | {"latent_avg": w})},
    "beside the prefix": lambda g, w: {"state_dict": under("decoder.", g) | {"latent_avg": w}},
    "in another dict": lambda g, w: {"g_ema": g, "statistics": {"mean_latent": w}},
    "as an array": lambda g, w: {"g_ema": g, "latent_avg": w.numpy()},
    "repeated": lambda g, w: {"g_ema": g, "latent_avg": w.repeat(6, 1)},
    "with a batch": lambda g, w: {"g_ema": g, "latent_avg": w[None]},
    "of double precision": lambda g, w: {"g_ema": g, "latent_avg": w.double()},
    "nearer than another": lambda g, w: {"latent_avg": w * 0, "inner": {"g_ema": g, "latent_avg": w}},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_the_mean_of_w_is_found_where_it_is(tmp_path, make_variant, name):
    network = make_variant()
    torch.save(AVERAGES[name](rosinality(network), network.mapping.w_avg), tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    assert torch.equal(G.w_avg, network.mapping.w_avg)
    assert not any("no mean of w" in note for note in G.notes)


def test_a_mean_of_another_shape_is_left_out_and_named(tmp_path, make_variant):
    network = make_variant()
    torch.save({"g_ema": rosinality(network), "latent_avg": torch.zeros(5)}, tmp_path / "x.pt")
    notes = lw.load(tmp_path / "x.pt").notes
    assert notes[1] == "'latent_avg' of shape (5,) is no mean of w, which has 6 numbers."
    assert notes[2].startswith("The file has no mean of w: that of 10000 mapped latents")


@pytest.mark.parametrize("layout", [rosinality, genforce, nvidia_state])
def test_files_without_stored_noise(tmp_path, make_variant, layout):
    network = make_variant()
    kept = {
        k: v for k, v in layout(network).items() if "noises." not in k and not k.endswith((".noise", "noise_const"))
    }
    torch.save({"g_ema": kept}, tmp_path / "x.pt")
    G, again = lw.load(tmp_path / "x.pt"), lw.load(tmp_path / "x.pt")
    assert any("no noise for 5 layers: seeded noise" in note for note in G.notes)
    assert G.weights_hash == again.weights_hash
    pictures = [value for key, value in G.module.state_dict().items() if key.endswith("noise_const")]
    assert [tuple(picture.shape) for picture in pictures] == [(4, 4), (8, 8), (8, 8), (16, 16), (16, 16)]
    assert not torch.equal(pictures[1], pictures[2])
    network.load_state_dict({k: v for k, v in G.module.state_dict().items() if "noise_const" in k}, strict=False)
    drawn, original = draw(G, network)
    assert (drawn - original).norm() < 5e-6 * original.norm()
    convert(tmp_path / "x.pt", tmp_path / "x.safetensors")
    assert lw.load(tmp_path / "x.safetensors").weights_hash == G.weights_hash


def test_some_stored_noise_is_kept(tmp_path, make_variant):
    network = make_variant()
    kept = {name: value for name, value in rosinality(network).items() if name != "noises.noise_1"}
    torch.save({"g_ema": kept}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    assert any("no noise for 1 layers" in note for note in G.notes)
    assert torch.equal(G.module.synthesis.b8.conv1.noise_const, network.synthesis.b8.conv1.noise_const)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_stands_among_the_weights_is_not_dropped(tmp_path, make_variant, layout):
    state = under("module.", LAYOUTS[layout](make_variant()))
    torch.save({"g_ema": state | {"module.hyper.weight": torch.zeros(3, 2)}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"got '?hyper\.weight"):
        lw.load(tmp_path / "x.pt")


# ---- other containers


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_of_numpy(tmp_path, make_variant, layout, protocol):
    network = make_variant()
    arrays = {name: value.numpy() for name, value in LAYOUTS[layout](network).items()}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"G_ema": arrays, "names": np.array(["a", "bc"])}, protocol))
    torch.save({"G_ema": LAYOUTS[layout](network)}, tmp_path / "x.pt")
    one, other = lw.load(tmp_path / "x.pkl"), lw.load(tmp_path / "x.pt")
    assert one.weights_hash == other.weights_hash
    drawn, original = draw(one, network)
    torch.testing.assert_close(drawn, original, rtol=1e-4, atol=1e-4)


class WithAttribute(torch.nn.Parameter):
    """A parameter that carries more than its numbers."""

    @classmethod
    def of(cls, value):
        value = torch.nn.Parameter(value.clone(), requires_grad=False)
        value.optimised = True
        return value


KINDS = {
    "parameters": torch.nn.Parameter,
    "transposed": lambda value: value.T.clone().T if value.ndim == 2 else value,
    "with attributes": WithAttribute.of,
    "of double precision": torch.Tensor.double,
    "as parts of others": lambda value: torch.stack([value, value * 0])[0],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["zip", "legacy", 2, 3, 4, 5])
def test_tensors_of_every_kind(tmp_path, make_variant, kind, how):
    network, path = make_variant(), tmp_path / "x"
    tensors = {"G_ema": {name: KINDS[kind](value) for name, value in nvidia_state(network).items()}}
    if isinstance(how, int):
        path.write_bytes(pickle.dumps(tensors, how))
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=how == "zip")
    state = lw.load(path).module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_numbers_of_numpy_without_axes(tmp_path, make_variant):
    network = make_variant()
    arrays = {name: value.numpy()[()] for name, value in nvidia_state(network).items()}
    assert type(arrays["synthesis.b8.conv0.noise_strength"]) is np.float32
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"lr": 0.5, "G_ema": arrays}, 4))
    state = lw.load(tmp_path / "x.pkl").module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_plain_safetensors(tmp_path, make_variant, layout):
    network = make_variant()
    tensors = {name: value.contiguous() for name, value in under("g_ema.", LAYOUTS[layout](network)).items()}
    save_file(tensors | {"step": torch.tensor([3])}, tmp_path / "x.safetensors", metadata={"format": "pt"})
    torch.save(tensors, tmp_path / "x.pt")
    assert lw.load(tmp_path / "x.safetensors").weights_hash == lw.load(tmp_path / "x.pt").weights_hash
    save_file(JUNK, tmp_path / "y.safetensors")
    with pytest.raises(CheckpointError, match=r"got these keys: 'weight'\. Its tensors: 'weight' \(3, 2\)"):
        lw.load(tmp_path / "y.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("variant", ["skip", "R"])
def test_modules_of_nvidia_written_by_torch(tmp_path, make_variant, variant, zipped):
    network = make_variant(variant)
    tree = nvidia(network)
    if variant == "skip":
        set_architecture(tree, "skip")
    for name, value in {"bare": tree, "dict": {"G_ema": tree}, "nested": {"snapshot": {"G": 3, "G_ema": tree}}}.items():
        path = tmp_path / f"{name}.pt"
        with modules():
            torch.save(value, path, _use_new_zipfile_serialization=zipped)
        state = lw.load(path).module.state_dict()
        assert all(torch.equal(state[key], wanted) for key, wanted in network.state_dict().items())


def test_modules_that_nothing_tells_apart(tmp_path, make_variant):
    tree = set_architecture(nvidia(make_variant()), "skip")
    with modules():
        torch.save({"one": tree, "two": Persistent("Generator", {})}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"one generator, or an averaged one, got 'one', 'two'. .*prefix='one'"):
        lw.load(tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt", prefix="one")
    assert G.resolution == 16
    assert G.notes[-1] == "The generator was found in the file under 'one'."
    with pytest.raises(CheckpointError, match=r"prefix must be that of .*, got 'three'\. There are: 'one', 'two'\."):
        lw.load(tmp_path / "x.pt", prefix="three")


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("zipped", [True, False])
def test_whole_networks_are_read_by_their_tensors(tmp_path, make_variant, zipped):
    network = make_variant()
    torch.save(
        network, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped
    )  # its classes are names here, as those of any other program
    G = lw.load(tmp_path / "x.pt")
    assert all(torch.equal(G.module.state_dict()[name], value) for name, value in network.state_dict().items())
    drawn, original = draw(G, network)
    assert torch.equal(drawn, original)
