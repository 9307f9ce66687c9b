"""Checkpoints of GenForce and the programs built on it (SeFa, ReSeFa and others): their StyleGAN2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from latent_widgets.generators.checkpoints._changes import Change, first, plane, raised, row, scalar, turned
from latent_widgets.generators.checkpoints._filters import need_usual
from latent_widgets.generators.checkpoints._found import AVERAGE, Found, StoredPart, average_w
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find", "looks_like"]

_IGNORED = re.compile(r".*\.lod|truncation\.truncation|.*\.filter")
_LEAVES = {
    "weight": "weight", "bias": "bias", "style.weight": "affine.weight", "style.bias": "affine.bias",
    "noise": "noise_const", "noise_strength": "noise_strength",
}  # fmt: skip


def looks_like(tensors: Mapping[str, Any]) -> bool:
    """Return whether these are the names of such a generator."""
    return "synthesis.early_layer.const" in tensors and "synthesis.layer0.weight" in tensors


def find(tensors: Mapping[str, FileTensor]) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.

    Raises:
        CheckpointError: If a name is unknown or sizes are missing.
    """
    layers = [name for name in tensors if re.fullmatch(r"mapping\.dense\d{1,4}\.weight", name)]
    if not layers or "synthesis.layer0.style.weight" not in tensors:
        raise CheckpointError("the tensors must be those of a GenForce StyleGAN2, got another network.")
    channels = {}
    for name in tensors:
        if found := re.fullmatch(r"synthesis\.layer(\d{1,4})\.weight", name):
            channels[_side(int(found[1]))] = tensors[name].shape[0]
    parts = {}
    for name, tensor in tensors.items():
        if name.endswith(".kernel"):
            need_usual(name, tensor)
        elif not _IGNORED.fullmatch(name):
            ours, change = _known(name)
            parts[ours] = StoredPart(tensor, change)
    dense = tensors["mapping.dense0.weight"].shape
    if len(dense) != 2:
        raise CheckpointError(f"mapping.dense0.weight must be a matrix, got shape {dense}.")
    outputs = sum(bool(re.fullmatch(r"synthesis\.output\d{1,4}\.weight", name)) for name in tensors)
    config = {
        "z_dim": dense[1], "w_dim": dense[0], "resolution": max(channels), "mapping_layers": len(layers),
        "channels": {str(side): count for side, count in channels.items()},
        "architecture": "skip" if outputs > 1 else "orig", "noise": "synthesis.layer0.noise" in tensors,
    }  # fmt: skip
    defaults = {} if AVERAGE in parts else {AVERAGE: average_w}
    return Found("GenForce StyleGAN2", "stylegan2", config, parts, (), "StyleGAN2Generator", defaults=defaults)


def _side(index: int) -> int:
    if index > 64:
        raise CheckpointError(f"a network must have at most 64 layers, got layer {index}.")
    return int(2 ** (2 + (index + 1) // 2))


def _known(name: str) -> tuple[str, Change | None]:
    if found := re.fullmatch(r"mapping\.dense(\d{1,4})\.(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}", None
    if name == "truncation.w_avg":
        return AVERAGE, row
    if name == "synthesis.early_layer.const":
        return "synthesis.b4.const", first
    if found := re.fullmatch(r"synthesis\.(layer|output)(\d{1,4})\.(.+)", name):
        index, leaf = int(found[2]), _LEAVES.get(found[3])
        is_layer = found[1] == "layer"
        layer = f"b{_side(index)}.conv{0 if index % 2 else 1}" if is_layer else f"b{2 ** (2 + min(index, 64))}.torgb"
        changes: dict[str, Change] = {"style.bias": raised, "noise": plane, "noise_strength": scalar}
        change = turned if is_layer and index % 2 and found[3] == "weight" else changes.get(found[3])
        if leaf is not None:
            return f"synthesis.{layer}.{leaf}", change
    raise CheckpointError(
        f"the tensors must be those of a GenForce StyleGAN2, got {short(name)}: another network or a variant. "
        "Load it with the program that wrote it and pass the live network: lw.load(network)."
    )
