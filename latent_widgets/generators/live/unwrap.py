"""The generator inside what people hold: a training object, a checkpoint of modules, a parallel or compiled network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

__all__ = ["unwrap"]

_AVERAGED = ("avgG", "netG", "g_ema", "G_ema", "generator_ema", "generator_smooth", "netG_ema")
_NAMED = (*_AVERAGED, "generator", "G", "gan", "model")  # where the holder draws nothing itself
_DEEPEST = 8


def unwrap(source: Any) -> tuple[Any, tuple[str, ...]]:
    """Take the generator out of what holds it, however deep.

    Args:
        source: What the user passed.

    Returns:
        What is inside, and what was inferred.

    Raises:
        TypeError: If it is a class, or a network that is no longer one of Python.
    """
    notes: list[str] = []
    for _ in range(_DEEPEST):
        if isinstance(source, type):
            raise TypeError(
                f"source must be a network, got the class {source.__name__}. Make one: {source.__name__}(...)."
            )
        if isinstance(source, torch.jit.ScriptModule | torch.jit.ScriptFunction):
            raise TypeError(
                "source must be a network in Python, got one compiled by torch.jit, which has no derivative in forward "
                "mode. Pass the network that it was made from."
            )
        found = _inside(source)
        if found is None:
            break
        source = found[1]
        notes += [f"The generator is the attribute {found[0]!r} of what was passed."] if found[0] else []
    return source, tuple(notes)


def _inside(source: Any) -> tuple[str, Any] | None:
    """What is one level down, with its name where that was chosen among several."""
    if isinstance(source, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return "", source.module
    if isinstance(inner := getattr(source, "_orig_mod", None), nn.Module):  # compiled
        return "", inner
    holds = isinstance(source, Mapping) or not callable(source)
    for name in _NAMED if holds else _AVERAGED:
        inner = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
        if isinstance(inner, nn.Module) or (holds and inner is not None and _inside(inner) is not None):
            return name, inner
    return None
