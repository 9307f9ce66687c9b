"""The Jacobian spectrum."""

from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum

__all__ = ["JacobianSpectrum"]
