"""What a state dict hides is told from its weights or given, and said in the notes."""

import math

import pytest
import torch

import latent_widgets as lw
from latent_widgets.__main__ import main
from latent_widgets.generators.checkpoints._options import Asked, mapping_rate
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.generators.stylegan2 import StyleGAN2
from tests.generators.checkpoints.conftest import draw
from tests.generators.checkpoints.standins import (
    genforce,
    hammer,
    nvidia_state,
    rosinality,
    write_nvidia,
    write_tensorflow,
)
from tests.reference import relative

LAYOUTS = {"rosinality": rosinality, "genforce": genforce, "hammer": hammer, "nvidia": nvidia_state}


@pytest.fixture
def begun(make_variant):
    """A network as programs begin one, after some training: its mapping's weights spread by one over the rate."""

    def make(rate, drift=0.1, **changes):
        torch.manual_seed(3)
        network = make_variant(**changes, mapping_lr=rate, w_dim=16, z_dim=9, mapping_layers=3)
        for name, value in network.mapping.named_parameters():
            value.copy_(torch.randn(value.shape) * (drift if name.endswith("bias") else math.hypot(1 / rate, drift)))
        return network

    return make


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rate", [1.0, 0.1, 0.01])
def test_the_rate_of_the_mapping_is_told_from_its_weights(tmp_path, begun, layout, rate):
    network = begun(rate)
    torch.save({"g_ema": LAYOUTS[layout](network)}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    assert any("told from its weights, spread" in note and f": {rate:g}; mapping_lr=" in note for note in G.notes)
    assert relative(*draw(G, network)) < 5e-6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_rate_may_be_given(tmp_path, begun, layout):
    network = begun(0.03)
    torch.save({"g_ema": LAYOUTS[layout](network)}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt", mapping_lr=0.03)
    assert "The learning rate of the mapping is 0.03, as given." in G.notes
    assert "mapping_lr=0.03" in G.origin
    assert relative(*draw(G, network)) < 5e-6
    target = tmp_path / "x.safetensors"
    convert(tmp_path / "x.pt", target, mapping_lr=0.03)
    assert torch.equal(lw.load(target)(G.sample_z(2)), G(G.sample_z(2)))


def test_weights_that_tell_nothing_get_the_published_rate(tmp_path, begun):
    network = begun(1.0, drift=20.0)
    torch.save({"g_ema": rosinality(network)}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    assert any("taken to be 0.01, as published; its weights, spread" in note for note in G.notes)
    nothing = {"a.weight": torch.zeros(3, 2), "a.bias": torch.zeros(3)}
    told = {name: type("Stored", (), {"read": lambda self, value=value: value})() for name, value in nothing.items()}
    assert mapping_rate(told, Asked())[0] == 0.01


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_final_tanh_may_be_given(tmp_path, begun, layout):
    network = begun(0.01)
    torch.save({"g_ema": LAYOUTS[layout](network)}, tmp_path / "x.pt")
    plain, G = lw.load(tmp_path / "x.pt"), lw.load(tmp_path / "x.pt", final_tanh=True)
    assert any("no final tanh" in note for note in plain.notes) == (layout in ("genforce", "hammer"))
    assert "Its pictures end in a tanh, as given." in G.notes
    z = G.sample_z(2)
    drawn, original = draw(plain, network)
    assert relative(drawn, original) < 5e-6
    assert torch.equal(G(z), plain(z).tanh())
    w = G.map(z)
    assert torch.equal(G.preview(w, resolution=8), plain.preview(w, resolution=8).tanh())
    assert torch.equal(G.module(z), G(z))
    convert(tmp_path / "x.pt", tmp_path / "x.safetensors", final_tanh=True)
    again = lw.load(tmp_path / "x.safetensors")
    assert torch.equal(again(z), G(z))
    assert torch.equal(lw.load(tmp_path / "x.pt", final_tanh=False)(z), plain(z))


def test_options_that_the_file_says_itself_are_refused(tmp_path, make_variant):
    nvidia, tensorflow = tmp_path / "n.pkl", tmp_path / "t.pkl"
    write_nvidia(nvidia, make_variant())
    write_tensorflow(tensorflow, make_variant())
    convert(nvidia, tmp_path / "o.safetensors")
    with pytest.raises(
        ValueError, match=r"mapping_lr must be left out for a module of NVIDIA's, which says it itself, got 1"
    ):
        lw.load(nvidia, mapping_lr=1)
    with pytest.raises(ValueError, match=r"final_tanh must be left out for a TensorFlow network, .* got True"):
        lw.load(tensorflow, final_tanh=True)
    with pytest.raises(ValueError, match=r"prefix must be left out for a file of this package, .* got 'g'"):
        lw.load(tmp_path / "o.safetensors", prefix="g")
    for options, error, message in (
        ({"mapping_lr": 0}, ValueError, "mapping_lr must be at least 1e-09, got 0"),
        ({"mapping_lr": "x"}, TypeError, "mapping_lr must be a number, got 'x'"),
        ({"final_tanh": 3}, TypeError, "final_tanh must be True or False, got 3"),
    ):
        with pytest.raises(error, match=message):
            lw.load(nvidia, **options)
    with pytest.raises(TypeError, match="convert"):
        convert(nvidia, tmp_path / "y.safetensors", halve=True)


def test_options_on_the_command_line(tmp_path, begun, capsys):
    network = begun(0.03)
    torch.save({"one": rosinality(network), "two": rosinality(begun(0.03, seed=1))}, tmp_path / "x.pt")
    target = tmp_path / "x.safetensors"
    assert main(["convert", str(tmp_path / "x.pt"), str(target)]) == 1
    assert "prefix='one.'" in capsys.readouterr().err
    options = ["--prefix", "one", "--mapping-lr", "0.03", "--final-tanh"]
    assert main(["inspect", str(tmp_path / "x.pt"), *options]) == 0
    said = capsys.readouterr().out
    assert "mapping_lr    0.03" in said
    assert "tanh          True" in said
    assert main(["convert", str(tmp_path / "x.pt"), str(target), *options]) == 0
    drawn, original = draw(lw.load(target), network)
    assert relative(drawn, original.tanh()) < 5e-6


def test_networks_say_what_their_options_must_be():
    sizes = {"z_dim": 3, "w_dim": 4, "resolution": 8, "channels": {4: 2, 8: 2}}
    with pytest.raises(TypeError, match="tanh must be True or False, got 2"):
        StyleGAN2(**sizes, tanh=2)
    with pytest.raises(TypeError, match="joint must be True or False, got 'x'"):
        StyleGAN2(**sizes, joint="x")
