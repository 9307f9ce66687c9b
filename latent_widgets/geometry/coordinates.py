"""The first path of :mod:`latent_widgets.geometry.density.coordinates`, which notebooks name."""

from latent_widgets.geometry.density.coordinates import Goodness, Independent, Whitened, goodness_of_fit

__all__ = ["Goodness", "Independent", "Whitened", "goodness_of_fit"]
