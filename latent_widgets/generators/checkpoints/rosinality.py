"""Checkpoints of rosinality's stylegan2-pytorch, and of the encoders and editors built on it (pSp, e4e and others)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from latent_widgets.generators.checkpoints._changes import Change, first, plane, scalar
from latent_widgets.generators.checkpoints._filters import need_usual
from latent_widgets.generators.checkpoints._found import (
    AVERAGE,
    AVERAGES,
    Found,
    Readable,
    StoredPart,
    average_w,
    missing_noise,
)
from latent_widgets.generators.checkpoints._options import Asked, mapping_rate
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, short

__all__ = ["ANCHOR", "HEADS", "find", "looks_like"]

ANCHOR = "input.input"
HEADS = frozenset(("style", "input", "conv1", "convs", "to_rgb1", "to_rgbs", "noises"))

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


def find(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.
        asked: What the user says about the file.

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
            raise CheckpointError(f"{name} must have five axes, got shape {tuple(tensors[name].shape)}. {WAY_OUT}")
        channels[str(_place(name)[0])] = tensors[name].shape[1]
    style = tensors["style.1.weight"].shape
    if len(style) != 2:
        raise CheckpointError(f"style.1.weight must be a matrix, got shape {tuple(style)}. {WAY_OUT}")
    parts: dict[str, StoredPart] = {}
    for name, tensor in tensors.items():
        if _KERNELS.fullmatch(name):
            need_usual(name, tensor)
        elif name not in AVERAGES:
            ours, change = _known(name)
            parts[ours] = StoredPart(tensor, change, name)
    rate, told = mapping_rate({name: tensors[name] for name in tensors if name.startswith("style.")}, asked)
    colours = tensors["to_rgb1.bias"].shape if "to_rgb1.bias" in tensors else ()
    config = {
        "z_dim": style[1], "w_dim": style[0], "resolution": max(map(int, channels)), "channels": channels,
        "mapping_layers": len(layers), "mapping_lr": rate, "colours": math.prod(colours) if colours else 3,
        "noise": any(name.endswith(".noise.weight") for name in tensors),
    }  # fmt: skip
    drawn = missing_noise(config, parts)
    notes = (
        (f"The file has no noise for {len(drawn)} layers: seeded noise was drawn, as its program does.",)
        if drawn
        else ()
    )
    defaults = {AVERAGE: average_w, **drawn}
    return Found("rosinality StyleGAN2", "stylegan2", config, parts, (*notes, told), "Generator", defaults=defaults)


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
        f"the tensors must be those of rosinality's StyleGAN2, got {short(name)}: a variant of it. {WAY_OUT}"
    )
