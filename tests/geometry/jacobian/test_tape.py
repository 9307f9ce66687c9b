"""Products from one graph that is kept, against a dense twin in float64."""

import pytest
import torch
import torch.nn.functional as F

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.jacobian import JacobianOperator
from latent_widgets.geometry.jacobian.functions import image_function

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


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_products_come_from_one_graph(name):
    x = normal(24 if "one dim" not in name else 12)
    fn = FUNCTIONS[name]
    dense = torch.autograd.functional.jacobian(lambda x: fn(x).reshape(-1), x)
    J = taped(fn, x)
    V, U = normal(len(x), 3), normal(len(dense), 2)
    with J.keeping_graph():
        torch.testing.assert_close(J @ V, dense @ V)
        torch.testing.assert_close(J.T @ U, dense.T @ U)
        assert J.products._tape is not None
    assert J.products._tape is None


def test_weights_that_learn_are_left_alone():
    weight = PLAIN.clone().requires_grad_()
    x = normal(24)
    J = taped(lambda x: F.conv2d(picture(x).sin(), weight, padding=1), x)
    with J.keeping_graph():
        product = J @ normal(24)
    assert weight.grad is None
    assert not product.requires_grad


def test_a_large_network_uses_it_of_itself_and_agrees():
    torch.manual_seed(0)
    channels = {4: 8, 8: 8, 16: 8, 32: 6, 64: 6}
    G = StyleGenerator(StyleGAN2(z_dim=6, w_dim=6, resolution=64, channels=channels, mapping_layers=1).double(), "six")
    f = image_function(G, G.code(2))
    J = JacobianOperator(f, f.x0)
    few = JacobianOperator(f, f.x0, memory=2**31)
    few.products.chunk, few.products._taped = 1, True
    V, U = normal(6, 2), normal(J.shape[0], 2)
    with few.keeping_graph():
        torch.testing.assert_close(few @ V, J @ V)
        torch.testing.assert_close(few.T @ U, J.T @ U)
        assert few.products._tape is not None


def test_memory_that_is_given_bounds_the_graph_too():
    f = FUNCTIONS["plain"]
    x = normal(24)
    assert JacobianOperator(f, x, memory=2**20).products._taped is False  # a chunk holds many
    assert JacobianOperator(f, x, memory=1).products._taped is False  # nothing fits


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


@pytest.mark.parametrize("kind", [Once, Detached])
def test_where_the_second_derivative_is_missing_or_wrong_forward_mode_serves(kind):
    x = normal(7)
    J = taped(lambda x: kind.apply(x).cumsum(0), x)
    dense = (2 * x * torch.ones(7, 7, dtype=torch.float64)).tril()
    v, u = normal(7), normal(7)
    with J.keeping_graph():
        torch.testing.assert_close(J @ v, dense @ v)
        torch.testing.assert_close(J.T @ u, dense.T @ u)
        torch.testing.assert_close(J @ v, dense @ v)


def test_a_graph_too_large_for_memory_gives_way(monkeypatch):
    x = normal(24)
    J = taped(FUNCTIONS["plain"], x)

    def full(self):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr("latent_widgets.geometry.jacobian.products.Products._taken", full)
    dense = torch.autograd.functional.jacobian(lambda x: FUNCTIONS["plain"](x).reshape(-1), x)
    v = normal(24)
    with J.keeping_graph():
        torch.testing.assert_close(J @ v, dense @ v)
