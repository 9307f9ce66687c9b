"""State dicts of NVIDIA's networks, without the attributes of its modules."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.conftest import VARIANTS, draw
from tests.generators.checkpoints.standins import nvidia_state
from tests.reference import relative


@pytest.mark.parametrize("variant", VARIANTS)
def test_state_dicts_give_back_every_bit(tmp_path, make_variant, variant):
    network = make_variant(variant)
    torch.save({"G_ema": nvidia_state(network), "D": {"b4.fc.weight": torch.zeros(2)}}, tmp_path / "x.pt")
    condition = 1 if network.c_dim else None
    G = lw.load(tmp_path / "x.pt", condition=condition, mapping_lr=0.1 if variant == "no noise" else 0.01)
    for name, value in network.state_dict().items():
        assert torch.equal(G.module.state_dict()[name], value)
    assert any("clamped at 256, as NVIDIA's training sets it" in note for note in G.notes)
    if variant == "grey, clamped":
        network.synthesis.b4.conv1.clamp = 256.0
        for block in network.synthesis.children():
            for layer in block.children():
                layer.clamp = 256.0
    drawn, original = draw(G, network, condition)
    assert torch.equal(drawn, original)
    if variant in "TR":
        assert any(f"laid out as in configuration {variant}, which its filters agree with" in note for note in G.notes)


BROKEN = {
    "a size": (lambda s: moved(s, "L2_", "L2_99_"), r"of a StyleGAN3 must have side \d+, got 99"),
    "too few layers": (
        lambda s: {name: v for name, v in s.items() if "synthesis.L" not in name or "L0_" in name},
        "a StyleGAN3 must have 4 to 64 layers, got 1",
    ),
    "a filter": (
        lambda s: {name: v + 0.1 if "L1_" in name and "up_filter" in name else v for name, v in s.items()},
        r"L1_.*up_filter must be the filter of the published configuration, of shape \(12,\), got another",
    ),
    "no filter": (
        lambda s: {name: v for name, v in s.items() if not ("L1_" in name and "up_filter" in name)},
        r"L1_.*up_filter must be the filter .* of shape \(12,\), got another, of shape \(0,\)",
    ),
    "no weight": (
        lambda s: {name: v for name, v in s.items() if name != "synthesis.input.affine.weight"},
        r"synthesis.input.affine.weight of shape \(4, 6\) must be among its tensors, got none, which has synth",
    ),
}


def moved(tensors, start, new):
    old = next(name.split(".")[1] for name in tensors if f"synthesis.{start}" in name)
    fresh = new + old.rpartition("_")[2]
    return {name.replace(old, fresh): value for name, value in tensors.items()}


@pytest.mark.parametrize("name", BROKEN)
def test_other_layouts_of_layers_are_refused(tmp_path, make_variant, name):
    change, message = BROKEN[name]
    torch.save({"G_ema": change(nvidia_state(make_variant("T")))}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=message) as caught:
        lw.load(tmp_path / "x.pt")
    assert "pass the live network: lw.load(network)" in str(caught.value)


def test_what_is_missing_or_too_much_is_named(tmp_path, make_variant):
    state = nvidia_state(make_variant())
    cases = {
        "fewer": {k: v for k, v in state.items() if k != "synthesis.b8.conv1.bias"},
        "more": state | {"synthesis.b8.conv1.extra": torch.zeros(3, 2)},
        "other": state | {"synthesis.b8.conv1.bias": torch.zeros(3, 2)},
        "flat": state | {"mapping.fc0.weight": torch.zeros(3)},
        "half": {k: v for k, v in state.items() if "b16.torgb" not in k},
    }
    messages = {
        "fewer": r"b8.conv1.bias of shape \(4,\) must be among its tensors, got none, which has synthesis.b8.conv1.w",
        "more": r"conv1.extra of shape \(3, 2\) \(in the file 'G_ema.synthesis.b8.conv1.extra'\) as well",
        "other": r"b8.conv1.bias must have shape \(4,\), got \(3, 2\) \(in the file 'G_ema.synthesis.b8.conv1.bias'\)",
        "flat": r"mapping.fc0.weight must have 2 axes, got shape \(3,\)",
        "half": r"synthesis.b16.torgb.weight must be among the tensors of a StyleGAN, got none",
    }
    for name, tensors in cases.items():
        torch.save({"G_ema": tensors}, tmp_path / "x.pt")
        with pytest.raises(CheckpointError, match=messages[name]):
            lw.load(tmp_path / "x.pt")


def test_the_pictures_of_an_unclamped_network_agree(tmp_path, make_variant):
    network = make_variant("conditional")
    torch.save(nvidia_state(network), tmp_path / "x.pt")
    assert relative(*draw(lw.load(tmp_path / "x.pt", condition=2), network, 2)) < 5e-6
