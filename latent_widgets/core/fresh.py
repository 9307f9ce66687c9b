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


class Made(TypedDict):
    """The keywords of a factory or a layer."""

    dtype: torch.dtype
    device: torch.device


def fresh() -> Made:
    """Return the keywords with which every tensor and layer of a network is made.

    Returns:
        float32 on the CPU; on the meta device :func:`without_numbers`.

    Example:
        >>> torch.zeros(2, **fresh()).device
        device(type='cpu')
    """
    return {"dtype": torch.float32, "device": torch.device(_DEVICE.get())}


@contextmanager
def without_numbers() -> Iterator[None]:
    """Build the networks of this thread on the meta device: shapes only, for ``load_state_dict(..., assign=True)``.

    Example:
        >>> with without_numbers():
        ...     layer = torch.nn.Linear(1, 1, **fresh())
        >>> layer.weight.is_meta
        True
    """
    before = _DEVICE.set("meta")
    try:
        yield
    finally:
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

    Example:
        >>> filled(lambda: torch.nn.Linear(1, 1, bias=False, **fresh()), {"weight": torch.ones(1, 1)}).weight.item()
        1.0
    """
    with without_numbers(), torch.inference_mode(False):
        network = make()
        network.load_state_dict(tensors, assign=True)
    return network
