"""The fields of ``Directions``, checked one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.words import shown, whole

__all__ = ["column", "default_scales", "different", "indices", "joined", "labels", "plain", "positive"]


def column(name: str, values: Any, vectors: Tensor) -> Tensor:
    """Return one finite number for each direction, in the type and on the device of the vectors."""
    if not isinstance(values, Tensor):  # numbers of Python have more digits than float32
        values = torch.as_tensor(values, dtype=vectors.dtype, device=vectors.device)
    result = values.detach().to(vectors, copy=True)  # the value is frozen
    return checks.finite(name, checks.shape(name, result, (len(vectors),)))


def positive(name: str, values: Any, vectors: Tensor) -> Tensor:
    """Return one positive number for each direction, else raise ValueError."""
    result = column(name, values, vectors)
    if not bool((result > 0).all()):
        raise ValueError(f"{name} must be positive, got {result.min():g}.")
    return result


def default_scales(unit: str, vectors: Tensor) -> Tensor:
    """Return the latent length of one unit where it needs no generator.

    Args:
        unit: ``"latent"``, or ``"degrees"`` at the radius sqrt(d) of a Gaussian prior.
        vectors: The directions.

    Returns:
        ``(k,)``.

    Raises:
        ValueError: For all other units.
    """
    lengths = {"latent": 1.0, "degrees": math.radians(math.sqrt(vectors.shape[-1]))}
    if unit not in lengths:
        fix = "latent_sd(G, vectors, space) estimates standard deviations."
        raise ValueError(f"scales must be given for unit {unit!r}, got None. {fix}")
    return torch.full((len(vectors),), lengths[unit], dtype=vectors.dtype, device=vectors.device)


def labels(names: Sequence[str], k: int, method: str) -> tuple[str, ...]:
    """Return ``k`` different labels, made from the method's name if there are none, else raise."""
    stem = method.removesuffix("_directions").replace("_", " ") or "direction"
    if isinstance(names, str):
        raise TypeError(f"names must be a list of labels, got the text {shown(names)}. Use [name].")
    names = tuple(names) or tuple(f"{stem} {i + 1}" for i in range(k))
    if any(not isinstance(name, str) for name in names):
        raise TypeError(f"names must be strings, got {shown(names)}.")
    if not all(map(str.strip, names)):
        raise ValueError(f"names must be labels that can be read, got {_some(names)}. One of them is empty.")
    names = tuple(map(whole, names))
    if len(names) != k or len(set(names)) != k:
        raise ValueError(f"names must be {k} different labels, got {_some(names)}.")
    return names


def _some(names: Sequence[str]) -> str:
    return f"{[name[:60] for name in names[:20]]}{' and more' if len(names) > 20 else ''}"


def different(names: Iterable[str]) -> tuple[str, ...]:
    """Return the labels with a number behind those that were there already.

    Example:
        >>> different(["a", "b", "a"])
        ('a', 'b', 'a (2)')
    """
    taken: dict[str, None] = {}
    counts: dict[str, int] = {}
    for name in names:
        label, count = name, counts.get(name, 2)
        while label in taken:
            label, count = f"{name} ({count})", count + 1
        taken[label], counts[name] = None, count  # the next of the name begins there: all before are taken
    return tuple(taken)


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as a file would give them back: tuples as lists; raise TypeError for what JSON lacks."""
    try:
        result: dict[str, Any] = json.loads(json.dumps(dict(parameters), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(f"parameters must be plain JSON values, got {shown(parameters)}: {error}.") from None
    return result


def indices(which: Any, names: Sequence[str]) -> list[int]:
    """Return the numbers of the directions meant by a number, a name, a slice, a mask or a list of these, from 0."""
    k = len(names)
    if isinstance(which, slice):
        return list(range(k))[which]
    if isinstance(which, Tensor | np.ndarray):
        which = which.tolist()
    if isinstance(which, list | tuple):
        if len(which) == k and all(isinstance(w, bool | np.bool_) for w in which):
            return [i for i, wanted in enumerate(which) if wanted]
        return [i for w in which for i in indices(w, names)]
    if isinstance(which, str):
        return [names.index(checks.choice("name", which, names))]
    index = checks.integer("index", which)
    if not -k <= index < k:
        raise IndexError(f"index must be below {k}, the number of directions, got {index}.")
    return [index % k]


def joined(parts: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of several ``Directions`` put behind each other.

    Args:
        parts: One or more.

    Returns:
        Those fields that differ from the first's.

    Raises:
        ValueError: If the parts differ in what must be the same.
    """
    first = parts[0]
    for what in ("space", "unit", "layers", "weights_hash"):
        values = {getattr(part, what) for part in parts}
        if len(values) > 1:
            raise ValueError(f"parts must have the same {what}, got {', '.join(sorted(map(str, values)))}.")
    shapes = {tuple(part.vectors.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise ValueError(f"parts must have the same dimension, got {', '.join(map(str, sorted(shapes)))}.")
    shared = [name for name in first.scores if all(name in part.scores for part in parts)]
    fields: dict[str, Any] = {
        "vectors": torch.cat([part.vectors.to(first.vectors) for part in parts]),
        "scales": torch.cat([part.scales.to(first.vectors) for part in parts]),
        "names": different(name for part in parts for name in part.names),
        "scores": {name: torch.cat([part.scores[name].to(first.vectors) for part in parts]) for name in shared},
    }
    if any((p.method, p.parameters, p.seed) != (first.method, first.parameters, first.seed) for p in parts):
        several = {"methods": [part.method for part in parts]}
        return fields | {"method": "concatenate", "parameters": several, "seed": None, "rows": None}
    known = all(part.rows is not None for part in parts)
    return fields | {"rows": tuple(row for part in parts for row in part.rows) if known else None}
