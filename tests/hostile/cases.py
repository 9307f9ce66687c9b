"""Classes of hostile files: each a function that makes a few files of a kind, the same ones every time."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.readers import READERS

# Who may take a file of a kind for one of theirs.
PICKLES = ("load", "inspect", "convert", "directions", "checkpoint of GLO", "checkpoint of training")
LARGE_PICKLES = ("load", "checkpoint of GLO")  # where each takes its second
RESULTS = ("warpage map", "local basis")
STORED = ("codes of a sweep", "chunk of a sweep")
TENSORS = ("load", "inspect", "convert", "directions", "segmenter", "GLO", "weights", *RESULTS, *STORED)
ARRAYS = ("directions", "mask as array")
PICTURES = ("mask as picture", "mask of bytes", "mask of an open picture", "photo", "photo of bytes")
TEXTS = ("edit", "edit stack", "regions as JSON", "interrupted download", "log of training",
         "manifest of a sweep")  # fmt: skip


@dataclass(frozen=True)
class Class:
    """Files of a kind.

    Attributes:
        make: Makes them, by what is wrong with each.
        readers: Who reads all of them; the others read the first.
    """

    make: Callable[[], dict[str, bytes]]
    readers: tuple[str, ...]

    def files(self):
        """What is wrong with each file, its bytes, and who reads it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd is made on purpose, and libraries warn of it
            made = self.make()
        for index, (wrong, data) in enumerate(made.items()):
            yield wrong, data, self.readers if index else tuple(READERS)


CLASSES: dict[str, Class] = {}


def hostile(name, readers):
    """Enter a function that makes files under the name of their class."""

    def enter(make):
        if name in CLASSES:
            raise ValueError(f"name must be of one class only, got {name!r} twice.")
        CLASSES[name] = Class(make, readers)
        return make

    return enter
