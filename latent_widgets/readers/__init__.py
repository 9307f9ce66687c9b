"""What says in numbers what a picture shows: the factors of a face, the class of an article."""

from latent_widgets.readers.classifier import Classifier, load_classifier
from latent_widgets.readers.regressor import FEATURES, SIZE, FactorRegressor, load_regressor

__all__ = ["FEATURES", "SIZE", "Classifier", "FactorRegressor", "load_classifier", "load_regressor"]
