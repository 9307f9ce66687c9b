"""The identity of a network: a hash of its weights."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

__all__ = ["hash_weights"]


def hash_weights(module: nn.Module) -> str:
    """Return a sha256 over the names, shapes, types and bytes of a module's parameters and buffers.

    Args:
        module: The network.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> hash_weights(nn.Linear(1, 1)) == hash_weights(nn.Linear(1, 1))
        False
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        data = value.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(data.shape)} {data.dtype}".encode())
        digest.update(data.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
