"""The first path of :mod:`latent_widgets.readers.regressor`, which notebooks name."""

from latent_widgets.readers.regressor import FEATURES, SIZE, FactorRegressor, load_regressor

__all__ = ["FEATURES", "SIZE", "FactorRegressor", "load_regressor"]
