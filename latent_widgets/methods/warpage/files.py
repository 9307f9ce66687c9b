"""Files of warpage: safetensors with the bases and latents, and JSON in the header with all else."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.fields import COUNT, NUMBER, TEXT, check_fields, list_of, or_none
from latent_widgets.core.files import Stamp
from latent_widgets.core.paths import as_path
from latent_widgets.core.stamped import check_names, numbers, read_stamped, write_stamped
from latent_widgets.core.sweep.store import MANIFEST, Store, folder_of
from latent_widgets.core.words import shown, whole
from latent_widgets.geometry.subspaces.grassmann import METRICS, as_basis
from latent_widgets.methods.warpage.stored import fields_of

__all__ = ["read_map", "stored_map", "write_map"]

STAMP = Stamp("latent_widgets.warpage_map", 1, "map")
STOPPED = ("finished", "cancelled")
_TENSORS = ("z", "codes", "bases", "close_bases", "singular_values")
_FIELDS = {
    "space": TEXT, "target": TEXT, "epsilon": NUMBER, "k": COUNT, "metric": TEXT, "total": COUNT, "stopped": TEXT,
    "pictures": or_none(COUNT), "generator": or_none(TEXT), "weights_hash": or_none(TEXT), "compared": list_of(TEXT),
}  # fmt: skip


def write_map(path: str | os.PathLike[str], values: Mapping[str, Any]) -> Path:
    """Write the fields of a ``WarpageMap`` as one file, whole or not at all.

    Args:
        path: Where to; ends in ``.safetensors``.
        values: The fields by name.

    Returns:
        The path, ``~`` written out.

    Raises:
        TypeError: If a field has another type.
        ValueError: If the path ends otherwise, or a field does not fit the others, so that nobody could read it.
    """
    compared = values["compared"]
    tensors = {name: values[name] for name in _TENSORS}
    tensors |= {f"compared.{i}": basis for i, basis in enumerate(compared.values())}
    about = {name: values[name] for name in _FIELDS} | {"compared": list(compared), "epsilon": float(values["epsilon"])}
    for name in ("k", "total", "pictures"):  # they may be numbers of NumPy's
        about[name] = None if about[name] is None else operator.index(about[name])
    _checked(tensors, about)
    return write_stamped(path, STAMP, tensors, about)


def read_map(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what :func:`write_map` wrote, bit for bit; or what a sweep has finished.

    Args:
        path: The file, or the folder of a sweep.

    Returns:
        The fields by name; tensors are on the CPU.

    Raises:
        ValueError: If the file is missing, damaged, of another kind, or written by a newer version.
    """
    if not os.path.lexists(as_path(path) / MANIFEST):  # it says no to names that the system does not know
        return read_stamped(path, STAMP, _checked)
    try:
        return stored_map(folder_of(path))
    except (TypeError, ValueError) as error:
        raise ValueError(f"path must be a file of WarpageMap.save or a sweep, got {str(path)!r}: {error}") from None


def stored_map(store: Store) -> dict[str, Any]:
    """Return the fields of a map from what a sweep has finished, none of which is believed.

    Args:
        store: Where it is.

    Returns:
        The fields by name; tensors are on the CPU.

    Raises:
        TypeError: If a tensor has another type.
        ValueError: If it is a store of something else, a field does not fit the others, a chunk is damaged, or no
            latent is finished.
    """
    found = fields_of(store)
    compared = found.pop("compared")
    tensors = {name: found.pop(name) for name in _TENSORS}
    tensors |= {f"compared.{i}": basis for i, basis in enumerate(compared.values())}
    return _checked(tensors, found | {"compared": list(compared)})


@exact()
def _checked(tensors: Mapping[str, Tensor], about: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a map, else raise."""
    check_fields(about, _FIELDS)
    about = {name: whole(value) if isinstance(value, str) else value for name, value in about.items()}
    names = [whole(name) for name in about["compared"]]
    if len(set(names)) != len(names):
        raise ValueError(f"compared must be different names, got {len(names)} with {len(set(names))} different ones.")
    check_names(tensors, {*_TENSORS, *(f"compared.{i}" for i in range(len(names)))})
    bases = as_basis(numbers("bases", tensors["bases"], "n", "d", "max_k"), "bases")
    n, d, most = bases.shape
    as_basis(numbers("close_bases", tensors["close_bases"], n, d, most), "close_bases")
    numbers("z", tensors["z"], n, "z_dim")
    numbers("codes", tensors["codes"], n, d)
    values = numbers("singular_values", tensors["singular_values"], n, "r")
    if bool((values < 0).any()):
        raise ValueError(f"singular_values must be at least 0, got {values.min():g}.")
    compared = {name: tensors[f"compared.{i}"] for i, name in enumerate(names)}
    for name, basis in compared.items():
        label = f"compared[{shown(name, 60)}]"
        as_basis(numbers(label, basis, d, "m"), label)
    types = {str(value.dtype) for value in (bases, tensors["close_bases"], *compared.values())}
    if len(types) > 1:  # they could not be compared
        raise ValueError(f"all bases must have one dtype, got {' and '.join(sorted(types))}.")
    checks.choice("space", about["space"], ("z", "w"))
    checks.choice("metric", about["metric"], METRICS)
    checks.choice("stopped", about["stopped"], STOPPED)
    checks.number("epsilon", about["epsilon"], 0)
    checks.integer("k", about["k"], 1, most)
    checks.integer("total", about["total"], n)
    return about | {name: tensors[name] for name in _TENSORS} | {"compared": compared}
