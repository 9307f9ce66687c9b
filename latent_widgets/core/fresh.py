"""Of what the tensors of a fresh network are made: float32 on the CPU, whatever PyTorch's defaults are.

A network whose numbers come from a file is built without any: that takes no memory, and draws no random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypedDict, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["Made", "filled", "fresh", "without_numbers"]

Network = TypeVar("Network", bound=nn.Module)
_DEVICE = ContextVar("device of fresh networks", default="cpu")
_LEFT = ContextVar[Iterator[int] | None]("how many more tensors a network may have", default=None)
_EACH, _MORE = 2, 16  # tensors that may be made for one of a file, and beside them: filters that no file has


class Made(TypedDict):
    """The keywords of a factory or a layer."""

    dtype: torch.dtype
    device: torch.device


def fresh() -> Made:
    """Return the keywords with which every tensor and layer of a network is made.

    Returns:
        float32 on the CPU; on the meta device :func:`without_numbers`.

    Raises:
        ValueError: If more tensors are made than a file has, for which a network is built without numbers.

    Example:
        >>> torch.zeros(2, **fresh()).device
        device(type='cpu')
    """
    left = _LEFT.get()
    if left is not None and next(left, None) is None:
        raise ValueError("a network must have no more tensors than its file, got one that goes on and on")
    return {"dtype": torch.float32, "device": torch.device(_DEVICE.get())}


@contextmanager
def without_numbers(tensors: int | None = None) -> Iterator[None]:
    """Build the networks of this thread on the meta device: shapes only, for ``load_state_dict(..., assign=True)``.

    Args:
        tensors: How many the file has, where the network is described by a file: a description may say a billion
            layers. No limit if not given.

    Example:
        >>> with without_numbers():
        ...     layer = torch.nn.Linear(1, 1, **fresh())
        >>> layer.weight.is_meta
        True
    """
    before = _DEVICE.set("meta")
    limit = _LEFT.set(None if tensors is None else iter(range(_EACH * tensors + _MORE)))
    try:
        yield
    finally:
        _LEFT.reset(limit)
        _DEVICE.reset(before)


def filled(make: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """Build a network of the numbers of a file.

    Args:
        make: Builds it; nothing is drawn meanwhile.
        tensors: All of its parameters and buffers by name; they become the network's.

    Returns:
        The network.

    Raises:
        RuntimeError: If a name or shape is not the network's.
        ValueError: If it would have far more tensors.

    Example:
        >>> filled(lambda: torch.nn.Linear(1, 1, bias=False, **fresh()), {"weight": torch.ones(1, 1)}).weight.item()
        1.0
    """
    with without_numbers(len(tensors)), torch.inference_mode(False):
        network = make()
        network.load_state_dict(tensors, assign=True)
    return network
