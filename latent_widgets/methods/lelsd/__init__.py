"""LELSD (Pajouheshgar et al. 2022): directions that act on a part."""

from latent_widgets.methods.lelsd.method import Lelsd, lelsd

__all__ = ["Lelsd", "lelsd"]
