"""What submodules give out while a network runs: hooks that live for one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from torch import Tensor, nn

__all__ = ["feature_layers", "watching"]

_MOST_LAYERS = 64


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
    """Find the submodules that give out features ``(n, C, h, w)``: those of the outermost level that has several.

    Args:
        seen: What all submodules gave out in one pass, in the order in which they ran.

    Returns:
        Their dotted names, in that order.
    """
    maps = [name for name, given in seen.items() if len(given) == 1 and given[0].ndim == 4]
    for depth in range(1, 8):
        level = [name for name in maps if name.count(".") < depth]
        inner = [name for name in level if not any(other.startswith(f"{name}.") for other in level)]
        if len(inner) > 1:
            return tuple(inner[:_MOST_LAYERS])
    return tuple(maps[:_MOST_LAYERS])
