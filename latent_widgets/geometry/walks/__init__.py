"""Ways through the latent space."""

from latent_widgets.geometry.walks.walk import (
    KINDS,
    DensityPath,
    Walk,
    curve_along,
    great_circle,
    interpolate,
    kinds_of,
    refusal,
    shift,
    walk,
)

__all__ = [
    "KINDS",
    "DensityPath",
    "Walk",
    "curve_along",
    "great_circle",
    "interpolate",
    "kinds_of",
    "refusal",
    "shift",
    "walk",
]
