"""State dicts of NVIDIA's StyleGAN2 and StyleGAN3, without the modules and so without their attributes.

Sizes follow from the shapes. What does not is taken as NVIDIA's programs set it, and said in the notes: the clamp, and
of a StyleGAN3 the layout of its layers, which must then agree in names, shapes and filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

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
from latent_widgets.generators.stylegan3_layers import Design, design

__all__ = ["ANCHOR", "HEADS", "find", "looks_like"]

ANCHOR = "mapping.fc0.weight"
HEADS = frozenset(("mapping", "synthesis"))
_CLAMP = 256.0  # what NVIDIA's training sets in both programs
_ROUNDED = 1e-3  # by which a tap may differ: half precision rounds those of a sum of one by less


def looks_like(tensors: Mapping[str, Any]) -> bool:
    """Return whether these are the names of such a generator."""
    return ANCHOR in tensors and ("synthesis.b4.const" in tensors or "synthesis.input.freqs" in tensors)


def find(tensors: Mapping[str, Readable], asked: Asked) -> Found:
    """Describe the generator of a state dict.

    Args:
        tensors: The tensors by name.
        asked: What the user says about the file.

    Raises:
        CheckpointError: If sizes are missing, or a StyleGAN3 has other layers than those published.
    """
    alias_free = "synthesis.input.freqs" in tensors
    parts = {}
    for name, tensor in tensors.items():
        if name.endswith("resample_filter"):
            need_usual(name, tensor)
        elif name not in AVERAGES:
            parts[name] = StoredPart(tensor, name=name)
    rate, told = mapping_rate({name: tensors[name] for name in tensors if name.startswith("mapping.fc")}, asked)
    notes = [told, f"Activations were taken to be clamped at {_CLAMP:g}, as NVIDIA's training sets it."]
    config = _latents(tensors) | {"mapping_lr": rate}
    drawn: dict[str, Any] = {}
    if alias_free:
        config |= _stylegan3(tensors, notes)
    else:
        config |= _stylegan2(tensors)
        drawn = missing_noise(config, parts)
        if drawn:
            notes.append(f"The file has no noise for {len(drawn)} layers: seeded noise was drawn.")
    defaults = {**({} if AVERAGE in parts else {AVERAGE: average_w}), **drawn}
    family, architecture = ("NVIDIA StyleGAN3", "stylegan3") if alias_free else ("NVIDIA StyleGAN2", "stylegan2")
    return Found(f"{family}, state dict", architecture, config, parts, tuple(notes), "Generator", defaults=defaults)


def _sizes(tensors: Mapping[str, Readable], name: str, axes: int) -> tuple[int, ...]:
    if name not in tensors:
        raise CheckpointError(f"{name} must be among the tensors of a StyleGAN, got none. {WAY_OUT}")
    if len(tensors[name].shape) != axes:
        raise CheckpointError(f"{name} must have {axes} axes, got shape {tuple(tensors[name].shape)}. {WAY_OUT}")
    return tuple(tensors[name].shape)


def _latents(tensors: Mapping[str, Readable]) -> dict[str, Any]:
    layers = sum(bool(re.fullmatch(r"mapping\.fc\d{1,4}\.weight", name)) for name in tensors)
    inputs = _sizes(tensors, ANCHOR, 2)[1]
    w_dim = _sizes(tensors, f"mapping.fc{layers - 1}.weight", 2)[0]
    embedded, c_dim = _sizes(tensors, "mapping.embed.weight", 2) if "mapping.embed.weight" in tensors else (0, 0)
    return {"z_dim": inputs - embedded, "w_dim": w_dim, "c_dim": c_dim, "mapping_layers": layers}


def _stylegan2(tensors: Mapping[str, Readable]) -> dict[str, Any]:
    channels = {
        found[1]: _sizes(tensors, name, 4)[0]
        for name in tensors
        if (found := re.fullmatch(r"synthesis\.b(\d{1,4})\.conv1\.weight", name))
    }
    side = max(map(int, channels), default=0)
    shown = "synthesis.b4.torgb.weight" in tensors
    return {
        "resolution": side, "channels": channels, "clamp": _CLAMP,
        "colours": _sizes(tensors, f"synthesis.b{side}.torgb.weight", 4)[0],
        "noise": any(name.endswith(".noise_strength") for name in tensors),
        "architecture": "skip" if shown else "resnet" if "synthesis.b8.skip.weight" in tensors else "orig",
    }  # fmt: skip


def _stylegan3(tensors: Mapping[str, Readable], notes: list[str]) -> dict[str, Any]:
    """The layers of the configuration that the names and filters are those of."""
    names = {
        int(found[1]): (found[0].partition(".")[0], int(found[2]), int(found[3]))
        for name in tensors
        if (found := re.fullmatch(r"L(\d{1,2})_(\d{1,5})_(\d{1,5})\.weight", name.removeprefix("synthesis.")))
    }
    order = [names[index] for index in sorted(names)]
    if not 3 < len(order) <= 64:
        raise CheckpointError(f"a StyleGAN3 must have 4 to 64 layers, got {len(order)}. {WAY_OUT}")
    (_, resolution, colours), kernel = order[-1], _sizes(tensors, f"synthesis.{order[0][0]}.weight", 4)[2]
    try:
        plan = design(resolution, rotation=kernel == 1, num_layers=len(order) - 1, colours=colours, clamp=_CLAMP)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"a StyleGAN3 must have layers as published, got others ({short(str(error))}). {WAY_OUT}"
        ) from None
    width = _sizes(tensors, "synthesis.input.weight", 2)[0]
    layers, before = [], width
    for (name, size, count), spec in zip(order, plan.layers, strict=True):
        layers.append(asdict(spec) | {"name": name, "in_channels": before, "out_channels": count})
        if size != spec.out_size:
            raise CheckpointError(f"layer {name} of a StyleGAN3 must have side {spec.out_size}, got {size}. {WAY_OUT}")
        _need_filters(tensors, f"synthesis.{name}", plan, spec.name)
        before = count
    scale = 0.25  # of the picture, in both configurations
    notes.append(
        f"Its layers are laid out as in configuration {'R' if kernel == 1 else 'T'}, which its filters agree with."
    )
    return {
        "resolution": resolution, "layers": [layer | {"padding": list(layer["padding"])} for layer in layers],
        "input": asdict(plan.input) | {"channels": width}, "output_scale": scale,
    }  # fmt: skip


def _need_filters(tensors: Mapping[str, Readable], ours: str, plan: Design, planned: str) -> None:
    for kind in ("up_filter", "down_filter"):
        name, nothing = f"{ours}.{kind}", torch.empty(0, dtype=torch.float32, device="cpu")
        wanted = plan.filters.get(f"{planned}.{kind}", nothing)
        shape = tuple(tensors[name].shape) if name in tensors else tuple(nothing.shape)
        if shape == tuple(wanted.shape):
            given = tensors[name].read().float() if name in tensors else nothing
            if torch.allclose(given, wanted, atol=_ROUNDED):
                continue
        raise CheckpointError(
            f"{name} must be the filter of the published configuration, of shape {tuple(wanted.shape)}, got another, "
            f"of shape {shape}. {WAY_OUT}"
        )
