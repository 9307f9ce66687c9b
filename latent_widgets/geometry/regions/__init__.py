"""What happens inside a region of the picture and outside of it."""

from latent_widgets.geometry.regions.grams import RegionGrams
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.geometry.regions.weights import as_weights

__all__ = ["RegionGrams", "RegionSpectra", "as_weights"]
