"""What submodules give out while a network runs: hooks that live for one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from torch import Tensor, nn

__all__ = ["feature_layers", "watching"]

_MOST_LAYERS = 64
_DOUBLED = 2.5  # a layer that doubles may have a margin, which its filter takes away


class watching(ExitStack):
    """Records what submodules give out, for the length of a ``with`` block: name to a list of tensors.

    Names come in the order in which the submodules first gave something out.
    """

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.seen: dict[str, list[Tensor]] = {}
        for name in names:
            hook = partial(_record, self.seen, name)
            self.callback(module.get_submodule(name).register_forward_hook(hook).remove)

    def __enter__(self) -> dict[str, list[Tensor]]:  # type: ignore[override]
        """Return the records."""
        return self.seen


def _record(seen: dict[str, list[Tensor]], name: str, module: nn.Module, inputs: Any, output: Any) -> None:
    found = output[0] if isinstance(output, tuple | list) and output else output
    if isinstance(found, Tensor):
        seen.setdefault(name, []).append(found)


def feature_layers(seen: Mapping[str, Sequence[Tensor]]) -> tuple[str, ...]:
    """Find the submodules that give out features ``(n, C, h, w)``: blocks, not what they are made of.

    A module that holds others is taken apart where the sides of what these give out differ by more than one doubling,
    or where all of the network's features are within it.

    Args:
        seen: What all submodules gave out in one pass, in the order in which they ran.

    Returns:
        Their dotted names, in that order.
    """
    sides = {name: given[0].shape[-1] for name, given in seen.items() if len(given) == 1 and given[0].ndim == 4}
    inside = {name: [other for other in sides if other.startswith(f"{name}.")] for name in sides}
    alone = {name for name in sides if len(inside[name]) == len(sides) - 1 - sum(name in x for x in inside.values())}

    def is_block(name: str) -> bool:
        inner = [sides[other] for other in inside[name]]
        return len(inner) < 2 or (max(inner) <= _DOUBLED * min(inner) and name not in alone)

    blocks = [name for name in sides if is_block(name)]
    outermost = [name for name in blocks if not any(name in inside[other] for other in blocks)]
    return tuple(outermost[:_MOST_LAYERS])
