"""What a file turned out to hold: an architecture, its configuration, and tensors that are read when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from latent_widgets.core.budget import Budget
from latent_widgets.core.fresh import without_numbers
from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.generators._networks import build_network
from latent_widgets.generators.checkpoints._changes import Change
from latent_widgets.generators.checkpoints._values import WAY_OUT, CheckpointError, short

__all__ = [
    "AVERAGE",
    "AVERAGES",
    "Found",
    "Readable",
    "StoredPart",
    "assemble",
    "average_w",
    "mapping_widths",
    "missing_noise",
    "planned",
]

AVERAGE = "mapping.w_avg"
AVERAGES = frozenset(  # what programs call it
    ("latent_avg", "w_avg", "dlatent_avg", "mean_latent", "latent_mean", "avg_latent", "mean_w", "w_mean")
)
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
        name: What the file calls it; empty where that is our name.
    """

    source: Readable
    change: Change | None = None
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes, for which nothing is read."""
        if self.change is None:
            return tuple(self.source.shape)
        try:
            return tuple(self.change(torch.empty(tuple(self.source.shape), device="meta", dtype=torch.float32)).shape)
        except (IndexError, RuntimeError, TypeError, ValueError):
            raise CheckpointError(
                f"{short(self.name) if self.name else 'a tensor'} must have the axes of its layer, "
                f"got shape {tuple(self.source.shape)}."
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


def planned(found: Found) -> nn.Module:
    """Build the network without numbers, and compare names and shapes with those of the file.

    Args:
        found: What the file holds.

    Raises:
        CheckpointError: If the tensors are not those of the architecture.
    """
    try:
        with without_numbers(
            len(found.parts) + len(found.defaults)
        ):  # nothing is allocated before every shape is known to be right
            network = build_network(found.architecture, found.config)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(_fork(found, f"its sizes do not fit together ({short(str(error))})")) from None
    state = network.state_dict()
    wanted = {name: tuple(value.shape) for name, value in state.items() if name not in found.defaults}
    given = {name: part.shape for name, part in found.parts.items()}
    given |= {name: () for name in found.defaults if name not in state}
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            raise CheckpointError(_fork(found, _difference(found, name, wanted.get(name), given.get(name))))
    return network


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
    network = planned(found)
    _afford(network, found, Budget(size, "the file", CheckpointError))
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


def _afford(network: nn.Module, found: Found, budget: Budget) -> None:
    """Charge what is computed because the file has it not: it may describe a picture of any size with few tensors."""
    for name in found.defaults:
        budget.spend(4 * network.get_buffer(name).numel())
        if name == AVERAGE:
            widest = max((len(value) for value in network.get_submodule("mapping").parameters()), default=0)
            budget.spend(4 * (_DRAWS * int(getattr(network, "z_dim", 0)) + 4 * _AT_ONCE * widest))


def _number(name: str, value: Tensor) -> Tensor:
    if value.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise CheckpointError(f"{name} must hold floating numbers, got {value.dtype}.")
    value = value.to(torch.float32)
    if value.numel() and not bool(torch.stack(value.aminmax()).isfinite().all()):  # no copy, as isfinite() makes
        raise CheckpointError(f"{name} must be finite, got {int((~value.isfinite()).sum())} numbers that are not.")
    return value


def _difference(found: Found, name: str, wanted: Any, given: Any) -> str:
    part = found.parts.get(name)
    theirs = f" (in the file {short(part.name)})" if part is not None and part.name else ""
    if given is None:
        missing = [key for key in found.parts if key.rpartition(".")[0] == name.rpartition(".")[0]]
        beside = f", which has {', '.join(missing[:4])}" if missing else ""
        return f"{name} of shape {wanted} must be among its tensors, got none{beside}"
    if wanted is None:
        return f"its tensors must be those of {found.architecture}, got {name} of shape {given}{theirs} as well"
    return f"{name} must have shape {wanted}, got {given}{theirs}"


def _fork(found: Found, why: str) -> str:
    who = f"class {found.class_name}" if found.class_name else found.family
    source = f", source sha256 {found.source_sha256}" if found.source_sha256 else ""
    return (
        f"the network must be a {found.architecture} as it is drawn here, got another ({who}{source}): {why}. {WAY_OUT}"
    )


def mapping_widths(shapes: Sequence[Sequence[int]], usual: int, inputs: int, w_dim: int) -> dict[str, list[int]]:
    """Return the widths of a mapping whose layers do not all have that of ``w``, as a network is told them.

    Args:
        shapes: Those of the weights, ``(outputs, inputs)``.
        usual: How many numbers the first layer takes if nothing else is said.
        inputs: How many it should take here, those of the latent and of the embedded class.
        w_dim: How many the last gives.

    Returns:
        Nothing where the widths are usual, or do not follow each other: then the shapes are refused.
    """
    if any(len(shape) != 2 for shape in shapes):
        return {}
    widths = [inputs, *(shape[0] for shape in shapes)]
    follow = all(shape[1] == width for shape, width in zip(shapes, widths, strict=False)) and widths[-1] == w_dim
    return {"mapping_widths": widths} if follow and widths != [usual] + [w_dim] * len(shapes) else {}


def missing_noise(parts: Mapping[str, StoredPart]) -> dict[str, Callable[[nn.Module], Tensor]]:
    """Return seeded noise for the layers of which the file has none, as programs draw it that keep none."""
    found = [re.fullmatch(r"(synthesis\.b(\d{1,4})\.\w+\.)noise_strength", name) for name in parts]
    sides = {match[1]: int(match[2]) for match in found if match}
    names = sorted(sides, key=lambda name: (sides[name], name))
    drawn = {f"{name}noise_const": _noise(seed, sides[name]) for seed, name in enumerate(names)}
    return {name: draw for name, draw in drawn.items() if name not in parts}


def _noise(seed: int, side: int) -> Callable[[nn.Module], Tensor]:
    def draw(network: nn.Module) -> Tensor:
        seeded = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(side, side, generator=seeded, dtype=torch.float32, device="cpu")

    return draw


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
