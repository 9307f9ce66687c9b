"""Weights files of this package: safetensors with a description, and nothing that could be executed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from latent_widgets.core.files import safetensors_header
from latent_widgets.core.paths import write_whole
from latent_widgets.generators._networks import ARCHITECTURES
from latent_widgets.generators._shipped import pack, read_about
from latent_widgets.generators.checkpoints._found import Found, StoredPart
from latent_widgets.generators.checkpoints._storages import FileTensor, Storage
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find", "write"]

_COUNT = ".num_batches_tracked"  # of training; it plays no part, and is the one number in a network that is whole
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
}  # fmt: skip


def find(data: memoryview, path: Path) -> Found:
    """Describe the network in a safetensors file of this package.

    Args:
        data: The bytes.
        path: The file.

    Returns:
        The network, its tensors still in the file.

    Raises:
        CheckpointError: If it is damaged, or not one of ours.
    """
    hint = f"`python -m latent_widgets convert SOURCE {path.name}` writes one from a checkpoint."
    try:
        with safe_open(path, "pt"):  # checks that the tensors of the header lie in the file, side by side
            header, start = safetensors_header(data)
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} must be a whole safetensors file, got {error}. {hint}") from None
    try:
        about = read_about(header, path.name)
    except ValueError as error:
        raise CheckpointError(f"{error} {hint}") from None
    architecture, config = about.get("architecture"), about.get("config")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES or not isinstance(config, dict):
        known = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"the architecture in {path.name} must be one of {known}, got {short(architecture)}.")
    notes = about.get("notes")
    notes = tuple(map(str, notes)) if isinstance(notes, list) else ()
    tensors = {key: _tensor(key, value, data[start:]) for key, value in header.items() if key != "__metadata__"}
    counts = {key for key, value in tensors.items() if key.endswith(_COUNT) and value.storage.dtype == torch.int64}
    parts = {key: StoredPart(value) for key, value in tensors.items() if key not in counts}
    defaults = {key: lambda network: torch.tensor(0, dtype=torch.int64, device="cpu") for key in counts}
    source = str(about.get("source_sha256", ""))
    return Found("latent_widgets", architecture, config, parts, notes, source_sha256=source, defaults=defaults)


def _tensor(name: str, entry: dict[str, Any], data: memoryview) -> FileTensor:
    dtype, shape, (begin, end) = _DTYPES.get(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
    if dtype is None:
        raise CheckpointError(f"{short(name)} must hold floating numbers, got {short(entry['dtype'])}.")
    storage = Storage(dtype, (end - begin) // dtype.itemsize, data[begin:end])
    return FileTensor(storage, 0, shape, tuple(math.prod(shape[i + 1 :]) for i in range(len(shape))))


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
