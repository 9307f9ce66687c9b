"""A layer differentiated in one step, against the same layer differentiated operation by operation, in float64."""

import contextlib
import math

import pytest
import torch

from latent_widgets.core.taping import is_taped, taping
from latent_widgets.generators import _plain
from tests.taped_layers import COLOURS, FEATURES, LAYERS, STYLES, products, random_layer, run
from tests.tapes import normal


@pytest.fixture(params=[*LAYERS, *COLOURS])
def layer(request):
    return random_layer(request.param)


@pytest.mark.parametrize("piece", [2**18, 20])
def test_both_products_are_those_of_the_plain_layer(layer, monkeypatch, piece):
    monkeypatch.setattr(_plain, "PIECE", piece)
    first = math.prod(FEATURES)

    def fn(given):
        return run(layer, given[:first].reshape(FEATURES), given[first:].reshape(STYLES))

    given = normal(first + math.prod(STYLES))
    dense = torch.autograd.functional.jacobian(fn, given)
    still = (dense == 0).all(1)
    assert bool(still.any()) == (layer.clamp is not None)
    assert not still.all()
    u, v = normal(len(dense)), normal(len(given))
    value, pushed, pulled = products(fn, given, u, v)
    torch.testing.assert_close(value, fn(given))
    torch.testing.assert_close(pushed, dense @ v)
    torch.testing.assert_close(pulled, dense.T @ u)


@pytest.mark.parametrize("follows", ["features", "style"])
def test_one_of_both_may_be_a_constant(layer, follows):
    x, style = normal(*FEATURES), normal(*STYLES)
    fn, given = (lambda x: run(layer, x, style), x) if follows == "features" else (lambda s: run(layer, x, s), style)
    v = normal(*given.shape)
    expected, moved = torch.autograd.functional.jvp(fn, given, v)
    u = normal(len(expected))
    pushed, pulled = products(fn, given, u, v)[1:]
    torch.testing.assert_close(pushed, moved)
    torch.testing.assert_close(pulled, torch.autograd.functional.vjp(fn, given, u)[1])


def test_weights_that_move_are_differentiated_as_ever(layer):
    x, style, weight = normal(*FEATURES), normal(*STYLES), layer.weight.detach()
    x = x if layer.up else x.repeat(1, 1, 2, 2)

    def fn(factor):
        return torch.func.functional_call(layer, {"weight": weight * factor}, (x, style)).reshape(-1)

    one = torch.ones(1, dtype=torch.float64)
    expected, moved = torch.autograd.functional.jvp(fn, one, one)
    pushed = products(fn, one, normal(len(expected)), one)[1]
    torch.testing.assert_close(pushed, moved)
    assert bool(moved.any())


def test_a_block_ends_where_it_ends():
    with contextlib.suppress(KeyboardInterrupt), taping():
        assert is_taped()
        raise KeyboardInterrupt
    assert not is_taped()
