"""Every family of files gives back the network that it was written from."""

import argparse
import pathlib
import sys

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints.reading import convert, find_network
from latent_widgets.generators.dcgan_batch import BatchDCGAN
from tests.generators.checkpoints.conftest import VARIANTS, draw
from tests.generators.checkpoints.standins import (
    dump,
    genforce,
    nvidia,
    rosinality,
    set_architecture,
    write_nvidia,
    write_tensorflow,
)
from tests.public_calls import MODES
from tests.reference import relative

CLASSES = {"conditional": 1, "T, conditional": 1}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_nvidia_files_give_back_every_bit(tmp_path, make_variant, variant, protocol):
    network = make_variant(variant)
    G = lw.load(write_nvidia(tmp_path / "x.pkl", network, protocol), condition=CLASSES.get(variant))
    wanted, state = network.state_dict(), G.module.state_dict()
    assert list(state) == list(wanted)
    for name, value in wanted.items():
        assert torch.equal(state[name], value)
        assert (state[name].dtype, state[name].stride()) == (value.dtype, value.stride())
    drawn, original = draw(G, network, CLASSES.get(variant))
    assert torch.equal(drawn, original)


@pytest.mark.parametrize("mode", MODES)
def test_files_give_back_every_bit_whatever_the_defaults(tmp_path, make_variant, mode):
    network = make_variant()
    files = [
        write_nvidia(tmp_path / "n.pkl", network),
        write_tensorflow(tmp_path / "t.pkl", network),
        tmp_path / "o.safetensors",
    ]
    convert(files[0], files[2])
    wanted = [lw.load(file).module.state_dict() for file in files]
    before = torch.get_rng_state()
    with MODES[mode]():
        found = [lw.load(file).module.state_dict() for file in files]
    assert torch.equal(torch.get_rng_state(), before)
    for state, expected in zip(found, wanted, strict=True):
        for name, value in expected.items():
            assert (state[name].dtype, state[name].device) == (value.dtype, value.device)
            assert torch.equal(state[name], value)


def test_what_was_inferred_is_said(tmp_path, make_variant):
    G = lw.load(write_nvidia(tmp_path / "network.pkl", make_variant("T")))
    assert G.name == "network"
    assert G.origin == f"lw.load({str(tmp_path / 'network.pkl')!r})"
    assert G.notes[0] == "network.pkl is a file of NVIDIA StyleGAN3, read as stylegan3."
    assert "sha256 0a33a521d80d1d31" in G.notes[1]


def test_half_precision_becomes_single(tmp_path, make_variant):
    network = make_variant()
    wanted = {name: value.half().float() for name, value in network.state_dict().items()}
    G = lw.load(write_nvidia(tmp_path / "x.pkl", network.half()))
    assert all(torch.equal(value, wanted[name]) for name, value in G.module.state_dict().items())
    assert G.dtype == torch.float32


def test_only_the_averaged_generator_is_read(tmp_path, make_variant):
    path = write_nvidia(tmp_path / "x.pkl", make_variant())  # the others are full of NaN, which would be refused
    seen = []
    found, size = find_network(path)
    lw.load(path, on_step=lambda step: seen.append((step.index, step.total, step.value)))
    assert [index for index, _, _ in seen] == list(range(1, len(found.parts) + 1))
    assert {name for _, _, name in seen} == set(found.parts)
    assert found.numel * 4 < size - 300 * 300 * 4
    with pytest.raises(lw.Cancelled, match=r"Cancelled after 3 of \d+ tensors"):
        lw.load(path, on_step=lambda step: step.index < 3)


def test_a_bare_module_and_a_missing_average(tmp_path, make_variant):
    network = make_variant()

    def make():
        tree = set_architecture(nvidia(network), "skip")
        tree.state["_modules"]["mapping"].state["_buffers"]["w_avg"] = None
        return tree

    G = lw.load(dump(make, tmp_path / "x.pkl"))
    w = network.mapping(torch.randn(10_000, 7))
    assert ((G.w_avg - w.mean(0)).abs() < 6 * w.std(0) / 100).all()


def test_conditional_networks_ask_for_a_class(tmp_path, make_variant):
    path = write_nvidia(tmp_path / "x.pkl", make_variant("conditional"))
    with pytest.raises(ValueError, match=r"condition must be given for this network, which draws 3 classes, got None"):
        lw.load(path)
    with pytest.raises(ValueError, match=r"condition must be between 0 and 2, got 3"):
        lw.load(path, condition=3)
    first, same, other = (lw.load(path, condition=c) for c in (0, torch.eye(3)[0], 1))
    z = first.sample_z(2)
    assert torch.equal(first(z), same(z))
    assert not torch.allclose(first(z), other(z))
    plain = write_nvidia(tmp_path / "y.pkl", make_variant())
    with pytest.raises(ValueError, match=r"condition must be left out for a network without classes, got 1"):
        lw.load(plain, condition=1)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("variant", ["skip", "resnet", "orig", "no noise"])
def test_tensorflow_files(tmp_path, make_variant, variant, protocol):
    network = make_variant(variant, mapping_lr=0.02)
    G = lw.load(write_tensorflow(tmp_path / "x.pkl", network, protocol, mapping_lrmul=0.02))
    state = G.module.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=1e-6)  # the one that is taken off styles rounds
    assert relative(*draw(G, network)) < 5e-6


def test_tensorflow_files_that_are_refused(tmp_path, make_variant):
    old = write_tensorflow(tmp_path / "old.pkl", make_variant(), version=3)
    with pytest.raises(ValueError, match=r"must be of version 4 or later, that of StyleGAN2, got 3"):
        lw.load(old)
    labels = write_tensorflow(tmp_path / "labels.pkl", make_variant(), label_size=3)
    with pytest.raises(ValueError, match="must be without classes, got one with labels"):
        lw.load(labels)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda g, n: {"g_ema": g, "d": {"a": torch.zeros(2)}, "latent_avg": n.mapping.w_avg},
        lambda g, n: {
            "state_dict": {f"decoder.{k}": v for k, v in g.items()},
            "latent_avg": n.mapping.w_avg.repeat(6, 1),
        },
        lambda g, n: {"g": {k: v * 0 for k, v in g.items()}, "g_ema": g, "latent_avg": n.mapping.w_avg},
    ],
)
def test_rosinality_files(tmp_path, make_variant, zipped, wrap):
    network = make_variant()
    torch.save(wrap(rosinality(network), network), tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    G = lw.load(tmp_path / "x.pt")
    state = G.module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    drawn, original = draw(G, network)
    assert torch.equal(drawn, original)


def test_rosinality_files_of_training_have_no_average(tmp_path, make_variant):
    network = make_variant()
    args = argparse.Namespace(size=16, path=tmp_path)
    optimiser = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"betas": (0.0, 0.99)}]}
    torch.save({"g_ema": rosinality(network), "args": args, "g_optim": optimiser}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    w = network.mapping(torch.randn(10_000, 7))
    assert ((G.w_avg - w.mean(0)).abs() < 6 * w.std(0) / 100).all()
    assert "The file has no mean of w" in G.notes[1]


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])  # before Python 3.13 and in it
def test_paths_of_every_python_are_read(tmp_path, make_variant, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, pathlib)
    monkeypatch.setattr(type(tmp_path), "__module__", module)
    torch.save({"g_ema": rosinality(make_variant()), "args": argparse.Namespace(path=tmp_path)}, tmp_path / "x.pt")
    assert module.encode() + b"\n" in (tmp_path / "x.pt").read_bytes()
    assert lw.load(tmp_path / "x.pt").resolution == make_variant().resolution


@pytest.mark.parametrize("zipped", [True, False])
def test_genforce_files(tmp_path, make_variant, zipped):
    network = make_variant()
    value = {"generator_smooth": genforce(network), "discriminator": {"a": torch.zeros(2)}}
    torch.save(value, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    G = lw.load(tmp_path / "x.pth")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(G.module.state_dict()[name], value, rtol=0, atol=1e-6)
    assert relative(*draw(G, network)) < 5e-6


@pytest.mark.parametrize("variant", VARIANTS)
def test_converted_files_draw_the_same(tmp_path, make_variant, variant):
    source = write_nvidia(tmp_path / "x.pkl", make_variant(variant))
    convert(source, tmp_path / "x.safetensors")
    before, after = (lw.load(p, condition=CLASSES.get(variant)) for p in (source, tmp_path / "x.safetensors"))
    z = before.sample_z(2)
    assert torch.equal(before(z), after(z))
    assert before.weights_hash == after.weights_hash
    convert(source, tmp_path / "half.safetensors", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < (tmp_path / "x.safetensors").stat().st_size
    half = lw.load(tmp_path / "half.safetensors", condition=CLASSES.get(variant))
    assert relative(half(z), before(z)) < 0.05


def test_converted_dcgan_keeps_its_normalisation(tmp_path):
    net = BatchDCGAN(z_dim=5, channels=[8, 4], colours=3)
    net(torch.randn(8, 5))  # statistics, and a count of batches
    places = {"b4": 0, "b8": 3, "image": 6}
    state = {}
    for name, value in net.state_dict().items():
        block, part, rest = name.split(".")
        state[f"main.{places[block] + (part == 'norm')}.{rest}"] = value
    torch.save({"netG": state}, tmp_path / "x.pt")
    convert(tmp_path / "x.pt", tmp_path / "x.safetensors")
    G, z = lw.load(tmp_path / "x.safetensors"), torch.randn(3, 5)
    with torch.no_grad():
        assert torch.equal(G(z), net.eval()(z))


def test_conversion_needs_the_right_name(tmp_path, make_variant):
    with pytest.raises(ValueError, match=r"target must end in \.safetensors, got 'x\.pkl'"):
        convert("whatever.pkl", "x.pkl")


def test_a_header_whose_length_begins_like_a_pickle(tmp_path, make_variant):
    path = tmp_path / "x.safetensors"
    convert(write_nvidia(tmp_path / "x.pkl", make_variant()), path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    longer = size + (0x80 - size) % 0x100
    header = data[8 : 8 + size] + b" " * (longer - size)
    path.write_bytes(longer.to_bytes(8, "little") + header + data[8 + size :])
    assert path.read_bytes()[0] == 0x80
    assert lw.load(path).resolution == 16


def test_residual_blocks_with_a_clamp_have_shortcuts_without(tmp_path, make_variant):
    network = make_variant("resnet", clamp=1.5)
    drawn, original = draw(lw.load(write_nvidia(tmp_path / "x.pkl", network)), network)
    assert torch.equal(drawn, original)


@pytest.mark.parametrize(("layout", "name"), [(rosinality, "convs.2.conv.blur.kernel"), (genforce, "synthesis.kernel")])
@pytest.mark.parametrize("kernel", [torch.ones(4, 4), torch.ones(1, 1, 2, 2), torch.zeros(4, 4)])
def test_another_filter_is_refused(tmp_path, make_variant, layout, name, kernel):
    torch.save(layout(make_variant()) | {name: kernel}, tmp_path / "x.pt")
    with pytest.raises(
        ValueError, match=rf"the resampling filter must be that of StyleGAN2, .* got another in .*{name}"
    ):
        lw.load(tmp_path / "x.pt")


def test_tensorflow_arguments_that_change_the_picture_are_refused(tmp_path, make_variant):
    path = write_tensorflow(tmp_path / "x.pkl", make_variant(), resample_kernel=[1, 2, 2, 1])
    with pytest.raises(ValueError, match=r"must have resample_kernel \[1, 3, 3, 1\], got "):
        lw.load(path)
    usual = write_tensorflow(tmp_path / "y.pkl", make_variant(), resample_kernel=[1, 3, 3, 1], nonlinearity="lrelu")
    assert lw.load(usual).resolution == 16
