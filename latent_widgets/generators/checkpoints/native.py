"""Weights files of this package: safetensors with a description, and nothing that could be executed."""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from latent_widgets.core.budget import Budget
from latent_widgets.core.files import METADATA, safetensors_header
from latent_widgets.core.paths import write_whole
from latent_widgets.core.words import one_line
from latent_widgets.generators._networks import ARCHITECTURES
from latent_widgets.generators._shipped import KEY, pack, read_about
from latent_widgets.generators.checkpoints._found import Found, StoredPart
from latent_widgets.generators.checkpoints._storages import FileTensor, Storage
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find", "is_ours", "read", "tensors_of", "write"]

_COUNT = ".num_batches_tracked"  # of training; it plays no part, and is the one number in a network that is whole
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


def read(data: memoryview, path: Path, budget: Budget | None = None) -> dict[str, Any]:
    """Describe the tensors of a safetensors file.

    Args:
        data: The bytes.
        path: The file.
        budget: The account of the file; one for the bytes if not given.

    Returns:
        The tensors by name, still in the file, and under ``"__metadata__"`` what the header says about them.

    Raises:
        CheckpointError: If it is damaged.
    """
    hint = _hint(path)
    try:
        header, start = safetensors_header(data)
        with safe_open(path, "pt"):  # checks that the tensors of the header lie in the file, side by side
            pass
    except (SafetensorError, ValueError) as error:
        said = one_line(str(error), 500)  # it quotes the file
        raise CheckpointError(f"{path.name} must be a whole safetensors file, got {said}. {hint}") from None
    budget = budget or Budget(len(data), path.name, CheckpointError)
    budget.spend_each(8 * len(header))
    tensors = {key: _tensor(value, data[start:], budget) for key, value in header.items() if key != METADATA}
    return tensors | {METADATA: header.get(METADATA, {})}


def is_ours(content: dict[str, Any]) -> bool:
    """Return whether a file carries a description of this package."""
    return KEY in content[METADATA]


def tensors_of(content: dict[str, Any]) -> dict[str, FileTensor]:
    """Return the tensors without the description."""
    return {key: value for key, value in content.items() if key != METADATA}


def find(content: dict[str, Any], path: Path) -> Found:
    """Describe the network in a safetensors file of this package.

    Args:
        content: What :func:`read` found.
        path: The file.

    Returns:
        The network, its tensors still in the file.

    Raises:
        CheckpointError: If it is not one of ours.
    """
    try:
        about = read_about(content, path.name)
    except ValueError as error:
        raise CheckpointError(f"{error} {_hint(path)}") from None
    architecture, config = about.get("architecture"), about.get("config")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES or not isinstance(config, dict):
        known = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"the architecture in {path.name} must be one of {known}, got {short(architecture)}.")
    notes = about.get("notes")
    notes = tuple(map(str, notes)) if isinstance(notes, list) else ()
    tensors = tensors_of(content)
    counts = {key for key, value in tensors.items() if key.endswith(_COUNT) and value.storage.dtype == torch.int64}
    parts = {key: StoredPart(value) for key, value in tensors.items() if key not in counts}
    defaults = {key: lambda network: torch.tensor(0, dtype=torch.int64, device="cpu") for key in counts}
    source = str(about.get("source_sha256", ""))
    return Found("latent_widgets", architecture, config, parts, notes, source_sha256=source, defaults=defaults)


def _hint(path: Path) -> str:
    return f"`python -m latent_widgets convert SOURCE {path.name}` writes one from a checkpoint."


def _tensor(entry: dict[str, Any], data: memoryview, budget: Budget) -> FileTensor:
    dtype, shape, (begin, end) = _DTYPES.get(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
    count = 0 if dtype is None else (end - begin) // dtype.itemsize  # of another kind: refused when it is read
    storage = Storage(dtype, count, data[begin:end])
    storage.budget = budget
    stride = tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()
    return FileTensor(storage, 0, shape, stride)


def write(found: Found, network: nn.Module, path: Path, half: bool = False) -> Path:
    """Write a network as safetensors.

    Args:
        found: Where it came from.
        network: The network.
        path: Where to.
        half: Whether to round its numbers to float16, for half the size.
    """
    about: dict[str, Any] = {
        "architecture": found.architecture,
        "config": found.config,
        "converted_from": found.family,
        "notes": list(found.notes),
        "source_sha256": found.source_sha256,
    }
    return write_whole(path, pack(dict(network.state_dict()), about, half=half))
