"""What a file turned out to hold: an architecture, its configuration, and tensors that are read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from latent_widgets.core.fresh import without_numbers
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.generators._networks import build_network
from latent_widgets.generators.checkpoints._changes import Change
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["AVERAGE", "Found", "Readable", "StoredPart", "assemble", "average_w"]

AVERAGE = "mapping.w_avg"
_DRAWS = 10_000  # latents, for the mean of w where the file has none
_AT_ONCE = 500  # of them


class Readable(Protocol):
    """A tensor of a file."""

    @property
    def shape(self) -> Any:
        """Its sizes."""

    def read(self) -> Tensor:
        """Read it."""


@dataclass(frozen=True, eq=False)
class StoredPart:
    """A tensor of a network, made of one of a file.

    Attributes:
        source: The tensor of the file.
        change: What is done to it; it must work on the meta device too.
    """

    source: Readable
    change: Change | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes, for which nothing is read."""
        if self.change is None:
            return tuple(self.source.shape)
        try:
            return tuple(self.change(torch.empty(tuple(self.source.shape), device="meta", dtype=torch.float32)).shape)
        except (IndexError, RuntimeError, TypeError, ValueError):
            raise CheckpointError(
                f"a tensor must have the axes of its layer, got {tuple(self.source.shape)}."
            ) from None

    def read(self) -> Tensor:
        """Read and change it."""
        tensor = self.source.read()
        return tensor if self.change is None else self.change(tensor)


@dataclass(frozen=True, eq=False)
class Found:
    """A network in a file.

    Attributes:
        family: Which program writes such files.
        architecture: Which of our networks it is.
        config: The arguments of that network, as JSON knows them.
        parts: Its tensors by our names; in the order of the file.
        notes: What was inferred, in sentences.
        class_name: What the file calls the class of the network; empty if it does not say.
        source_sha256: Hash of the source text that the file carries; empty without one.
        defaults: Tensors to compute where the file has none, such as the mean of ``w``.
    """

    family: str
    architecture: str
    config: dict[str, Any]
    parts: Mapping[str, StoredPart]
    notes: tuple[str, ...] = ()
    class_name: str = ""
    source_sha256: str = ""
    defaults: Mapping[str, Callable[[nn.Module], Tensor]] = field(default_factory=dict)

    @property
    def numel(self) -> int:
        """How many numbers the network has."""
        return sum(torch.Size(part.shape).numel() for part in self.parts.values())


def assemble(found: Found, size: int, on_step: OnStep | None = None) -> nn.Module:
    """Build the network and read its tensors; those of other networks in the file are not touched.

    Args:
        found: What the file holds.
        size: Bytes of the file, which bound what is read.
        on_step: Called after each tensor, with its name.

    Returns:
        The network, in float32.

    Raises:
        Cancelled: If ``on_step`` returned False.
        CheckpointError: If the tensors are not those of the architecture, or not finite.
    """
    try:
        with without_numbers():  # nothing is allocated before every shape is known to be right
            network = build_network(found.architecture, found.config)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(_fork(found, f"its sizes do not fit together ({short(str(error))})")) from None
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items() if name not in found.defaults}
    given = {name: part.shape for name, part in found.parts.items()}
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            raise CheckpointError(_fork(found, f"{name} must have shape {wanted.get(name)}, got {given.get(name)}"))
    tensors: dict[str, Tensor] = {}
    room = 4 * size + 2**20  # half precision doubles; a file in which one tensor stands for many is hostile
    for index, (name, part) in enumerate(found.parts.items(), 1):
        room -= 4 * torch.Size(part.shape).numel()
        if room < 0:
            raise CheckpointError("the tensors of a file must lie in it side by side, got one that stands for many.")
        tensors[name] = _number(name, part.read())
        if not report(on_step, index, len(found.parts), name):
            raise Cancelled(f"Cancelled after {index} of {len(found.parts)} tensors.")
    network.load_state_dict(tensors, strict=False, assign=True)
    network.requires_grad_(False)
    for name, compute in found.defaults.items():
        module, _, buffer = name.rpartition(".")
        setattr(network.get_submodule(module), buffer, compute(network))
    return network


def _number(name: str, value: Tensor) -> Tensor:
    if value.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise CheckpointError(f"{name} must hold floating numbers, got {value.dtype}.")
    value = value.to(torch.float32)
    if value.numel() and not bool(torch.stack(value.aminmax()).isfinite().all()):  # no copy, as isfinite() makes
        raise CheckpointError(f"{name} must be finite, got {int((~value.isfinite()).sum())} numbers that are not.")
    return value


def _fork(found: Found, why: str) -> str:
    who = f"class {found.class_name}" if found.class_name else found.family
    source = f", source sha256 {found.source_sha256}" if found.source_sha256 else ""
    return (
        f"the network must be a {found.architecture} as published, got a variant of it ({who}{source}): {why}. "
        "Load it with the program that wrote it and pass the live network: lw.load(network)."
    )


@torch.no_grad()
def average_w(network: nn.Module) -> Tensor:
    """Return the mean of ``w`` over 10 000 seeded latents, for networks without classes; zero for others.

    Args:
        network: One with a ``mapping``.

    Returns:
        ``(w_dim,)``.
    """
    mapping: nn.Module = network.get_submodule("mapping")
    z_dim, w_dim = (int(getattr(network, name)) for name in ("z_dim", "w_dim"))
    if network.c_dim:  # the mean over all classes is the mean over a mixture that nobody knows
        return torch.zeros(w_dim, dtype=torch.float32, device="cpu")
    seeded = torch.Generator("cpu").manual_seed(0)
    z = torch.randn(_DRAWS, z_dim, generator=seeded, dtype=torch.float32, device="cpu")
    return sum(mapping(some).double().sum(0) for some in z.split(_AT_ONCE)).div(_DRAWS).float()
