"""Files without a known generator, and published networks with rare options: the message says what there is."""

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.hostile import with_weight
from tests.generators.checkpoints.standins import dump, rosinality

WEIGHTS = {"convs.0.weight": torch.zeros(3, 2)}
DISCRIMINATORS = {
    "alone": ({"d": WEIGHTS}, True),
    "with its optimiser": ({"discriminator": WEIGHTS, "d_optim": {"state": {}}, "step": 3, "args": None}, True),
    "by another name": ({"netD_state_dict": WEIGHTS}, True),
    "beside something": ({"D": WEIGHTS, "unet": {"a": torch.zeros(2)}}, False),
    "no discriminator": ({"unet": WEIGHTS}, False),
    "nothing": ({}, False),
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_is_called_so_where_there_is_nothing_else(tmp_path, name):
    value, said = DISCRIMINATORS[name]
    torch.save(value, tmp_path / "x.pt")
    with pytest.raises(CheckpointError) as caught:
        lw.load(tmp_path / "x.pt")
    assert ("That is a discriminator, which draws nothing." in str(caught.value)) is said
    assert "pass the live network: lw.load(network)" in str(caught.value)


SHOWN = {
    "the innermost names": (
        {"outer": {"inner": [{"weight": torch.zeros(3, 2)}]}},
        "got these keys: 'outer'. Its tensors: 'outer.inner.0.weight' (3, 2);",
    ),
    "a few of many": (
        {f"w{i}": torch.zeros(i) for i in range(9)},
        "'w7', ... Its tensors: 'w0' (0,), 'w1' (1,), 'w2' (2,), 'w3' (3,) and 5 more;",
    ),
    "a list": ([torch.zeros(2)], "got a list. Its tensors: '0' (2,);"),
    "a whole network": (torch.nn.Linear(2, 3), "got a whole network of class 'torch.nn.modules.linear.Linear'."),
    "no tensors": ({"a": 3}, "got these keys: 'a'. Load it with"),
    "a number": (3, "the file must hold a generator, got a int."),
    "an array": (np.zeros(3), "the file must hold a generator, got an array."),
}


@pytest.mark.parametrize("name", SHOWN)
def test_names_and_shapes_are_shown(tmp_path, name):
    value, message = SHOWN[name]
    torch.save(value, tmp_path / "x.pt")
    with pytest.raises(CheckpointError) as caught:
        lw.load(tmp_path / "x.pt")
    assert message in str(caught.value).replace(", ....", ", ...")


RARE = {
    "an activation": (
        lambda m: m["synthesis"].state["_modules"]["b8"].state["_modules"]["conv0"].state.update(activation="relu"),
        "got layers with activation 'relu' (class",
    ),
    "an activation of the mapping": (
        lambda m: m["mapping"].state["_modules"]["fc0"].state.update(activation="swish"),
        "got mapping layers with activation 'swish' (class",
    ),
    "rates": (
        lambda m: m["mapping"].state["_modules"]["fc0"].state.update(bias_gain=0.5),
        "got mapping layers with learning rates [0.01, 0.5] (class",
    ),
    "colours": (lambda m: m["synthesis"].state.update(img_channels=4), "got pictures with 4 channels (class"),
    "blocks": (
        lambda m: m["synthesis"].state["_modules"]["b8"].state.update(architecture="orig"),
        "got blocks that differ (class",
    ),
    "a filter": (
        lambda m: m["synthesis"].state["_modules"]["b8"].state["_buffers"].update(resample_filter=torch.rand(4, 4)),
        "got resampling filters that differ or are not separable (class",
    ),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_options_are_named_and_are_no_fork(tmp_path, make_variant, name):
    change, message = RARE[name]
    with pytest.raises(CheckpointError) as caught:
        lw.load(dump(with_weight(make_variant, change), tmp_path / "x.pkl"))
    assert "with options that are drawn here, " + message in str(caught.value)
    assert "fork" not in str(caught.value)


def test_a_wrong_shape_is_told_by_both_names(tmp_path, make_variant):
    state = {f"module.{name}": value for name, value in rosinality(make_variant()).items()}
    torch.save({"g_ema": state | {"module.convs.1.activate.bias": torch.zeros(9)}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError) as caught:
        lw.load(tmp_path / "x.pt")
    ours, theirs = "synthesis.b8.conv1.bias", "'g_ema.module.convs.1.activate.bias'"
    assert f"{ours} must have shape (4,), got (9,) (in the file {theirs})" in str(caught.value)
    assert "None" not in str(caught.value)
