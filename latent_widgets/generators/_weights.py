"""What a network's weights and modules tell: its identity, where it computes, and who wrote it."""

from __future__ import annotations

import hashlib
from itertools import chain

import torch
from torch import Tensor, nn

__all__ = ["first_floating", "hash_weights", "made_here"]


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


def first_floating(module: nn.Module) -> Tensor:
    """Return the first floating parameter of a module, else its first floating buffer, else an empty tensor.

    It is asked for many times a picture, and always anew, as a module may be moved at any time: so the usual case is
    found without the generators of ``module.parameters()``.
    """
    inner: nn.Module | None = module
    while inner is not None:  # down the first branch
        for parameter in inner._parameters.values():
            if parameter is not None and parameter.is_floating_point():
                return parameter
        inner = next(iter(inner._modules.values()), None)
    tensors = chain(module.parameters(), module.buffers())
    return next(
        (tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0, dtype=torch.float32, device="cpu")
    )


def made_here(*parts: object) -> bool:
    """Return whether all are of classes of this package or of PyTorch's.

    Example:
        >>> made_here(nn.Linear(1, 1))
        True
    """
    return all(type(part).__module__.split(".")[0] in ("latent_widgets", "torch") for part in parts)
