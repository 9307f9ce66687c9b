"""What is said of memory holds: tensors alive at once stay within the bytes that were given, beside the results."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.jacobian.functions import image_function
from tests.held import Held
from tests.linear import linear_generator

MIB = 2**20


@pytest.fixture(scope="module")
def G():
    torch.manual_seed(0)
    network = StyleGAN2(z_dim=12, w_dim=10, resolution=32, channels={4: 8, 8: 8, 16: 8, 32: 8})
    return StyleGenerator(network, "small")


@pytest.fixture(scope="module")
def mask():
    mask = torch.zeros(32, 32)
    mask[3:9, 4:20] = 1
    return mask


def test_what_is_held_is_counted_until_nobody_holds_it():
    with Held() as held:
        for _ in range(3):
            x = torch.zeros(1000)
            y = x + 1
            del x
        assert held.now == 4000
        del y
    assert (held.now, held.peak) == (0, 12000)  # the y of the last turn is there until the next


@pytest.mark.parametrize("budget", [MIB, 3 * MIB // 2, 5 * MIB // 2])
def test_products_stay_within_the_budget(G, budget):
    f = image_function(G, G.code(0))
    J, free = lw.JacobianOperator(f, f.x0, memory=budget), lw.JacobianOperator(f, f.x0)
    given = torch.eye(10), torch.ones(J.shape[0], 10)
    result = J.shape[0] * 10 * 4
    with Held() as unbounded:
        whole = free @ given[0]
    assert unbounded.peak > 2 * MIB + result
    with Held() as held:
        bounded = J @ given[0]
    assert held.peak <= budget + result
    torch.testing.assert_close(bounded, whole, rtol=1e-4, atol=1e-5)
    with Held() as held, J.keeping_graph():
        J.T @ given[1]
    assert held.peak <= budget
    with Held() as held:
        gram = J.gram(keep=False)
    assert held.peak <= budget
    torch.testing.assert_close(gram, whole.T @ whole, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("budget", [MIB, 3 * MIB // 2])
def test_a_pass_over_regions_stays_within_the_budget(G, mask, budget):
    with Held() as unbounded:
        free = lw.RegionSpectra(G, G.code(0))
    with Held() as held:
        R = lw.RegionSpectra(G, G.code(0), budget_bytes=budget)
    assert held.peak <= budget + R.nbytes < unbounded.peak
    torch.testing.assert_close(
        R.spectrum(mask).singular_values, free.spectrum(mask).singular_values, rtol=1e-4, atol=1e-6
    )


def test_a_search_stays_within_the_budget_and_ends_when_it_is_full(G, mask):
    with Held() as held:
        R = lw.RegionSpectra.for_mask(G, G.code(0), mask, budget_bytes=3 * MIB // 2)
    assert held.peak <= 3 * MIB // 2 + R.nbytes
    assert R.seen.stopped == "settled"
    least = lw.RegionSpectra.for_mask(G, G.code(0), mask, budget_bytes=1)
    assert least.seen.stopped == "memory"
    assert least.seen.directions < R.seen.directions


def test_a_graph_that_does_not_fit_is_not_kept(G):
    f, calls = image_function(G, G.code(0)), []

    def counted(x):
        calls.append(1)
        return f(x)

    for budget, anew in ((MIB // 2, True), (5 * MIB // 2, False)):
        J = lw.JacobianOperator(counted, f.x0, memory=budget)
        u = torch.ones(J.shape[0])
        with J.keeping_graph():
            J.T @ u  # also compared with the values, once
            before = len(calls)
            J.T @ u
        assert len(calls) - before == anew


def test_a_matrix_beyond_the_budget_is_not_held(G):
    f = image_function(G, G.code(0))
    size = 3 * 32 * 32 * 10 * 4
    assert lw.JacobianOperator(f, f.x0, memory=size).fits()
    small = lw.JacobianOperator(f, f.x0, memory=size - 1)
    assert not small.fits()
    assert not lw.JacobianOperator(f, f.x0, memory=size).fits_beside(2)
    S = small.svd(4, "exact").S
    torch.testing.assert_close(S, lw.JacobianOperator(f, f.x0).svd(4, "exact").S, rtol=1e-3, atol=0.0)


def test_a_local_basis_takes_a_budget(G):
    z = G.sample_z(1)
    free, bounded = lw.local_basis(G, z, "image"), lw.local_basis(G, z, "image", budget_bytes=MIB // 16)
    assert bounded.floor > free.floor  # decomposed from the Gram
    torch.testing.assert_close(bounded.singular_values[:4], free.singular_values[:4], rtol=1e-3, atol=0.0)
    assert "budget_bytes" not in bounded.directions.parameters


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_budget_is_at_least_one_byte(wrong):
    G = linear_generator()
    mask = torch.zeros(G.picture_size)
    mask[0, 0] = 1
    for call in (
        lambda: lw.RegionSpectra(G, G.code(0), budget_bytes=wrong),
        lambda: lw.RegionSpectra.for_mask(G, G.code(0), mask, budget_bytes=wrong),
        lambda: lw.local_basis(G, G.sample_z(1), budget_bytes=wrong),
    ):
        with pytest.raises(ValueError, match=f"budget_bytes must be at least 1, got {wrong}"):
            call()
