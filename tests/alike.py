"""Whether two results hold the same."""

from dataclasses import fields, is_dataclass

import torch
from torch import Tensor


def alike(a, b):
    """Whether two values are of one kind and the same to the bit."""
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and b.device.type == "cpu" and torch.equal(a.cpu(), b)
    if is_dataclass(a):
        return type(a) is type(b) and all(alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[name], b[name]) for name in a)
    return type(a) is type(b) and a == b
