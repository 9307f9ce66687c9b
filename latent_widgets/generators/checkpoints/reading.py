"""From a path to a network: what the file holds is found by its bytes and keys, and nothing in it is executed."""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from latent_widgets.core import checks
from latent_widgets.core.budget import Budget
from latent_widgets.core.paths import to_read, to_write
from latent_widgets.core.steps import OnStep
from latent_widgets.generators._networks import WITH_TANH
from latent_widgets.generators.checkpoints import _names, native, nvidia, tensorflow
from latent_widgets.generators.checkpoints._archive import read_archive
from latent_widgets.generators.checkpoints._found import Found, assemble
from latent_widgets.generators.checkpoints._machine import Machine
from latent_widgets.generators.checkpoints._options import OPTIONS, Asked
from latent_widgets.generators.checkpoints._search import find_among
from latent_widgets.generators.checkpoints._storages import read_legacy
from latent_widgets.generators.checkpoints._strangers import Strangers
from latent_widgets.generators.checkpoints._tree import leaves, modules
from latent_widgets.generators.checkpoints._unknown import unknown
from latent_widgets.generators.checkpoints._values import Bag, CheckpointError, short
from latent_widgets.generators.checkpoints.sniff import sniff

__all__ = ["Content", "convert", "find_network", "hash_file", "open_file", "read_network"]


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds, before anybody asks which network it is.

    Attributes:
        path: The file.
        size: Its bytes.
        kind: What :func:`~latent_widgets.generators.checkpoints.sniff.sniff` says.
        value: The value in it: its tensors, and what lies beside them.
        complaints: What was left out, and why.
    """

    path: Path
    size: int
    kind: str
    value: Any
    complaints: tuple[str, ...] = ()

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all tensors by their names, those of all networks."""
        return {name: tuple(leaf.value.shape) for name, leaf in leaves(self.value, budget=self._account()).items()}

    def _account(self) -> Budget:
        return Budget(self.size, "the file", CheckpointError)

    def find(self, asked: Asked | None = None) -> Found:
        """Find the generator.

        Args:
            asked: What the user says about the file.

        Raises:
            CheckpointError: If there is none of a known kind, or an option was given that the file says itself.
        """
        asked = asked or Asked()
        try:
            return _with_tanh(self._find(asked), asked)
        except CheckpointError:
            raise
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the tensors and attributes must be those of a known network, got others ({short(str(error))})."
            ) from None

    def _find(self, asked: Asked) -> Found:
        value, budget = self.value, self._account()
        if self.kind == "safetensors":
            if native.is_ours(value):
                asked.refuse("a file of this package", *OPTIONS)
                return native.find(value, self.path)
            value = native.tensors_of(value)
        if isinstance(value, tuple) and any(isinstance(p, Bag) and p.name == tensorflow.NETWORK for p in value):
            asked.refuse("a TensorFlow network", *OPTIONS)
            return tensorflow.find(value, budget)
        held = modules(value, budget)
        name = nvidia.choose(held, asked)
        if name is not None:
            asked.refuse("a module of NVIDIA's", *OPTIONS[1:])
            described = nvidia.find(held[name], budget)
            note = (f"The generator was found in the file under {short(name)}.",) if name not in ("", "G_ema") else ()
            return replace(described, notes=(*described.notes, *note))
        found = find_among(leaves(value, into_modules=False, budget=budget), asked, list(held), budget)
        if found is None and held:
            raise nvidia.without_generator(value)
        if found is None:
            raise unknown(value, self.complaints, budget)
        return found


def _with_tanh(found: Found, asked: Asked) -> Found:
    if asked.final_tanh is None:
        return found
    if found.architecture not in WITH_TANH:
        asked.refuse(f"a {found.family}", "final_tanh")
    if not asked.final_tanh:
        return found
    note = "Its pictures end in a tanh, as given."
    return replace(found, config=found.config | {"tanh": True}, notes=(*found.notes, note))


def open_file(path: str | os.PathLike[str]) -> Content:
    """Read what a file holds, without its numbers.

    Args:
        path: The file; its name plays no part.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is damaged, hostile, or of a kind that is not read.
    """
    path = to_read(path, "the checkpoint")
    strangers = Strangers()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")
        kind, budget = sniff(data), Budget(size, "the file", CheckpointError)
        if kind == "safetensors":
            value: Any = native.read(data, path, budget)
        elif kind == "zip":
            value = read_archive(file, data, _names.NAMES, strangers, budget)
        elif kind == "legacy":
            value = read_legacy(data, _names.NAMES, strangers, budget)
        else:
            value = Machine(data, _names.NAMES, strangers=strangers, budget=budget).run()
    return Content(path, size, kind, value, tuple(strangers.complaints))


def find_network(path: str | os.PathLike[str], asked: Asked | None = None) -> tuple[Found, int]:
    """Find the generator in a file.

    Args:
        path: The file; its name plays no part.
        asked: What the user says about it.

    Returns:
        What it holds, its tensors still in the file, and the bytes of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is damaged, hostile, or of a kind that is not read.
    """
    content = open_file(path)
    return content.find(asked), content.size


def read_network(
    path: str | os.PathLike[str], on_step: OnStep | None = None, asked: Asked | None = None
) -> tuple[Any, Found]:
    """Read the generator in a file.

    Args:
        path: The file.
        on_step: Called after each tensor, with its name; False ends the run.
        asked: What the user says about the file.

    Returns:
        The network, in float32, and what the file said about it.
    """
    found, size = find_network(path, asked)
    return assemble(found, size, on_step), found


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    half: bool = False,
    on_step: OnStep | None = None,
    **options: Any,
) -> Found:
    """Write the generator of a checkpoint as safetensors, which any program may load without fear.

    Args:
        source: The checkpoint.
        target: The file to write; its name must end in ``.safetensors``.
        half: Whether to round to float16.
        on_step: Called after each tensor, with its name; False ends the run.
        **options: What the user says about the checkpoint: ``prefix``, ``mapping_lr`` and ``final_tanh``, as for
            :func:`~latent_widgets.generators.checkpoints.sources.load_file`.

    Returns:
        What the checkpoint held.

    Raises:
        ValueError: If ``target`` has another name, or ``source`` cannot be read.
    """
    path = to_write(target, "target", (".safetensors",))
    half = checks.flag("half", half)
    checks.known_keywords("convert", options, OPTIONS)
    network, found = read_network(source, on_step, Asked(**options))
    native.write(found, network, path, half)
    return found


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with to_read(path).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
