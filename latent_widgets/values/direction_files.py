"""Direction files: our own, and those that other projects write.

What a file is, is seen from its bytes; none is ever executed, and no array is read but those that are asked for.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core.fields import COUNT, DICT, INTEGER, TEXT, check_fields, list_of, or_none
from latent_widgets.core.files import Stamp
from latent_widgets.core.paths import to_read
from latent_widgets.core.stamped import FLOATS
from latent_widgets.generators.base import Generator
from latent_widgets.values.direction_arrays import Array, DamagedError, File, ObjectsError, parse

__all__ = ["Content", "apart", "arrange", "fitting_space", "in_space", "pack", "read", "together"]

STAMP = Stamp("latent_widgets.values.directions", 1, "directions")
_NAMES = ("names", "labels", "attributes")  # what the names of the rows are called
_KEYS = ("directions", "vectors", "boundary", "direction")  # tried in this order where a file holds several arrays
_SHOWN = 20  # of its names in an error
_PLAIN = (str, int, float, bytes)  # what may be a name: the text of a nest of lists could be endless


@dataclass(frozen=True, eq=False)
class Content:
    """What was found in a file.

    Attributes:
        kind: Which sort of file it is.
        tensors: ``vectors`` and, where known, ``scales``.
        scores: Numbers for each direction.
        plain: All other fields of a ``Directions``; None for a file that is not ours.
        space: The space, where the file says it.
        names: What the directions are called, where the file says it.
    """

    kind: str
    tensors: dict[str, Tensor]
    scores: dict[str, Tensor] = field(default_factory=dict)
    plain: dict[str, Any] | None = None
    space: str | None = None
    names: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, Any]:
        """Those of the ``Directions`` that a file of ours holds."""
        return {**(self.plain or {}), **self.tensors, "scores": self.scores}


def apart(directions: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what a file of ours holds of ``Directions``.

    Args:
        directions: ``Directions``.

    Returns:
        The tensors by name, and all else as plain JSON values: what :func:`together` takes.
    """
    tensors = {"vectors": directions.vectors, "scales": directions.scales}
    tensors |= {f"scores.{name}": score for name, score in directions.scores.items()}
    plain = {name: getattr(directions, name) for name in _FIELDS}
    return tensors, {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def together(tensors: Mapping[str, Tensor], plain: Any) -> Content:
    """Return what a file of ours says of ``Directions``, which are still to be made of it.

    Args:
        tensors: By name.
        plain: All else.

    Returns:
        The content.

    Raises:
        DamagedError: If a tensor is missing.
        ValueError: If a field is of another kind.
    """
    check_fields(plain, _FIELDS, frozenset(_FIELDS))
    if missing := {"vectors", "scales"} - tensors.keys():
        raise DamagedError(f"it has no {min(missing)!r}.")
    for value in tensors.values():
        if value.is_floating_point() and value.dtype not in FLOATS:  # PyTorch neither adds nor compares them
            raise ValueError(f"its numbers must be of 16, 32 or 64 bits, got {value.dtype}.")
    scores = {name.removeprefix("scores."): value for name, value in tensors.items() if name.startswith("scores.")}
    return Content("directions", {name: tensors[name] for name in ("vectors", "scales")}, scores, plain)


def pack(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> bytes:
    """Return the bytes of a safetensors file with ``plain`` as JSON in its header."""
    apart = {name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    return save_safetensors(apart, STAMP.metadata(plain))


def read(path: str | os.PathLike[str], key: str | None = None) -> Content:
    """Read a file of directions.

    Args:
        path: The file.
        key: Which array to take from a file that holds several.

    Returns:
        What it holds.

    Raises:
        ValueError: If it is damaged, of no known kind, would have to be executed, or holds no such array.
    """
    path = to_read(path)
    name = str(path)
    try:
        file = parse(path)
        if file.metadata is not None and STAMP.is_on(file.metadata):
            return _ours(file)
        if file.kind and isinstance(file.value, Mapping):
            return _known(file, key) or _choose(file, key)
    except ObjectsError:
        raise ValueError(
            f"path must be a file of plain numbers, got {name!r}, which holds Python objects. They could run code and "
            "are never loaded: save the array alone, with numpy.save or Directions.save."
        ) from None
    except DamagedError as error:
        raise ValueError(f"path must be an undamaged file of directions, got {name!r}: {error}") from None
    except ValueError as error:
        raise ValueError(f"path must be a file of directions, got {name!r}: {error}") from None
    if file.kind:
        raise ValueError(
            f"path must be a file of directions, got {name!r}: it holds a {type(file.value).__name__}, not a tensor or "
            "a dictionary of tensors. Save one array, a direction in each row."
        )
    raise ValueError(
        f"path must be a .safetensors, .npy, .npz or .pt file of directions, got {name!r}, which is none of them."
    )


def _ours(file: File) -> Content:
    metadata: Mapping[str, str] = file.metadata or {}
    if STAMP.is_newer(metadata):
        raise ValueError(
            f"it was written by a newer version of latent_widgets (format {metadata['version']}, "
            f"known {STAMP.version})."
        )
    return together({name: array.read() for name, array in file.value.items()}, STAMP.read(metadata))


_FIELDS = {  # of our own files; the directions themselves say which they need
    "space": TEXT, "unit": TEXT, "method": TEXT, "generator": or_none(TEXT), "weights_hash": or_none(TEXT),
    "layers": or_none(list_of(COUNT)), "rows": or_none(list_of(INTEGER)), "names": list_of(TEXT), "parameters": DICT,
    "seed": or_none(INTEGER),
}  # fmt: skip


def _known(file: File, key: str | None) -> Content | None:
    """Take what the layout of another project says; None where it is of none that is known."""
    if key is not None:
        return None
    if file.has("lat_comp", "lat_stdev"):
        names = ("lat_comp", "lat_stdev", "var_ratio")
        arrays = {name: _numbers(name, file.value[name].read()) for name in names if file.has(name)}
        # GANSpace: deviations are all exactly one where the latents are z (decomposition.py, compute)
        space = "z" if bool((arrays["lat_stdev"] == 1).all()) else "w"
        scores = {"variance_ratio": arrays["var_ratio"]} if "var_ratio" in arrays else {}
        return Content(
            "ganspace file", {"vectors": arrays["lat_comp"], "scales": arrays["lat_stdev"]}, scores, space=space
        )
    if file.has("eigvec") and file.value["eigvec"].of_torch:  # directions are its columns
        vectors = _numbers("eigvec", file.value["eigvec"].read())
        return Content("closed-form factorisation", {"vectors": vectors.mT}, space="w")
    if file.has("comp", "std") and file.value["comp"].of_torch:
        comp, std = (_numbers(name, file.value[name].read()) for name in ("comp", "std"))
        return Content("pca file", {"vectors": comp, "scales": std}, space="w")
    return None


def _choose(file: File, key: str | None) -> Content:
    """Take one array, or from a dictionary of single directions all."""
    usual = [name for name in _KEYS if file.has(name)] or (list(file.names) if len(file.names) == 1 else [])
    chosen = usual[0] if key is None and usual else key
    if chosen is not None and file.has(chosen):
        array = file.value[chosen]
        vectors = _numbers(chosen, array.read())
        alone = (chosen,) if chosen and chosen not in (*_KEYS, "arr_0") else ()
        return Content(file.kind, {"vectors": vectors}, names=_labels(file, chosen, array.shape) or alone)
    if key is None and (each := _singles(file)):
        return Content(file.kind, {"vectors": torch.stack(list(each.values()))}, names=tuple(each))
    shown = ", ".join(repr(name[:40]) for name in file.names[:_SHOWN]) or "(none)"
    more = f" and {len(file.names) - _SHOWN} more" if len(file.names) > _SHOWN else ""
    asked = "" if key is None else f" and none is called {key!r}"
    raise ValueError(f"it holds the arrays {shown}{more}{asked}. Choose one with key=...")


def _singles(file: File) -> dict[str, Tensor]:
    """The directions of a dictionary with one under each name, all of one length; nothing where it is another."""
    length: int | None = None
    for name in file.names:
        shape = file.value[name].shape
        if not shape or math.prod(shape) != shape[-1] or length not in (None, shape[-1]):
            return {}
        length = shape[-1]
    return {name: _numbers(name, file.value[name].read()).flatten() for name in file.names}


def _labels(file: File, chosen: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names that lie beside an array, where there is one for each of its rows."""
    for name in _NAMES:
        given = file.value.get(name) if name != chosen and shape else None
        if isinstance(given, Array):
            given = given.read().tolist() if not given.of_torch and given.shape == shape[:1] else None
        if isinstance(given, list | tuple) and len(given) == shape[0] and all(isinstance(one, _PLAIN) for one in given):
            return tuple(map(str, given))
    return ()


def _numbers(name: str, value: Any) -> Tensor:
    """Return the real numbers of an array, in single precision or better.

    Args:
        name: What it is called; empty if it is the only one.
        value: An array or tensor.

    Returns:
        The tensor; whole numbers and half precision become float32, which has all their digits.

    Raises:
        ValueError: If it holds something else; the message says what to save instead.
    """
    wrong = f"the array {name!r} must hold real numbers, got" if name else "the array must hold real numbers, got"
    if isinstance(value, Tensor):
        if value.dtype == torch.bool or value.is_complex() or value.is_quantized or value.layout != torch.strided:
            raise ValueError(f"{wrong} {_WORDS.get(value.dtype, f'{value.dtype}, {value.layout}')}.")
        value = value.detach()
        return value if value.dtype in (torch.float32, torch.float64) else value.float()
    array = np.asarray(value)
    if array.dtype.names:
        fields = ", ".join(map(repr, array.dtype.names))
        raise ValueError(f"{wrong} fields called {fields}. Save one of them: array[{array.dtype.names[0]!r}].")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{wrong} {_KINDS.get(array.dtype.kind, array.dtype.name)}.")
    double = array.dtype.kind == "f" and array.dtype.itemsize >= 8
    return torch.from_numpy(np.array(array, np.float64 if double else np.float32, order="C"))


_KINDS = {
    "c": "complex ones. Save array.real",
    "b": "booleans. Save array.astype(float)",
    "O": "Python objects. Save numbers alone",
    "U": "text. Choose another array with key=",
    "S": "text. Choose another array with key=",
}
_WORDS = {torch.complex64: _KINDS["c"], torch.complex128: _KINDS["c"], torch.bool: _KINDS["b"]}


def arrange(content: Content, space: str | None) -> tuple[Tensor, str]:
    """Bring the array of a foreign file into the form of ``Directions``.

    ``(d,)`` and ``(1, d)`` are one direction, ``(k, d)`` and ``(k, 1, d)`` are k, ``(k, num_layers, d)`` are k of
    ``w+``; with ``space="w+"`` two axes are the rows of one direction.

    Args:
        content: What was read.
        space: What the caller knows about the space.

    Returns:
        The vectors and their space.

    Raises:
        ValueError: If the shape is none of these, or a row is zero or not finite.
    """
    vectors = content.tensors["vectors"]
    shape = tuple(vectors.shape)
    if vectors.ndim not in (1, 2, 3) or 0 in shape:
        raise ValueError(f"vectors must have shape (d,), (k, d), (k, 1, d) or (k, num_layers, d), got {shape}.")
    if vectors.ndim > 1 and shape[-1] == 1 < shape[-2]:
        raise ValueError(
            f"vectors must lie in rows, got {shape}, a column. Save the transpose: array.T, or array[..., 0]."
        )
    wrong = (~vectors.reshape(-1, shape[-1] if vectors.ndim < 3 else shape[1] * shape[2]).isfinite()).any(1)
    if wrong.any():
        rows = wrong.nonzero()[:_SHOWN, 0].tolist()
        raise ValueError(
            f"vectors must be finite, got NaN or infinity in the rows {rows}. Leave these out of the file."
        )
    if (vectors.ndim == 3 and shape[1] > 1) or space == "w+":
        return vectors.reshape(-1, *shape[-2:]), "w+"
    return vectors.reshape(-1, shape[-1]), space or content.space or "w"


def in_space(directions: Any, space: str | None, G: Generator) -> Any:
    """Read directions as a generator and its user know them; a file of numbers alone does not say all.

    Args:
        directions: ``Directions``.
        space: Where they live; None if nobody said so.
        G: The generator.

    Returns:
        The directions; as many rows as the generator has layers are one direction in ``"w+"``.

    Warns:
        UserWarning: If the rows of a file may be either, and nobody said which.
    """
    shape, n = tuple(directions.vectors.shape), G.num_layers
    rows = _is_imported(directions) and len(shape) == 2 and 1 < shape[0] == n and "w+" in G.spaces
    if space is not None:
        if rows and space == "w+":
            fresh: dict[str, Any] = {"scales": None, "names": (), "scores": {}, "rows": None, "unit": "latent"}
            return replace(directions, vectors=directions.vectors[None], space=space, **fresh)
        return replace(directions, space=space)
    if rows and shape[1] == G.dim("w+"):
        warnings.warn(
            f"The {n} rows of {directions.parameters['file']!r} were read as {n} directions in {directions.space}, and "
            f"{G.name!r} has as many layers. If they are one direction with a row for each layer, use "
            "Directions.load(path, space='w+'); if not, directions.for_generator(G, space='w') says so.",
            stacklevel=3,
        )
    return directions


def fitting_space(directions: Any, G: Generator) -> str:
    """Say which space of a generator imported directions would fit, where their file says none.

    Args:
        directions: ``Directions``.
        G: The generator.

    Returns:
        A sentence; empty where they fit none.
    """
    fit = [space for space in G.spaces if space not in ("w+", directions.space) and G.dim(space) == directions.dim]
    if not fit or not _is_imported(directions):
        return ""
    return f"Where the file means another space, use Directions.load(path, space={fit[0]!r})."


def _is_imported(directions: Any) -> bool:
    """Whether they came from a file that is not ours, and no generator is known yet."""
    return directions.weights_hash is None and "file" in directions.parameters
