"""Noise that is drawn anew at every call, held still: each draw gives the same numbers in every picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["FrozenNoise"]

_NORMAL = {torch.randn, torch.randn_like, torch.normal, Tensor.normal_}
_UNIFORM = {torch.rand, torch.rand_like, Tensor.uniform_}


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
            draw = torch.rand if uniform else torch.randn
            self._kept[key] = draw(size, generator=rng, dtype=torch.float32, device="cpu")
        return self._kept[key].to(like.device, like.dtype).expand(shape)


class _Mode(TorchFunctionMode):
    def __init__(self, noise: FrozenNoise, pictures: int) -> None:
        super().__init__()
        self.noise, self.pictures, self.index = noise, pictures, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in _NORMAL and func not in _UNIFORM:
            return func(*args, **kwargs)
        uniform, self.index = func in _UNIFORM, self.index + 1
        if func in (Tensor.normal_, Tensor.uniform_):
            x, *bounds = args
            numbers = self.noise.numbers(self.index, uniform, x.shape, self.pictures, x)
            names = ("from", "to") if uniform else ("mean", "std")
            low, high = (kwargs.get(name, default) for name, default in zip(names, (0.0, 1.0), strict=True))
            low, high = (*bounds, low, high)[:2] if len(bounds) == 2 else (bounds[0] if bounds else low, high)
            return x.copy_(low + numbers * (high - low if uniform else high))
        if func is torch.normal:
            mean, std = (*args, kwargs.get("mean", 0.0), kwargs.get("std", 1.0))[:2]
            shape = kwargs.get("size", args[2] if len(args) > 2 else None)
            shape = torch.broadcast_tensors(*map(torch.as_tensor, (mean, std)))[0].shape if shape is None else shape
            like = next(
                (x for x in (mean, std) if isinstance(x, Tensor)), torch.empty(0, dtype=torch.float32, device="cpu")
            )
            return mean + std * self.noise.numbers(self.index, False, torch.Size(shape), self.pictures, like)
        if func in (torch.randn_like, torch.rand_like):
            return self.noise.numbers(self.index, uniform, args[0].shape, self.pictures, args[0])
        like = torch.empty(0, dtype=kwargs.get("dtype") or torch.float32, device=kwargs.get("device") or "cpu")
        given = kwargs.get("size", args)
        shape = given[0] if len(given) == 1 and not isinstance(given[0], int) else given
        return self.noise.numbers(self.index, uniform, torch.Size(shape), self.pictures, like)
