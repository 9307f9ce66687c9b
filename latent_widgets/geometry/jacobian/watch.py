"""Looking at one call of a function: what it makes, what it writes to, whether it draws random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from latent_widgets.core.exact import exact
from latent_widgets.core.randomness import random_state

__all__ = ["Look", "Sizes", "watch"]


@dataclass(frozen=True, eq=False)
class Sizes:
    """Bytes of what a call makes of its argument.

    Attributes:
        largest: Of the largest tensor.
        all: Of all tensors together: what a graph of the call may hold.
    """

    largest: int
    all: int


@dataclass(frozen=True, eq=False)
class Look:
    """What a call was seen to do.

    Attributes:
        shape: Shape of its value.
        sizes: What it made on the way.
    """

    shape: tuple[int, ...]
    sizes: Sizes


class _Watch(TorchDispatchMode):
    """Sees every operation of one call: notes the largest result, refuses writes into tensors that outlive the call.

    Only what depends on the argument counts, since that is made once for each vector of a chunk.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.largest = self.all = 0  # bytes
        self._own: set[int] = set()
        self._follows = {_storage(x)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = {_storage(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                value = args[i] if i < len(args) else kwargs.get(argument.name)
                for t in tree_leaves(value):
                    if isinstance(t, Tensor) and _storage(t) not in self._own:
                        raise ValueError(
                            "fn must not write into tensors that outlive the call, got "
                            f"{func.name()} on one of shape {tuple(t.shape)}. Use module.eval(), or work out of place."
                        )
        result = func(*args, **kwargs)
        follows = not given.isdisjoint(self._follows)
        for t in tree_leaves(result):
            if isinstance(t, Tensor):
                place = _storage(t)
                if place not in given:
                    self._own.add(place)
                    self._follows.discard(place)  # it may have been another's before
                    self.all += t.numel() * t.element_size() if follows else 0
                if follows:
                    self.largest = max(self.largest, t.numel() * t.element_size())
                    self._follows.add(place)
        return result


def _storage(t: Tensor) -> int:
    try:
        return t.untyped_storage()._cdata
    except NotImplementedError:  # a subclass without memory of its own
        return id(t)


def watch(fn: Callable[[Tensor], Any], x: Tensor) -> tuple[Any, Sizes]:
    """Call ``fn(x)`` once, without derivatives, and look at what it does.

    Args:
        fn: The function.
        x: Its argument.

    Returns:
        The value, and the sizes of what is made of the argument on the way.

    Raises:
        ValueError: If ``fn`` writes into a tensor that outlives the call, or draws random numbers.
    """
    mode = _Watch(x)
    before = random_state(x.device)
    with torch.no_grad(), exact(), mode:
        value = fn(x)
    if not torch.equal(before, random_state(x.device)):
        raise ValueError(
            "fn must be deterministic, got one that draws random numbers. Fix the noise, or use module.eval()."
        )
    return value, Sizes(mode.largest, mode.all)
