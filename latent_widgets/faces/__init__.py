"""A face as a formula: 39 factors in, a picture and its parts out."""

from latent_widgets.faces.renderer import (
    FACTOR_NAMES,
    FACTORS,
    PARTS,
    Factor,
    Law,
    Render,
    cumulative,
    factors_of_part,
    quantile,
    render,
    sample_factors,
)

__all__ = [
    "FACTORS",
    "FACTOR_NAMES",
    "PARTS",
    "Factor",
    "Law",
    "Render",
    "cumulative",
    "factors_of_part",
    "quantile",
    "render",
    "sample_factors",
]
