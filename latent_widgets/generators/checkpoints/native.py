"""Weights files of this package: safetensors with a description, and nothing that could be executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets._files import write_whole
from latent_widgets.generators._networks import ARCHITECTURES
from latent_widgets.generators._shipped import pack, unpack
from latent_widgets.generators.checkpoints._found import Found, Part
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find", "write"]

_COUNT = ".num_batches_tracked"  # of training; it plays no part, and is the one number in a network that is whole


@dataclass(frozen=True, eq=False)
class _Held:
    """A tensor that has been read."""

    tensor: Tensor

    @property
    def shape(self) -> torch.Size:
        return self.tensor.shape

    def read(self) -> Tensor:
        return self.tensor


def find(data: memoryview, name: str) -> Found:
    """Describe the network in a safetensors file of this package.

    Args:
        data: The bytes.
        name: What to call the file in errors.

    Returns:
        The network.

    Raises:
        CheckpointError: If it is damaged, or not one of ours.
    """
    try:
        weights = unpack(bytes(data), name)
    except ValueError as error:
        raise CheckpointError(
            f"{error} `python -m latent_widgets convert SOURCE {name}` writes one from a checkpoint."
        ) from None
    about = weights.about if isinstance(weights.about, dict) else {}
    architecture, config = about.get("architecture"), about.get("config")
    if architecture not in ARCHITECTURES or not isinstance(config, dict):
        known = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"the architecture in {name} must be one of {known}, got {short(architecture)}.")
    notes = tuple(str(note) for note in about.get("notes", ()))
    counts = {key for key, value in weights.tensors.items() if key.endswith(_COUNT) and not value.is_floating_point()}
    parts = {key: Part(_Held(value)) for key, value in weights.tensors.items() if key not in counts}
    defaults = {key: lambda network: torch.tensor(0) for key in counts}
    source = str(about.get("source_sha256", ""))
    return Found("latent_widgets", architecture, config, parts, notes, source_sha256=source, defaults=defaults)


def write(found: Found, network: nn.Module, path: Path, half: bool = False) -> Path:
    """Write a network as safetensors.

    Args:
        found: Where it came from.
        network: The network.
        path: Where to.
        half: Whether to round its numbers to float16, for half the size.

    Returns:
        The path.
    """
    about: dict[str, Any] = {
        "architecture": found.architecture,
        "config": found.config,
        "converted_from": found.family,
        "notes": list(found.notes),
        "source_sha256": found.source_sha256,
    }
    return write_whole(path, pack(dict(network.state_dict()), about, half=half))
