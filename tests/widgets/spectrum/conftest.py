"""What the tests of spectra share."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.widgets.spectrum.data import Spectrum


@pytest.fixture
def plain_spectrum():
    """A spectrum of given values and shape, with nothing else to it."""

    def build(values, shape, target="image", code=None):
        values = torch.as_tensor(values, dtype=torch.float64)
        directions = lw.Directions(torch.eye(3), "w")
        return Spectrum(code or lw.Code(torch.zeros(3), "w"), None, target, values, shape, 1e-15, {}, directions)

    return build
