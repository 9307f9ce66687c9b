"""Forward-mode derivatives, one thread at a time.

PyTorch counts the levels of forward-mode derivatives for the whole process: where two threads take one at once, either
may end the other's level, which is an error or, worse, a wrong number. A panel differentiates on a thread of its own.

The first derivative of a process makes PyTorch import its rules, over a second of the processor.
"""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import suppress

import torch

__all__ = ["FORWARD", "load_rules", "rules_loaded"]

FORWARD = threading.RLock()  # held around each derivative, by the same thread as often as derivatives are nested


def load_rules() -> None:
    """Have PyTorch import what its first derivative needs, before a lock is taken for which pictures wait."""
    with suppress(ImportError):  # who needs it will say what is missing
        importlib.import_module("torch._dynamo")  # which the rules of some operations ask for
    x = torch.zeros(1, dtype=torch.float32, device="cpu")
    with FORWARD, torch.no_grad():
        torch.func.jvp(torch.sin, (x,), (x,))


def rules_loaded() -> bool:
    """Return whether that was done, or begun."""
    return "torch._dynamo" in sys.modules
