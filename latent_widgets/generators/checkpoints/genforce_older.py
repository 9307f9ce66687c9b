"""GenForce's StyleGAN and ProgressiveGAN, grown to their full side: of their pictures only the largest is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latent_widgets.generators.checkpoints._changes import Change, first, plane, row
from latent_widgets.generators.checkpoints._filters import need_taps
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
from latent_widgets.generators.checkpoints.genforce import latents, sizes, transposed
from latent_widgets.generators.stylegan1 import FUSED_FROM

__all__ = ["PGGAN", "STYLEGAN1", "Older"]

_NO_TANH = "Its pictures were taken to have no final tanh, as published; final_tanh=True adds it."
_LEAVES: dict[str, tuple[str, Change | None]] = {
    "weight": ("weight", None),
    "bias": ("bias", None),
    "style.weight": ("affine.weight", None),
    "style.bias": ("affine.bias", None),
    "apply_noise.weight": ("noise_strength", None),
    "apply_noise.noise": ("noise_const", plane),
}


@dataclass(frozen=True)
class Older:
    """How such a program names the tensors of its generator; as a module of a layout has these names.

    Attributes:
        ANCHOR: A tensor that it always has.
        HEADS: The first parts of all its names.
        looks_like: Whether these are its names.
        find: Describes the generator.
    """

    ANCHOR: str
    HEADS: frozenset[str]
    looks_like: Callable[[Mapping[str, Any]], bool]
    find: Callable[[Mapping[str, Readable], Asked], Found]


def _looks_like_stylegan1(tensors: Mapping[str, Any]) -> bool:
    return "mapping.dense0.weight" in tensors and "synthesis.layer0.style.weight" in tensors


def _find_stylegan1(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    inner = {name.removeprefix("synthesis."): tensor for name, tensor in tensors.items()}
    channels, last, colours = _blocks(inner, "StyleGAN")
    parts: dict[str, StoredPart] = {}
    for name, tensor in tensors.items():
        if name.endswith(".kernel"):
            need_taps(name, tensor, (1.0, 2.0, 1.0))
        elif name != "synthesis.lod" and name not in AVERAGES and not _smaller(name, last):
            ours, change = _of_stylegan1(name)
            parts[ours] = StoredPart(tensor, change, name)
    rate, told = mapping_rate({name: tensors[name] for name in tensors if "mapping.dense" in name}, asked)
    layers = sum(bool(re.fullmatch(r"mapping\.dense\d{1,4}\.weight", name)) for name in tensors)
    config = {key: value for key, value in latents(tensors).items() if key != "joint"} | {
        "resolution": 4 * 2**last, "channels": channels, "colours": colours,
        "mapping_layers": layers, "mapping_lr": rate,
        "noise": "synthesis.layer0.apply_noise.weight" in tensors, "fused_from": FUSED_FROM,
    }  # fmt: skip
    notes = [told, "" if asked.final_tanh else _NO_TANH]
    if config["resolution"] >= FUSED_FROM:
        notes.append(f"Transposed convolutions were taken to double its side from {FUSED_FROM} px on, as published.")
    drawn = missing_noise(parts)
    if drawn:
        notes.append(f"The file has no noise for {len(drawn)} layers: seeded noise was drawn.")
    defaults = {**({} if AVERAGE in parts else {AVERAGE: average_w}), **drawn}
    said = tuple(note for note in notes if note)
    return Found("GenForce StyleGAN", "stylegan1", config, parts, said, "StyleGANGenerator", defaults=defaults)


def _of_stylegan1(name: str) -> tuple[str, Change | None]:
    if found := re.fullmatch(r"mapping\.dense(\d{1,4})\.(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}", _before_gain if found[2] == "bias" else None
    if name == "mapping.label_weight":
        return "mapping.embed.weight", transposed
    if name == "truncation.w_avg":
        return AVERAGE, row
    if name == "synthesis.layer0.const":
        return "synthesis.b4.const", first
    if found := re.fullmatch(r"synthesis\.output\d{1,4}\.(weight|bias)", name):
        return f"synthesis.image.{found[1]}", None
    if (found := re.fullmatch(r"synthesis\.layer(\d{1,2})\.(.+)", name)) and found[2] in _LEAVES:
        leaf, change = _LEAVES[found[2]]
        return f"synthesis.b{4 * 2 ** (int(found[1]) // 2)}.conv{int(found[1]) % 2}.{leaf}", change
    raise _variant("StyleGAN", name)


def _looks_like_pggan(tensors: Mapping[str, Any]) -> bool:
    shape = tensors["layer0.weight"].shape
    return len(shape) == 4 and tuple(shape[2:]) == (4, 4) and "output0.weight" in tensors


def _find_pggan(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    channels, last, colours = _blocks(tensors, "ProgressiveGAN")
    parts = {}
    for name, tensor in tensors.items():
        if name == "lod" or _smaller(name, last):
            continue
        if found := re.fullmatch(r"output\d{1,4}\.(weight|bias)", name):
            parts[f"image.conv.{found[1]}"] = StoredPart(tensor, name=name)
        elif found := re.fullmatch(r"layer(\d{1,2})\.(weight|bias)", name):
            ours = f"b{4 * 2 ** (int(found[1]) // 2)}.conv{int(found[1]) % 2}.{found[2]}"
            parts[ours] = StoredPart(tensor, name=name)
        else:
            raise _variant("ProgressiveGAN", name)
    z_dim = tensors["layer0.weight"].shape[1]
    config = {"z_dim": z_dim, "channels": [channels[str(4 * 2**i)] for i in range(last + 1)], "colours": colours}
    classes = "It was taken to have no classes, of which the tensors would say nothing."
    notes = (classes,) if asked.final_tanh else (classes, _NO_TANH)
    asked.refuse("a ProgressiveGAN, which has no mapping and", "mapping_lr")
    return Found("GenForce ProgressiveGAN", "pggan", config, parts, notes, "PGGANGenerator")


def _blocks(tensors: Mapping[str, Readable], kind: str) -> tuple[dict[str, int], int, int]:
    """Channels by side, the number of the last block, and the colours; refuses a network that is not full-grown."""
    channels: dict[str, int] = {}
    for name, tensor in tensors.items():
        found = re.fullmatch(r"layer(\d{1,2})\.bias", name)
        if found and int(found[1]) % 2:
            channels[str(4 * 2 ** (int(found[1]) // 2))] = sizes(name, tensor, 1)[0]
    last = len(channels) - 1
    missing = [side for i in range(last + 1) if (side := str(4 * 2**i)) not in channels]
    image = f"output{last}.weight"
    if last < 1 or missing or image not in tensors:
        raise CheckpointError(f"the tensors must be those of a GenForce {kind}, got blocks with gaps. {WAY_OUT}")
    lod = tensors.get("lod")
    if lod is not None and math.prod(lod.shape) == 1 and (level := float(lod.read())) > 0:
        raise CheckpointError(f"lod must be 0, that of a network grown to its full side, got {level:g}. {WAY_OUT}")
    return channels, last, sizes(image, tensors[image], 4)[0]


def _smaller(name: str, last: int) -> bool:
    """Whether it makes a smaller picture, which served while the network grew."""
    found = re.fullmatch(r"(?:synthesis\.)?output(\d{1,4})\.(weight|bias)", name)
    return found is not None and int(found[1]) != last


def _before_gain(x: Tensor) -> Tensor:
    return x if x.is_meta else x / math.sqrt(2.0)  # our activations are scaled behind the bias


def _variant(kind: str, name: str) -> CheckpointError:
    return CheckpointError(f"the tensors must be those of a GenForce {kind}, got {short(name)}: a variant. {WAY_OUT}")


STYLEGAN1 = Older(
    "synthesis.layer0.const", frozenset(("mapping", "truncation", "synthesis")), _looks_like_stylegan1, _find_stylegan1
)
PGGAN = Older(
    "layer0.weight",
    frozenset(("lod", *(f"{kind}{i}" for kind in ("layer", "output") for i in range(24)))),
    _looks_like_pggan,
    _find_pggan,
)
