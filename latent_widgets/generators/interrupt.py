"""Leave a picture before it is drawn: a hand that moves again does not wait for what it has overtaken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from latent_widgets.core.steps import Cancelled

__all__ = ["interruptible"]


@contextmanager
def interruptible(module: nn.Module, goes_on: Callable[[], bool]) -> Iterator[None]:
    """Ask before each layer whether the work goes on, within a block and on this thread alone.

    Args:
        module: What draws.
        goes_on: Asked before each of its parts.

    Raises:
        Cancelled: Out of the module, once the answer is no.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(2, 2)
        >>> with interruptible(layer, lambda: False):
        ...     try:
        ...         layer(torch.ones(1, 2))
        ...     except Cancelled:
        ...         print("left")
        left
    """
    thread = threading.get_ident()

    def ask(*_: object) -> None:
        if threading.get_ident() == thread and not goes_on():
            raise Cancelled

    hooks = [part.register_forward_pre_hook(ask) for part in module.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
