"""Files of ``torch.save`` with tensors and plain values alone, as this package's own training writes them."""

from __future__ import annotations

import os
from typing import Any

import torch

from latent_widgets.core.paths import to_read
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._values import Blob, CheckpointError, short
from latent_widgets.generators.checkpoints.reading import open_file

__all__ = ["read_torch"]

_DEEPEST = 16
_PLAIN = (str, int, float, bool, bytes, type(None))


@torch.inference_mode(False)  # the numbers serve wherever they are used later
def read_torch(path: str | os.PathLike[str], name: str = "path") -> Any:
    """Read what ``torch.save`` wrote, without PyTorch's own loader: nothing in the file is executed.

    Args:
        path: The file.
        name: What it is called in errors.

    Returns:
        Its value, of lists, tuples, dicts, plain values and tensors on the CPU, each with memory of its own.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, no file of ``torch.save``, holds other values, or asks for far more memory or work
            than a file of its size.
    """
    path = to_read(path, name)
    try:
        content = open_file(path)
        if content.kind not in ("zip", "legacy"):
            raise CheckpointError("the file must be one of torch.save, got another kind.")
        if content.complaints:
            raise CheckpointError(content.complaints[0])
        return _plain(content.value, {}, 0)
    except CheckpointError as error:
        raise ValueError(
            f"{name} must be a whole file of tensors and plain values, got {path.name!r}: {error}"
        ) from None


def _plain(value: Any, made: dict[int, Any], depth: int) -> Any:
    """The value with its tensors read; what lies in it twice is made once."""
    if isinstance(value, _PLAIN):
        return value
    if id(value) in made:
        return made[id(value)]
    if depth > _DEEPEST:
        raise CheckpointError(f"its values must lie at most {_DEEPEST} deep, got more.")
    if isinstance(value, FileTensor):
        made[id(value)] = value.read(repeated=True)
    elif isinstance(value, Blob):
        made[id(value)] = value.text() if value.is_text else bytes(value.content())
    elif isinstance(value, dict):
        found: dict[Any, Any] = {}
        made[id(value)] = found
        for key, child in value.items():
            found[key] = _plain(child, made, depth + 1)
    elif isinstance(value, list):
        several: list[Any] = []
        made[id(value)] = several
        several.extend(_plain(child, made, depth + 1) for child in value)
    elif isinstance(value, tuple):
        made[id(value)] = tuple(_plain(child, made, depth + 1) for child in value)
    else:
        raise CheckpointError(
            f"its values must be tensors, numbers or text, got {short(getattr(value, 'name', value))}."
        )
    return made[id(value)]
