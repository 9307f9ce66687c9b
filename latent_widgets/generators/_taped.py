"""A modulated layer whose derivative is one step, for graphs kept for products with a Jacobian.

PyTorch differentiates a layer factor by factor, each in new memory: a third of the time of a product. Here what stands
beside the convolution runs in pieces that fit into the cache, and the derivative of the derivative is a forward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latent_widgets.generators._kind import Kind
from latent_widgets.generators._plain import coloured, laid, room, slabs

__all__ = ["TapedColours", "TapedLayer"]


class TapedLayer(torch.autograd.Function):
    """``clamp(leaky_relu(scale * filter(conv(x * style)) + shift + noise))``, by ``x``, ``style`` and ``scale``.

    Their shapes are ``(n, inputs, h, w)``, ``(n, inputs)`` and ``(n, outputs)``. The weight, the shift
    ``(outputs, 1, 1)`` and the noise ``(h', w')`` are constants.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, style: Tensor, scale: Tensor, weight: Tensor, shift: Tensor, noise: Tensor | None,
        kind: Kind,
    ) -> Tensor:  # fmt: skip
        x, factor = laid(x), scale[:, :, None, None]
        y = kind.convolved(x * style[:, :, None, None], weight)
        before = y if kind.taps is None else room(y, y.shape[2] - 1, y.shape[3] - 1)
        out = torch.empty_like(before)
        for i, first, last in slabs(out):
            rows, given = before[i : i + 1, :, first:last], out[i : i + 1, :, first:last]
            if kind.taps is not None:
                rows.copy_(kind.filtered(y[i : i + 1], first, last))
            torch.mul(rows, factor[i : i + 1], out=given)
            kind.activate(given, shift, None if noise is None else noise[first:last])
        ctx.save_for_backward(x, style, scale, weight, before, out)
        ctx.kind = kind
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return *_Transposed.apply(grads[0], ctx.kind, *ctx.saved_tensors), None, None, None, None


class _Transposed(torch.autograd.Function):
    """The product with the transposed derivative of the layer; its own derivative is the product with the former."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, kind: Kind, *saved: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, style, scale, weight, before, out = saved
        grad, factor, height = laid(grad), scale[:, :, None, None], grad.shape[2]
        wider = kind.taps is not None
        inner = room(grad, height + wider, grad.shape[3] + wider)
        by_scale, by_style = torch.zeros_like(scale), torch.zeros_like(style)
        for i, first, last in slabs(inner):
            reach, inside = kind.reach(first, last, height), min(last, height)
            here = slice(reach.first, reach.last)
            rows = kind.sloped(grad[i : i + 1, :, here], out[i : i + 1, :, here])
            own = rows[:, :, first - reach.first : inside - reach.first]
            by_scale[i] += (own * before[i : i + 1, :, first:inside]).sum((0, 2, 3))
            inner[i : i + 1, :, first:last] = kind.spread(rows.mul_(factor[i : i + 1]), reach)
        by_x = laid(kind.transposed(inner, weight))
        for i, first, last in slabs(by_x):
            rows = by_x[i : i + 1, :, first:last]
            by_style[i] += (rows * x[i : i + 1, :, first:last]).sum((0, 2, 3))
            rows.mul_(style[i : i + 1, :, None, None])
        ctx.save_for_backward(*saved)
        ctx.kind = kind
        ctx.set_materialize_grads(False)
        return by_x, by_style, by_scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        x, style, scale, weight, before, out = ctx.saved_tensors
        by_x, by_style, by_scale = grads
        moved = None if by_x is None else by_x * style[:, :, None, None]
        if by_style is not None:
            other = by_style[:, :, None, None]
            moved = x * other if moved is None else moved.addcmul_(x, other)
        pushed = torch.zeros_like(out) if moved is None else torch.empty_like(out)
        y = pushed if moved is None else ctx.kind.convolved(laid(moved), weight)
        factor = scale[:, :, None, None]
        turned = torch.zeros_like(factor) if by_scale is None else by_scale[:, :, None, None]
        for i, first, last in slabs(pushed):
            rows, given = pushed[i : i + 1, :, first:last], out[i : i + 1, :, first:last]
            if moved is not None:
                torch.mul(ctx.kind.filtered(y[i : i + 1], first, last), factor[i : i + 1], out=rows)
            rows.addcmul_(before[i : i + 1, :, first:last], turned[i : i + 1])
            rows.copy_(ctx.kind.sloped(rows, given))
        return pushed, *(None,) * 7


class TapedColours(torch.autograd.Function):
    """A picture as weighted sums of the channels of ``x`` (n, C, h, w), by that and by the weights (n, colours, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, own: Tensor, bias: Tensor) -> Tensor:
        x = laid(x)
        ctx.save_for_backward(x, own)
        return coloured(x, own, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return *_Uncoloured.apply(grads[0], *ctx.saved_tensors), None


class _Uncoloured(torch.autograd.Function):
    """The product with the transposed derivative of that."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        by_x, parts = torch.empty_like(x), own[..., None, None]
        for i, first, last in slabs(by_x):
            rows, pushed = by_x[i, :, first:last], grad[i, :, first:last]
            torch.mul(parts[i, 0], pushed[0], out=rows)
            for part, colour in zip(parts[i, 1:], pushed[1:], strict=True):
                rows.addcmul_(part, colour)
        ctx.save_for_backward(x, own)
        ctx.set_materialize_grads(False)
        return by_x, grad.flatten(2) @ x.flatten(2).mT

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        x, own = ctx.saved_tensors
        by_x, by_own = grads
        moved = None if by_x is None else own @ by_x.flatten(2)
        if by_own is not None:
            turned = by_own @ x.flatten(2)
            moved = turned if moved is None else moved + turned
        return None if moved is None else moved.unflatten(2, x.shape[2:]), None, None
