"""The first path of :mod:`latent_widgets.geometry.density.iso_density`, which notebooks name."""

from latent_widgets.geometry.density.iso_density import attainable, iso_density, kept_component, norm_preserving

__all__ = ["attainable", "iso_density", "kept_component", "norm_preserving"]
