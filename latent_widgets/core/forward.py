"""Forward-mode derivatives, one thread at a time.

PyTorch counts the levels of forward-mode derivatives for the whole process: where two threads take one at once, either
may end the other's level, which is an error or, worse, a wrong number. A panel differentiates on a thread of its own.

The first derivative of a process, and the first optimiser, make PyTorch import its rules: seconds of the processor. An
interrupt amid that import would leave every later derivative failing, so the rules are loaded apart, and first.
"""

from __future__ import annotations

import functools
import threading
from contextlib import suppress

import torch

from latent_widgets.core.imports import apart, import_whole, is_whole

__all__ = ["FORWARD", "load_rules", "rules_loaded"]

FORWARD = threading.RLock()
"""Held around each derivative in forward mode, by the same thread as often as derivatives are nested.

The rules are loaded before it is taken. It is a lock of Python's own: an interrupt finds it either taken or not."""


@functools.cache
def load_rules() -> None:
    """Have PyTorch import what its first derivative needs, before a lock is taken for which pictures wait."""
    with suppress(ImportError):  # who needs it will say what is missing
        import_whole("torch._dynamo")  # for the rules of some operations, and for optimisers
    apart(_first_derivative)


def _first_derivative() -> None:
    x = torch.zeros(1, dtype=torch.float32, device="cpu")
    with FORWARD, torch.no_grad():
        torch.func.jvp(torch.sin, (x,), (x,))


def rules_loaded() -> bool:
    """Return whether that was done, or begun."""
    return is_whole("torch._dynamo")
