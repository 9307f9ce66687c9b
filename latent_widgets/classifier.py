"""The first path of :mod:`latent_widgets.readers.classifier`, which notebooks name."""

from latent_widgets.readers.classifier import Classifier, load_classifier

__all__ = ["Classifier", "load_classifier"]
