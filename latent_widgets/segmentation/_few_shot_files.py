"""Files of fitted segmenters: safetensors with the weights, and JSON in the header with all else."""

from __future__ import annotations

import os
from typing import Any

import torch
from safetensors.torch import save as save_safetensors

from latent_widgets.core.fields import COUNT, DICT, FLAG, NUMBER, TEXT, Kind, check_fields, list_of, or_none
from latent_widgets.core.files import Stamp, read_safetensors
from latent_widgets.core.paths import to_read, to_write, write_whole
from latent_widgets.segmentation._regression import Linear

__all__ = ["read_fitted", "write_fitted"]

STAMP = Stamp("latent_widgets.few_shot_segmenter", 1, "segmenter")
_FIELDS = {
    "names": list_of(TEXT), "painted": COUNT, "training_agreement": NUMBER, "held_out": or_none(DICT),
    "advice": list_of(TEXT), "stopped": TEXT, "generator": TEXT, "weights_hash": TEXT, "layers": list_of(TEXT),
    "converged": FLAG,
}  # fmt: skip
_SCORES = Kind("a dict of numbers", lambda value: isinstance(value, dict) and all(map(NUMBER.holds, value.values())))
_HELD_OUT = {"iou": _SCORES, "mean": NUMBER, "folds": COUNT}


def write_fitted(path: str | os.PathLike[str], linear: Linear, about: dict[str, Any]) -> None:
    """Write a linear map and plain JSON values as one file, whole or not at all.

    Args:
        path: Where to; ends in ``.safetensors``.
        linear: The map.
        about: The values.

    Raises:
        ValueError: If the path ends otherwise.
    """
    path = to_write(path, endings=(".safetensors",))
    tensors = {f"weights.{layer}": weight for layer, weight in linear.weights.items()}
    tensors |= {"labels": linear.labels, "bias": linear.bias}
    about = about | {"layers": list(linear.weights), "converged": linear.converged}
    apart = {name: value.cpu().contiguous() for name, value in tensors.items()}
    write_whole(path, save_safetensors(apart, STAMP.metadata(about)))


def read_fitted(path: str | os.PathLike[str]) -> tuple[Linear, dict[str, Any]]:
    """Read what :func:`write_fitted` wrote, bit for bit.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged, of another kind, or written by a newer version.
    """
    path = to_read(path)
    name = str(path)
    try:
        tensors, metadata = read_safetensors(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"path must be an undamaged safetensors file, got {name!r}: {error}") from None
    if not STAMP.is_on(metadata):
        raise ValueError(f"path must be a file that FewShotSegmenter.save wrote, got {name!r}, which is another's.")
    try:
        newer, about = STAMP.is_newer(metadata), {} if STAMP.is_newer(metadata) else STAMP.read(metadata)
        if not newer:
            check_fields(about, _FIELDS)
            if about["held_out"] is not None:
                check_fields(about["held_out"], _HELD_OUT)
    except ValueError as error:
        raise ValueError(f"path must be an undamaged file of a segmenter, got {name!r}: {error}") from None
    if newer:
        raise ValueError(
            f"path must be of version {STAMP.version} at most, got {name!r} of version {metadata['version']}. "
            "It was written by a newer latent_widgets."
        )
    try:
        weights = {layer: tensors[f"weights.{layer}"] for layer in about["layers"]}
        linear = Linear(tensors["labels"], weights, tensors["bias"], about["converged"])
    except KeyError as missing:
        raise ValueError(f"path must be an undamaged file of a segmenter, got {name!r} without {missing}.") from None
    if not _fits(linear, len(about["names"])):
        raise ValueError(f"path must be an undamaged file of a segmenter, got {name!r} with tensors of other sizes.")
    return linear, about


def _fits(linear: Linear, names: int) -> bool:
    """Whether the tensors are those of one map, and its labels have names."""
    labels, bias = linear.labels, linear.bias
    if labels.ndim != 1 or not len(labels) or labels.dtype != torch.int64 or bias.shape != labels.shape:
        return False
    if len(labels.unique()) != len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < names:
        return False
    numbers = [bias, *linear.weights.values()]
    shaped = all(weight.ndim == 2 and len(weight) == len(labels) for weight in linear.weights.values())
    return bool(linear.weights) and shaped and all(x.is_floating_point() and bool(x.isfinite().all()) for x in numbers)
