"""Networks are built in float32 on the CPU, or without numbers, in the thread that asked for it."""

import threading

import pytest
import torch
from torch import nn

from latent_widgets.core.fresh import filled, fresh, without_numbers


@pytest.fixture
def layer():
    return lambda: nn.Linear(3, 2, **fresh())


def test_building_without_numbers_ends_with_the_block_and_is_of_one_thread(layer):
    seen = []
    with without_numbers():
        other = threading.Thread(target=lambda: seen.append(layer().weight.is_meta))
        other.start()
        other.join()
        seen.append(layer().weight.is_meta)
    assert [*seen, layer().weight.is_meta] == [False, True, False]


def test_filling_draws_nothing_and_takes_the_tensors_themselves(layer):
    tensors = {"weight": torch.rand(2, 3), "bias": torch.rand(2)}
    before = torch.get_rng_state()
    with torch.inference_mode():
        network = filled(layer, tensors)
    assert torch.equal(torch.get_rng_state(), before)
    assert network.weight.data_ptr() == tensors["weight"].data_ptr()
    network(torch.ones(1, 3)).sum().backward()  # which weights made in inference mode could not
    with pytest.raises(RuntimeError, match="bias"):
        filled(layer, {"weight": tensors["weight"]})


def test_a_network_of_a_file_has_about_as_many_tensors_as_the_file(layer):
    def endless():
        return nn.ModuleList(layer() for _ in range(10**9))

    with pytest.raises(ValueError, match="a network must have no more tensors than its file, got one that goes on"):
        filled(endless, {"0.weight": torch.ones(2, 3)})
    with without_numbers(tensors=0):
        for _ in range(16):  # filters that no file has
            layer()
        with pytest.raises(ValueError, match="must have no more tensors"):
            layer()
    layer()
