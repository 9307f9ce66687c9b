"""The style weights of a network of someone else, found by what its layers are given, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core.rounding import same
from latent_widgets.generators._values import StyleMap

__all__ = ["style_maps"]

_CLOSE = 1e-3


@torch.no_grad()
def style_maps(
    module: nn.Module, synthesis: Callable[[Tensor], Any], num_layers: int, w_dim: int
) -> tuple[StyleMap, ...]:
    """Find the submodules that are given a row of ``w+`` and nothing else, and are affine in it.

    The synthesis runs once on rows that all differ, so that each tells which it is. Whether a submodule is affine is
    tried on it alone, and its weight is read off as what the unit vectors change.

    Args:
        module: The network.
        synthesis: From ``w+`` to whatever the network returns.
        num_layers: Rows of ``w+``.
        w_dim: Their length.

    Returns:
        The maps, in the order in which they run; none where the network is made in another way.
    """
    like = next(
        (p for p in module.parameters() if p.is_floating_point()), torch.empty(0, dtype=torch.float32, device="cpu")
    )
    seeded = torch.Generator("cpu").manual_seed(0)
    rows = torch.randn(num_layers, w_dim, generator=seeded, dtype=torch.float32, device="cpu").to(like)
    given: dict[str, list[Tensor | None]] = {}
    with ExitStack() as hooks:
        for name, part in module.named_modules():
            if name:
                hook = partial(_record, given.setdefault(name, []))
                hooks.callback(part.register_forward_pre_hook(hook, with_kwargs=True).remove)
        synthesis(rows[None])
    reads = {name: row for name, inputs in given.items() if (row := _row_of(inputs, rows)) is not None}
    inner = [name for name in reads if not any(other.startswith(f"{name}.") for other in reads)]
    weights = ((name, _weight(module.get_submodule(name), rows)) for name in inner)
    return tuple(StyleMap(name, reads[name], weight) for name, weight in weights if weight is not None)


def _record(inputs: list[Tensor | None], part: nn.Module, arguments: Any, keywords: Any) -> None:
    found = [value for value in (*arguments, *keywords.values()) if isinstance(value, Tensor)]
    inputs.append(found[0].detach().clone() if len(found) == 1 and found[0].ndim == 2 else None)


def _row_of(inputs: list[Tensor | None], rows: Tensor) -> int | None:
    """The row that a submodule was given, each time it was called; None where it was given anything else."""
    if not inputs or any(value is None or value.shape != (1, rows.shape[1]) for value in inputs):
        return None
    found = [[same(value, row[None]) for row in rows] for value in inputs if value is not None]
    return found[0].index(True) if any(found[0]) and all(each == found[0] for each in found) else None


def _weight(part: nn.Module, rows: Tensor) -> Tensor | None:
    """What an affine submodule multiplies by; None where it is not affine."""
    size = rows.shape[1]
    try:
        values = part(
            torch.cat([rows.new_zeros(1, size), torch.eye(size, dtype=torch.float32, device="cpu").to(rows), rows])
        )
    except (RuntimeError, TypeError, ValueError, IndexError):  # it needs more than its input
        return None
    if not isinstance(values, Tensor) or values.ndim != 2:
        return None
    origin, weight, wanted = values[:1], values[1 : 1 + size] - values[:1], values[1 + size :]
    error = (origin + rows @ weight - wanted).norm()
    return weight.T.contiguous() if bool(error <= _CLOSE * (wanted - origin).norm()) else None
