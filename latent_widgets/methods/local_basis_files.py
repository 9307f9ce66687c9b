"""Files of Local Bases: safetensors with the directions and what was found with them, and JSON in the header."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.fields import COUNT, DICT, FLAG, NUMBER, TEXT, check_fields, list_of, or_none
from latent_widgets.core.files import Stamp
from latent_widgets.core.stamped import check_names, numbers, read_stamped, write_stamped
from latent_widgets.core.words import shown, whole
from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.geometry.jacobian.rank import RANK_METHODS
from latent_widgets.geometry.subspaces.grassmann import as_basis
from latent_widgets.values.direction_files import apart, together
from latent_widgets.values.directions import Directions

__all__ = ["read_basis", "write_basis"]

STAMP = Stamp("latent_widgets.local_basis", 1, "basis")
METHODS = ("exact", "lanczos", "randomized", "progressive")
MOST, AXES = 2**48, 16  # numbers and axes of what a Jacobian is of
STOPPED = ("finished", "budget", "cancelled")
_TENSORS = ("singular_values", "input_directions", "code", "z")
_FIELDS = {
    "directions": DICT, "rank": or_none(COUNT), "rank_method": TEXT, "shape": list_of(COUNT), "target": TEXT,
    "floor": or_none(NUMBER), "svd": or_none(DICT),
}  # fmt: skip
_SVD_TENSORS, _SVD_OPTIONAL = ("S", "V"), ("U", "residuals", "upper")
_SVD_FIELDS = {
    "method": TEXT, "complete": FLAG, "floor": NUMBER, "unseen": or_none(NUMBER), "products": or_none(list_of(COUNT)),
    "stopped": TEXT, "output_shape": or_none(list_of(COUNT)),
}  # fmt: skip


def write_basis(path: str | os.PathLike[str], values: Mapping[str, Any]) -> Path:
    """Write the fields of a ``LocalBasis`` as one file, whole or not at all.

    Args:
        path: Where to; ends in ``.safetensors``.
        values: The fields by name.

    Returns:
        The path, ``~`` written out.

    Raises:
        TypeError: If a field has another type.
        ValueError: If the path ends otherwise, or a field does not fit the others, so that nobody could read it.
    """
    of_directions, plain = apart(values["directions"])
    tensors = {f"directions.{name}": value for name, value in of_directions.items()}
    tensors |= {name: values[name] for name in _TENSORS}
    about = {name: values[name] for name in _FIELDS} | {"directions": plain, "shape": list(values["shape"])}
    svd: SVD | None = values["svd"]
    if svd is not None:
        held = {name: getattr(svd, name) for name in (*_SVD_TENSORS, *_SVD_OPTIONAL)}
        tensors |= {f"svd.{name}": value for name, value in held.items() if value is not None}
        said = {name: getattr(svd, name) for name in _SVD_FIELDS}
        about["svd"] = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    _checked(tensors, about)
    return write_stamped(path, STAMP, tensors, about)


def read_basis(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what :func:`write_basis` wrote, bit for bit.

    Args:
        path: The file.

    Returns:
        The fields by name; tensors are on the CPU.

    Raises:
        ValueError: If the file is missing, damaged, of another kind, or written by a newer version.
    """
    return read_stamped(path, STAMP, _checked)


@exact()
def _checked(tensors: Mapping[str, Tensor], about: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a basis, else raise."""
    check_fields(about, _FIELDS)
    of_directions, of_svd, rest = _sorted(tensors)
    check_names(rest, set(_TENSORS))
    directions = _directions(of_directions, about["directions"])
    vectors, target = directions.vectors, whole(about["target"])
    k, d = vectors.shape
    inputs = numbers("input_directions", rest["input_directions"], k, "d_in")
    as_basis(inputs.mT, "the rows of input_directions")
    numbers("code", rest["code"], d)
    (z_dim,) = numbers("z", rest["z"], "z_dim").shape
    shape = tuple(about["shape"])
    wanted = (d, z_dim) if target == "w" else (*shape[:1], d)
    if shape != wanted or (target == "w" and directions.space != "w"):
        raise ValueError(
            f"shape must be that of a Jacobian of {shown(target, 60)} with {d} numbers in {directions.space} and "
            f"{z_dim} in z, got {shown(shape)}."
        )
    checks.integer("the rows of shape", shape[0], 1, MOST)
    checks.shape("input_directions", inputs, (k, shape[1]))
    S = _values("singular_values", rest["singular_values"], k, min(shape))
    if about["rank"] is not None and not (about["rank"] <= len(S) == min(shape)):
        raise ValueError(f"rank must be at most {min(shape)}, of as many singular values, got {about['rank']}.")
    checks.choice("rank_method", about["rank_method"], RANK_METHODS)
    if about["floor"] is not None:
        checks.number("floor", about["floor"], 0)
    svd = None if about["svd"] is None and not of_svd else _svd(of_svd, about["svd"], shape)
    return about | rest | {"directions": directions, "shape": shape, "target": target, "svd": svd}


def _sorted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the directions, of the decomposition, and the others."""
    parts: dict[str, dict[str, Tensor]] = {"directions": {}, "svd": {}, "": {}}
    for name, value in tensors.items():
        first, dot, last = name.partition(".")
        inside = bool(dot) and first in parts
        parts[first if inside else ""][last if inside else name] = value
    return parts["directions"], parts["svd"], parts[""]


def _directions(tensors: Mapping[str, Tensor], plain: dict[str, Any]) -> Directions:
    for name, value in tensors.items():
        if name not in ("vectors", "scales") and not name.startswith("scores."):
            check_names(tensors, {"vectors", "scales"})
        numbers(f"directions.{name}", value, "k", *(("d",) if name == "vectors" else ()))
    made = Directions(**together(tensors, plain).fields)
    checks.choice("the space of directions", made.space, ("z", "w"))
    as_basis(made.vectors.mT, "the rows of directions.vectors")
    return made


def _values(name: str, value: Tensor, low: int, high: int) -> Tensor:
    """Return singular values, of which there must be so many, else raise."""
    (count,) = numbers(name, value, "r").shape
    checks.integer(f"the length of {name}", count, low, high)
    if bool((value < 0).any()):
        raise ValueError(f"{name} must be at least 0, got {value.min():g}.")
    return value


def _svd(tensors: Mapping[str, Tensor], about: Any, shape: tuple[int, int]) -> SVD:
    check_fields(about, _SVD_FIELDS)
    check_names(tensors, set(_SVD_TENSORS), frozenset(_SVD_OPTIONAL))
    S = _values("svd.S", tensors["S"], 1, min(shape))
    as_basis(numbers("svd.V", tensors["V"], shape[1], len(S)), "svd.V")
    if "U" in tensors:  # its columns are noise where a value is
        numbers("svd.U", tensors["U"], shape[0], len(S))
    if "residuals" in tensors:
        numbers("svd.residuals", tensors["residuals"], len(S))
    if "upper" in tensors and bool(numbers("svd.upper", tensors["upper"], len(S), finite=False).isnan().any()):
        raise ValueError("svd.upper must be numbers or infinite, got NaN.")
    checks.choice("svd.method", about["method"], METHODS)
    checks.choice("svd.stopped", about["stopped"], STOPPED)
    checks.number("svd.floor", about["floor"], 0)
    unseen, products, sizes = about["unseen"], about["products"], about["output_shape"]
    if unseen is not None and not unseen >= 0:  # it may be infinite
        raise ValueError(f"svd.unseen must be at least 0, got {unseen}.")
    if products is not None and len(products) != 2:
        raise ValueError(f"svd.products must be two numbers, got {len(products)}.")
    if sizes is not None and (len(sizes) > AXES or math.prod(sizes) != shape[0]):
        raise ValueError(f"svd.output_shape must hold {shape[0]} numbers, got another shape.")
    if about["complete"] and len(S) != min(shape):
        raise ValueError(f"svd.S must hold {min(shape)} numbers where it is complete, got {len(S)}.")
    made: dict[str, Any] = about | {name: tensors.get(name) for name in (*_SVD_TENSORS, *_SVD_OPTIONAL)}
    made["products"] = None if products is None else tuple(products)
    made["output_shape"] = None if sizes is None else tuple(sizes)
    return SVD(**made)
