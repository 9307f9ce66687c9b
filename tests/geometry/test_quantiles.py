"""Quantiles of spectra in blocks: exactly those of all at once."""

import numpy as np
import pytest
import torch

from latent_widgets.geometry.quantiles import spectrum_quantiles
from tests.held import Held
from tests.several_reads import Reads

MIB = 2**20


@pytest.fixture
def spectra():
    """Makes singular values in descending order."""

    def make(m, r, dtype=torch.float64):
        rng = torch.Generator().manual_seed(3)
        return torch.randn(m, r, generator=rng, dtype=torch.float64).exp().sort(1, descending=True).values.to(dtype)

    return make


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("m", [1, 2, 101, 400])
def test_quantiles_are_those_of_numpy(spectra, dtype, m):
    values, shares = spectra(m, 7, dtype), (0.0, 0.05, 1 / 3, 0.5, 0.99, 1.0)
    found = spectrum_quantiles(values, shares)
    assert (found.dtype, found.shape) == (dtype, (6, 7))
    expected = np.quantile(values.double().numpy(), shares, axis=0)
    np.testing.assert_allclose(found.double(), expected, rtol=2 * torch.finfo(dtype).eps)
    torch.testing.assert_close(found[[0, -1]], torch.stack([values.amin(0), values.amax(0)]))


def test_quantiles_depend_neither_on_blocks_nor_on_memory(spectra):
    values = spectra(90, 7)
    whole = spectrum_quantiles(values)
    assert whole.shape == (5, 7)
    for blocks in (list(values.split(1)), values.split(37), [values[:5], values[:0], values[5:]], values.flip(0)):
        assert torch.equal(spectrum_quantiles(blocks), whole)
    for columns, times in ((1, 7), (2, 4), (6, 2), (7, 1), (50, 1)):
        reads = Reads(lambda _: values.split(11))
        assert torch.equal(spectrum_quantiles(reads, memory=90 * 8 * columns), whole)
        assert reads.count == 1 + times


def test_values_stay_as_they_were(spectra):
    values = spectra(20, 3)
    before = values.clone()
    spectrum_quantiles(values.requires_grad_())
    assert torch.equal(values, before)


def test_more_values_than_torch_sorts_into_quantiles():
    count = 2**24 + 3
    column = torch.arange(count, dtype=torch.float64).flip(0)[:, None]
    found = spectrum_quantiles(column, (0.05, 0.5))
    torch.testing.assert_close(found[:, 0], torch.tensor([0.05, 0.5], dtype=torch.float64) * (count - 1))


def test_no_more_values_are_held_than_allowed(spectra):
    values = spectra(4000, 32)
    with Held() as held:
        spectrum_quantiles(values.split(100), memory=MIB // 8)
    assert held.peak < MIB // 8 + 3 * 100 * 32 * 8 < values.nbytes


def test_no_singular_values_have_no_quantiles():
    assert spectrum_quantiles(torch.zeros(4, 0)).shape == (5, 0)


def test_what_has_no_quantiles(spectra):
    values = spectra(6, 3)
    broken, endless = values.clone(), values.clone()
    broken[4, 1], endless[5, 2] = torch.nan, torch.inf
    for blocks, error, message in [
        (broken, ValueError, r"blocks must hold finite singular values, got nan at latent 4\. Leave that latent out\."),
        (broken.split(3), ValueError, "got nan at latent 4"),
        ([values, endless], ValueError, "got inf at latent 11"),
        ([], ValueError, r"blocks must hold at least one latent, got none\."),
        (values[:0], ValueError, r"blocks must hold at least one latent, got none\."),
        (map(abs, values.split(2)), TypeError, r"several times, such as a list of tensors, got a map\. Use list"),
        (values[0], ValueError, r"blocks must have shape \(b, r\), got \(3,\)"),
        ([values, values[:, :2]], ValueError, r"blocks\[1\] must have shape \(b, 3\), got \(6, 2\)"),
        ([values, values.float()], TypeError, r"blocks\[1\] must have dtype torch\.float64, got torch\.float32"),
        ([values.long()], TypeError, r"blocks\[0\] must be float32 or float64, got torch\.int64"),
        ([values, values.to("meta")], ValueError, r"blocks\[1\] must be on device cpu, got meta"),
    ]:
        with pytest.raises(error, match=message):
            spectrum_quantiles(blocks)
    for options, error, message in [
        ({"q": ()}, ValueError, "q must hold at least one share between 0 and 1, got none"),
        ({"q": (0.5, -0.1)}, ValueError, r"q\[1\] must be between 0 and 1, got -0\.1"),
        ({"q": 0.5}, TypeError, r"q must be several numbers, got float\. Use a list\."),
        ({"q": torch.tensor(0.5)}, TypeError, r"q must be several numbers, got Tensor"),
        ({"q": "half"}, TypeError, r"q must be several numbers, got str"),
        ({"memory": 0}, ValueError, "memory must be at least 1, got 0"),
        (
            {"memory": 47},
            ValueError,
            r"memory must be at least 48 bytes, one column of 6 latents, got 47\. Give more of it, or fewer latents\.",
        ),
    ]:
        with pytest.raises(error, match=message):
            spectrum_quantiles(values, **options)
