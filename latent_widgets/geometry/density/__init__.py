"""Where latents lie: densities, and walks that keep them."""

from latent_widgets.geometry.density.base import REFERENCE, Density
from latent_widgets.geometry.density.fitted import (
    FittedKind,
    Gaussian,
    Mixture,
    TruncatedGaussian,
    Uniform,
    fit_density,
)

__all__ = ["REFERENCE", "Density", "FittedKind", "Gaussian", "Mixture", "TruncatedGaussian", "Uniform", "fit_density"]
