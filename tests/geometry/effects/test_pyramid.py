"""The Laplacian pyramid against its definition, and Lap1 against its laws."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from latent_widgets.geometry.effects.pyramid import collapse, default_levels, lap1, laplacian_pyramid

SIZES = [(16, 16), (20, 12), (17, 23), (64, 40)]


@pytest.mark.parametrize("size", SIZES)
def test_levels_add_up_to_the_picture(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(collapse(laplacian_pyramid(x)), x, rtol=0, atol=1e-13)


def test_first_coarse_level_is_the_blurred_picture_without_every_other_pixel():
    x = torch.randn(1, 1, 16, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    taps = np.array([1, 4, 6, 4, 1]) / 16
    blurred = convolve(x[0, 0].numpy(), np.outer(taps, taps), mode="nearest")
    coarse = laplacian_pyramid(x, levels=1)[-1][0, 0].numpy()
    assert np.allclose(coarse, blurred[::2, ::2])


@pytest.mark.parametrize("size", SIZES)
def test_constant_picture_has_no_detail(size):
    bands = laplacian_pyramid(torch.full((1, 2, *size), 0.7, dtype=torch.float64))
    assert all(band.abs().max() < 1e-14 for band in bands[:-1])
    assert torch.allclose(bands[-1], torch.tensor(0.7, dtype=torch.float64))


def test_pyramid_is_linear_so_lap1_is_a_norm():
    rng = torch.Generator().manual_seed(3)
    a, b, c = (torch.randn(4, 3, 16, 16, dtype=torch.float64, generator=rng) for _ in range(3))
    assert torch.allclose(lap1(3 * a, 3 * b), 3 * lap1(a, b))
    assert bool((lap1(a, c) <= lap1(a, b) + lap1(b, c)).all())
    assert torch.equal(lap1(a, a), torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("size", [(32, 32), (50, 34), (21, 33)])
def test_distance_is_the_papers_weighted_sum(size):
    x = torch.randn(1, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    bands = laplacian_pyramid(x, levels=3)
    weighted = sum(4**j * band.abs().sum() for j, band in enumerate(bands))
    assert torch.allclose(lap1(x, torch.zeros_like(x), levels=3), weighted[None] / x[0].numel())


def test_one_picture_serves_for_all_and_derivatives_flow():
    a = torch.randn(3, 3, 16, 16, requires_grad=True)
    lap1(a, torch.zeros(1, 3, 16, 16)).sum().backward()
    assert a.grad is not None
    assert bool(a.grad.abs().sum((1, 2, 3)).gt(0).all())


@pytest.mark.parametrize(("size", "levels"), [((64, 64), 4), ((32, 40), 3), ((8, 8), 1), ((4, 4), 1)])
def test_default_levels(size, levels):
    assert default_levels(*size) == levels


def test_bad_input():
    x = torch.zeros(1, 3, 16, 12)
    with pytest.raises(ValueError, match=r"levels must be at most 3 for pictures of 16x12, got 4\."):
        laplacian_pyramid(x, levels=4)
    with pytest.raises(ValueError, match=r"b must have pictures of the size of a, \(3, 16, 12\), got \(3, 16, 16\)\."):
        lap1(x, torch.zeros(1, 3, 16, 16))
