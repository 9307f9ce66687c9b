"""A modulated layer whose derivative is one step, for graphs kept for products with a Jacobian.

PyTorch differentiates a layer factor by factor, each in new memory: a third of the time of a product. Here what stands
beside the convolution runs in pieces that fit into the cache, and the derivative of the derivative is a forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.generators._fir import fir_rows, reach_of
from latent_widgets.generators._plain import laid, room, slabs

__all__ = ["Kind", "TapedColours", "TapedLayer"]

SLOPE = 0.2


class Kind(NamedTuple):
    """What a layer does beside its numbers: the filter's taps if it doubles the resolution, the largest activation."""

    taps: Sequence[float] | None
    clamp: float | None

    def convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve; the filter comes after that."""
        if self.taps is None:
            return F.conv2d(x, weight, padding=1)
        return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)

    def transposed(self, y: Tensor, weight: Tensor) -> Tensor:
        """Multiply with the transpose of that map."""
        if self.taps is not None:
            return F.conv2d(y, weight.transpose(0, 1), stride=2)
        return F.conv_transpose2d(y, weight, padding=1)

    def filtered(self, y: Tensor, first: int, last: int) -> Tensor:
        """Return rows of what was convolved, filtered."""
        if self.taps is None:
            return y[:, :, first:last]
        reach = reach_of(self.taps, first, last, y.shape[2])
        return fir_rows(y[:, :, reach.first : reach.last], self.taps, reach)

    def sloped(self, moved: Tensor, out: Tensor) -> Tensor:
        """Multiply with the activation's derivative where it gave ``out``."""
        sloped: Tensor = torch.ops.aten.leaky_relu_backward(moved, out, SLOPE, True)
        return sloped if self.clamp is None else sloped.masked_fill_(out.abs() >= self.clamp, 0.0)


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
            torch.mul(rows, factor[i : i + 1], out=given).add_(shift)
            if noise is not None:
                given.add_(noise[first:last])
            F.leaky_relu_(given, SLOPE)
            if kind.clamp is not None:
                given.clamp_(-kind.clamp, kind.clamp)
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
            reach = None if kind.taps is None else reach_of(kind.taps, first, last, height, adjoint=True)
            begin, end = (first, last) if reach is None else reach[:2]
            rows = kind.sloped(grad[i : i + 1, :, begin:end], out[i : i + 1, :, begin:end])
            inside = min(last, height)
            by_scale[i] += (rows[:, :, first - begin : inside - begin] * before[i : i + 1, :, first:inside]).sum(
                (0, 2, 3)
            )
            rows.mul_(factor[i : i + 1])
            if kind.taps is not None and reach is not None:
                rows = fir_rows(rows, kind.taps, reach)
            inner[i : i + 1, :, first:last] = rows
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
            turned = by_style[:, :, None, None]
            moved = x * turned if moved is None else moved.addcmul_(x, turned)
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
        return torch.baddbmm(bias[:, None], own, x.flatten(2)).unflatten(2, x.shape[2:])

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
