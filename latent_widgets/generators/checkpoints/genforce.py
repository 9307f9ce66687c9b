"""Checkpoints of GenForce and the programs built on it (SeFa, ReSeFa and others): their StyleGAN2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latent_widgets.generators.checkpoints._changes import Change, first, plane, raised, row, scalar, turned
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

ANCHOR = "synthesis.early_layer.const"
HEADS = frozenset(("mapping", "truncation", "synthesis"))
_IGNORED = re.compile(r".*\.lod|truncation\.truncation")
_LEAVES = {
    "weight": "weight", "bias": "bias", "style.weight": "affine.weight", "style.bias": "affine.bias",
    "noise": "noise_const", "noise_strength": "noise_strength",
}  # fmt: skip
_EMBEDDINGS = {  # of classes; the first is normalised together with the latent, the second before it
    "mapping.label_weight": "mapping.embed.weight",
    "mapping.embedding.weight": "mapping.embed.weight",
    "mapping.embedding.bias": "mapping.embed.bias",
}


def looks_like(tensors: Mapping[str, Any]) -> bool:
    """Return whether these are the names of such a generator, or of its StyleGAN1."""
    return ANCHOR in tensors and "synthesis.layer0.weight" in tensors


def find(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.
        asked: What the user says about the file.

    Raises:
        CheckpointError: If a name is unknown or sizes are missing.
    """
    layers = [name for name in tensors if re.fullmatch(r"mapping\.dense\d{1,4}\.weight", name)]
    if not layers or "synthesis.layer0.style.weight" not in tensors or "mapping.dense0.weight" not in tensors:
        raise CheckpointError(f"the tensors must be those of a GenForce StyleGAN2, got another network. {WAY_OUT}")
    channels, colours = {}, 3
    for name, tensor in tensors.items():
        if found := re.fullmatch(r"synthesis\.layer(\d{1,4})\.weight", name):
            channels[str(_side(int(found[1])))] = _sizes(name, tensor, 4)[0]
        elif re.fullmatch(r"synthesis\.output\d{1,4}\.weight", name):
            colours = _sizes(name, tensor, 4)[0]
    newer, told = _is_newer(tensors)
    parts = {}
    for name, tensor in tensors.items():
        if name.endswith((".kernel", ".filter")):
            need_usual(name, tensor)
        elif name not in AVERAGES and not _IGNORED.fullmatch(name):
            ours, change = _known(name, newer)
            parts[ours] = StoredPart(tensor, change, name)
    rate, told_rate = mapping_rate({name: tensors[name] for name in tensors if "mapping.dense" in name}, asked)
    outputs = sum(bool(re.fullmatch(r"synthesis\.output\d{1,4}\.weight", name)) for name in tensors)
    config = {
        "resolution": max(map(int, channels)), "mapping_layers": len(layers), "mapping_lr": rate, "channels": channels,
        "architecture": "skip" if outputs > 1 else "resnet" if "synthesis.residual1.weight" in tensors else "orig",
        "noise": any(name.endswith(".noise_strength") for name in tensors), "colours": colours,
    }  # fmt: skip
    config |= _latents(tensors)
    drawn = missing_noise(config, parts)
    notes = [told_rate, *told]
    if drawn:
        notes.append(f"The file has no noise for {len(drawn)} layers: seeded noise was drawn.")
    if not asked.final_tanh:
        notes.append("Its pictures were taken to have no final tanh, as published; final_tanh=True adds it.")
    family = "Hammer StyleGAN2" if newer else "GenForce StyleGAN2"
    defaults = {**({} if AVERAGE in parts else {AVERAGE: average_w}), **drawn}
    return Found(family, "stylegan2", config, parts, tuple(notes), "StyleGAN2Generator", defaults=defaults)


def _is_newer(tensors: Mapping[str, Readable]) -> tuple[bool, tuple[str, ...]]:
    """Whether this is the layout of Hammer and ReSeFa: styles with their one, kernels as they are convolved with."""
    if any(name.startswith("truncation.") or name.endswith(".kernel") for name in tensors):
        return False, ()
    if any(name in AVERAGES or name.endswith((".filter", "embedding.weight")) for name in tensors):
        return True, ()
    biases = [value for name, value in tensors.items() if name.endswith(".style.bias")][:64]
    mean = float(
        torch.cat([value.read().double().flatten() for value in biases]).mean()
    )  # one before training, or zero
    newer = "Hammer's and ReSeFa's" if mean > 0.5 else "GenForce's"
    return mean > 0.5, (f"Its styles have the mean bias {mean:.2g}: they were taken to be {newer}.",)


def _latents(tensors: Mapping[str, Readable]) -> dict[str, Any]:
    inputs = _sizes("mapping.dense0.weight", tensors["mapping.dense0.weight"], 2)[1]
    w_dim = _sizes("synthesis.layer0.style.weight", tensors["synthesis.layer0.style.weight"], 2)[1]
    for name, axis in (("mapping.label_weight", 0), ("mapping.embedding.weight", 1)):
        if name in tensors:
            sizes = _sizes(name, tensors[name], 2)
            joint = {"joint": True} if axis == 0 else {}
            return {"z_dim": inputs - sizes[1 - axis], "w_dim": w_dim, "c_dim": sizes[axis]} | joint
    return {"z_dim": inputs, "w_dim": w_dim}


def _sizes(name: str, tensor: Readable, axes: int) -> tuple[int, ...]:
    if len(tensor.shape) != axes:
        raise CheckpointError(f"{name} must have {axes} axes, got shape {tuple(tensor.shape)}. {WAY_OUT}")
    return tuple(tensor.shape)


def _side(index: int) -> int:
    if index > 64:
        raise CheckpointError(f"a network must have at most 64 layers, got layer {index}.")
    return int(2 ** (2 + (index + 1) // 2))


def _transposed(x: Tensor) -> Tensor:
    return x.T.contiguous()


def _known(name: str, newer: bool) -> tuple[str, Change | None]:
    if found := re.fullmatch(r"mapping\.dense(\d{1,4})\.(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}", None
    if name == "truncation.w_avg":
        return AVERAGE, row
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name], _transposed if name == "mapping.label_weight" else None
    if name == ANCHOR:
        return "synthesis.b4.const", first
    if found := re.fullmatch(r"synthesis\.residual(\d{1,2})\.weight", name):
        return f"synthesis.b{2 ** (2 + int(found[1]))}.skip.weight", None
    if found := re.fullmatch(r"synthesis\.(layer|output)(\d{1,4})\.(.+)", name):
        index, leaf = int(found[2]), _LEAVES.get(found[3])
        is_layer = found[1] == "layer"
        layer = f"b{_side(index)}.conv{0 if index % 2 else 1}" if is_layer else f"b{2 ** (2 + min(index, 64))}.torgb"
        changes: dict[str, Change] = {"noise": plane, "noise_strength": scalar}
        if not newer:
            changes["style.bias"] = raised
            if is_layer and index % 2:
                changes["weight"] = turned
        if leaf is not None:
            return f"synthesis.{layer}.{leaf}", changes.get(found[3])
    raise CheckpointError(
        f"the tensors must be those of a GenForce StyleGAN2, got {short(name)}: another network or a variant. {WAY_OUT}"
    )
