"""Stores of sweeps in which something else stands in the place of a file."""

import os

from latent_widgets.sweeps import sweep
from tests.linear import linear_generator

CHUNK = "chunk-000001.safetensors"
HOW = ["a folder", "a link to itself", "a link to nothing", "a device without end", "a pipe", "a link to a thesis"]


def go_on(path):
    """Sweep two latents, one a chunk, into a folder."""
    return sweep(linear_generator(), "local_basis", 2, store=path, chunk=1, k=2, target="image")


def replaced(folder, name, how, thesis):
    """Put something else in the place of a file."""
    path = folder / name
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how == "a link to itself":
        path.symlink_to(path)
    elif how == "a link to nothing":
        path.symlink_to(folder / "nothing")
    elif how == "a device without end":
        path.symlink_to("/dev/zero")
    elif how == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(thesis)
    return path
