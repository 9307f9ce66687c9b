"""A generator on its way to another process, where it is loaded once."""

from __future__ import annotations

import ast
import hashlib
import io
import multiprocessing
import os
import re
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core.imports import import_whole
from latent_widgets.generators._shipped import read_registry
from latent_widgets.generators._weights import hash_weights
from latent_widgets.generators.base import Generator
from latent_widgets.generators.zoo import load

__all__ = ["GeneratorTask", "Sent", "identity"]


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
        if named is not None:
            return _loaded, (*named, G.class_number, G.device.type, str(G.dtype).removeprefix("torch."))
        if G.device.type == "cpu":
            return Sent, (G,)
        return _arrived, (_packed(G), G.device.type)


@dataclass(frozen=True, eq=False)
class Stranded:
    """Stands for a generator that found no place in a process: whoever asks for it hears why.

    To fail on arrival would end the process, and nobody would hear.

    Attributes:
        reason: Why.
    """

    reason: str

    @property
    def device(self) -> torch.device:
        """There is none.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(self.reason)

    @property
    def generator(self) -> Generator:
        """There is none.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(self.reason)


@dataclass(frozen=True, eq=False)
class GeneratorTask:
    """What a generator is needed for in a sweep.

    Attributes:
        sent: The generator.
    """

    sent: Sent

    @property
    def device(self) -> torch.device:
        """Where it wants its rows: where the generator is."""
        return self.sent.device


def identity(G: Generator) -> dict[str, Any]:
    """Return what tells the results of one generator from those of another.

    Args:
        G: The generator.

    Returns:
        ``generator``, its name; ``weights_hash``; and ``condition``, the class that it draws: empty without classes, a
        number, or the hash of a vector that is no single class.

    Example:
        >>> identity(load("fashion32", condition=3))["condition"], identity(load("digits32"))["condition"]
        ('3', '')
    """
    condition = "" if G.condition is None else str(G.class_number)
    if G.condition is not None and G.class_number is None:
        condition = hashlib.sha256(G.condition.detach().cpu().double().numpy().tobytes()).hexdigest()
    return {"generator": G.name, "weights_hash": G.weights_hash, "condition": condition}


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
    if not isinstance(source, str) or source not in read_registry():
        return None
    fresh = load(source, dtype=G.dtype, **options)
    facts = ("name", "notes", "class_names", "weights_hash")
    if type(fresh) is not type(G) or any(getattr(fresh, fact) != getattr(G, fact) for fact in facts):
        return None
    return (source, options) if _same(fresh.module, G.module) else None


def _same(fresh: nn.Module, module: nn.Module) -> bool:
    """Whether a module computes what a freshly loaded one does: its weights, and all else that somebody may change."""
    ours, theirs = dict(fresh.named_modules()), dict(module.named_modules())
    if ours.keys() != theirs.keys() or hash_weights(fresh) != hash_weights(module):
        return False
    if any(type(one) is not type(theirs[name]) or _plain(one) != _plain(theirs[name]) for name, one in ours.items()):
        return False
    kept, found = dict(fresh.named_buffers()), dict(module.named_buffers())  # of which the hash leaves some out
    return kept.keys() == found.keys() and all(torch.equal(kept[name], found[name].cpu()) for name in kept)


def _plain(module: nn.Module) -> dict[str, Any]:
    """What a module holds beside weights and parts, such as hooks; tensors among it differ from all else."""
    held = {name: value for name, value in vars(module).items() if name not in ("_parameters", "_buffers", "_modules")}
    return {name: object() if isinstance(value, Tensor) else value for name, value in held.items()}


def _packed(G: Generator) -> bytes:
    """A generator as bytes whose tensors any machine can read, wherever they are here.

    A copy of its network on the CPU would not do: functions that call the network would still call the one here.

    Args:
        G: The generator.

    Returns:
        The bytes, which ``cloudpickle`` reads.
    """
    import_whole("cloudpickle")
    import cloudpickle

    class Packer(cloudpickle.Pickler):
        def reducer_override(self, one: Any) -> Any:
            """Say how an object is made again."""
            if isinstance(one, Tensor) and _is_away(one.device):
                data = one.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                return _placed, (data, one.dtype, one.shape, one.device.type, isinstance(one, nn.Parameter))
            if isinstance(one, torch.device) and _is_away(one):
                return _device, (one.type,)
            return super().reducer_override(one)

    data = io.BytesIO()
    with G.lock:
        Packer(data).dump(G)
    return data.getvalue()


def _is_away(device: torch.device) -> bool:
    return device.type != "cpu"


def _placed(data: Any, dtype: torch.dtype, shape: torch.Size, kind: str, parameter: bool) -> Tensor:
    value = torch.from_numpy(data.copy()).view(dtype).reshape(shape).to(_device(kind))
    return nn.Parameter(value, requires_grad=False) if parameter else value  # as all weights of a generator


def _loaded(source: str, options: dict[str, Any], condition: int | None, kind: str, dtype: str) -> Sent | Stranded:
    try:
        device = _device(kind)
    except RuntimeError as error:
        return Stranded(str(error))
    G = load(source, device=device, dtype=getattr(torch, dtype), **options)
    return Sent(G.of_class(condition) if condition is not None else G)


def _arrived(data: bytes, kind: str) -> Sent | Stranded:
    try:
        _device(kind)
    except RuntimeError as error:
        return Stranded(str(error))
    import_whole("cloudpickle")
    import cloudpickle

    return Sent(cloudpickle.loads(data))


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
    """The number of this process among the workers of its machine, as joblib names them, or Dask's nannies."""
    name = multiprocessing.current_process().name
    if "distributed" in sys.modules:  # whose processes have no number; its workers have, where a machine has several
        try:
            name = str(sys.modules["distributed"].get_worker().name)
        except ValueError:  # it is none
            pass
        else:
            return int(name.rpartition("-")[2]) if name.rpartition("-")[2].isdecimal() else os.getpid()
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) - 1 if numbers else os.getpid()
