"""Pickles of NVIDIA's stylegan2-ada-pytorch and stylegan3: the averaged generator in them, as values.

The modules in such a file carry their own Python source, which NVIDIA's loader executes. Here it stays text. What the
source would compute is known from the papers; sizes, paddings, filters and clamps are read from the attributes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from latent_widgets.core.budget import EACH, Budget
from latent_widgets.generators.checkpoints._arrays import FileArray
from latent_widgets.generators.checkpoints._found import AVERAGE, Found, StoredPart, average_w, mapping_widths
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints._search import rank
from latent_widgets.generators.checkpoints._storages import FileTensor
from latent_widgets.generators.checkpoints._tree import join
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, PersistentModule, short

__all__ = ["choose", "find", "without_generator"]

_CLASSES = {
    "Generator", "MappingNetwork", "SynthesisNetwork", "SynthesisBlock", "SynthesisLayer", "SynthesisInput",
    "ToRGBLayer", "FullyConnectedLayer", "Conv2dLayer",
}  # fmt: skip
_NOT_DRAWING = re.compile("discriminator|augment|loss", re.IGNORECASE)  # classes of what stands beside a generator
_MAX_MODULES = 4096


class _RareError(ValueError):
    """An option of the published program that is not drawn here."""


_FILTER = (1.0, 3.0, 3.0, 1.0)


def choose(found: Mapping[str, PersistentModule], asked: Asked) -> str | None:
    """Choose the generator among the modules of a file.

    Args:
        found: The modules by their dotted names.
        asked: What the user says about the file.

    Returns:
        Its name; None where no module is one that may draw.

    Raises:
        CheckpointError: If there are several and nothing tells which is meant.
    """
    if asked.prefix is not None:
        wanted = asked.prefix.rstrip(".")
        return wanted if wanted in found else None
    drawing = {path: module for path, module in found.items() if not _NOT_DRAWING.search(module.class_name)}
    best = min(map(rank, drawing), default=2)
    paths = [path for path in drawing if rank(path) == best]
    if best == 2 and len(paths) > 1:
        raise CheckpointError(
            f"the file must hold one generator, or an averaged one, got {', '.join(map(short, paths[:8]))}. "
            f"Say which is meant: lw.load(path, prefix={paths[0]!r})."
        )
    return paths[0] if paths else None


def without_generator(value: Any) -> CheckpointError:
    """Word the refusal of a file whose modules draw nothing."""
    keys = ", ".join(short(key) for key in list(value)[:8]) if isinstance(value, Mapping) else "no keys"
    return CheckpointError(
        f"the pickle must hold a generator under 'G_ema', got these keys: {keys or 'none'}. {WAY_OUT}"
    )


def find(module: PersistentModule, budget: Budget | None = None) -> Found:
    """Describe one generator.

    Args:
        module: The module of class ``Generator``.
        budget: The account of the file; that of an empty one if not given.

    Raises:
        CheckpointError: If it is of another design: a fork. The message names its class and the hash of its source.
    """
    budget = budget or Budget(0, "the file", CheckpointError)
    tree = _walk(module, budget)
    for name, part in tree.items():
        if part.class_name not in _CLASSES:
            raise CheckpointError(_fork(module, f"{name or 'the network'} is of class {short(part.class_name)}"))
    synthesis, mapping = tree.get("synthesis"), tree.get("mapping")
    if module.class_name != "Generator" or synthesis is None or mapping is None:
        raise CheckpointError(_fork(module, "it has no mapping and synthesis"))
    try:
        alias_free = "synthesis.input" in tree
        family = "NVIDIA StyleGAN3" if alias_free else "NVIDIA StyleGAN2"
        config = _common(module, tree) | (_stylegan3(tree) if alias_free else _stylegan2(tree))
    except CheckpointError:
        raise
    except _RareError as error:
        raise CheckpointError(_rare(module, str(error))) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
        raise CheckpointError(_fork(module, f"an attribute is missing or different ({short(str(error))})")) from None
    parts = {
        name: StoredPart(tensor)
        for name, tensor in _tensors(tree, budget).items()
        if not name.endswith("resample_filter")
    }
    notes = [
        f"The file carries source text, which was not executed: sha256 {module.source_sha256}.",
        "It is taken to compute what the paper says; a fork that only changed its formulas would draw other pictures.",
    ]
    defaults = {} if AVERAGE in parts else {AVERAGE: average_w}
    architecture = "stylegan3" if alias_free else "stylegan2"
    return Found(family, architecture, config, parts, tuple(notes), module.class_name, module.source_sha256, defaults)


def _walk(module: PersistentModule, budget: Budget) -> dict[str, PersistentModule]:
    """All modules by dotted name, in the order of torch."""
    found: dict[str, PersistentModule] = {}
    waiting = [("", module)]
    while waiting:
        name, current = waiting.pop()
        if len(found) >= _MAX_MODULES or name.count(".") > 8:
            raise CheckpointError(f"a network must have at most {_MAX_MODULES} modules, got more.")
        found[name] = current
        children = current.state.get("_modules", {})
        if not isinstance(children, dict):
            raise CheckpointError("the modules of a module must be a dict, got another value.")
        for key, child in reversed(children.items()):
            path = join(name, key)
            budget.spend(EACH + 4 * len(path))
            if child is None:
                continue
            if not isinstance(child, PersistentModule):
                raise CheckpointError(_fork(module, f"{short(path)} is {short(getattr(child, 'name', child))}"))
            waiting.append((path, child))
    return found


def _tensors(tree: dict[str, PersistentModule], budget: Budget) -> dict[str, FileTensor | FileArray]:
    found: dict[str, FileTensor | FileArray] = {}
    for name, module in tree.items():
        for kind in ("_parameters", "_buffers"):
            values = module.state.get(kind, {})
            for key, value in (values if isinstance(values, dict) else {}).items():
                path = join(name, key)
                budget.spend(EACH + 4 * len(path))
                if isinstance(value, FileTensor | FileArray):
                    found[path] = value
                elif value is not None:
                    raise CheckpointError(f"{short(key)} must be a tensor, got {short(value)}.")
    return found


def _whole(value: Any) -> int:
    """An integer, or an array of equal ones such as the two sides of a square."""
    if isinstance(value, FileArray):
        _need_small(value)
        values = set(value.array().flatten().tolist())
        if len(values) != 1:
            raise ValueError(f"sides {sorted(values)[:4]} that differ")
        value = values.pop()
    if isinstance(value, bool) or value is None or value != int(value) or not 0 <= abs(value) < 2**31:
        raise ValueError(f"{short(value)} for an integer")
    return int(value)


def _need_small(value: FileArray) -> None:
    if sum(value.shape) > 4:
        raise ValueError("an array for a number")


def _real(value: Any) -> float:
    if isinstance(value, FileArray):
        _need_small(value)
        value = value.array().item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{short(value)} for a number")
    return float(value)


def _clamp(value: Any) -> float | None:
    return None if value is None else _real(value)


def _word(value: Any) -> str:
    """Text; that of a nest would be endless."""
    if not isinstance(value, str):
        raise ValueError(f"{short(value)} for a word")
    return value


def _common(module: PersistentModule, tree: dict[str, PersistentModule]) -> dict[str, Any]:
    mapping = tree["mapping"].state
    layers = _whole(mapping["num_layers"])
    if not 1 <= layers <= 64:
        raise _RareError(f"{layers} mapping layers")
    rates = {_real(tree[f"mapping.fc{i}"].state["bias_gain"]) for i in range(layers)}
    kinds = {
        _word(part.state.get("activation", "lrelu")) for name, part in tree.items() if name.startswith("mapping.fc")
    }
    if kinds != {"lrelu"}:
        raise _RareError(f"mapping layers with activation {short(min(kinds - {'lrelu'}))}")
    if len(rates) != 1:
        raise _RareError(f"mapping layers with learning rates {sorted(rates)[:4]}")
    config: dict[str, Any] = {name: _whole(module.state[name]) for name in ("z_dim", "w_dim", "c_dim")}
    if config["z_dim"] < 1 or config["w_dim"] < 1:
        raise ValueError("a latent without numbers")
    z_dim, w_dim, classes = config["z_dim"], config["w_dim"], bool(config["c_dim"])
    embedded = tree["mapping.embed"].state["_parameters"]["weight"].shape[0] if classes else 0
    shapes = [tree[f"mapping.fc{i}"].state["_parameters"]["weight"].shape for i in range(layers)]
    config |= mapping_widths(shapes, z_dim + w_dim * classes, z_dim + embedded, w_dim)
    return config | {
        "resolution": _whole(module.state["img_resolution"]),
        "mapping_layers": layers,
        "mapping_lr": rates.pop(),
    }


def _stylegan2(tree: dict[str, PersistentModule]) -> dict[str, Any]:
    blocks = {name.rpartition(".b")[2]: part for name, part in tree.items() if part.class_name == "SynthesisBlock"}
    convs = [part for part in tree.values() if part.class_name == "SynthesisLayer"]
    others = {_word(part.state.get("activation", "lrelu")) for part in convs} - {"lrelu"}
    if others:
        raise _RareError(f"layers with activation {short(min(others))}")
    architectures = {_word(part.state["architecture"]) for part in blocks.values()}
    drawing = [part for part in tree.values() if part.class_name in ("SynthesisLayer", "ToRGBLayer")]
    clamps = {_clamp(part.state.get("conv_clamp")) for part in drawing}  # the shortcuts of residual blocks have none
    noises = {bool(part.state["use_noise"]) for part in convs}
    if max(len(architectures), len(clamps), len(noises)) > 1:
        raise _RareError("blocks that differ")
    clamp = clamps.pop() if clamps else None
    taps = _taps(tree)
    channels = {side: tree[f"synthesis.b{side}.conv1"].state["_parameters"]["weight"].shape[0] for side in blocks}
    colours = _whole(tree["synthesis"].state["img_channels"])
    if colours not in (1, 3):
        raise _RareError(f"pictures with {colours} channels")
    config = {
        "channels": channels, "architecture": architectures.pop(), "noise": noises.pop(), "colours": colours,
        "clamp": clamp,
    }  # fmt: skip
    return config if taps == _FILTER else config | {"taps": taps}


def _taps(tree: dict[str, PersistentModule]) -> tuple[float, ...]:
    """The low-pass filter that all layers have in common, from its outer product with itself."""
    filters = [
        value.read().double()
        for part in tree.values()
        if isinstance(value := part.state.get("_buffers", {}).get("resample_filter"), FileTensor) and value.numel <= 256
    ]
    if not filters:
        raise ValueError("no resampling filter")
    squares = [torch.outer(value, value) if value.ndim == 1 else value for value in filters]
    first = squares[0]
    taps = first.sum(1) / first.sum()
    outer = torch.outer(taps, taps)
    if any(square.shape != first.shape or not torch.allclose(square, outer) for square in squares):
        raise _RareError("resampling filters that differ or are not separable")
    if len(taps) % 2 or not torch.allclose(taps, taps.flip(0)):
        raise _RareError("a resampling filter that is not symmetric and of even length")
    if len(taps) == 4 and torch.allclose(taps * 8, torch.tensor(_FILTER, dtype=taps.dtype, device="cpu")):
        return _FILTER
    return tuple(taps.tolist())


def _stylegan3(tree: dict[str, PersistentModule]) -> dict[str, Any]:
    synthesis, start = tree["synthesis"].state, tree["synthesis.input"].state
    names = synthesis["layer_names"]
    if not isinstance(names, list) or not 1 <= len(names) <= 64:
        raise ValueError("no list of layer names")
    return {
        "input": {
            "channels": _whole(start["channels"]),
            "size": _whole(start["size"]),
            "sampling_rate": _real(start["sampling_rate"]),
            "bandwidth": _real(start["bandwidth"]),
        },
        "layers": [_layer(_word(name), tree[f"synthesis.{_word(name)}"].state) for name in names],
        "output_scale": _real(synthesis["output_scale"]),
    }


def _layer(name: str, state: dict[str, Any]) -> dict[str, Any]:
    up, down = state["_buffers"].get("up_filter"), state["_buffers"].get("down_filter")
    padding = [_whole(side) for side in state["padding"]]
    if len(padding) != 4:
        raise ValueError("a padding without four sides")
    return {
        "name": name,
        "in_channels": _whole(state["in_channels"]),
        "out_channels": _whole(state["out_channels"]),
        "out_size": _whole(state["out_size"]),
        "kernel": _whole(state["conv_kernel"]),
        "up": _whole(state["up_factor"]),
        "down": _whole(state["down_factor"]),
        "up_taps": 1 if up is None else up.shape[0],
        "down_taps": 1 if down is None else down.shape[0],
        "radial": down is not None and len(down.shape) == 2,
        "padding": padding,
        "torgb": bool(state["is_torgb"]),
        "clamp": _clamp(state["conv_clamp"]),
    }


def _fork(module: PersistentModule, why: str) -> str:
    return (
        "the network must be a StyleGAN2 or StyleGAN3 as published, got a fork of it "
        f"(class {short(module.class_name)}, source sha256 {module.source_sha256}): {why}. {WAY_OUT}"
    )


def _rare(module: PersistentModule, why: str) -> str:
    return (
        "the network must be a StyleGAN2 or StyleGAN3 with options that are drawn here, got "
        f"{why} (class {short(module.class_name)}, source sha256 {module.source_sha256}). {WAY_OUT}"
    )
