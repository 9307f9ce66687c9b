"""Products from one graph that is kept, against a dense twin in float64."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.jacobian import JacobianOperator, operator
from latent_widgets.geometry.jacobian.functions import feature_function, image_function, preview_function
from latent_widgets.geometry.jacobian.watch import watch
from tests.tapes import FUNCTIONS, PLAIN, Detached, Once, normal, picture, taped


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


def test_a_network_of_this_package_is_looked_at_once(monkeypatch):
    torch.manual_seed(0)
    G = StyleGenerator(StyleGAN2(z_dim=6, w_dim=6, resolution=16, channels={4: 8, 8: 8, 16: 8}), "six")
    seen = []
    monkeypatch.setattr(operator, "watch", lambda fn, x: (seen.append(fn), watch(fn, x))[1])
    functions = [
        image_function(G, G.code(0)), image_function(G, G.code(1)), preview_function(G, G.code(1), 8),
        feature_function(G, G.code(0), "b8.conv1"), image_function(G, G.code(0), rows=[1, 2]),
        image_function(G, G.broadcast(G.code(0)), rows=[1, 2]), image_function(G, G.code(2), rows=[1, 2]),
    ]  # fmt: skip
    operators = [JacobianOperator(f, f.x0) for f in functions]
    assert [f in seen for f in functions] == [True, False, True, True, True, True, False]
    for J, f in zip(operators, functions, strict=True):
        assert J.output_shape == tuple(f(f.x0).shape)
    half = replace(functions[0], call=lambda x: functions[0](x)[0])
    assert JacobianOperator(half, half.x0).shape == (256, 6)


def test_few_vectors_of_a_small_picture_come_from_the_graph_and_many_do_not():
    x = normal(24)
    fn = FUNCTIONS["plain"]
    dense = torch.autograd.functional.jacobian(lambda x: fn(x).reshape(-1), x)
    for count, uses in ((1, True), (4, True), (5, False), (9, False)):
        J, V = JacobianOperator(fn, x), normal(24, count)
        J.T @ normal(len(dense))
        with J.keeping_graph():
            torch.testing.assert_close(J @ V, dense @ V)
            assert (J.products._tape is not None) == uses
