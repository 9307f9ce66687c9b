"""Functions with convolutions of every kind, and derivatives that cannot be differentiated again."""

import torch
import torch.nn.functional as F

from latent_widgets.geometry.jacobian import JacobianOperator

RNG = torch.Generator().manual_seed(1)


def normal(*shape):
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


PLAIN, WIDE, UP, GROUPED = normal(4, 2, 3, 3), normal(2, 2, 3, 5), normal(2, 4, 3, 3), normal(4, 1, 3, 3)
BIAS, LINE = normal(4), normal(2, 2, 3)


def picture(x):
    return x.reshape(1, 2, 3, 4)


FUNCTIONS = {
    "plain": lambda x: F.conv2d(picture(x).sin(), PLAIN, BIAS, padding=1),
    "strided and dilated": lambda x: F.conv2d(picture(x).sin(), PLAIN, stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
    "a padding by name": lambda x: F.conv2d(picture(x).sin(), WIDE, padding="same"),
    "transposed": lambda x: F.conv_transpose2d(picture(x).sin(), UP, BIAS, stride=2, padding=1, output_padding=1),
    "in groups": lambda x: F.conv2d(
        F.conv_transpose2d(picture(x).sin(), UP, stride=(2, 1), groups=1), GROUPED, groups=4
    ),
    "weights that move": lambda x: F.conv2d(picture(x).sin(), PLAIN * x[:2, None, None].cos(), BIAS * x[:4], padding=1),
    "transposed, with weights that move": lambda x: F.conv_transpose2d(
        picture(x).sin(), UP * x[:4, None, None], stride=2
    ),
    "a bias that moves": lambda x: F.conv2d(picture(x).sin(), PLAIN, x[:4].cos(), padding=1),
    "without a batch": lambda x: F.conv2d(picture(x)[0].sin(), PLAIN, padding=1),
    "in one dimension": lambda x: F.conv1d(x.reshape(1, 2, 6).sin(), LINE),
    "keywords": lambda x: F.conv2d(input=picture(x).sin(), weight=PLAIN, bias=None, padding=1),
}


def taped(fn, x):
    """An operator whose chunks are so small that products come from the graph."""
    J = JacobianOperator(fn, x)
    J.products._taped, J.products.known.reverse = True, True
    return J


class Once(torch.autograd.Function):
    """Squares, with a derivative that cannot be differentiated again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return 2 * grad * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx, tangent):
        return 2 * tangent * ctx.saved_tensors[0]


class Detached(Once):
    """Squares, with a derivative by ``u`` that is lost in silence."""

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad.detach() * ctx.saved_tensors[0] + 0 * grad
