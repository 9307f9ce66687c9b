"""What the tests of spectra share."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.widgets.spectrum.data import Spectrum
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum


@pytest.fixture
def plain_spectrum():
    """A spectrum of given values and shape, with nothing else to it."""

    def build(values, shape, target="image", code=None):
        values = torch.as_tensor(values, dtype=torch.float64)
        directions = lw.Directions(torch.eye(3), "w")
        return Spectrum(code or lw.Code(torch.zeros(3), "w"), None, target, values, shape, 1e-15, {}, directions)

    return build


@pytest.fixture
def make():
    """Makes inline panels, and closes all in the end."""
    made = []

    def build(G, *arguments, **keywords):
        made.append(JacobianSpectrum(G, *arguments, executor="inline", width=400, pictures=3, **keywords))
        return made[-1]

    yield build
    for panel in made:
        panel.close()
