"""A generator on its way to another process, where it is loaded once."""

from __future__ import annotations

import ast
import copy
import multiprocessing
import os
import re
from dataclasses import dataclass
from typing import Any

import torch

from latent_widgets.generators._shipped import read_registry
from latent_widgets.generators._weights import hash_weights
from latent_widgets.generators.base import Generator
from latent_widgets.generators.zoo import load

__all__ = ["Sent"]


@dataclass(frozen=True, eq=False)
class Sent:
    """Holds a generator; what is sent of it is the name, of a built-in one as it was loaded, or else its weights.

    It arrives on a device of the same kind: where there are several GPUs, the workers of a machine take them in turn.

    Attributes:
        generator: The generator.

    Example:
        >>> import pickle
        >>> G = load("digits32")
        >>> arrived = pickle.loads(pickle.dumps(Sent(G))).generator
        >>> torch.equal(arrived(G.sample_z(1)), G(G.sample_z(1)))
        True
    """

    generator: Generator

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.generator.device

    def __reduce__(self) -> tuple[Any, ...]:
        G = self.generator
        named = _as_named(G)
        where = G.device.type, str(G.dtype).removeprefix("torch.")
        if named is not None:
            return _loaded, (*named, G.class_number, *where)
        return _arrived, (_without_device(G), where[0])


def _as_named(G: Generator) -> tuple[str, dict[str, Any]] | None:
    """The name and the options that give this generator, to the bit; None where none does."""
    try:
        call = ast.parse(G.origin or "", mode="eval").body
        if not isinstance(call, ast.Call) or len(call.args) != 1 or (G.classes and G.class_number is None):
            return None
        source = ast.literal_eval(call.args[0])
        options = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError):
        return None
    if source not in read_registry():
        return None
    fresh = load(source, dtype=G.dtype, **options)
    same = type(fresh) is type(G) and hash_weights(fresh.module) == hash_weights(G.module) and fresh.name == G.name
    return (source, options) if same else None


def _without_device(G: Generator) -> Generator:
    """A copy on the CPU, from which any machine can read it."""
    if G.device.type == "cpu":
        return G
    with G.lock:
        apart = copy.deepcopy(G)
    return apart.to("cpu")


def _loaded(source: str, options: dict[str, Any], condition: int | None, kind: str, dtype: str) -> Sent:
    G = load(source, device=_device(kind), dtype=getattr(torch, dtype), **options)
    return Sent(G.of_class(condition) if condition is not None else G)


def _arrived(G: Generator, kind: str) -> Sent:
    return Sent(G.to(_device(kind)) if kind != "cpu" else G)


def _device(kind: str) -> torch.device:
    """Return a device of this machine for this worker.

    Raises:
        RuntimeError: If it has none of the kind.
    """
    if kind != "cuda":
        return torch.device(kind)
    count = torch.cuda.device_count()
    if not count:
        raise RuntimeError("a worker must have a GPU, as the generator that was sent, got none. Use G.to('cpu')")
    return torch.device("cuda", _rank() % count)


def _rank() -> int:
    """The number of this process among the workers of its machine, as joblib and Dask name them."""
    numbers = re.findall(r"\d+", multiprocessing.current_process().name)
    return int(numbers[-1]) - 1 if numbers else os.getpid()
