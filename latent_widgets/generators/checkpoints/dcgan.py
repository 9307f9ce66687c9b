"""State dicts of the DCGAN that tutorials train: ``main.0.weight`` and on, a convolution and a norm by turns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from latent_widgets.generators.checkpoints._found import Found, Readable, StoredPart
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, short

__all__ = ["ANCHOR", "HEADS", "find", "looks_like"]

ANCHOR = "main.0.weight"
HEADS = frozenset(("main",))

_NORMS = ("weight", "bias", "running_mean", "running_var")
_COUNT = "num_batches_tracked"  # of training, plays no part


def looks_like(tensors: Mapping[str, Any]) -> bool:
    """Return whether these are the names of such a generator, and not of its discriminator."""
    first, norm = tensors.get("main.0.weight"), tensors.get("main.1.running_var")
    if first is None or norm is None or len(first.shape) != 4 or len(norm.shape) != 1:
        return False
    return bool(first.shape[1] == norm.shape[0])  # a transposed convolution has its outputs second


def find(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.
        asked: What the user says about the file.

    Raises:
        CheckpointError: If a name is unknown or out of turn.
    """
    last = max(int(found[1]) for name in tensors if (found := re.fullmatch(r"main\.(\d{1,4})\.weight", name)))
    weights = [tensors.get(f"main.{i}.weight") for i in range(0, last + 1, 3)]
    shapes: list[tuple[int, ...]] = [() if weight is None else tuple(weight.shape) for weight in weights]
    if last % 3 or any(len(shape) != 4 for shape in shapes):
        raise CheckpointError("the tensors must be those of a DCGAN, got convolutions out of turn. " + WAY_OUT)
    blocks = [f"b{4 * 2**i}" for i in range(len(shapes) - 1)]
    parts: dict[str, StoredPart] = {}
    for name, tensor in tensors.items():
        found = re.fullmatch(r"main\.(\d{1,4})\.(\w+)", name)
        place, turn = divmod(int(found[1]), 3) if found else (len(shapes), 0)
        if found and found[2] == _COUNT:
            continue
        if found and place < len(shapes) and turn == 0 and found[2] == "weight":
            parts[f"{[*blocks, 'image'][place]}.conv.weight"] = StoredPart(tensor, name=name)
        elif found and place < len(blocks) and turn == 1 and found[2] in _NORMS:
            parts[f"{blocks[place]}.norm.{found[2]}"] = StoredPart(tensor, name=name)
        else:
            raise CheckpointError(
                f"the tensors must be those of a DCGAN, got {short(name)}: a variant of it. {WAY_OUT}"
            )
    config = {"z_dim": shapes[0][0], "channels": [shape[1] for shape in shapes[:-1]], "colours": shapes[-1][1]}
    notes = ("Its activation is taken to be ReLU, and its pictures to be in [-1, 1], as published.",)
    counts = {
        f"{block}.norm.{_COUNT}": lambda network: torch.tensor(0, dtype=torch.int64, device="cpu") for block in blocks
    }
    return Found("DCGAN", "dcgan_batch", config, parts, notes, defaults=counts)
