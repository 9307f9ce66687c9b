"""Convolutions whose derivative is differentiated again at the cost of one more, not of two.

PyTorch's second derivative of a convolution also computes how the first changes with the weights, whether or not it is
asked for: half of the time of a product with a Jacobian in double reverse mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from latent_widgets.core.taping import moves

__all__ = ["LeanConvolutions"]

_Options = tuple[list[int], list[int], list[int], bool, list[int], int]


class LeanConvolutions(TorchFunctionMode):
    """Within a block, convolutions take no derivatives by weights that are parameters; all others are the same."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        read = _READ.get(func)
        return func(*args, **kwargs) if read is None else read(func, *args, **kwargs)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, options: _Options) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.options, ctx.shape = options, x.shape
        return torch.ops.aten.convolution(x, weight, None, *options)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, None]:
        return _Adjoint.apply(grads[0], ctx.saved_tensors[0], ctx.options, ctx.shape), None, None


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, options: _Options, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.options = options
        like = grad.new_empty(1).expand(shape)  # of the input the shape alone is asked for
        wanted = [True, False, False]
        return torch.ops.aten.convolution_backward(grad, like, weight, None, *options, wanted)[0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, None, None]:
        return _Convolution.apply(grads[0], ctx.saved_tensors[0], ctx.options), None, None, None


def _pair(value: Any) -> list[int]:
    return [int(value)] * 2 if isinstance(value, int) else [int(v) for v in value]


def _run(x: Tensor, weight: Tensor, bias: Tensor | None, options: _Options) -> Tensor:
    y: Tensor = _Convolution.apply(x, weight.detach(), options)
    return y if bias is None else y + bias.detach()[:, None, None]


def _forward(
    func: Callable[..., Tensor], input: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    if isinstance(padding, str) or input.ndim != 4 or moves(weight, bias):
        return func(input, weight, bias, stride, padding, dilation, groups)
    return _run(input, weight, bias, (_pair(stride), _pair(padding), _pair(dilation), False, [0, 0], groups))


def _transposed(
    func: Callable[..., Tensor], input: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    if input.ndim != 4 or moves(weight, bias):
        return func(input, weight, bias, stride, padding, output_padding, groups, dilation)
    options = (_pair(stride), _pair(padding), _pair(dilation), True, _pair(output_padding), groups)
    return _run(input, weight, bias, options)


_READ: dict[Any, Callable[..., Any]] = {F.conv2d: _forward, F.conv_transpose2d: _transposed}
