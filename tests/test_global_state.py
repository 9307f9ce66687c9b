"""What PyTorch and NumPy hold for the whole process changes no result, and no result changes it."""

import numpy as np
import pytest
import torch

import latent_widgets as lw
from tests.public_calls import CALLS, MODES, NETWORKS, WITHOUT, numbers, small_style


@pytest.fixture(scope="module")
def G():
    return small_style()


@pytest.fixture(scope="module")
def normal(G):
    """What calls give when nothing was changed, each computed once."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = numbers(name, G)
        return known[name]

    return of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*CALLS, *WITHOUT])
def test_state_of_the_process_changes_no_result_and_no_result_changes_it(G, normal, name, mode):
    expected = normal(name)
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    with MODES[mode]():
        found = numbers(name, G)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    for a, b in zip(found, expected, strict=True):
        assert (a.dtype, a.device) == (b.dtype, b.device)
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "target"), [("faces64", "w"), ("digits32", "image")])
@pytest.mark.parametrize("mode", MODES)
def test_weights_read_in_any_state_can_be_differentiated_later(name, target, mode):
    with MODES[mode]():
        G = lw.load(name)
    assert lw.local_basis(G, G.sample_z(1)[0], target, k=1).singular_values.isfinite().all()


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_are_float32_on_the_cpu_whatever_the_defaults(network):
    with MODES["other defaults"]():
        found = NETWORKS[network]().state_dict()
    assert {value.device.type for value in found.values()} == {"cpu"}
    assert {value.dtype for value in found.values() if value.is_floating_point()} == {torch.float32}
