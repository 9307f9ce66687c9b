"""Files of fitted segmenters: safetensors with the weights, and JSON in the header with all else."""

from __future__ import annotations

import os
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors

from latent_widgets.core.files import Stamp
from latent_widgets.core.paths import to_read, to_write, write_whole
from latent_widgets.segmentation._regression import Linear

__all__ = ["read_fitted", "write_fitted"]

STAMP = Stamp("latent_widgets.few_shot_segmenter", 1, "segmenter")


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
        with safe_open(path, "pt") as file:
            metadata, tensors = file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"path must be an undamaged safetensors file, got {name!r}: {error}") from None
    if not STAMP.is_on(metadata):
        raise ValueError(f"path must be a file that FewShotSegmenter.save wrote, got {name!r}, which is another's.")
    try:
        if STAMP.is_newer(metadata):
            raise ValueError(
                f"path must be of version {STAMP.version} at most, got {name!r} of version {metadata['version']}. "
                "It was written by a newer latent_widgets."
            )
        about = STAMP.read(metadata)
        weights = {layer: tensors[f"weights.{layer}"] for layer in about["layers"]}
        return Linear(tensors["labels"], weights, tensors["bias"], about["converged"]), about
    except KeyError as missing:
        raise ValueError(f"path must be an undamaged file of a segmenter, got {name!r} without {missing}.") from None
