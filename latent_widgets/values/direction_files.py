"""Direction files: our own, and those that other projects write.

What a file is, is seen from its bytes; none is ever executed.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core.files import Stamp, safetensors_header

__all__ = ["Content", "arrange", "pack", "read"]

STAMP = Stamp("latent_widgets.values.directions", 1, "directions")
_OLD_TORCH = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # how files of torch before 1.6 begin
_KEYS = ("directions", "vectors", "boundary", "direction")  # tried in this order where a file holds several arrays


@dataclass(frozen=True, eq=False)
class Content:
    """What was found in a file.

    Attributes:
        kind: Which sort of file it is.
        tensors: ``vectors`` and, where known, ``scales``.
        scores: Numbers for each direction.
        plain: All other fields of a ``Directions``; None for a file that is not ours.
        space: The space, where the file says it.
    """

    kind: str
    tensors: dict[str, Tensor]
    scores: dict[str, Tensor] = field(default_factory=dict)
    plain: dict[str, Any] | None = None
    space: str | None = None


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
    data, name = Path(path).read_bytes(), os.fspath(path)
    try:
        if data[:6] == b"\x93NUMPY":
            return Content("npy file", {"vectors": _tensor(np.load(io.BytesIO(data), allow_pickle=False))})
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                is_torch = any(entry.endswith("data.pkl") for entry in archive.namelist())
            return _from_torch(data, key) if is_torch else _from_npz(data, key)
        if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
            return _from_safetensors(data, key)
        if data.startswith(_OLD_TORCH):
            return _from_torch(data, key)
    except pickle.UnpicklingError:
        raise ValueError(_objects(name)) from None
    except (SafetensorError, zipfile.BadZipFile, EOFError, RuntimeError, KeyError) as error:
        raise ValueError(f"path must be an undamaged file, got {name!r}: {error}") from None
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise ValueError(_objects(name)) from None
        raise ValueError(f"path must be an undamaged file of directions, got {name!r}: {error}") from None
    if data[:1] == b"\x80":
        raise ValueError(_objects(name))
    raise ValueError(
        f"path must be a .safetensors, .npy, .npz or .pt file of directions, got {name!r}, which is none of them."
    )


def _objects(name: str) -> str:
    return (
        f"path must be a file of plain numbers, got {name!r}, which holds Python objects. They could run code and are "
        "never loaded: save the array alone, with numpy.save or Directions.save."
    )


def _from_safetensors(data: bytes, key: str | None) -> Content:
    tensors = load_safetensors(data)
    metadata = safetensors_header(data)[0].get("__metadata__", {})
    if not STAMP.is_on(metadata):
        return _choose("safetensors file", tensors, key)
    if STAMP.is_newer(metadata):
        raise ValueError(
            f"it was written by a newer version of latent_widgets (format {metadata['version']}, "
            f"known {STAMP.version})."
        )
    scores = {n.removeprefix("scores."): t for n, t in tensors.items() if n.startswith("scores.")}
    return Content("directions", {n: tensors[n] for n in ("vectors", "scales")}, scores, STAMP.read(metadata))


def _from_npz(data: bytes, key: str | None) -> Content:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {n: _tensor(archive[n]) for n in archive.files}
    if key is None and {"lat_comp", "lat_stdev"} <= arrays.keys():
        # GANSpace: deviations are all exactly one where the latents are z (decomposition.py, compute)
        space = "z" if bool((arrays["lat_stdev"] == 1).all()) else "w"
        scores = {"variance_ratio": arrays["var_ratio"]} if "var_ratio" in arrays else {}
        return Content(
            "ganspace file", {"vectors": arrays["lat_comp"], "scales": arrays["lat_stdev"]}, scores, space=space
        )
    return _choose("npz file", arrays, key)


def _from_torch(data: bytes, key: str | None) -> Content:
    value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if isinstance(value, Tensor):
        return Content("pt file", {"vectors": value})
    if not isinstance(value, Mapping):
        raise ValueError(f"it holds a {type(value).__name__}, not a tensor or a dictionary of tensors.")
    tensors = {str(n): v for n, v in value.items() if isinstance(v, Tensor)}
    if key is None and "eigvec" in tensors:
        return Content(
            "closed-form factorisation", {"vectors": tensors["eigvec"].mT}, space="w"
        )  # directions are its columns
    if key is None and {"comp", "std"} <= tensors.keys():
        return Content("pca file", {"vectors": tensors["comp"], "scales": tensors["std"]}, space="w")
    return _choose("pt file", tensors, key)


def _choose(kind: str, arrays: Mapping[str, Tensor], key: str | None) -> Content:
    known = [n for n in _KEYS if n in arrays] or (list(arrays) if len(arrays) == 1 else [])
    chosen = known[0] if key is None and known else key
    if chosen is None or chosen not in arrays:
        asked = "" if key is None else f" and none is called {key!r}"
        raise ValueError(
            f"it holds the arrays {', '.join(map(repr, arrays)) or '(none)'}{asked}. Choose one with key=..."
        )
    return Content(kind, {"vectors": arrays[chosen]})


def _tensor(array: np.ndarray) -> Tensor:
    if array.dtype.kind not in "fiub":
        return torch.zeros(0, dtype=torch.float32, device="cpu")  # text and the like: no candidate for directions
    here = array.dtype.newbyteorder("=")
    return torch.from_numpy(np.ascontiguousarray(array, here if here in (np.float32, np.float64) else np.float32))


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
        ValueError: If the shape is none of these.
    """
    vectors = content.tensors["vectors"]
    shape = tuple(vectors.shape)
    if vectors.ndim not in (1, 2, 3) or 0 in shape:
        raise ValueError(f"vectors must have shape (d,), (k, d), (k, 1, d) or (k, num_layers, d), got {shape}.")
    if (vectors.ndim == 3 and shape[1] > 1) or space == "w+":
        return vectors.reshape(-1, *shape[-2:]), "w+"
    return vectors.reshape(-1, shape[-1]), space or content.space or "w"
