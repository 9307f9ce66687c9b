"""Noise that is drawn anew at every call, held still: each draw gives the same numbers in every picture."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["FrozenNoise", "held"]

_NORMAL = {"randn", "randn_like", "normal", "normal_"}
_UNIFORM = {"rand", "rand_like", "uniform_"}


class FrozenNoise:
    """The noise of one network, drawn once.

    The n-th draw of a call gives the numbers of the n-th draw of every call, the same for each picture of a batch, so
    that a picture is a function of its latent. Dropout is left alone.

    Args:
        seed: Of the noise.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._kept: dict[tuple[Any, ...], Tensor] = {}

    def during(self, pictures: int) -> TorchFunctionMode:
        """Return a context in which draws are replaced.

        Args:
            pictures: How many are drawn at once: the first axis of noise that is of each.
        """
        return _Mode(self, pictures)

    def numbers(self, index: int, uniform: bool, shape: torch.Size, pictures: int, like: Tensor) -> Tensor:
        """Return the numbers of one draw.

        Args:
            index: Which draw of the call.
            uniform: In [0, 1) rather than normal.
            shape: Of what is drawn.
            pictures: How many pictures are drawn at once.
            like: A tensor of the type and device wanted.
        """
        each = len(shape) > 1 and shape[0] == pictures
        size = (1, *shape[1:]) if each else tuple(shape)
        key = (index, uniform, size)
        if key not in self._kept:
            rng = torch.Generator(device="cpu").manual_seed(self.seed * 1_000_003 + index)
            empty = torch.empty(size, dtype=torch.float32, device="cpu")
            self._kept[key] = empty.uniform_(generator=rng) if uniform else empty.normal_(generator=rng)
        return self._kept[key].to(like.device, like.dtype).expand(shape)


class _Mode(TorchFunctionMode):
    def __init__(self, noise: FrozenNoise, pictures: int) -> None:
        super().__init__()
        self.noise, self.pictures, self.index = noise, pictures, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name not in _NORMAL and name not in _UNIFORM:
            return func(*args, **kwargs)
        uniform, self.index = name in _UNIFORM, self.index + 1
        if name in ("normal_", "uniform_"):
            x, *bounds = args
            numbers = self.noise.numbers(self.index, uniform, x.shape, self.pictures, x)
            asked = ("from", "to") if uniform else ("mean", "std")
            given = [kwargs.get(bound, default) for bound, default in zip(asked, (0.0, 1.0), strict=True)]
            given[: len(bounds)] = bounds[:2]
            low, high = given
            return x.copy_(low + numbers * (high - low if uniform else high))
        plain = torch.empty(0, dtype=kwargs.get("dtype") or torch.float32, device=kwargs.get("device") or "cpu")
        if name == "normal":
            mean, std = (*args, kwargs.get("mean", 0.0), kwargs.get("std", 1.0))[:2]
            size = kwargs.get("size", args[2] if len(args) > 2 else None)
            tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
            shape = torch.broadcast_shapes(*(x.shape for x in tensors)) if size is None else size
            like = tensors[0] if tensors else plain
            return mean + std * self.noise.numbers(self.index, False, torch.Size(shape), self.pictures, like)
        if name in ("randn_like", "rand_like"):
            return self.noise.numbers(self.index, uniform, args[0].shape, self.pictures, args[0])
        given = kwargs.get("size", args)
        shape = given[0] if len(given) == 1 and not isinstance(given[0], int) else given
        return self.noise.numbers(self.index, uniform, torch.Size(shape), self.pictures, plain)


def held(noise: FrozenNoise | None, pictures: int) -> AbstractContextManager[Any]:
    """Return a context in which noise is held still; one that does nothing without any.

    Args:
        noise: The noise.
        pictures: How many are drawn at once.
    """
    return nullcontext() if noise is None else noise.during(pictures)
