"""Our own files of torch.save are read without PyTorch's loader: tensors and plain values, or a refusal in words."""

import argparse
import os
import tracemalloc

import pytest
import torch

from latent_widgets.generators.checkpoints.plain import read_torch
from tests.generators.checkpoints.bombs import BOMBS
from tests.generators.checkpoints.hostile import Call, saved


@pytest.fixture
def read(tmp_path):
    def write_and_read(data):
        path = tmp_path / "run.pt"
        path.write_bytes(data)
        return read_torch(path, "checkpoint")

    return write_and_read


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_and_plain_values_come_back(read, zipped):
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    shared = torch.arange(6).reshape(2, 3).T
    value = {
        "network": network.state_dict(), "optimiser": optimiser.state_dict(), "seed": 3, "rate": 0.5,
        "text": "ä" * 99_999,
        "shared": [shared, (shared[0], None, True)], "wide": torch.ones(1).expand(4, 5), "half": torch.ones(2).half(),
        "mask": torch.tensor([True, False]), "nothing": torch.zeros(0, 3), "raw": b"ab", 7: {},
    }  # fmt: skip
    with torch.inference_mode():
        found = read(saved(value, zipped))
    assert found.keys() == value.keys()
    for key in ("wide", "half", "mask", "nothing"):
        assert torch.equal(found[key], value[key])
        assert found[key].dtype == value[key].dtype
    assert (found["seed"], found["rate"], found["text"], found["raw"], found[7]) == (3, 0.5, "ä" * 99_999, b"ab", {})
    assert torch.equal(found["shared"][0], shared)
    assert torch.equal(found["shared"][1][0], shared[0])
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(found["network"])
    assert torch.equal(other.weight, network.weight)
    again = torch.optim.Adam(other.parameters())
    again.load_state_dict(found["optimiser"])
    moment = again.state[other.weight]["exp_avg"]
    assert torch.equal(moment, optimiser.state[network.weight]["exp_avg"])
    moment.requires_grad_()  # which what inference mode made could not


BAD = {
    "nothing": (lambda: b"", "got an empty one"),
    "text": (lambda: b"hello", "got a text file"),
    "half a file": (lambda: saved(torch.zeros(99), True)[:-99], "must be a whole zip archive"),
    "half an old file": (lambda: saved(torch.zeros(99))[:-99], "must be whole, got one cut off"),
    "a plain pickle": (lambda: b"\x80\x04N.", "must be one of torch.save, got another kind"),
    "a command": (lambda: saved({"a": Call(os.mkdir, "executed")}), "nothing in it was executed"),
    "an object": (lambda: saved({"a": argparse.ArgumentParser}), "must name only what networks are made of"),
    "settings": (
        lambda: saved({"a": argparse.Namespace(b=1)}),
        "must be tensors, numbers or text, got 'argparse.Namespace'",
    ),
    "a set": (lambda: saved({"a": {1, 2}}), "must be tensors, numbers or text, got set"),
    "a nest": (lambda: saved([[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]), "must lie at most 16 deep"),
    "a bomb": (lambda: BOMBS["a path that doubles"], "in proportion"),
    "an expanded trillion": (
        lambda: saved({"a": torch.ones(1).expand(10**6, 10**6)}, True),
        "must need memory and work in proportion to its",
    ),
    "many expanded": (
        lambda: saved([torch.ones(1).expand(2000 + i, 1000) for i in range(20)], True),
        "must need memory and work in proportion to its",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_other_files_are_refused_in_words(read, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make, why = BAD[name]
    data = make()
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"checkpoint must be a whole file of tensors and plain values, got 'run\.pt'"
    ) as caught:
        read(data)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert why in str(caught.value)
    assert used < 2**27
    assert not (tmp_path / "executed").exists()


def test_what_lies_in_a_file_twice_is_made_once(read):
    inner = {"a": torch.ones(3)}
    wide = [inner] * 3
    for _ in range(10):
        wide = [wide] * 10  # 10 ** 10 lists, if it were unfolded
    found = read(saved({"wide": wide, "inner": inner}))
    while isinstance(found["wide"], list):
        assert all(one is found["wide"][0] for one in found["wide"])
        found["wide"] = found["wide"][0]
    assert found["wide"] is found["inner"]
