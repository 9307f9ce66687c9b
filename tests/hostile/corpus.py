"""All classes of hostile files."""

from tests.hostile import arrays, jpeg, pickles, pictures, png, stores, tensors, texts, tiff, torch_files  # noqa: F401 - they enter them
from tests.hostile.cases import CLASSES

__all__ = ["CLASSES"]
