"""Checkpoints of rosinality's stylegan2-pytorch, and of the encoders and editors built on it (pSp, e4e and others)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from latent_widgets.generators.checkpoints._changes import Change, first, plane, row, scalar
from latent_widgets.generators.checkpoints._filters import need_usual
from latent_widgets.generators.checkpoints._found import AVERAGE, Found, StoredPart, average_w
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find", "looks_like"]

_KERNELS = re.compile(r".*\.kernel|kernel")  # resampling filters
_LEAVES = {
    "conv.weight": "weight", "conv.modulation.weight": "affine.weight", "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength", "activate.bias": "bias", "bias": "bias",
}  # fmt: skip


def _flat(x: Tensor) -> Tensor:
    return x.flatten()


def looks_like(tensors: Mapping[str, Any]) -> bool:
    """Return whether these are the names of such a generator."""
    return "input.input" in tensors and "style.1.weight" in tensors and "conv1.conv.weight" in tensors


def find(tensors: Mapping[str, FileTensor], average: FileTensor | None = None) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.
        average: The mean of ``w`` where the file has it, ``latent_avg``.

    Raises:
        CheckpointError: If a name is unknown or sizes are missing.
    """
    layers = [name for name in tensors if re.fullmatch(r"style\.\d{1,4}\.weight", name)]
    channels = {}
    for name in (
        "conv1.conv.weight",
        *(name for name in tensors if re.fullmatch(r"convs\.\d{1,4}\.conv\.weight", name)),
    ):
        if len(tensors[name].shape) != 5:
            raise CheckpointError(f"{name} must have five axes, got shape {tensors[name].shape}.")
        channels[_place(name)[0]] = tensors[name].shape[1]
    style = tensors["style.1.weight"].shape
    if len(style) != 2:
        raise CheckpointError(f"style.1.weight must be a matrix, got shape {style}.")
    parts: dict[str, StoredPart] = {}
    for name, tensor in tensors.items():
        if _KERNELS.fullmatch(name):
            need_usual(name, tensor)
        else:
            ours, change = _known(name)
            parts[ours] = StoredPart(tensor, change)
    notes = []
    if average is not None:
        parts[AVERAGE] = StoredPart(average, row)
    else:
        notes.append("The file has no mean of w: that of 10000 mapped latents was taken for truncation.")
    config = {
        "z_dim": style[1], "w_dim": style[0], "resolution": max(channels), "channels": channels,
        "mapping_layers": len(layers), "noise": "noises.noise_0" in tensors,
    }  # fmt: skip
    config["channels"] = {str(side): count for side, count in channels.items()}
    defaults = {} if average is not None else {AVERAGE: average_w}
    return Found("rosinality StyleGAN2", "stylegan2", config, parts, tuple(notes), "Generator", defaults=defaults)


def _place(name: str) -> tuple[int, str]:
    """Side and layer of a block, from the beginning of its name."""
    head, _, rest = name.partition(".")
    if head in ("conv1", "to_rgb1"):
        return 4, "conv1" if head == "conv1" else "torgb"
    index = int(rest.partition(".")[0])
    if index > 64:
        raise CheckpointError(f"a network must have at most 64 layers, got {short(name)}.")
    if head == "convs":
        return 8 * 2 ** (index // 2), f"conv{index % 2}"
    return 8 * 2**index, "torgb"


def _known(name: str) -> tuple[str, Change | None]:
    if found := re.fullmatch(r"style\.(\d{1,4})\.(weight|bias)", name):
        return f"mapping.fc{int(found[1]) - 1}.{found[2]}", None
    if name == "input.input":
        return "synthesis.b4.const", first
    if found := re.fullmatch(r"noises\.noise_(\d{1,4})", name):
        index = int(found[1])
        return f"synthesis.b{2 ** (2 + (min(index, 64) + 1) // 2)}.conv{0 if index % 2 else 1}.noise_const", plane
    if found := re.fullmatch(r"(conv1|to_rgb1|convs\.\d{1,4}|to_rgbs\.\d{1,4})\.(.+)", name):
        side, layer = _place(name)
        leaf = _LEAVES.get(found[2])
        if leaf is not None:
            change = {"conv.weight": first, "noise.weight": scalar, "bias": _flat}.get(found[2])
            return f"synthesis.b{side}.{layer}.{leaf}", change
    raise CheckpointError(
        f"the tensors must be those of rosinality's StyleGAN2, got {short(name)}: a variant of it. "
        "Load it with the program that wrote it and pass the live network: lw.load(network)."
    )
