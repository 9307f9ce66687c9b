"""From a path to a network: what the file holds is found by its bytes and keys, and nothing in it is executed."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Mapping
from typing import Any

from latent_widgets.core import checks
from latent_widgets.core.paths import to_read, to_write
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.checkpoints import (
    _arrays,
    _names,
    dcgan,
    genforce,
    native,
    nvidia,
    rosinality,
    tensorflow,
)
from latent_widgets.generators.checkpoints._archive import read_archive
from latent_widgets.generators.checkpoints._found import Found, assemble
from latent_widgets.generators.checkpoints._machine import Machine
from latent_widgets.generators.checkpoints._storages import FileTensor, read_legacy
from latent_widgets.generators.checkpoints._values import Bag, CheckpointError, PersistentModule, short
from latent_widgets.generators.checkpoints.sniff import sniff

__all__ = ["convert", "find_network", "hash_file", "read_network"]

_AVERAGED = ("g_ema", "generator_smooth", "G_ema", "params_ema")  # where files keep the averaged generator
_WRAPPED = (
    "state_dict",
    "model",
    "generator",
    "netG_state_dict",
    "netG",
    "g",
    "params",
)  # where they keep a single one
_PREFIXES = ("", "decoder.", "generator.", "g_ema.", "module.")
_DEEPEST = 3


def find_network(path: str | os.PathLike[str]) -> tuple[Found, int]:
    """Find the generator in a file.

    Args:
        path: The file; its name plays no part.

    Returns:
        What it holds, its tensors still in the file, and the bytes of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is damaged, hostile, or of a kind that is not read.
    """
    path = to_read(path, "the checkpoint")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")
        kind = sniff(data)
        if kind == "safetensors":
            return native.find(data, path), size
        if kind == "zip":
            value = read_archive(file, data, _names.TORCH)
        elif kind == "legacy":
            value = read_legacy(data, _names.TORCH)
        else:
            value = Machine(data, _names.NVIDIA).run()
    try:
        return _find(value), size
    except CheckpointError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the tensors and attributes must be those of a known network, got others ({short(str(error))})."
        ) from None


def read_network(path: str | os.PathLike[str], on_step: OnStep | None = None) -> tuple[Any, Found]:
    """Read the generator in a file.

    Args:
        path: The file.
        on_step: Called after each tensor, with its name; False ends the run.

    Returns:
        The network, in float32, and what the file said about it.
    """
    found, size = find_network(path)
    return assemble(found, size, on_step), found


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    half: bool = False,
    on_step: OnStep | None = None,
) -> Found:
    """Write the generator of a checkpoint as safetensors, which any program may load without fear.

    Args:
        source: The checkpoint.
        target: The file to write; its name must end in ``.safetensors``.
        half: Whether to round to float16.
        on_step: Called after each tensor, with its name; False ends the run.

    Returns:
        What the checkpoint held.

    Raises:
        ValueError: If ``target`` has another name, or ``source`` cannot be read.
    """
    path = to_write(target, "target", (".safetensors",))
    half = checks.flag("half", half)
    network, found = read_network(source, on_step)
    native.write(found, network, path, half)
    return found


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with to_read(path).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _find(value: Any) -> Found:
    """Find a generator in the value of a pickle."""
    if isinstance(value, tuple) and value and any(isinstance(part, Bag) for part in value):
        return tensorflow.find(value)
    if isinstance(value, PersistentModule) or (
        isinstance(value, dict) and any(isinstance(part, PersistentModule) for part in value.values())
    ):
        return nvidia.find_in(value)
    if isinstance(value, Bag):
        raise CheckpointError(
            f"a checkpoint must hold a state dict, got an instance of {short(value.name)}. "
            "Load it with the program that wrote it and pass the live network: lw.load(network)."
        )
    for tensors in _state_dicts(value):
        for prefix in _PREFIXES:
            inner = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            if rosinality.looks_like(inner):
                return rosinality.find(inner, _average(value))
            if genforce.looks_like(inner):
                return genforce.find(inner)
            if dcgan.looks_like(inner):
                return dcgan.find(inner)
    raise _unknown(value)


def _state_dicts(value: Any) -> list[dict[str, FileTensor]]:
    """The state dicts in a value, averaged generators first; arrays and numbers beside them are left out."""
    found, waiting = [], [(value, 0)]
    while waiting:
        current, depth = waiting.pop(0)
        if not isinstance(current, dict) or depth > _DEEPEST:
            continue
        tensors = {name: v for name, v in current.items() if isinstance(name, str) and isinstance(v, FileTensor)}
        if tensors:
            found.append(tensors)
        waiting += [(current[name], depth + 1) for name in (*_AVERAGED, *_WRAPPED) if name in current]
    return found


def _average(value: Any) -> FileTensor | None:
    average = value.get("latent_avg") if isinstance(value, dict) else None
    return average if isinstance(average, FileTensor) else None


def _unknown(value: Any) -> CheckpointError:
    if not isinstance(value, Mapping):
        what = "an array" if isinstance(value, _arrays.FileArray) else f"a {type(value).__name__}"
        return CheckpointError(f"the file must hold a generator, got {what}.")
    keys = ", ".join(short(key) for key in list(value)[:8]) or "none"
    only = [key for key in value if key in ("D", "d", "discriminator")]
    hint = "That is a discriminator, which draws nothing. " if only else ""
    return CheckpointError(
        f"the file must hold a StyleGAN2, StyleGAN3 or DCGAN of a known layout, got these keys: {keys}. {hint}"
        "Load it with the program that wrote it and pass the live network: lw.load(network)."
    )
