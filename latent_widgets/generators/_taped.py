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

from latent_widgets.generators._fir import fir
from latent_widgets.generators._plain import pieces

__all__ = ["Kind", "TapedLayer"]

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
        shape = (*y.shape[:1], weight.shape[1], *y.shape[2:])
        like = y.new_empty(1).expand(shape)  # its shape alone is asked for
        one, none = [1, 1], [0, 0]
        options = (None, one, one, one, False, none, 1, [True, False, False])
        x: Tensor = torch.ops.aten.convolution_backward(y, like, weight, *options)[0]
        return x

    def filtered(self, y: Tensor) -> Tensor:
        """Filter a piece of what was convolved."""
        return y if self.taps is None else fir(y, self.taps)

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
        y = kind.convolved(x * style[:, :, None, None], weight)
        size = [side - (kind.taps is not None) for side in y.shape[2:]]
        before = y if kind.taps is None else y.new_empty(*y.shape[:2], *size)
        out = torch.empty_like(before)
        for wide, part, given, factor, offset in pieces(y, before, out, scale[:, :, None, None], shift[None]):
            if kind.taps is not None:
                part.copy_(kind.filtered(wide))
            torch.mul(part, factor, out=given).add_(offset)
            if noise is not None:
                given.add_(noise)
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
        inner = grad.new_empty(*grad.shape[:2], *(side + (kind.taps is not None) for side in grad.shape[2:]))
        by_scale = torch.empty_like(scale)
        for pushed, given, value, wide, factor, total in pieces(
            grad, out, before, inner, scale[:, :, None, None], by_scale[:, :, None, None]
        ):
            piece = kind.sloped(pushed, given)
            torch.sum(piece * value, (2, 3), keepdim=True, out=total)
            piece.mul_(factor)
            wide.copy_(piece if kind.taps is None else fir(piece, kind.taps, adjoint=True))
        by_x = kind.transposed(inner, weight)
        by_style = torch.empty_like(style)
        for part, value, factor, total in pieces(by_x, x, style[:, :, None, None], by_style[:, :, None, None]):
            torch.sum(part * value, (2, 3), keepdim=True, out=total)
            part.mul_(factor)
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
        y = pushed if moved is None else ctx.kind.convolved(moved, weight)
        by_scale = torch.zeros_like(scale) if by_scale is None else by_scale
        for wide, part, given, value, factor, turned in pieces(
            y, pushed, out, before, scale[:, :, None, None], by_scale[:, :, None, None]
        ):
            if moved is not None:
                torch.mul(ctx.kind.filtered(wide), factor, out=part)
            part.copy_(ctx.kind.sloped(part.addcmul_(value, turned), given))
        return pushed, *(None,) * 7
