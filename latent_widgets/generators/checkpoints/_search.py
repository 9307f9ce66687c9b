"""Where in a file the generator is: the layouts that are known, under any nesting of prefixes and dicts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from latent_widgets.core.budget import EACH, Budget
from latent_widgets.generators.checkpoints import dcgan, genforce, genforce_older, nvidia_names, rosinality
from latent_widgets.generators.checkpoints._changes import row
from latent_widgets.generators.checkpoints._found import AVERAGE, AVERAGES, Found, Readable, StoredPart
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints._tree import Leaf
from latent_widgets.generators.checkpoints._values import CheckpointError, short

__all__ = ["find_among", "rank"]


class Layout(Protocol):
    """How a program names the tensors of its generator."""

    ANCHOR: str  # a tensor that it always has
    HEADS: frozenset[str]  # the first parts of all its names

    def looks_like(self, tensors: Mapping[str, Any]) -> bool:
        """Return whether these are its names."""

    def find(self, tensors: Mapping[str, Any], asked: Asked) -> Found:
        """Describe the generator."""


_LAYOUTS: tuple[Any, ...] = (rosinality, genforce, nvidia_names, genforce_older.STYLEGAN1, genforce_older.PGGAN, dcgan)
_AVERAGED = frozenset(("ema", "smooth", "avg", "average", "averaged", "running", "shadow", "gs"))
_WRAPPERS = frozenset((
    "state_dict", "model", "models", "module", "_orig_mod", "generator", "gen", "g", "netg", "net", "network",
    "networks", "decoder", "params", "weights", "checkpoint", "ckpt", "stylegan", "stylegan2", "stylegan3", "g_model",
    "pretrained",
))  # fmt: skip
_PLACES = 16  # of one layout in one file
_LOOK = 16  # bytes charged for a name that is looked at once more


@dataclass(frozen=True, eq=False)
class _Candidate:
    layout: Any
    prefix: str
    tensors: dict[str, Readable]


def rank(path: str) -> int:
    """Tell from a dotted path how likely the generator under it is the one to draw with.

    Returns:
        0 for an averaged one, 1 for one under prefixes that programs are known to use, 2 for another.

    Example:
        >>> rank("models.generator_smooth"), rank("module._orig_mod"), rank("teacher")
        (0, 1, 2)
    """
    parts = [part for part in path.split(".") if part]
    if any(_words(part) & _AVERAGED for part in parts):
        return 0
    return 1 if all(re.sub(r"_state(_dict)?$", "", part.lower()) in _WRAPPERS for part in parts) else 2


def _words(part: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower()
    return set(re.split(r"[_\W]+", spaced))


def find_among(
    leaves: Mapping[str, Leaf], asked: Asked, beside: Sequence[str] = (), budget: Budget | None = None
) -> Found | None:
    """Find a generator of a known layout among the tensors of a file.

    Args:
        leaves: The tensors by dotted name.
        asked: What the user says about the file.
        beside: Other generators in the file, by their prefixes.
        budget: The account of the file; one for as many bytes as it has tensors if not given.

    Returns:
        What was found; None where there is nothing of a known layout.

    Raises:
        CheckpointError: If there are several and nothing tells which is meant, or it is a variant.
    """
    budget = budget or Budget(len(leaves), "the file", CheckpointError)
    candidates = [found for layout in _LAYOUTS for found in _places(layout, leaves, budget)]
    others = [candidate.prefix for candidate in candidates]
    if asked.prefix is not None:
        wanted = asked.prefix.rstrip(".")
        candidates = [candidate for candidate in candidates if candidate.prefix.rstrip(".") == wanted]
        if not candidates:
            known = ", ".join(map(short, [*beside, *others][:8])) or "none of a known layout"
            raise CheckpointError(
                f"prefix must be that of a generator in the file, got {asked.prefix!r}. There are: {known}."
            )
    if not candidates:
        return None
    best = min(rank(candidate.prefix) for candidate in candidates)
    candidates = [candidate for candidate in candidates if rank(candidate.prefix) == best]
    if best == 2 and len(candidates) > 1:
        known = ", ".join(short(candidate.prefix) for candidate in candidates[:8])
        raise CheckpointError(
            f"the file must hold one generator, or an averaged one, got {len(candidates)} under the prefixes {known}. "
            f"Say which is meant: lw.load(path, prefix={candidates[0].prefix!r})."
        )
    chosen = candidates[0]
    found = _with_average(chosen.layout.find(chosen.tensors, asked), chosen.prefix, leaves)
    parts = {ours: replace(part, name=part.name and chosen.prefix + part.name) for ours, part in found.parts.items()}
    notes = list(found.notes)
    if chosen.prefix:
        rest = [other for other in others if other != chosen.prefix]
        also = f" It also holds {', '.join(map(short, rest[:4]))}; prefix= reads another." if rest else ""
        notes.append(f"The generator was found in the file under {short(chosen.prefix)}.{also}")
    return replace(found, parts=parts, notes=tuple(notes))


def _places(layout: Any, leaves: Mapping[str, Leaf], budget: Budget) -> list[_Candidate]:
    anchor, found = layout.ANCHOR, []
    ends = [name for name in leaves if name == anchor or name.endswith(f".{anchor}")]
    for end in ends[:_PLACES]:
        prefix, home = end.removesuffix(anchor), leaves[end].home
        tensors: dict[str, Readable] = {}
        budget.spend(_LOOK * len(leaves))
        for name, leaf in leaves.items():
            if not name.startswith(prefix):
                continue
            inner = name.removeprefix(prefix)
            ours = inner.partition(".")[0] in layout.HEADS
            alone = not leaf.value.shape  # a count of steps, or another lone number
            if ours or (leaf.home == home and not alone):
                budget.spend(EACH + 4 * len(inner))
                tensors[inner] = leaf.value
        if layout.looks_like(tensors):
            found.append(_Candidate(layout, prefix, tensors))
    return found


def _with_average(found: Found, prefix: str, leaves: Mapping[str, Leaf]) -> Found:
    """Take the mean of ``w`` from wherever the file has it, and say so where it has none."""
    if AVERAGE not in found.defaults:
        return found
    w_dim = found.config["w_dim"]
    notes: list[str] = []
    for name in _averages(prefix, leaves):
        value = leaves[name].value
        if value.shape and value.shape[-1] == w_dim and 0 not in value.shape:
            defaults = {key: compute for key, compute in found.defaults.items() if key != AVERAGE}
            parts = {**found.parts, AVERAGE: StoredPart(value, row)}
            return replace(found, parts=parts, defaults=defaults, notes=(*notes, *found.notes))
        notes.append(f"{short(name)} of shape {tuple(value.shape)} is no mean of w, which has {w_dim} numbers.")
    taken = "zero" if found.config.get("c_dim") else "that of 10000 mapped latents"
    notes.append(f"The file has no mean of w: {taken} was taken for truncation.")
    return replace(found, notes=(*notes, *found.notes))


def _averages(prefix: str, leaves: Mapping[str, Leaf]) -> list[str]:
    """The names under which the mean of ``w`` may be, those nearest to the generator first."""
    names = [name for name in leaves if name.rpartition(".")[2] in AVERAGES]
    near = [name for name in names if prefix.startswith(_parent(name))]
    if not near and len(names) == 1:
        near = names
    return sorted(near, key=lambda name: -len(_parent(name)))


def _parent(name: str) -> str:
    head = name.rpartition(".")[0]
    return f"{head}." if head else ""
