"""Pickles of the original TensorFlow StyleGAN2, read without TensorFlow.

They hold a tuple ``(G, D, Gs)`` of networks: arguments, named variables, and source text, which is not executed. Dense
weights are stored transposed, convolutions as (height, width, in, out), those that double the resolution turned by
half a circle, and the styles without the one that is added to them.
"""

from __future__ import annotations

import math
import re
from typing import Any

from torch import Tensor

from latent_widgets.core.budget import EACH, Budget
from latent_widgets.generators.checkpoints._arrays import FileArray, array_of
from latent_widgets.generators.checkpoints._changes import Change, first, plane, raised, turned
from latent_widgets.generators.checkpoints._found import AVERAGE, Found, StoredPart, mapping_widths
from latent_widgets.generators.checkpoints._values import Bag, CheckpointError, short

__all__ = ["NETWORK", "find"]

NETWORK = "dnnlib.tflib.network.Network"
_OLDEST = 4  # version of the layout, that of the StyleGAN2 release
_USUAL = {  # arguments that change the picture and leave no trace in the variables
    "resample_kernel": [1, 3, 3, 1], "normalize_latents": True,
    "nonlinearity": "lrelu", "mapping_nonlinearity": "lrelu",
}  # fmt: skip
_IGNORED = re.compile(r"lod|noise_const|.*/resample_kernel")


def _transposed(x: Tensor) -> Tensor:
    return x.T.contiguous()


def _kernel(x: Tensor) -> Tensor:
    return x.permute(3, 2, 0, 1).contiguous()


def _turned(x: Tensor) -> Tensor:
    return turned(_kernel(x))


def find(value: tuple[Any, ...], budget: Budget | None = None) -> Found:
    """Describe the averaged generator of a tuple ``(G, D, Gs)``.

    Args:
        value: The tuple.
        budget: The account of the file; that of an empty one if not given.

    Raises:
        CheckpointError: If it is of another design or too old.
    """
    network = value[-1]
    if not (isinstance(network, Bag) and network.name == NETWORK):
        raise CheckpointError(f"the pickle must hold networks (G, D, Gs), got {short(network)} in the tuple.")
    version = network.state.get("version")
    if not isinstance(version, int) or version < _OLDEST:
        raise CheckpointError(
            f"a TensorFlow network must be of version {_OLDEST} or later, that of StyleGAN2, got {short(version)}. "
            "ProgressiveGAN and StyleGAN 1 are not read."
        )
    budget = budget or Budget(0, "the file", CheckpointError)
    variables = dict(_variables(network))
    for name, component in _components(network).items():
        for key, array in _variables(component):
            budget.spend(EACH + 4 * (len(name) + len(key)))  # one may be the list of many components
            variables[f"{name}/{key}"] = array
    config = _config(network.state.get("static_kwargs"), variables)
    parts = {}
    for name, array in variables.items():
        known = _known(name)
        if known is not None:
            parts[known[0]] = StoredPart(array, known[1])
        elif not _IGNORED.fullmatch(name.rpartition("mapping/")[2].rpartition("synthesis/")[2]):
            raise CheckpointError(f"the variables must be those of StyleGAN2, got {short(name)}, which is unknown.")
    notes = ("TensorFlow variables were renamed and transposed; the source text in the file was not executed.",)
    return Found("TensorFlow StyleGAN2", "stylegan2", config, parts, notes, "Network")


def _components(network: Bag) -> dict[str, Bag]:
    found = network.state.get("components")
    if not isinstance(found, dict) or not all(isinstance(part, Bag) for part in found.values()):
        raise CheckpointError("a TensorFlow generator must have components, got none.")
    return {str(name): part for name, part in found.items()}


def _variables(network: Bag) -> list[tuple[str, FileArray]]:
    found = network.state.get("variables")
    if not isinstance(found, list):
        raise CheckpointError("a TensorFlow network must have a list of variables, got none.")
    pairs = []
    for pair in found:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise CheckpointError("a variable must be a name and an array, got another value.")
        if isinstance(pair[1], FileArray):
            pairs.append((pair[0], pair[1]))
        elif isinstance(pair[1], float):  # TensorFlow gives a variable without axes as a scalar
            pairs.append((pair[0], array_of(pair[1])))
    return pairs


def _config(arguments: Any, variables: dict[str, FileArray]) -> dict[str, Any]:
    given = arguments if isinstance(arguments, dict) else {}
    if given.get("label_size", 0) or "mapping/LabelConcat/weight" in variables:
        raise CheckpointError("a TensorFlow StyleGAN2 must be without classes, got one with labels.")
    for name, usual in _USUAL.items():
        if (value := given.get(name, usual)) != usual:
            raise CheckpointError(f"a TensorFlow StyleGAN2 must have {name} {usual!r}, got {short(value)}.")
    channels = {
        found[1]: array.shape[-1]
        for name, array in variables.items()
        if (found := re.fullmatch(r"synthesis/(\d{1,4})x\1/Conv1?/weight", name)) and len(array.shape) == 4
    }
    dense = [name for name in variables if re.fullmatch(r"mapping/Dense\d{1,4}/weight", name)]
    if not dense or not channels or len(variables[dense[0]].shape) != 2:
        raise CheckpointError("a TensorFlow StyleGAN2 must have mapping and synthesis variables, got others.")
    first = variables["mapping/Dense0/weight"].shape if "mapping/Dense0/weight" in variables else (0, 0)
    resolution = max(map(int, channels))
    colours = variables.get(f"synthesis/{resolution}x{resolution}/ToRGB/bias")
    shown = "synthesis/4x4/ToRGB/weight" in variables
    skipped = any(name.endswith("/Skip/weight") for name in variables)
    rate = given.get("mapping_lrmul", 0.01)
    if not isinstance(rate, int | float) or not math.isfinite(rate):
        raise CheckpointError(f"mapping_lrmul must be a number, got {short(rate)}.")
    denses = [variables[name] for i in range(64) if (name := f"mapping/Dense{i}/weight") in variables]
    last = denses[-1].shape[-1] if denses else first[1]
    widths = mapping_widths([array.shape[::-1] for array in denses], first[0], first[0], last)
    return widths | {
        "z_dim": first[0], "w_dim": last, "resolution": resolution, "channels": channels,
        "mapping_layers": len(dense), "mapping_lr": float(rate), "colours": colours.shape[0] if colours else 3,
        "noise": "synthesis/noise0" in variables,
        "architecture": "skip" if shown else "resnet" if skipped else "orig",
    }  # fmt: skip


_LEAVES: dict[str, tuple[str, Change | None]] = {
    "weight": ("weight", _kernel),
    "mod_weight": ("affine.weight", _transposed),
    "mod_bias": ("affine.bias", raised),
    "noise_strength": ("noise_strength", None),
    "bias": ("bias", None),
}
_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}


def _known(name: str) -> tuple[str, Change | None] | None:
    """Our name of a variable, and what is to be done to it."""
    if name == "dlatent_avg":
        return AVERAGE, None
    if found := re.fullmatch(r"mapping/Dense(\d{1,4})/(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}", _transposed if found[2] == "weight" else None
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const", first
    if found := re.fullmatch(r"synthesis/noise(\d{1,4})", name):
        index = int(found[1])
        side = 2 ** (2 + (index + 1) // 2)
        return f"synthesis.b{side}.conv{0 if index % 2 else 1}.noise_const", plane
    if found := re.fullmatch(r"synthesis/(\d{1,4})x\1/(\w+)/(\w+)", name):
        if found[2] not in _LAYERS or found[3] not in _LEAVES:
            return None
        leaf, change = _LEAVES[found[3]]
        change = _turned if (found[2], found[3]) == ("Conv0_up", "weight") else change
        return f"synthesis.b{found[1]}.{_LAYERS[found[2]]}.{leaf}", change
    return None
